package lists

import (
	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/render"
	"apportion/httpapi/strictjson"
)

// EventSource has the events of records; see raftstore.Store.
type EventSource interface {
	EventsOf(record engine.RecordKey, before engine.EventID, limit, looks int, dst []engine.Event) (
		events []engine.Event, next engine.EventID)
	ForgottenEvents() (forgotten bool, since engine.Moment)
}

// HistoryQuery asks for a page of a record's history: its events, newest first.
type HistoryQuery struct {
	Record engine.RecordKey
	Cursor string
	Limit  int

	looksMax int // EventLooksMax, less in tests
}

// HistoryPage is a page of a record's history.
type HistoryPage struct {
	Record engine.RecordKey
	Events []engine.Event
	Next   string // the cursor of the next page, empty for none

	// Forgotten reports whether events, of any record, are kept no more; since Since they are.
	Forgotten bool
	Since     engine.Moment
}

// Read reads the page.
func (q *HistoryQuery) Read(from EventSource) (page HistoryPage, fault strictjson.Fault) {
	before := engine.EventID(0)
	if q.Cursor != "" {
		key, err := cursor.Parse(cursor.History, q.Cursor)
		if err != nil || key.Number == 0 || key.First != "" || key.Second != "" {
			return page, BadCursor(q.Cursor)
		}
		before = engine.EventID(key.Number)
	}
	looks := q.looksMax
	if looks == 0 {
		looks = EventLooksMax
	}
	page.Record = q.Record
	for {
		step := min(looks, eventLooksStep)
		page.Events, before = from.EventsOf(q.Record, before, q.Limit-len(page.Events), step, page.Events)
		if looks -= step; before == 0 || looks == 0 || len(page.Events) == q.Limit {
			break
		}
	}
	page.Forgotten, page.Since = from.ForgottenEvents()
	if before != 0 {
		page.Next = string(cursor.Append(nil, cursor.History, cursor.Key{Number: uint64(before)}))
	}
	return page, strictjson.Fault{}
}

// Append appends the page as members of an object.
func (p *HistoryPage) Append(dst []byte, schema *engine.Schema) []byte {
	dst = strictjson.AppendText(dst, `"upc":`, p.Record.UPC)
	dst = strictjson.AppendText(dst, `,"location":`, p.Record.Location)
	dst = append(dst, `,"events":[`...)
	for i := range p.Events {
		dst = render.AppendEvent(strictjson.Comma(dst, i), schema, &p.Events[i])
	}
	dst = append(dst, `],"since":`...)
	if p.Forgotten {
		dst = strictjson.AppendNumber(dst, `{"index":`, int64(p.Since.Index))
		dst = append(strictjson.AppendTime(dst, `,"time":`, p.Since.TimeMS), '}')
	} else {
		dst = append(dst, "null"...)
	}
	return AppendNext(dst, p.Next)
}
