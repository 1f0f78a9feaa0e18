package engine_test

import (
	"fmt"
	"slices"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"apportion/engine"
)

// edge is an event of a segment, which the model finds by comparing what was before a command with what is after it, or
// of a record that was blocked or unblocked.
type edge struct {
	Kind         engine.EventKind
	At           segmentAt
	Units, Limit int64
}

type segmentAt struct {
	place
	tags string
}

// segmentState is what edges are seen by.
type segmentState struct{ available, safety int64 }

func (s segmentState) isBelow() bool { return s.available < 0 && s.safety > 0 }

func (m *model) segmentStates() map[segmentAt]segmentState {
	states := map[segmentAt]segmentState{}
	for p, r := range m.records {
		for _, s := range r.segments {
			states[segmentAt{p, s.tags.String()}] = segmentState{m.available(p, s), s.safetyStock}
		}
	}
	return states
}

// watch has a command carried out, and adds its edges.
func (m *model) watch(c engine.Command, do func() engine.Code) {
	m.filled = map[segmentAt]edge{}
	was, counting := m.segmentStates(), m.counting
	if do() != engine.CodeOK || !counting {
		return
	}
	for _, e := range m.filled {
		m.edges = append(m.edges, e)
	}
	switch c.(type) {
	case *engine.PutTagCategory, *engine.DeleteTagCategory, *engine.Delete, *engine.DeleteSegments:
		return // they move no stock
	}
	for at, is := range m.segmentStates() {
		before, known := was[at]
		switch {
		case known && before.available > 0 && is.available <= 0:
			m.edges = append(m.edges, edge{engine.EventSoldOut, at, is.available, 0})
		case known && before.available <= 0 && is.available > 0:
			m.edges = append(m.edges, edge{engine.EventBackInStock, at, is.available, 0})
		}
		if is.isBelow() && !before.isBelow() {
			m.edges = append(m.edges, edge{engine.EventBelowSafetyStock, at, is.available, is.safety})
		}
	}
}

// noteFilled adds up the pending units of a segment that became allocated.
func (m *model) noteFilled(p place, s *segment, units int64) {
	if units == 0 {
		return
	}
	at := segmentAt{p, s.tags.String()}
	e := m.filled[at]
	e.Kind, e.At, e.Units = engine.EventPendingFilled, at, e.Units+units
	m.filled[at] = e
}

// takeEdges gives the engine's edges since the last call, with the tags that they have now.
func (h *harness) takeEdges() (edges []edge) {
	for _, ev := range h.e.Events(h.lastEvent, engine.EventsMax, nil) {
		h.lastEvent = ev.ID
		if ev.Kind < engine.EventSoldOut || ev.Kind > engine.EventRecordUnblocked {
			continue
		}
		e := edge{ev.Kind, segmentAt{place: place{ev.UPC, ev.Location}}, ev.Units, ev.Limit}
		if ev.TagSet != 0 {
			e.At.tags = spell(h.e.Schema(), ev.TagSet)
		}
		if ev.Kind != engine.EventPendingFilled {
			edges = append(edges, e)
			continue
		}
		e.Limit = 0 // what is left is for a test of its own: a segment may be filled more than once in a command
		same := func(o edge) bool { return o.Kind == e.Kind && o.At == e.At }
		if i := slices.IndexFunc(edges, same); i >= 0 {
			edges[i].Units += e.Units
		} else {
			edges = append(edges, e)
		}
	}
	return edges
}

// checkEdges compares the events of a command. early are those that came before it.
func (h *harness) checkEdges(early []edge) {
	h.t.Helper()
	got := append(early, h.takeEdges()...)
	less := cmpopts.SortSlices(func(a, b edge) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if diff := gocmp.Diff(h.m.edges, got, cmpopts.EquateEmpty(), less,
		gocmp.AllowUnexported(segmentAt{}, place{})); diff != "" {
		h.t.Fatalf("the edges differ: model -, engine +\n%s", diff)
	}
}
