package httpapi

import (
	"fmt"

	"apportion/engine"
	"apportion/httpapi/stockquery"
	"apportion/httpapi/strictjson"
)

// The bodies of query and aggregate.

// queryWords are the types' names, in their order.
var queryWords = []string{
	stockquery.Any:          "any",
	stockquery.All:          "all",
	stockquery.Partial:      "partial",
	stockquery.AllLocations: "all-locations",
}

// queryLimitExpected tells the range of a limit.
var queryLimitExpected = fmt.Sprintf("a number from 1 to %d is expected", QueryRecordsMax)

// stockQuery is the body of a query. An aggregate is one with fewer fields.
type stockQuery struct {
	stockquery.Query
	locations []string
	tags      []engine.Tag
	limit     int
}

const (
	hasQueryItems strictjson.Fields = 1 << iota
	hasQueryLocations
	hasQueryTags
	hasQueryType
	hasQueryLimit
)

// query reads the body of a query, or of an aggregate.
func (s *bodyReader) query(q *stockQuery, aggregate bool) {
	*q = stockQuery{Query: stockquery.Query{Type: stockquery.AllLocations, Items: q.Items[:0]},
		locations: q.locations[:0], tags: q.tags[:0], limit: QueryRecordsDefault}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "items":
			if s.Present(&has, hasQueryItems) {
				q.Items = s.queryItems(q.Items, aggregate)
			}
		case key == "locations":
			if s.Present(&has, hasQueryLocations) {
				q.locations = s.names(q.locations, QueryLocationsMax)
			}
		case key == "tags":
			q.tags = s.optionalTags(&has, hasQueryTags, q.tags)
		case key == "type" && !aggregate:
			if s.Present(&has, hasQueryType) {
				q.Type = stockquery.Type(s.OneOf(queryWords, "any, all, partial or all-locations is expected"))
			}
		case key == "limit" && !aggregate:
			if s.Present(&has, hasQueryLimit) {
				q.limit = int(s.IntegerIn(1, QueryRecordsMax, queryLimitExpected))
			}
		default:
			s.Unknown()
		}
	}
	s.checkQuery(q, aggregate)
}

// checkQuery refuses a query that asks for nothing.
func (s *bodyReader) checkQuery(q *stockQuery, aggregate bool) {
	switch {
	case len(q.Items) > 0:
	case aggregate:
		s.FailAt(s.Here(), codeMissingField, "items are expected: an aggregate sums up each of them", "items", "")
	case len(q.locations) == 0:
		s.FailAt(s.Here(), codeMissingField, "items or locations are expected: a query is for one of them", "items", "")
	}
}

func (s *bodyReader) queryItems(items []stockquery.Item, aggregate bool) []stockquery.Item {
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(items), QueryItemsMax)
		var item *stockquery.Item
		items, item = strictjson.Extend(items)
		s.queryItem(item, aggregate)
	}
	return items
}

func (s *bodyReader) queryItem(item *stockquery.Item, aggregate bool) {
	*item = stockquery.Item{Quantity: 1, Tags: item.Tags[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "upc":
			s.Seen(&has, hasLineUPC)
			item.UPC = s.name()
		case key == "quantity" && !aggregate:
			if s.Present(&has, hasLineQuantity) {
				item.Quantity = s.positive()
			}
		case key == "tags" && !aggregate:
			item.Tags = s.optionalTags(&has, hasLineTags, item.Tags)
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasLineUPC, "upc")
}
