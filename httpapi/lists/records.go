package lists

import (
	"slices"
	"strings"

	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/render"
	"apportion/httpapi/strictjson"
)

// RecordQuery asks for a page of records. Empty fields do not restrict it.
type RecordQuery struct {
	Location string
	UPC      string
	Search   string       // a part of the UPC
	Tags     []engine.Tag // records that have a segment with all of them; only such segments are shown
	State    string       // one of RecordStates
	Sort     string       // one of RecordOrders
	Cursor   string
	Limit    int

	keysMax, looksMax int // RecordKeysMax and RecordLooksMax, less in tests
}

// The states of records.
const (
	stateSoldOut     = "sold-out"
	stateBelowFloor  = "below-floor"
	stateBelowSafety = "below-safety"
	stateNegative    = "negative"
	stateDue         = "due"
	stateBlocked     = "blocked"
)

// RecordStates are the states that records are picked by.
var RecordStates = []string{stateSoldOut, stateBelowFloor, stateBelowSafety, stateNegative, stateDue,
	stateBlocked}

// RecordOrders are the orders of a list of records: those that are kept, so that a page costs what it shows.
var RecordOrders = []string{"location", "upc"}

// recordOrder is the order of a list of records. The numbers are part of cursors.
type recordOrder uint64

const (
	byLocation recordOrder = 1 + iota // then by UPC
	byUPC                             // then by location
)

// Append appends a page of records with the cursor of the next one, as members of an object.
func (q *RecordQuery) Append(dst []byte, reader *engine.Reader) ([]byte, strictjson.Fault) {
	l := recordList{q: q, reader: reader}
	if fault := l.begin(); fault.Code != "" {
		return dst, fault
	}
	keys, looks := q.keysMax, q.looksMax
	if keys == 0 {
		keys, looks = RecordKeysMax, RecordLooksMax
	}
	begin, shown := len(dst), 0
	dst = append(dst, `"records":[`...)
	for {
		page := l.next()
		for _, key := range page {
			if shown == q.Limit || keys <= 0 || looks <= 0 || len(dst)-begin >= PageBytesMax {
				return AppendNext(append(dst, ']'), l.cursor()), strictjson.Fault{}
			}
			l.after = key
			if keys--; !strings.Contains(key.UPC, q.Search) {
				continue
			}
			if looks--; l.read(key) {
				dst = render.AppendRecord(strictjson.Comma(dst, shown), l.schema, &l.record, q.Tags)
				shown++
			}
		}
		if len(page) == 0 {
			return AppendNext(append(dst, ']'), ""), strictjson.Fault{}
		}
	}
}

// recordList is a list of records on its way through a page.
type recordList struct {
	q      *RecordQuery
	reader *engine.Reader
	order  recordOrder
	after  engine.RecordKey // the record looked at last

	keys   []engine.RecordKey
	upcs   []string // those that come after the one looked at last, as many as are known
	names  []string
	record engine.RecordView
	schema *engine.Schema
}

// Check finds what is wrong with what the query picks.
func (q *RecordQuery) Check() strictjson.Fault {
	if q.State != "" && !slices.Contains(RecordStates, q.State) {
		return oneOf("state", q.State, RecordStates)
	}
	return strictjson.Fault{}
}

// begin finds the order and the place where the page begins.
func (l *recordList) begin() strictjson.Fault {
	q := l.q
	if fault := q.Check(); fault.Code != "" {
		return fault
	}
	switch {
	case q.Sort != "" && !slices.Contains(RecordOrders, q.Sort):
		fault := oneOf("sort", q.Sort, RecordOrders)
		fault.Detail += ": any other order would have to look at all records for each page"
		return fault
	case q.Location != "" || q.UPC != "": // one order
		l.order = byLocation
	case q.Sort == "" && q.Search != "" || q.Sort == RecordOrders[byUPC-1]:
		l.order = byUPC
	default:
		l.order = byLocation
	}
	if q.Cursor != "" {
		key, err := cursor.Parse(cursor.Records, q.Cursor)
		if err != nil || key.Number != uint64(l.order) {
			return BadCursor(q.Cursor)
		}
		l.after = engine.RecordKey{Location: key.First, UPC: key.Second}
	}
	return strictjson.Fault{}
}

func (l *recordList) cursor() string {
	return string(cursor.Append(nil, cursor.Records, cursor.Key{Number: uint64(l.order), First: l.after.Location,
		Second: l.after.UPC}))
}

// next gives keys that follow the record looked at last; none: there are no more.
func (l *recordList) next() []engine.RecordKey {
	l.keys = l.keys[:0]
	switch {
	case l.q.UPC != "":
		l.addLocations(l.q.UPC, l.after.Location)
	case l.order == byUPC:
		l.nextUPCs()
	default:
		l.keys = l.reader.RecordsAfter(l.afterAt(l.q.Location), recordKeysStep, l.keys)
		if l.q.Location != "" {
			end := slices.IndexFunc(l.keys, func(key engine.RecordKey) bool { return key.Location != l.q.Location })
			if end >= 0 {
				l.keys = l.keys[:end]
			}
		}
	}
	return l.keys
}

// afterAt is the place to go on behind, at a location if one is given.
func (l *recordList) afterAt(location string) engine.RecordKey {
	if l.after.Location < location {
		return engine.RecordKey{Location: location}
	}
	return l.after
}

// nextUPCs gives the other records of the UPC looked at last, or those of UPCs after it.
func (l *recordList) nextUPCs() {
	last := l.after.UPC
	if last != "" {
		l.addLocations(last, l.after.Location)
	}
	for len(l.keys) == 0 {
		if len(l.upcs) == 0 {
			if l.upcs = l.reader.SearchUPCs(l.q.Search, last, upcsStep, nil); len(l.upcs) == 0 {
				return
			}
		}
		last, l.upcs = l.upcs[0], l.upcs[1:]
		l.addLocations(last, "")
	}
}

// addLocations adds the keys of a UPC's records behind a location.
func (l *recordList) addLocations(upc, after string) {
	l.names = l.reader.AppendLocations(l.names[:0], upc)
	for _, location := range l.names {
		if location > after && (l.q.Location == "" || location == l.q.Location) {
			l.keys = append(l.keys, engine.RecordKey{Location: location, UPC: upc})
		}
	}
}

// read reads a record, and reports whether the query picks it.
func (l *recordList) read(key engine.RecordKey) bool {
	if !l.reader.ReadRecord(key.UPC, key.Location, &l.record) {
		return false
	}
	l.schema = l.reader.Schema() // read after the record, it knows all of its tag sets
	l.record.MergeSegments(l.schema)
	return l.q.picks(l.schema, &l.record)
}

// Picks reports whether the query picks a record, with its segments merged.
func (q *RecordQuery) Picks(schema *engine.Schema, v *engine.RecordView) bool {
	return (q.Location == "" || v.Location == q.Location) && (q.UPC == "" || v.UPC == q.UPC) &&
		strings.Contains(v.UPC, q.Search) && q.picks(schema, v)
}

// picks reports whether a record has a segment with the tags, and is in the state. With tags, such segments alone say
// in what state it is.
func (q *RecordQuery) picks(schema *engine.Schema, v *engine.RecordView) bool {
	whole := len(q.Tags) == 0
	segments, available, below := 0, int64(0), false
	for i := range v.Segments {
		s := &v.Segments[i]
		if !whole && !schema.Matches(s.TagSet, q.Tags) {
			continue
		}
		segments++
		available += s.Available()
		below = below || q.isBelow(s)
	}
	switch q.State {
	case stateSoldOut:
		return segments > 0 && available <= 0
	case stateBelowFloor:
		return below || whole && v.Floor > 0 && v.Available() < v.Floor
	case stateBelowSafety, stateNegative:
		return below
	case stateDue:
		return segments > 0 && v.Due
	case stateBlocked:
		return segments > 0 && v.Blocked
	}
	return whole || segments > 0
}

// isBelow reports whether a segment is below what the state is about.
func (q *RecordQuery) isBelow(s *engine.SegmentView) bool {
	switch q.State {
	case stateBelowFloor:
		return s.Floor > 0 && s.Available() < s.Floor
	case stateBelowSafety:
		return s.SafetyStock > 0 && s.Available() < 0
	default:
		return s.Available() < 0
	}
}
