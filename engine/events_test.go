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
