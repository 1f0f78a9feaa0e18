package httpapi

import (
	"fmt"
	"net/http"
	"slices"

	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/lists"
	"apportion/httpapi/render"
	"apportion/httpapi/stockquery"
	"apportion/httpapi/strictjson"
)

// Reads of stock. They run beside the writer. Each record is a consistent copy, at least as new as the asOf of the
// reply: asOf is read before the first record.

// readRecord shows one record.
func (req *request) readRecord() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	search := req.search()
	if !search.Read(req.path[1], req.path[0]) {
		req.fail(http.StatusNotFound, engine.CodeUnknownRecord.String(), codeDetails[engine.CodeUnknownRecord], "upc",
			req.path[1])
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(req.out, `,"records":[`...)
	req.out = render.AppendRecord(req.out, search.Schema, search.Record, nil)
	req.out = append(req.out, "]}"...)
}

// query shows the records of the asked items at the locations that the query is after.
func (req *request) query() {
	q := &req.reads.query
	req.body().query(q, false)
	if !req.parsed() || !req.barrier() || !req.knowsTags(q) {
		return
	}
	run := queryRun{request: req, q: q, Search: req.search()}
	if !run.begin() {
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.server.store.AppliedIndex()))
	req.out = append(req.out, `,"records":[`...)
	if len(q.Items) > 0 {
		run.items()
	} else {
		run.listings()
	}
	req.out = append(req.out, ']')
	next := ""
	if run.more {
		next = string(cursor.Append(nil, cursor.Query, run.next))
	}
	req.out = append(lists.AppendNext(req.out, next), '}')
}

// search begins the search for the query that was read.
func (req *request) search() stockquery.Search {
	return stockquery.Search{Reader: req.server.reader, Query: &req.reads.query.Query,
		ReadsMax: req.server.queryReadsMax, Record: &req.reads.record}
}

// knowsTags refuses tags that are not in the schema: a misspelt tag must not look like no stock.
func (req *request) knowsTags(q *stockQuery) bool {
	if !req.knows(q.tags, "tags") {
		return false
	}
	for i := range q.Items {
		if len(q.Items[i].Tags) > 0 && !req.knows(q.Items[i].Tags, fmt.Sprintf("items[%d].tags", i)) {
			return false
		}
	}
	return true
}

func (req *request) knows(tags []engine.Tag, field string) bool {
	return req.isIn(req.schema(), tags, field)
}

func (req *request) isIn(schema *engine.Schema, tags []engine.Tag, field string) bool {
	f, ok := unknownTag(schema, tags, field)
	if !ok {
		req.fail(http.StatusBadRequest, f.Code, f.Detail, f.Field, f.Value)
	}
	return ok // a combination that no segment has is no fault
}

// unknownTag finds a tag that is not in the schema. ok: there is none.
func unknownTag(schema *engine.Schema, tags []engine.Tag, field string) (f strictjson.Fault, ok bool) {
	_, code, tag := schema.Resolve(tags)
	f = strictjson.Fault{Code: code.String(), Detail: codeDetails[code], Field: field, Offset: -1}
	switch code {
	case engine.CodeUnknownCategory:
		f.Value = tags[tag].Category
		return f, false
	case engine.CodeUnknownValue:
		f.Field, f.Value = field+"."+tags[tag].Category, tags[tag].Value
		return f, false
	}
	return f, true
}

// queryRun is the state of one query.
type queryRun struct {
	*request
	stockquery.Search
	q     *stockQuery
	shown int // records in the reply

	// The places where the page begins, and where the next one does. Of a query with items, Number is the item at a
	// location that comes next; of one without, First and Second are the record shown last.
	from, next cursor.Key
	more       bool
}

// begin reads the cursor, or answers that it is none of this query's.
func (r *queryRun) begin() bool {
	if r.q.cursor == "" {
		return true
	}
	var err error
	r.from, err = cursor.Parse(cursor.Query, r.q.cursor)
	withItems := len(r.q.Items) > 0
	if err != nil || withItems && r.from.Second != "" || !withItems && r.from.Number != 0 {
		f := lists.BadCursor(r.q.cursor)
		return r.sound(&f)
	}
	return true
}

// stop ends the page.
func (r *queryRun) stop(next cursor.Key) { r.next, r.more = next, true }

// room reports whether the reply may take another record.
func (r *queryRun) room() bool { return r.shown < r.q.limit && len(r.out) < QueryBytesMax }

// show appends the record just read.
func (r *queryRun) show() {
	r.out = strictjson.Comma(r.out, r.shown)
	r.out = render.AppendRecord(r.out, r.Schema, r.Record, r.q.tags)
	r.shown++
}

// items answers a query that names items, location by location.
func (r *queryRun) items() {
	r.q.Prepare()
	for _, location := range r.queryLocations() {
		r.location(location)
		if r.more {
			return
		}
		if r.Exhausted() {
			r.stop(cursor.Key{Number: uint64(len(r.q.Items)), First: location})
			return
		}
	}
}

// location shows the records of the items at one location, if the query wants it.
func (r *queryRun) location(location string) {
	first := 0 // the items before it are on an earlier page
	if location == r.from.First {
		first = int(min(r.from.Number, uint64(len(r.q.Items))))
	}
	if first == len(r.q.Items) {
		return
	}
	begin, shown, full := len(r.out), r.shown, -1
	wanted := r.Visit(location, r.available, func(item int, _ bool) {
		switch {
		case item < first, r.q.Items[item].Repeat: // its record is shown already
		case full < 0 && r.room():
			r.show()
		case full < 0:
			full = item
		}
	})
	switch {
	case !wanted:
		r.out, r.shown = r.out[:begin], shown
	case full >= 0:
		r.stop(cursor.Key{Number: uint64(full), First: location})
	}
}

// available gives the units that an item can have of the record just read.
func (r *queryRun) available(item int) (units int64, counts bool) {
	for i := range r.Record.Segments {
		s := &r.Record.Segments[i]
		if r.Schema.Matches(s.TagSet, r.q.Items[item].Tags) && r.Schema.Matches(s.TagSet, r.q.tags) {
			units += max(0, s.Available())
		}
	}
	return units, true
}

// queryLocations gives the locations to look at, sorted, each once, from the place where the page begins.
func (r *queryRun) queryLocations() []string {
	reads := &r.reads
	reads.locations = reads.locations[:0]
	if len(r.q.locations) == 0 {
		reads.locations = r.AppendLocations(reads.locations)
	} else {
		reads.locations = append(reads.locations, r.q.locations...)
		slices.Sort(reads.locations)
		reads.locations = slices.Compact(reads.locations)
	}
	first, _ := slices.BinarySearch(reads.locations, r.from.First)
	return reads.locations[first:]
}

// listings answers a query that names locations only, with all their records, by UPC.
func (r *queryRun) listings() {
	for _, location := range r.queryLocations() {
		after := engine.RecordKey{Location: location}
		if location == r.from.First {
			after.UPC = r.from.Second
		}
		if r.listing(after); r.more {
			return
		}
	}
}

// listing shows the records at a location behind one.
func (r *queryRun) listing(after engine.RecordKey) {
	location := after.Location
	for {
		keys := r.server.reader.RecordsAfter(after, listingKeys, r.reads.keys[:0])
		r.reads.keys = keys
		for _, key := range keys {
			if key.Location != location {
				return
			}
			r.Reads++
			if !r.room() || r.Exhausted() && r.Reads > 1 {
				r.stop(cursor.Key{First: location, Second: after.UPC})
				return
			}
			if after = key; r.Read(key.UPC, location) {
				r.show()
			}
		}
		if len(keys) < listingKeys {
			return
		}
	}
}

// aggregate sums the items over locations.
func (req *request) aggregate() {
	q := &req.reads.query
	req.body().query(q, true)
	if !req.parsed() || !req.barrier() || !req.knowsTags(q) || !req.knowsGroups(q) {
		return
	}
	run := queryRun{request: req, q: q, Search: req.search()}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.server.store.AppliedIndex()))
	req.out = append(req.out, `,"items":[`...)
	for i := range q.Items {
		req.out = strictjson.Comma(req.out, i)
		if run.sum(q.Items[i].UPC); run.Exhausted() || run.shown > req.server.querySumsMax {
			req.fail(http.StatusBadRequest, codeInvalid, "the items have too many records or sums in all: name fewer "+
				"items, or locations", "items", "")
			return
		}
	}
	req.out = append(req.out, "]}"...)
}

// knowsGroups refuses to group by what is no tag category.
func (req *request) knowsGroups(q *stockQuery) bool {
	for i, name := range q.groupBy {
		field := fmt.Sprintf("groupBy[%d]", i)
		if slices.Contains(q.groupBy[:i], name) {
			req.fail(http.StatusBadRequest, codeDuplicate, "it is named twice: name it once", field, name)
			return false
		}
		if _, ok := req.schema().Category(name); !ok && name != stockquery.LocationGroup {
			req.fail(http.StatusBadRequest, engine.CodeUnknownCategory.String(),
				"location or a tag category is expected; names are case-sensitive", field, name)
			return false
		}
	}
	return true
}

// sum appends the sums of one UPC. It stops when there are too many.
func (r *queryRun) sum(upc string) {
	sums := &r.reads.sums
	sums.Reset(r.q.groupBy)
	var total render.Figures
	records := 0
	for _, location := range r.sumLocations(upc) {
		if r.Reads++; r.Exhausted() || r.shown+sums.Len() > r.server.querySumsMax {
			r.shown += sums.Len()
			return
		}
		if !r.server.reader.ReadRecord(upc, location, r.Record) {
			continue
		}
		records++
		for i := range r.Record.Segments {
			total.Add(&r.Record.Segments[i])
		}
		sums.Add(r.Record)
	}
	r.out = strictjson.AppendText(r.out, `{"upc":`, upc)
	r.out = strictjson.AppendNumber(r.out, `,"locations":`, int64(records))
	r.out = render.AppendFigures(r.out, &total)
	r.out = append(r.out, `,"segments":[`...)
	schema := r.schema()
	merged := sums.Merge(schema, r.q.tags)
	for i := range merged {
		r.out = r.appendSum(strictjson.Comma(r.out, i), schema, &merged[i])
	}
	r.shown += len(merged)
	r.out = append(r.out, "]}"...)
}

func (r *queryRun) appendSum(dst []byte, schema *engine.Schema, sum *stockquery.Sum) []byte {
	dst = append(dst, '{')
	if sum.Location != "" {
		dst = append(strictjson.AppendText(dst, `"location":`, sum.Location), ',')
	}
	if dst = append(dst, `"tags":`...); r.q.groupBy == nil {
		dst = append(dst, schema.TagsJSON(sum.TagSet)...)
	} else {
		dst = append(dst, '{')
		for i, tag := range sum.Tags {
			dst = strictjson.AppendString(strictjson.Comma(dst, i), tag.Category)
			dst = strictjson.AppendString(append(dst, ':'), tag.Value)
		}
		dst = append(dst, '}')
	}
	dst = render.AppendFigures(dst, &render.Figures{OnHand: sum.OnHand, Allocated: sum.Allocated,
		Pending: sum.Pending, SafetyStock: sum.SafetyStock})
	return append(dst, '}')
}

// sumLocations gives the locations to sum one UPC over.
func (r *queryRun) sumLocations(upc string) []string {
	if len(r.q.locations) > 0 {
		return r.queryLocations()
	}
	reads := &r.reads
	reads.locations = r.server.reader.AppendLocations(reads.locations[:0], upc)
	return reads.locations
}

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
	cursor    string
	groupBy   []string // nil: by all tag categories
}

const (
	hasQueryItems strictjson.Fields = 1 << iota
	hasQueryLocations
	hasQueryTags
	hasQueryType
	hasQueryLimit
	hasQueryCursor
	hasQueryGroupBy
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
		case key == "cursor" && !aggregate:
			if s.Present(&has, hasQueryCursor) {
				q.cursor = s.Text()
			}
		case key == "groupBy" && aggregate:
			if s.Present(&has, hasQueryGroupBy) {
				q.groupBy = s.names([]string{}, engine.CategoriesMax+1)
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
