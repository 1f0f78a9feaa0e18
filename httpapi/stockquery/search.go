package stockquery

import (
	"slices"

	"apportion/engine"
)

// Search is one run of a query. It reads beside the writer: each record is a consistent copy.
type Search struct {
	Reader   *engine.Reader
	Query    *Query
	ReadsMax int // ReadsMax, less in tests

	// Record is the record read last, and Schema one that knows all of its tag sets.
	Record *engine.RecordView
	Schema *engine.Schema

	Reads int // records looked at
}

// Exhausted reports whether more records were looked at than may be.
func (s *Search) Exhausted() bool { return s.Reads > s.ReadsMax }

// Read reads a record. Segments that have the same tags in the newest schema are one.
func (s *Search) Read(upc, location string) bool {
	if !s.Reader.ReadRecord(upc, location, s.Record) {
		return false
	}
	s.Schema = s.Reader.Schema() // read after the record, it knows all of its tag sets
	s.Record.MergeSegments(s.Schema)
	return true
}

// AppendLocations appends the locations that have a record of an item, sorted and each once.
func (s *Search) AppendLocations(dst []string) []string {
	for i := range s.Query.Items {
		if !s.Query.Items[i].Repeat {
			dst = s.Reader.AppendLocations(dst, s.Query.Items[i].UPC)
		}
	}
	slices.Sort(dst)
	return slices.Compact(dst)
}

// AppendUPCs appends up to limit UPCs that have a record at a location, in order. more: there are others behind them.
func (s *Search) AppendUPCs(dst []string, location string, limit int) (upcs []string, more bool) {
	var page []engine.RecordKey
	for after := (engine.RecordKey{Location: location}); ; after = page[len(page)-1] {
		page = s.Reader.RecordsAfter(after, keysPerLook, page[:0])
		for _, key := range page {
			if key.Location != location {
				return dst, false
			}
			if limit == 0 {
				return dst, true
			}
			dst = append(dst, key.UPC)
			limit--
		}
		if len(page) < keysPerLook {
			return dst, false
		}
	}
}

// Visit reads the records of the items at a location, and reports whether the location is wanted. For each record that
// there is, units gives how many units the item can have, or that the record does not count; then found is told of it,
// and whether the item is met in full. The user takes back what it did about a location that is not wanted.
func (s *Search) Visit(location string, units func(item int) (n int64, counts bool),
	found func(item int, met bool)) bool {
	metItems, some := 0, false
	for i := range s.Query.Items {
		item := &s.Query.Items[i]
		s.Reads++
		if !s.Read(item.UPC, location) {
			continue
		}
		n, counts := units(i)
		if !counts {
			continue
		}
		some = some || n > 0
		met := n >= item.Quantity
		if met {
			metItems++
		}
		found(i, met)
	}
	return s.Query.wants(metItems, some)
}
