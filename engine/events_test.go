package engine

import (
	"strconv"
	"testing"
)

func TestEventFilter(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10)}})
	schema := h.e.Schema()
	web, code, _ := schema.Resolve([]Tag{{"Channel", "A"}})
	if code != CodeOK {
		t.Fatal(code)
	}
	segment := Event{Kind: EventFloorCrossed, UPC: "U", Location: "L", TagSet: web}
	count := Event{Kind: EventCountStarted, Location: "K"}
	f := func(name string, filter EventFilter, wantSegment, wantCount bool) {
		t.Helper()
		if got := filter.Matches(schema, &segment); got != wantSegment {
			t.Errorf("%s: the segment's event: %t", name, got)
		}
		if got := filter.Matches(schema, &count); got != wantCount {
			t.Errorf("%s: the count's event: %t", name, got)
		}
	}
	f("no restriction", EventFilter{}, true, true)
	f("kinds", EventFilter{Kinds: []EventKind{EventFloorCrossed, EventDelivered}}, true, false)
	f("locations", EventFilter{Locations: []string{"J", "K"}}, false, true)
	f("tags", EventFilter{Tags: []Tag{{"Channel", "A"}}}, true, false)
	f("other tags", EventFilter{Tags: []Tag{{"Channel", "B"}}}, false, false)
	f("unknown tags", EventFilter{Tags: []Tag{{"Region", "EU"}}}, false, false)
	f("all three", EventFilter{Kinds: []EventKind{EventFloorCrossed}, Locations: []string{"L"},
		Tags: []Tag{{"Channel", "A"}}}, true, false)
	f("two of three", EventFilter{Kinds: []EventKind{EventFloorCrossed}, Locations: []string{"K"},
		Tags: []Tag{{"Channel", "A"}}}, false, false)

	if none := new(EventFilter); !none.Matches(New().Schema(), &count) {
		t.Error("an event before there is any segment is not picked")
	}
	if tags := (EventFilter{Tags: []Tag{{"Channel", "A"}}}); tags.Matches(New().Schema(), &count) {
		t.Error("an event without a segment is picked for its tags")
	}

	for _, kind := range EventKinds() {
		if got := ParseEventKind(kind.String()); got != kind || kind == 0 {
			t.Errorf("%s is parsed as %d, want %d", kind, got, kind)
		}
	}
	if len(EventKinds()) != int(eventKinds)-1 || ParseEventKind("") != 0 || ParseEventKind("no-such") != 0 {
		t.Error("a text that names no kind is parsed, or a kind is missing")
	}
}

func TestChangesStory(t *testing.T) { tell(t, "changes") }

func TestEdges(t *testing.T) { tell(t, "edges") }

// TestEdgesAreBounded: a redistribution of all records tells edges as it goes, and what they took is given back.
func TestEdgesAreBounded(t *testing.T) {
	h := newHost(t)
	h.must(&StartChanges{})
	h.must(channels(10000, 0))
	const records = 2000
	for i := range records {
		h.must(&Refresh{Location: "L", Items: []StockItem{units(strconv.Itoa(i), 1)}})
	}
	h.must(channels(0, 10000))
	h.must(&Redistribute{Scope: Scope{All: true}, Now: true})
	sold := 0
	for _, ev := range h.e.Events(0, EventsMax, nil) {
		if ev.Kind == EventSoldOut {
			sold++
		}
	}
	if n := cap(h.e.edges.noted); sold != records || n > 16 || h.e.edges.rows.Len() != 0 {
		t.Errorf("%d segments are sold out, want %d; %d edges are kept in mind", sold, records, n)
	}
	for range edgesKeptMax + 1 {
		h.e.noteEdge(&record{}, h.e.segments.Add(), edgeOut|edgeNew)
	}
	if h.e.tellEdges(); cap(h.e.edges.noted) > edgesKeptMax {
		t.Errorf("memory for %d edges is kept", cap(h.e.edges.noted))
	}
}

// TestEventsOf: a record's events come newest first, in pages that bound what they look at.
func TestEventsOf(t *testing.T) {
	h := newHost(t)
	change := func(location, upc, reason string) {
		h.must(&Adjust{Location: location, Items: []StockItem{units(upc, 1)}, StockNote: StockNote{Reason: reason}})
	}
	for _, reason := range []string{"a", "b", "c"} {
		change("L", "U", reason)
		change("L", "V", "other")
		change("M", "U", "other")
	}
	for limit := 1; limit <= 4; limit++ {
		for looks := 1; looks <= 10; looks++ {
			got, pages := "", 0
			for before := EventID(0); before != 0 || pages == 0; pages++ {
				var events []Event
				events, before = h.e.EventsOf(RecordKey{"L", "U"}, before, limit, looks, nil)
				if len(events) > limit {
					t.Fatalf("limit %d: %d events", limit, len(events))
				}
				for i := range events {
					got += events[i].Reason
				}
			}
			if got != "cba" || looks == 1 && pages != 9 {
				t.Errorf("limit %d, looks %d: got %s in %d pages", limit, looks, got, pages)
			}
		}
	}
	if forgotten, _ := h.e.ForgottenEvents(); forgotten {
		t.Error("nothing has been forgotten")
	}
	h.nowMS += EventAgeMS
	change("L", "U", "new")
	events, next := h.e.EventsOf(RecordKey{"L", "U"}, 0, 9, 9, nil)
	forgotten, since := h.e.ForgottenEvents()
	if len(events) != 1 || next != 0 || !forgotten || since != (Moment{h.index, h.nowMS}) {
		t.Errorf("got %+v, next %d, forgotten %t since %+v", events, next, forgotten, since)
	}
	if events, next = h.e.EventsOf(RecordKey{"L", "U"}, 3, 9, 9, nil); len(events) != 0 || next != 0 {
		t.Errorf("before forgotten events: got %+v, next %d", events, next)
	}
}
