package httpapi

import "apportion/engine"

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
	hasQueryItems fields = 1 << iota
	hasQueryLocations
	hasQueryTags
	hasQueryType
	hasQueryLimit
)

// query reads the body of a query, or of an aggregate.
func (s *bodyReader) query(q *stockQuery, aggregate bool) {
	*q = stockQuery{items: q.items[:0], locations: q.locations[:0], tags: q.tags[:0], kind: queryAllLocations,
		limit: QueryRecordsDefault}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch {
		case key == "items":
			if s.present(&has, hasQueryItems) {
				q.items = s.queryItems(q.items, aggregate)
			}
		case key == "locations":
			if s.present(&has, hasQueryLocations) {
				q.locations = s.names(q.locations, QueryLocationsMax)
			}
		case key == "tags":
			q.tags = s.optionalTags(&has, hasQueryTags, q.tags)
		case key == "type" && !aggregate:
			if s.present(&has, hasQueryType) {
				q.kind = queryType(s.oneOf(queryWords, "any, all, partial or all-locations is expected"))
			}
		case key == "limit" && !aggregate:
			if s.present(&has, hasQueryLimit) {
				q.limit = int(s.integerIn(1, QueryRecordsMax, "the limit is out of range"))
			}
		default:
			s.unknown()
		}
	}
	s.checkQuery(q, aggregate)
}

// checkQuery refuses a query that asks for nothing.
func (s *bodyReader) checkQuery(q *stockQuery, aggregate bool) {
	switch {
	case len(q.items) > 0:
	case aggregate:
		s.failAt(s.here(), codeMissingField, "an aggregate needs items", "items", "")
	case len(q.locations) == 0:
		s.failAt(s.here(), codeMissingField, "a query needs items or locations", "items", "")
	}
}

func (s *bodyReader) queryItems(items []queryItem, aggregate bool) []queryItem {
	s.openArray()
	for s.nextElement() {
		s.atMost(len(items), QueryItemsMax)
		var item *queryItem
		items, item = extend(items)
		s.queryItem(item, aggregate)
	}
	return items
}

func (s *bodyReader) queryItem(item *queryItem, aggregate bool) {
	*item = queryItem{quantity: 1, tags: item.tags[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch {
		case key == "upc":
			s.seen(&has, hasLineUPC)
			item.upc = s.name()
		case key == "quantity" && !aggregate:
			if s.present(&has, hasLineQuantity) {
				item.quantity = s.positive()
			}
		case key == "tags" && !aggregate:
			item.tags = s.optionalTags(&has, hasLineTags, item.tags)
		default:
			s.unknown()
		}
	}
	s.require(has, hasLineUPC, "upc")
}
