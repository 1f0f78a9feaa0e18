package webhook

import (
	"sync"

	"apportion/engine"
)

// tail has the newest events, [first, next), read once for all workers.
type tail struct {
	mu          sync.Mutex
	first, next engine.EventID
	events      [tailEvents]engine.Event // by their numbers, modulo the length
}

// begin empties the tail; it goes on behind the event last.
func (t *tail) begin(last engine.EventID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first, t.next = last+1, last+1
}

// fill takes what is new, at most as many events as the tail has place for, and reports whether there was anything.
func (t *tail) fill(read func(after engine.EventID, limit int, dst []engine.Event) []engine.Event) (grew bool) {
	var buf [readEventsMax]engine.Event
	for range tailEvents / readEventsMax {
		events := read(t.next-1, len(buf), buf[:0]) // only the caller changes next
		if len(events) == 0 {
			break
		}
		t.add(events)
		grew = true
	}
	return grew
}

func (t *tail) add(events []engine.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		ev := &events[i]
		if ev.ID != t.next { // those between are gone
			t.first = ev.ID
		}
		t.events[ev.ID%tailEvents] = *ev
		t.next = ev.ID + 1
	}
	if t.next > t.first+tailEvents {
		t.first = t.next - tailEvents
	}
}

// after appends events behind one, at most limit. has is false if the tail does not go back so far.
func (t *tail) after(after engine.EventID, limit int, dst []engine.Event) (events []engine.Event, has bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if after+1 < t.first {
		return dst, false
	}
	for id := after + 1; id < t.next && limit > 0; id++ {
		dst = append(dst, t.events[id%tailEvents])
		limit--
	}
	return dst, true
}
