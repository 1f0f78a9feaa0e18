package httpapi

import (
	"fmt"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// The bodies of query and aggregate.

// queryType says which locations a query is after.
type queryType int

const (
	queryAny queryType = iota
	queryAll
	queryPartial
	queryAllLocations
)

// queryWords are the types' names, in their order.
var queryWords = []string{
	queryAny:          "any",
	queryAll:          "all",
	queryPartial:      "partial",
	queryAllLocations: "all-locations",
}

// queryLimitExpected tells the range of a limit.
var queryLimitExpected = fmt.Sprintf("a number from 1 to %d is expected", QueryRecordsMax)

// stockQuery is the body of a query. An aggregate is one with fewer fields.
type stockQuery struct {
	items     []queryItem
	locations []string
	tags      []engine.Tag
	kind      queryType
	limit     int
}

// queryItem is one UPC of a query, with what an order would want of it.
type queryItem struct {
	upc      string
	quantity int64
	tags     []engine.Tag
	repeat   bool // an earlier item has the same UPC
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
	*q = stockQuery{items: q.items[:0], locations: q.locations[:0], tags: q.tags[:0], kind: queryAllLocations,
		limit: QueryRecordsDefault}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "items":
			if s.Present(&has, hasQueryItems) {
				q.items = s.queryItems(q.items, aggregate)
			}
		case key == "locations":
			if s.Present(&has, hasQueryLocations) {
				q.locations = s.names(q.locations, QueryLocationsMax)
			}
		case key == "tags":
			q.tags = s.optionalTags(&has, hasQueryTags, q.tags)
		case key == "type" && !aggregate:
			if s.Present(&has, hasQueryType) {
				q.kind = queryType(s.OneOf(queryWords, "any, all, partial or all-locations is expected"))
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
	case len(q.items) > 0:
	case aggregate:
		s.FailAt(s.Here(), codeMissingField, "items are expected: an aggregate sums up each of them", "items", "")
	case len(q.locations) == 0:
		s.FailAt(s.Here(), codeMissingField, "items or locations are expected: a query is for one of them", "items", "")
	}
}

func (s *bodyReader) queryItems(items []queryItem, aggregate bool) []queryItem {
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(items), QueryItemsMax)
		var item *queryItem
		items, item = strictjson.Extend(items)
		s.queryItem(item, aggregate)
	}
	return items
}

func (s *bodyReader) queryItem(item *queryItem, aggregate bool) {
	*item = queryItem{quantity: 1, tags: item.tags[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "upc":
			s.Seen(&has, hasLineUPC)
			item.upc = s.name()
		case key == "quantity" && !aggregate:
			if s.Present(&has, hasLineQuantity) {
				item.quantity = s.positive()
			}
		case key == "tags" && !aggregate:
			item.tags = s.optionalTags(&has, hasLineTags, item.tags)
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasLineUPC, "upc")
}
