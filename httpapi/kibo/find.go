package kibo

import (
	"cmp"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/httpapi/stockquery"
)

// Which records are the results of a query, and in which order. They are read again when they are shown.

// queryRun is the state of one query.
type queryRun struct {
	stockquery.Search
	tenant int64
	q      *queryBody
	view   engine.RecordView // the record just read
	rows   []row
}

// newQueryRun begins a checked query.
func newQueryRun(e *engine.Reader, tenant int64, q *queryBody) *queryRun {
	asked := &stockquery.Query{Type: queryTypes[q.Type]}
	for i := range q.Items {
		it := &q.Items[i]
		asked.Items = append(asked.Items, stockquery.Item{UPC: it.upc, Tags: it.tags,
			Quantity: min(max(it.Quantity.n, 1), engine.QuantityMax)})
	}
	asked.Prepare()
	run := &queryRun{tenant: tenant, q: q}
	run.Search = stockquery.Search{Reader: e, Query: asked, ReadsMax: stockquery.ReadsMax, Record: &run.view}
	return run
}

// row is a result before it is shown: a record, and the item of the query that it is for.
type row struct {
	upc, location string
	item          int   // listed: for none
	key           int64 // to sort by
}

// listed stands for the item in the results of a query without items.
const listed = -1

// find collects the results in their order: all of them if the query sorts them, or else until there are more than
// enough.
func (run *queryRun) find(enough int) {
	for _, location := range run.locations() {
		if len(run.q.Items) == 0 {
			run.listing(location)
		} else {
			run.location(location)
		}
		if run.Exhausted() || !run.q.sorted() && len(run.rows) > enough {
			return
		}
	}
}

// counted sums the segments of the record just read that have the tags. ok: the record counts.
func (run *queryRun) counted(tags []engine.Tag) (f figures, ok bool) {
	if run.view.Blocked && run.q.ExcludeBlocked {
		return figures{}, false
	}
	for i := range run.view.Segments {
		if s := &run.view.Segments[i]; run.Schema.Matches(s.TagSet, tags) {
			f.add(run.q.figures(s))
		}
	}
	return f, true
}

// add makes the record just read a result, unless its available is negative and the query does not include those.
func (run *queryRun) add(item int, f *figures) {
	if f.Available < 0 && !run.q.IncludeNegative {
		return
	}
	found := row{upc: run.view.UPC, location: run.view.Location, item: item}
	if key := sortKeys[run.q.SortBy]; key != nil {
		found.key = key(f)
	}
	run.rows = append(run.rows, found)
}

// locations gives the locations to look at: those of the priority list first, then the nearest, then by name.
func (run *queryRun) locations() []string {
	q := run.q
	var found []string
	if code := q.RequestLocation.LocationCode; code != "" {
		found = append(found, code)
	} else {
		found = run.AppendLocations(nil)
	}
	found = slices.DeleteFunc(found, func(code string) bool {
		return len(q.Whitelist) > 0 && !slices.Contains(q.Whitelist, code) || slices.Contains(q.Blacklist, code) ||
			!q.capabilityFilter.has(run.Reader, code) || !q.RequestLocation.reaches(run.Reader, code)
	})
	rank := func(code string) int {
		if at := slices.Index(q.PriorityList, code); at >= 0 {
			return at
		}
		return len(q.PriorityList)
	}
	miles := map[string]float64{}
	for _, code := range found {
		miles[code], _ = q.RequestLocation.miles(run.Reader, code)
	}
	slices.SortStableFunc(found, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(miles[a], miles[b]))
	})
	return found
}

// location adds the records of a location if the query wants it.
func (run *queryRun) location(code string) {
	begin := len(run.rows)
	var f figures
	wanted := run.Visit(code, func(item int) (units int64, counts bool) {
		f, counts = run.counted(run.q.Items[item].tags)
		return f.Available, counts
	}, func(item int, met bool) {
		if met || run.q.Type != typeAny { // a location of type ANY is wanted for its other items
			run.add(item, &f)
		}
	})
	if !wanted {
		run.rows = run.rows[:begin]
	}
}

// listing adds the records of the one location that a query without items names, in the order of their names.
func (run *queryRun) listing(code string) {
	tags := run.q.listingTags(run.Reader.Schema())
	upcs, more := run.AppendUPCs(nil, code, run.ReadsMax)
	if more {
		run.Reads = run.ReadsMax + 1
		return
	}
	for _, upc := range upcs {
		if run.Reads++; !run.Read(upc, code) {
			continue
		}
		if f, ok := run.counted(tags); ok {
			run.add(listed, &f)
		}
	}
}

// listingTags are those of a query without items.
func (q *queryBody) listingTags(schema *engine.Schema) []engine.Tag {
	if q.DefaultsForOther {
		return q.Tags.withDefaults(schema)
	}
	return q.Tags.list()
}

// sortKeys gives the number that each value of sortByEnum sorts by. nil: it sorts by the item's name.
var sortKeys = map[string]func(f *figures) int64{
	"ON_HAND":     func(f *figures) int64 { return f.OnHand },
	"AVAILABLE":   func(f *figures) int64 { return f.Available },
	"ALLOCATED":   func(f *figures) int64 { return f.Allocated },
	"PART_NUMBER": nil,
	"PRODUCT_ID":  nil,
}

// sorted reports whether the results are sorted by sortByEnum. Only a query for one location can be; the results of any
// other are in the order of locations and items.
func (q *queryBody) sorted() bool { return q.SortBy != "" && q.RequestLocation.LocationCode != "" }

func (run *queryRun) sort() {
	if !run.q.sorted() {
		return
	}
	byName := sortKeys[run.q.SortBy] == nil
	slices.SortStableFunc(run.rows, func(a, b row) int {
		if run.q.SortDescending {
			a, b = b, a
		}
		if byName {
			return strings.Compare(a.upc, b.upc)
		}
		return cmp.Compare(a.key, b.key)
	})
}
