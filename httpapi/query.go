package httpapi

import (
	"fmt"
	"net/http"
	"slices"

	"apportion/engine"
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
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.server.store.AppliedIndex()))
	req.out = append(req.out, `,"records":[`...)
	run := queryRun{request: req, q: q, Search: req.search()}
	if len(q.Items) > 0 {
		run.items()
	} else {
		run.listings()
	}
	req.out = append(req.out, ']')
	req.out = strictjson.AppendBool(req.out, `,"truncated":`, run.truncated)
	req.out = append(req.out, '}')
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
	q         *stockQuery
	shown     int // records in the reply
	truncated bool
}

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
		if r.truncated || r.Exhausted() {
			r.truncated = true
			return
		}
		r.location(location)
	}
}

// location shows the records of the items at one location, if the query wants it.
func (r *queryRun) location(location string) {
	begin, shown, overflow := len(r.out), r.shown, false
	wanted := r.Visit(location, r.available, func(item int, _ bool) {
		switch {
		case r.q.Items[item].Repeat: // its record is shown already
		case r.room():
			r.show()
		default:
			overflow = true
		}
	})
	if wanted {
		r.truncated = overflow
		return
	}
	r.out, r.shown = r.out[:begin], shown
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

// queryLocations gives the locations to look at, sorted, each once.
func (r *queryRun) queryLocations() []string {
	reads := &r.reads
	reads.locations = reads.locations[:0]
	if len(r.q.locations) == 0 {
		reads.locations = r.AppendLocations(reads.locations)
		return reads.locations
	}
	reads.locations = append(reads.locations, r.q.locations...)
	slices.Sort(reads.locations)
	reads.locations = slices.Compact(reads.locations)
	return reads.locations
}

// listings answers a query that names locations only, with all their records. There is no index by location: each
// location takes a walk over all records, until there are enough. No walk begins after QueryReadsMax records.
func (r *queryRun) listings() {
	reads := &r.reads
	for _, location := range r.queryLocations() {
		if r.Exhausted() {
			r.truncated = true
			return
		}
		var next uint32
		reads.names, next = r.AppendUPCs(reads.names[:0], location, r.q.limit-r.shown)
		if r.Reads += int(next); next == 0 {
			r.Reads += int(r.server.reader.Stats().Records)
		}
		for _, upc := range reads.names {
			if !r.room() {
				next = 1
				break
			}
			if r.Read(upc, location) {
				r.show()
			}
		}
		if r.truncated = next != 0; r.truncated {
			return
		}
	}
}

// aggregateSum is the sum of one tag set over locations.
type aggregateSum struct {
	tagSet engine.TagSetID
	render.Figures
}

// aggregate sums the items over locations.
func (req *request) aggregate() {
	q := &req.reads.query
	req.body().query(q, true)
	if !req.parsed() || !req.barrier() || !req.knowsTags(q) {
		return
	}
	run := queryRun{request: req, q: q, Search: req.search()}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.server.store.AppliedIndex()))
	req.out = append(req.out, `,"items":[`...)
	for i := range q.Items {
		req.out = strictjson.Comma(req.out, i)
		run.sum(q.Items[i].UPC)
		if run.Exhausted() {
			req.fail(http.StatusBadRequest, codeInvalid, "the items have too many records in all: name fewer items, "+
				"or locations",
				"items", "")
			return
		}
	}
	req.out = append(req.out, "]}"...)
}

// sum appends the sums of one UPC.
func (r *queryRun) sum(upc string) {
	reads := &r.reads
	reads.sums = reads.sums[:0]
	clear(reads.sumOf)
	var total render.Figures
	records := 0
	for _, location := range r.sumLocations(upc) {
		if r.Reads++; r.Exhausted() {
			return
		}
		if !r.server.reader.ReadRecord(upc, location, &reads.record) {
			continue
		}
		records++
		for i := range reads.record.Segments {
			s := &reads.record.Segments[i]
			total.Add(s)
			reads.addSum(s)
		}
	}
	r.out = strictjson.AppendText(r.out, `{"upc":`, upc)
	r.out = strictjson.AppendNumber(r.out, `,"locations":`, int64(records))
	r.out = render.AppendFigures(r.out, &total)
	r.out = append(r.out, `,"segments":[`...)
	schema, shown := r.schema(), 0
	reads.sums = mergeSums(schema, reads.sums)
	for i := range reads.sums {
		if sum := &reads.sums[i]; schema.Matches(sum.tagSet, r.q.tags) {
			r.out = append(strictjson.Comma(r.out, shown), `{"tags":`...)
			r.out = append(r.out, schema.TagsJSON(sum.tagSet)...)
			r.out = render.AppendFigures(r.out, &sum.Figures)
			r.out = append(r.out, '}')
			shown++
		}
	}
	r.out = append(r.out, "]}"...)
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

func (b *readBuffers) addSum(s *engine.SegmentView) {
	if b.sumOf == nil {
		b.sumOf = make(map[engine.TagSetID]int)
	}
	i, ok := b.sumOf[s.TagSet]
	if !ok {
		i = len(b.sums)
		b.sumOf[s.TagSet] = i
		b.sums = append(b.sums, aggregateSum{tagSet: s.TagSet})
	}
	b.sums[i].Add(s)
}

// mergeSums is RecordView.MergeSegments for the sums of an aggregate.
func mergeSums(schema *engine.Schema, sums []aggregateSum) []aggregateSum {
	stale := false
	for i := range sums {
		id := schema.Canonical(sums[i].tagSet)
		stale = stale || id != sums[i].tagSet
		sums[i].tagSet = id
	}
	if !stale {
		return sums
	}
	at := make(map[engine.TagSetID]int, len(sums))
	merged := sums[:0]
	for _, s := range sums {
		i, ok := at[s.tagSet]
		if !ok {
			at[s.tagSet] = len(merged)
			merged = append(merged, s)
			continue
		}
		m := &merged[i].Figures
		m.OnHand += s.OnHand
		m.Allocated += s.Allocated
		m.Pending += s.Pending
		m.SafetyStock += s.SafetyStock
	}
	return merged
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
