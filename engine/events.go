package engine

import (
	"bytes"
	"encoding/binary"
	"slices"

	"apportion/engine/mem"
)

// EventID is the number of an event; they rise by one.
type EventID uint64

// EventKind says what happened.
type EventKind uint8

// The kinds of events. The numbers are stored and never reused.
const (
	// EventFloorCrossed: available fell below the floor of a segment, or of a record (TagSet 0). Units is what is
	// available now, Limit the floor.
	EventFloorCrossed EventKind = 1 + iota
	// EventReservationExpired: a reservation ended; Units were released.
	EventReservationExpired
	// EventDelivered: future stock arrived on hand; Units came.
	EventDelivered
	// EventCountStarted and EventCountClosed: a stock count; Name is the count's.
	EventCountStarted
	EventCountClosed
	// EventSchemaChanged: a tag category was put or deleted; Name is the category's.
	EventSchemaChanged
	// EventRedistributed: a redistribution split records at once (Units moved) or marked them as due; Limit counts
	// them.
	EventRedistributed
	// EventRecordsDeleted: Limit records were deleted with Units on hand.
	EventRecordsDeleted
	// EventRulePut and EventRuleDeleted: a rule's version, Limit, was stored; a rule is gone. Name is the rule's.
	EventRulePut
	EventRuleDeleted
	// EventRuleActivated, EventRuleDeactivated and EventRuleSuspended: the version, Limit, is asked from now on; it is
	// asked no more; it failed so many times in a row, Units, that it is asked no more.
	EventRuleActivated
	EventRuleDeactivated
	EventRuleSuspended
	// EventRecordRedistributed, EventRedistributeFellBack and EventRedistributeKept: a rule, Name, of the version
	// Limit, has redistributed a record (Units moved); it has failed, and the record was split by percent; the record
	// stays as it is. Reason says why.
	EventRecordRedistributed
	EventRedistributeFellBack
	EventRedistributeKept
	// EventUnknownReturned: Units came back from an order that is not known otherwise; they are kept as its item.
	EventUnknownReturned
	// EventCountShort: of a segment, or without a TagSet of several of a record, the count Name has counted Limit, and
	// Units more than that have gone since it began; on hand is 0.
	EventCountShort
	// EventStockChanged: a refresh, an adjust or a transfer with a reason or a reference, or a complete count, has
	// changed on hand of a segment, or without a TagSet of a tag group of a record, by Units, to Limit.
	EventStockChanged
	// EventSoldOut and EventBackInStock: a segment has nothing available any more, or something again; Units is what is
	// available now.
	EventSoldOut
	EventBackInStock
	// EventBelowSafetyStock: more of a segment is promised than it has beside its safety stock, Limit. Units is what is
	// available now, below 0.
	EventBelowSafetyStock
	// EventPendingFilled: Units that were pending in a segment are allocated; Limit are pending still.
	EventPendingFilled
	// EventRecordBlocked and EventRecordUnblocked: a record got the mark that Block sets, or lost it. With an order
	// item, its release did so.
	EventRecordBlocked
	EventRecordUnblocked

	eventKinds
)

var eventTexts = [eventKinds]string{
	EventFloorCrossed: "floor-crossed", EventReservationExpired: "reservation-expired", EventDelivered: "delivered",
	EventCountStarted: "count-started", EventCountClosed: "count-closed", EventSchemaChanged: "schema-changed",
	EventRedistributed: "redistributed", EventRecordsDeleted: "records-deleted",
	EventRulePut: "rule-put", EventRuleDeleted: "rule-deleted", EventRuleActivated: "rule-activated",
	EventRuleDeactivated: "rule-deactivated", EventRuleSuspended: "rule-suspended",
	EventRecordRedistributed: "record-spread", EventRedistributeFellBack: "spread-fell-back",
	EventRedistributeKept: "spread-kept",
	EventUnknownReturned:  "unknown-order-returned", EventCountShort: "count-short",
	EventStockChanged: "stock-changed",
	EventSoldOut:      "sold-out", EventBackInStock: "back-in-stock", EventBelowSafetyStock: "below-safety-stock",
	EventPendingFilled: "pending-filled",
	EventRecordBlocked: "record-blocked", EventRecordUnblocked: "record-unblocked",
}

// String is the kind's stable text, as the API shows it.
func (k EventKind) String() string {
	if k > 0 && k < eventKinds {
		return eventTexts[k]
	}
	return "unknown-event"
}

// ParseEventKind finds a kind by its text; 0: no kind has it.
func ParseEventKind(text string) EventKind {
	return EventKind(max(0, slices.Index(eventTexts[:], text)))
}

// EventKinds gives all kinds, in the order of their numbers.
func EventKinds() []EventKind {
	kinds := make([]EventKind, 0, eventKinds-1)
	for k := range eventKinds - 1 {
		kinds = append(kinds, k+1)
	}
	return kinds
}

// EventFilter selects events. An empty list does not restrict.
type EventFilter struct {
	Kinds     []EventKind `json:"types"`     // ascending
	Locations []string    `json:"locations"` // sorted
	Tags      []Tag       `json:"tags"`      // of the event's segment; an event without one has none
}

// Matches reports whether the filter selects an event. It allocates nothing.
func (f *EventFilter) Matches(schema *Schema, ev *Event) bool {
	if _, found := slices.BinarySearch(f.Kinds, ev.Kind); !found && len(f.Kinds) > 0 {
		return false
	}
	if _, found := slices.BinarySearch(f.Locations, ev.Location); !found && len(f.Locations) > 0 {
		return false
	}
	return len(f.Tags) == 0 || ev.TagSet != 0 && schema.Matches(ev.TagSet, f.Tags)
}

// Event is something an operator or a downstream system wants to know. Which fields are set depends on the kind.
type Event struct {
	ID       EventID
	Kind     EventKind
	Index    uint64 // log index
	TimeMS   int64  // the entry's time, Unix milliseconds
	UPC      string
	Location string
	TagSet   TagSetID
	OrderID  string
	ItemID   string
	Name     string
	Units    int64
	Limit    int64
	Reason   string // of EventRecordRedistributed and the two kinds after it, EventStockChanged and blocks

	Reference string // of EventStockChanged and blocks
}

// emit keeps an event of the entry being applied.
func (e *Engine) emit(ev *Event) {
	ev.Index, ev.TimeMS = e.appliedIndex.Load(), e.nowMS.Load()
	e.scratch.entry = appendEvent(e.scratch.entry[:0], ev)
	e.lastEvent.Store(e.keep(eventLog, e.scratch.entry))
}

func appendEvent(b []byte, ev *Event) []byte {
	b = binary.AppendVarint(b, ev.TimeMS)
	b = append(b, byte(ev.Kind))
	b = binary.AppendUvarint(b, ev.Index)
	b = appendText(b, ev.UPC)
	b = appendText(b, ev.Location)
	b = binary.AppendUvarint(b, uint64(ev.TagSet))
	b = appendText(b, ev.OrderID)
	b = appendText(b, ev.ItemID)
	b = appendText(b, ev.Name)
	b = binary.AppendVarint(b, ev.Units)
	b = binary.AppendVarint(b, ev.Limit)
	if ev.Kind >= EventRecordRedistributed {
		b = appendText(b, ev.Reason)
	}
	if ev.Kind >= EventStockChanged {
		b = appendText(b, ev.Reference)
	}
	return b
}

func readEvent(b []byte) (ev Event, err error) {
	in := reader{b: b}
	ev.TimeMS = in.varint()
	ev.Kind = EventKind(in.byte())
	ev.Index = in.uvarint()
	ev.UPC = in.text()
	ev.Location = in.text()
	ev.TagSet = readTagSet(&in)
	ev.OrderID = in.text()
	ev.ItemID = in.text()
	ev.Name = in.text()
	ev.Units = in.varint()
	ev.Limit = in.varint()
	if ev.Kind >= EventRecordRedistributed { // the others had none, and have none
		ev.Reason = in.text()
	}
	if ev.Kind >= EventStockChanged {
		ev.Reference = in.text()
	}
	return ev, in.end(ErrCorrupt)
}

func checkStoredEvent(entry []byte) error {
	_, err := readEvent(entry)
	return err
}

// Events appends up to limit kept events that follow one, oldest first. The caller holds the mutex under which Apply is
// called. The events' texts are copies.
func (e *Engine) Events(after EventID, limit int, dst []Event) []Event {
	kept := &e.logs[eventLog]
	for number := max(uint64(after)+1, kept.First()); number < kept.Next() && limit > 0; number++ {
		ev, err := readEvent(append([]byte(nil), kept.Get(number)...))
		assert(err == nil, "a kept event cannot be read")
		ev.ID = EventID(number)
		dst = append(dst, ev)
		limit--
	}
	return dst
}

// edge is a segment that has passed 0 available units, or is new, since the last telling.
type edge struct {
	upc, location uint32 // rows in Engine.names
	segment       uint32
	was           edgeState
}

// edgeState is what the events of edges tell apart.
type edgeState uint8

const (
	edgeOut   edgeState = 1 << iota // nothing is available
	edgeBelow                       // units of the safety stock are promised
	edgeNew
)

// edges are those of the command at hand.
type edges struct {
	noted []edge
	rows  mem.Bitset // the segments that are noted
	off   bool       // what the command does to segments is none
}

// edgesKeptMax is how many edges have their memory kept for the next command.
const edgesKeptMax = 16_384

func edgeStateOf(available, safety int64) (s edgeState) {
	if available <= 0 {
		s = edgeOut
	}
	if available < 0 && safety > 0 {
		s |= edgeBelow
	}
	return s
}

// noteEdge keeps in mind what a segment was before it has changed.
func (e *Engine) noteEdge(r *record, row uint32, was edgeState) {
	s, g := e.segments.At(row), &e.edges
	if e.changed.seq == 0 || g.off || was == edgeStateOf(s.available(), s.safety) || g.rows.Has(row) {
		return
	}
	g.rows.Add(row)
	g.noted = append(g.noted, edge{r.upc, r.location, row, was})
}

// tellEdges makes events of the segments that were noted and are not what they were. A new segment is not back in
// stock: the first load of many records would push all other events out.
func (e *Engine) tellEdges() {
	g := &e.edges
	g.off = false
	if len(g.noted) == 0 {
		return
	}
	for _, n := range g.noted {
		g.rows.Remove(n.segment)
		s := e.segments.At(n.segment)
		is := edgeStateOf(s.available(), s.safety)
		ev := Event{UPC: e.text(n.upc), Location: e.text(n.location), TagSet: s.tagSet, Units: s.available()}
		switch {
		case is&edgeOut != 0 && n.was&edgeOut == 0:
			ev.Kind = EventSoldOut
			e.emit(&ev)
		case is&edgeOut == 0 && n.was&edgeOut != 0 && n.was&edgeNew == 0:
			ev.Kind = EventBackInStock
			e.emit(&ev)
		}
		if is&edgeBelow != 0 && n.was&edgeBelow == 0 {
			ev.Kind, ev.Limit = EventBelowSafetyStock, s.safety
			e.emit(&ev)
		}
	}
	if g.noted = g.noted[:0]; cap(g.noted) > edgesKeptMax {
		g.noted = nil
	}
}

// EventsOf appends up to limit kept events of a record, newest first, of those before one (0: of all). It stops after
// so many looks at events of any record, and gives the event to go on before; 0: there are no older ones. The caller
// holds the mutex under which Apply is called. The events' texts are copies.
func (e *Engine) EventsOf(record RecordKey, before EventID, limit, looks int, dst []Event) (events []Event,
	next EventID) {
	kept := &e.logs[eventLog]
	number := kept.Next()
	if before != 0 {
		number = min(number, uint64(before))
	}
	for ; number > kept.First() && limit > 0 && looks > 0; looks-- {
		number--
		entry := kept.Get(number)
		ev, err := readEvent(entry)
		assert(err == nil, "a kept event cannot be read")
		if ev.UPC != record.UPC || ev.Location != record.Location {
			continue
		}
		ev, _ = readEvent(bytes.Clone(entry)) // its texts are parts of the entry
		ev.ID = EventID(number)
		dst = append(dst, ev)
		limit--
	}
	if number <= kept.First() {
		return dst, 0
	}
	return dst, EventID(number)
}

// ForgottenEvents tells whether events have been forgotten, and gives the moment of the oldest that is kept, the
// present one if there is none. The caller holds the mutex under which Apply is called.
func (e *Engine) ForgottenEvents() (forgotten bool, since Moment) {
	kept := &e.logs[eventLog]
	if kept.First() <= 1 {
		return false, Moment{}
	}
	if kept.Len() == 0 {
		return true, Moment{Index: e.appliedIndex.Load(), TimeMS: e.nowMS.Load()}
	}
	ev, err := readEvent(kept.Get(kept.First()))
	assert(err == nil, "a kept event cannot be read")
	return true, Moment{Index: ev.Index, TimeMS: ev.TimeMS}
}
