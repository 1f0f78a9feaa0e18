package webhook

import (
	"testing"

	"pgregory.net/rapid"

	"apportion/engine"
)

// TestTailAgainstEvents: what the tail has is what there is, also where old events were dropped meanwhile.
func TestTailAgainstEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, next := engine.EventID(1), engine.EventID(1)
		read := func(after engine.EventID, limit int, dst []engine.Event) []engine.Event {
			for id := max(after+1, first); id < next && limit > 0; id++ {
				dst = append(dst, engine.Event{ID: id, Units: int64(id)})
				limit--
			}
			return dst
		}
		var all tail
		all.begin(0)
		t.Repeat(map[string]func(t *rapid.T){
			"more": func(t *rapid.T) { next += engine.EventID(rapid.IntRange(0, tailEvents).Draw(t, "more")) },
			"drop": func(t *rapid.T) {
				first += engine.EventID(rapid.IntRange(0, int(next-first)).Draw(t, "dropped"))
			},
			"begin": func(t *rapid.T) {
				all.begin(next - 1)
			},
			"fill": func(t *rapid.T) {
				was := all.next
				grew := all.fill(read)
				if first < next && all.next < min(was+tailEvents, next) || grew != (all.next != was) {
					t.Fatalf("from %d to %d: filled up to %d, grew: %t", was, next, all.next, grew)
				}
			},
			"": func(t *rapid.T) {
				after := engine.EventID(rapid.IntRange(0, int(next)).Draw(t, "after"))
				events, has := all.after(after, readEventsMax, nil)
				if !has && after+1 >= all.next-min(all.next-1, tailEvents) && after+1 >= first && after+1 >= all.first {
					t.Fatalf("%d is not there: %d to %d", after, all.first, all.next)
				}
				for i, ev := range events {
					if ev.Units != int64(ev.ID) || ev.ID != after+1+engine.EventID(i) || len(events) > readEventsMax {
						t.Fatalf("after %d, event %d is %+v", after, i, ev)
					}
				}
				end := after + 1 + engine.EventID(len(events))
				if has && end < all.next && len(events) < readEventsMax {
					t.Fatalf("after %d, %d events of %d to %d", after, len(events), all.first, all.next)
				}
			},
		})
	})
}

// TestTailEndsBesideAWriter: where events come as fast as they are read, a fill ends all the same.
func TestTailEndsBesideAWriter(t *testing.T) {
	var all tail
	all.begin(0)
	reads := 0
	all.fill(func(after engine.EventID, limit int, dst []engine.Event) []engine.Event {
		if reads++; reads > tailEvents {
			t.Fatal("fill does not end")
		}
		return append(dst, engine.Event{ID: after + 1})
	})
}
