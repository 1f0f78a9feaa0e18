package feed

import (
	"runtime"
	"slices"

	"apportion/engine"
	"apportion/httpapi/render"
	"apportion/httpapi/stream"
	"apportion/httpapi/strictjson"
)

// EventStore has the events; see raftstore.Store.
type EventStore interface {
	Log
	Reader() *engine.Reader
	Events(after engine.EventID, limit int, dst []engine.Event) []engine.Event
}

// Events is the feed of events. Their numbers are the places of its readers.
type Events struct {
	store EventStore
	hub   *hub[engine.Event]
}

// NewEvents makes the feed. It does nothing while it has no readers.
func NewEvents(store EventStore) *Events {
	f := &Events{store: store}
	f.hub = newHub(store, make(chan struct{}, ownReadersMax()), func(ev *engine.Event) string { return ev.Location },
		f.reading)
	return f
}

// ownReadersMax is how many readers may read for themselves at a time: they get half of the processors.
func ownReadersMax() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// reading makes a read that reads and encodes the events after one.
func (f *Events) reading() read[engine.Event] {
	var events []engine.Event
	return func(_ place, into *batch[engine.Event]) error {
		var id [20]byte
		for !into.full() {
			events = f.store.Events(engine.EventID(into.until.Seq), eventsAtATime, events[:0])
			schema := f.store.Reader().Schema() // read after the events, it knows all of their tag sets
			for i := range events {
				ev := &events[i]
				into.data = stream.AppendID(into.data, strictjson.AppendInt(id[:0], int64(ev.ID)))
				into.data = stream.AppendType(into.data, ev.Kind.String())
				into.data = render.AppendEvent(stream.OpenData(into.data), schema, ev)
				into.data = stream.CloseData(into.data)
				into.add(place{Seq: uint64(ev.ID)}, *ev)
			}
			if len(events) < eventsAtATime {
				break
			}
		}
		return nil
	}
}

// Stream is a stream of the events after one that a filter picks.
func (f *Events) Stream(after engine.EventID, filter engine.EventFilter) stream.Source {
	p := picker[engine.Event]{locations: filter.Locations}
	if len(filter.Kinds)+len(filter.Locations)+len(filter.Tags) > 0 {
		p.picks = func(ev *engine.Event) bool { return filter.Matches(f.store.Reader().Schema(), ev) }
	}
	s := newSource(f.hub, place{Seq: uint64(after)}, p,
		func(dst []byte, at place) []byte { return strictjson.AppendInt(dst, int64(at.Seq)) })
	return &s
}

// Page appends up to limit events after one that a filter picks. next is behind all that were looked at, so a page
// without events is the end.
func (f *Events) Page(after engine.EventID, filter *engine.EventFilter, limit int, dst []engine.Event) (
	events []engine.Event, next engine.EventID) {
	events, next = dst, after
	for end := len(dst) + limit; len(events) < end; {
		looked := len(events)
		events = f.store.Events(next, min(end-looked, eventsAtATime), events)
		if len(events) == looked {
			break
		}
		next = events[len(events)-1].ID
		schema := f.store.Reader().Schema()
		picked := slices.DeleteFunc(events[looked:], func(ev engine.Event) bool { return !filter.Matches(schema, &ev) })
		events = events[:looked+len(picked)]
	}
	return events, next
}
