package kibo

import (
	"cmp"
	"slices"
	"strings"

	"apportion/engine"
)

// Which records are the results of a query, and in which order. They are read anew when they are shown.

// queryRun is the state of one query.
type queryRun struct {
	r    *Request
	q    *queryBody
	e    *engine.Reader
	view engine.RecordView
	rows []row

	reads    int
	readsMax int // queryReadsMax, less in tests

	wanted []int64 // units of each item
}

// row is a result before it is shown: a record, and for which of the query's items.
type row struct {
	upc, location string
	item          int   // listed: for none
	key           int64 // to sort by
}

// listed is the item of the results of a query that names none.
const listed = -1

// find collects the results in their order: all of them if they are to be sorted, or else until there are more than
// enough.
func (run *queryRun) find(enough int) {
	run.wanted = run.q.wanted()
	for _, location := range run.locations() {
		if len(run.q.Items) == 0 {
			run.listing(location)
		} else {
			run.location(location)
		}
		if run.reads > run.readsMax || !run.q.sorted() && len(run.rows) > enough {
			return
		}
	}
}

// look reads a record and gives what there is of it with the tags.
func (run *queryRun) look(upc, location string, tags []engine.Tag) (f figures, ok bool) {
	run.reads++
	if !run.e.ReadRecord(upc, location, &run.view) || run.view.Blocked && run.q.ExcludeBlocked {
		return figures{}, false
	}
	schema := run.e.Schema() // read after the record, it knows all of its tag sets
	for i := range run.view.Segments {
		if s := &run.view.Segments[i]; schema.Matches(s.TagSet, tags) {
			f.add(run.q.figures(s))
		}
	}
	return f, true
}

// add makes the record just read a result, unless less than nothing is available of it.
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

// locations gives those to look at: those of the priority list first, then the nearest, then by name.
func (run *queryRun) locations() []string {
	q := run.q
	var found []string
	if code := q.RequestLocation.LocationCode; code != "" {
		found = append(found, code)
	} else {
		for i := range q.Items {
			found = run.e.AppendLocations(found, q.Items[i].upc)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	found = slices.DeleteFunc(found, func(code string) bool {
		return len(q.Whitelist) > 0 && !slices.Contains(q.Whitelist, code) || slices.Contains(q.Blacklist, code) ||
			!q.placeFilter.has(run.e, code) || !q.RequestLocation.reaches(run.e, code)
	})
	rank := func(code string) int {
		if at := slices.Index(q.PriorityList, code); at >= 0 {
			return at
		}
		return len(q.PriorityList)
	}
	miles := map[string]float64{}
	for _, code := range found {
		miles[code], _ = q.RequestLocation.miles(run.e, code)
	}
	slices.SortStableFunc(found, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(miles[a], miles[b]))
	})
	return found
}

// location adds the records of a location, unless the query turns out not to be after it.
func (run *queryRun) location(code string) {
	begin := len(run.rows)
	met, some := 0, false
	for i := range run.q.Items {
		f, ok := run.look(run.q.Items[i].upc, code, run.q.Items[i].tags)
		if !ok {
			continue
		}
		some = some || f.Available > 0
		if f.Available >= run.wanted[i] {
			met++
		} else if run.q.Type == typeAny {
			continue // the location is wanted for its other items
		}
		run.add(i, &f)
	}
	if run.q.Type == typeAll && met < len(run.q.Items) || run.q.Type == typePartial && !some {
		run.rows = run.rows[:begin]
	}
}

// wanted is how many units each item asks for, at least one. Where all items are wanted, those that draw on the same
// units are summed.
func (q *queryBody) wanted() []int64 {
	units := make([]int64, len(q.Items))
	sums := map[string]int64{}
	target := func(it *queryItem) string {
		text := it.upc
		for _, t := range it.tags {
			text += "\x00" + t.Category + "\x00" + t.Value
		}
		return text
	}
	for i := range q.Items {
		units[i] = min(max(q.Items[i].Quantity.n, 1), engine.QuantityMax)
		sums[target(&q.Items[i])] += units[i]
	}
	if q.Type == typeAll {
		for i := range q.Items {
			units[i] = sums[target(&q.Items[i])]
		}
	}
	return units
}

// listing adds the records of the one location that a query without items names, in the order of their names.
func (run *queryRun) listing(code string) {
	tags := run.q.listingTags(run.e.Schema())
	names, more := run.e.AppendUPCs(nil, code, 0, run.readsMax)
	if more != 0 {
		run.reads = run.readsMax + 1
		return
	}
	slices.Sort(names)
	for _, upc := range slices.Compact(names) {
		if f, ok := run.look(upc, code, tags); ok {
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

// sortKeys are the values of sortByEnum, with what they sort by: a number, or with nil the item's name.
var sortKeys = map[string]func(f *figures) int64{
	"ON_HAND":     func(f *figures) int64 { return f.OnHand },
	"AVAILABLE":   func(f *figures) int64 { return f.Available },
	"ALLOCATED":   func(f *figures) int64 { return f.Allocated },
	"PART_NUMBER": nil,
	"PRODUCT_ID":  nil,
}

// sorted reports whether the results are sorted as the query asks, which it can for one location; the others stay in
// the order of locations and items.
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
