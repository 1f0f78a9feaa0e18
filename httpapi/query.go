package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// The reads of stock. They run beside the writer: each record is a consistent copy, and all of them are at least as new
// as the asOf of the reply, which is read before the first of them.

// readRecord shows one record.
func (req *request) readRecord() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	if !req.readView(req.path[1], req.path[0]) {
		req.fail(http.StatusNotFound, engine.CodeUnknownRecord.String(), codeDetails[engine.CodeUnknownRecord], "upc",
			req.path[1])
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = append(req.out, `,"records":[`...)
	req.out = appendRecord(req.out, req.reads.schema, &req.reads.record, nil)
	req.out = append(req.out, "]}"...)
}

// readView copies a record, with the schema to show it with: one read after the record knows all of its tag sets.
func (req *request) readView(upc, location string) bool {
	r := &req.reads
	if !req.server.reader.ReadRecord(upc, location, &r.record) {
		return false
	}
	r.schema = req.schema()
	r.record.MergeSegments(r.schema)
	return true
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
	run := queryRun{request: req, q: q, readsMax: req.server.queryReadsMax}
	if len(q.items) > 0 {
		run.items()
	} else {
		run.listings()
	}
	req.out = append(req.out, ']')
	req.out = strictjson.AppendBool(req.out, `,"truncated":`, run.truncated)
	req.out = append(req.out, '}')
}

// knowsTags refuses tags that are not in the schema: no segment has them, and a misspelt one should not look like no
// stock.
func (req *request) knowsTags(q *stockQuery) bool {
	if !req.knows(q.tags, "tags") {
		return false
	}
	for i := range q.items {
		if len(q.items[i].tags) > 0 && !req.knows(q.items[i].tags, fmt.Sprintf("items[%d].tags", i)) {
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
	return ok // that no segment has this combination is an answer
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
	q         *stockQuery
	shown     int // records in the reply
	reads     int // records looked at
	readsMax  int // QueryReadsMax, less in tests
	truncated bool
}

// room reports whether the reply may take another record.
func (r *queryRun) room() bool { return r.shown < r.q.limit && len(r.out) < QueryBytesMax }

// show appends the record just read.
func (r *queryRun) show() {
	r.out = strictjson.Comma(r.out, r.shown)
	r.out = appendRecord(r.out, r.request.reads.schema, &r.request.reads.record, r.q.tags)
	r.shown++
}

// items answers a query that names items, location by location.
func (r *queryRun) items() {
	r.q.markRepeats()
	r.q.sumRepeats()
	for _, location := range r.queryLocations() {
		if r.truncated || r.reads > r.readsMax {
			r.truncated = true
			return
		}
		r.location(location)
	}
}

// location shows the records of the asked items at one location, unless the location turns out not to be wanted.
func (r *queryRun) location(location string) {
	q := r.q
	begin, shown := len(r.out), r.shown
	met, some, overflow := 0, false, false
	for i := range q.items {
		item := &q.items[i]
		r.reads++
		if !r.readView(item.upc, location) {
			continue
		}
		available := r.available(item)
		some = some || available > 0
		if available >= item.quantity {
			met++
		}
		switch {
		case item.repeat: // its record is shown already
		case r.room():
			r.show()
		default:
			overflow = true
		}
	}
	if q.wants(met, some) {
		r.truncated = overflow
		return
	}
	r.out, r.shown = r.out[:begin], shown
}

// available is what an item can have of the record just read.
func (r *queryRun) available(item *queryItem) (units int64) {
	schema, record := r.request.reads.schema, &r.request.reads.record
	for i := range record.Segments {
		s := &record.Segments[i]
		if schema.Matches(s.TagSet, item.tags) && schema.Matches(s.TagSet, r.q.tags) {
			units += max(0, s.Available())
		}
	}
	return units
}

// wants reports whether a location is one that the query is after: met is how many items it can meet in full, some that
// it has a unit of one of them.
func (q *stockQuery) wants(met int, some bool) bool {
	switch q.kind {
	case queryAny:
		return met > 0
	case queryAll:
		return met == len(q.items)
	case queryPartial:
		return some
	default:
		return true
	}
}

// markRepeats marks items whose UPC an earlier item has.
func (q *stockQuery) markRepeats() {
	if len(q.items) == 1 {
		return
	}
	seen := make(map[string]struct{}, len(q.items))
	for i := range q.items {
		_, q.items[i].repeat = seen[q.items[i].upc]
		seen[q.items[i].upc] = struct{}{}
	}
}

// sumRepeats has a query of type all ask for what its items with one UPC and the same tags want together: they draw on
// the same units. The first of them gets the sum; the others want less and are met when it is.
func (q *stockQuery) sumRepeats() {
	if q.kind != queryAll || len(q.items) == 1 {
		return
	}
	firstOf := make(map[string]*queryItem, len(q.items))
	for i := range q.items {
		item := &q.items[i]
		target := item.target()
		if first, ok := firstOf[target]; ok {
			first.quantity += min(item.quantity, math.MaxInt64-first.quantity)
			continue
		}
		firstOf[target] = item
	}
}

// target is the same for items that draw on the same units: no text of a request has a control character.
func (i *queryItem) target() string {
	tags := slices.SortedFunc(slices.Values(i.tags), func(a, b engine.Tag) int {
		return strings.Compare(a.Category, b.Category)
	})
	target := []byte(i.upc)
	for _, tag := range tags {
		target = append(append(target, 0), tag.Category...)
		target = append(append(target, 0), tag.Value...)
	}
	return string(target)
}

// queryLocations gives the locations to look at, sorted, each once.
func (r *queryRun) queryLocations() []string {
	reads := &r.request.reads
	reads.locations = reads.locations[:0]
	if len(r.q.locations) > 0 {
		reads.locations = append(reads.locations, r.q.locations...)
	} else {
		for i := range r.q.items {
			if !r.q.items[i].repeat {
				reads.locations = r.server.reader.AppendLocations(reads.locations, r.q.items[i].upc)
			}
		}
	}
	slices.Sort(reads.locations)
	reads.locations = slices.Compact(reads.locations)
	return reads.locations
}

// listings answers a query that names locations only: with the records there are. There is no index by location: for
// each one the engine looks at all records until it has found enough. The walk of one location is bounded by the
// records there are; no other is begun when QueryReadsMax have been looked at.
func (r *queryRun) listings() {
	reads := &r.request.reads
	for _, location := range r.queryLocations() {
		if r.reads > r.readsMax {
			r.truncated = true
			return
		}
		var rest uint32
		reads.names, rest = r.server.reader.AppendUPCs(reads.names[:0], location, 0, r.q.limit-r.shown)
		if r.reads += int(rest); rest == 0 {
			r.reads += int(r.server.reader.Stats().Records)
		}
		slices.Sort(reads.names)
		for _, upc := range reads.names {
			if !r.room() {
				rest = 1
				break
			}
			if r.readView(upc, location) {
				r.show()
			}
		}
		if r.truncated = rest != 0; r.truncated {
			return
		}
	}
}

// aggregateSum is the sum of one tag set over locations.
type aggregateSum struct {
	tagSet engine.TagSetID
	figures
}

// aggregate sums the asked items over locations.
func (req *request) aggregate() {
	q := &req.reads.query
	req.body().query(q, true)
	if !req.parsed() || !req.barrier() || !req.knowsTags(q) {
		return
	}
	run := queryRun{request: req, q: q, readsMax: req.server.queryReadsMax}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(req.server.store.AppliedIndex()))
	req.out = append(req.out, `,"items":[`...)
	for i := range q.items {
		req.out = strictjson.Comma(req.out, i)
		run.sum(q.items[i].upc)
		if run.reads > run.readsMax {
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
	reads := &r.request.reads
	reads.sums = reads.sums[:0]
	clear(reads.sumOf)
	var total figures
	records := 0
	for _, location := range r.sumLocations(upc) {
		if r.reads++; r.reads > r.readsMax {
			return
		}
		if !r.server.reader.ReadRecord(upc, location, &reads.record) {
			continue
		}
		records++
		for i := range reads.record.Segments {
			s := &reads.record.Segments[i]
			total.add(s)
			reads.addSum(s)
		}
	}
	r.out = strictjson.AppendText(r.out, `{"upc":`, upc)
	r.out = strictjson.AppendNumber(r.out, `,"locations":`, int64(records))
	r.out = appendFigures(r.out, &total)
	r.out = append(r.out, `,"segments":[`...)
	schema, shown := r.schema(), 0
	reads.sums = mergeSums(schema, reads.sums)
	for i := range reads.sums {
		if sum := &reads.sums[i]; schema.Matches(sum.tagSet, r.q.tags) {
			r.out = append(strictjson.Comma(r.out, shown), `{"tags":`...)
			r.out = append(r.out, schema.TagsJSON(sum.tagSet)...)
			r.out = appendFigures(r.out, &sum.figures)
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
	reads := &r.request.reads
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
	b.sums[i].add(s)
}
