package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// Target is what one segment has after a redistribution.
type Target struct {
	Tags      []engine.Tag // full
	Available int64
	OnHand    int64 // Available, allocated, pending and safety stock
	New       bool  // the record does not have the segment yet
}

// Redistribution is redistribute's answer: targets for all segments of the tag groups that it named, or no change.
type Redistribution struct {
	Targets   []Target
	Unchanged bool
	Reason    string // why nothing changes
}

// entry is one entry of what redistribute returned.
type entry struct {
	path    string
	tags    []engine.Tag // full
	weight  float64
	units   int64
	segment int // position in the record, -1: new
}

// readRedistribution reads what redistribute returned and works out the targets.
//
// Units move within a tag group: the segments that agree in all categories but the distributed ones, or but those that
// the rule names with across. All available units of a tag group are divided again. A tag group that the rule does not
// name stays as it is, and so does one that has promised more than it has on hand.
func readRedistribution(value, reason sandbox.Value, r *Record) (Redistribution, error) {
	if value.IsNil() {
		text, err := readReason(reason)
		return Redistribution{Unchanged: true, Reason: text}, err
	}
	f, err := sandbox.ReadFields("result", value, "weights", "units", "across")
	if err != nil {
		return Redistribution{}, err
	}
	kind := "weights"
	if f.Has("units") {
		kind = "units"
	}
	if f.Has("weights") == f.Has("units") {
		return Redistribution{}, &ResultError{Path: "result", Message: "must have either weights or units"}
	}
	across, err := readAcross(f, r)
	if err != nil {
		return Redistribution{}, err
	}
	entries, err := readEntries(kind, f.Get(kind), r)
	if err != nil {
		return Redistribution{}, err
	}
	return divide(kind, entries, across, r)
}

// readAcross gives the categories between whose values units may move.
func readAcross(f sandbox.Fields, r *Record) ([]string, error) {
	var across []string
	if !f.Has("across") {
		across = r.Schema.distributed()
		if len(across) == 0 {
			return nil, &ResultError{Path: "across", Message: "must be given, since the schema has no category " +
				"with percents: name the categories between whose values units may move"}
		}
		return across, nil
	}
	list, err := sandbox.ReadList("across", f.Get("across"), engine.CategoriesMax)
	if err != nil {
		return nil, err
	}
	for i := range list {
		name, _ := list.At(i).Text()
		if r.Schema.category(name) == nil {
			return nil, &ResultError{Path: fmt.Sprintf("across[%d]", i+1),
				Message: fmt.Sprintf("the schema has no category %q; it has %s", list.At(i).String(), r.Schema.names())}
		}
		across = append(across, name)
	}
	if len(across) == 0 {
		return nil, &ResultError{Path: "across", Message: "is empty: name the categories between whose values units " +
			"may " +
			"move, or leave it out"}
	}
	return across, nil
}

func readEntries(kind string, v sandbox.Value, r *Record) ([]entry, error) {
	list, err := sandbox.ReadList(kind, v, engine.SegmentsPerRecordMax)
	if err != nil {
		return nil, err
	}
	field := strings.TrimSuffix(kind, "s")
	if kind == "units" {
		field = kind
	}
	entries := make([]entry, 0, len(list))
	seen := make(map[string]int, len(list))
	segments := make(map[string]int, len(r.Segments))
	for i := range r.Segments {
		segments[TagsText(r.Segments[i].Tags)] = i
	}
	for i := range list {
		e := entry{path: fmt.Sprintf("%s[%d]", kind, i+1)}
		f, err := sandbox.ReadFields(e.path, list.At(i), "tags", field)
		if err == nil {
			err = e.read(f, field, r)
		}
		if err != nil {
			return nil, err
		}
		key := TagsText(e.tags)
		e.segment = -1
		if at, known := segments[key]; known {
			e.segment = at
		}
		if first, twice := seen[key]; twice {
			return nil, &ResultError{Path: e.path, Message: fmt.Sprintf("is for the same segment as entry %d (%s): "+
				"one of them is enough",
				first, key)}
		}
		seen[key] = i + 1
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, &ResultError{Path: kind, Message: "is empty; to change nothing: return nil, \"why\""}
	}
	return entries, nil
}

func (e *entry) read(f sandbox.Fields, field string, r *Record) error {
	tags, err := readTags(f, "tags")
	if err != nil {
		return err
	}
	if e.tags, err = r.Schema.Full(tags); err != nil {
		return sandbox.Below(e.path, err)
	}
	if !f.Has(field) {
		return f.Fault(field, "must be given")
	}
	if field == "units" {
		e.units, err = readUnits(f, field, 0)
		return err
	}
	n, ok := f.Get(field).Number()
	if !ok || math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
		return f.Fault(field, "must be a finite number of 0 or more, is %s", f.Get(field))
	}
	e.weight = n
	return nil
}

// divide works out the targets, one tag group after the other, in the rule's order.
func divide(kind string, entries []entry, across []string, r *Record) (Redistribution, error) {
	var result Redistribution
	groups := map[string][]int{} // entries by tag group
	var order []string
	for i := range entries {
		key := groupOf(entries[i].tags, across)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	members := map[string][]int{} // segments by tag group
	for i := range r.Segments {
		key := groupOf(r.Segments[i].Tags, across)
		members[key] = append(members[key], i)
	}
	for _, key := range order {
		g := tagGroup{kind: kind, record: r}
		for _, i := range groups[key] {
			g.add(&entries[i])
		}
		for _, i := range members[key] {
			g.addRest(i)
		}
		targets, err := g.targets()
		if err != nil {
			return Redistribution{}, err
		}
		result.Targets = append(result.Targets, targets...)
	}
	if len(result.Targets) > engine.SegmentsPerRecordMax {
		return Redistribution{}, &ResultError{Path: "result",
			Message: fmt.Sprintf("the record would have %d segments, at "+
				"most %d are possible: name fewer new ones", len(result.Targets), engine.SegmentsPerRecordMax)}
	}
	if len(result.Targets) == 0 {
		return Redistribution{Unchanged: true, Reason: "nothing is available"}, nil
	}
	return result, nil
}

// groupOf names the tag group of a segment.
func groupOf(tags []engine.Tag, across []string) string {
	var fixed []engine.Tag
	for _, t := range tags {
		if !slices.Contains(across, t.Category) {
			fixed = append(fixed, t)
		}
	}
	return TagsText(fixed)
}

// tagGroup is the segments among which available units are divided.
type tagGroup struct {
	kind    string
	record  *Record
	list    []Target
	weights []float64
	units   []int64
	current []int64
	paths   []string
	total   int64 // available, the sum of current
	named   map[int]bool
}

func (g *tagGroup) add(e *entry) {
	t := Target{Tags: e.tags, New: e.segment < 0}
	var current int64
	if e.segment >= 0 {
		if g.named == nil {
			g.named = map[int]bool{}
		}
		g.named[e.segment] = true
		s := &g.record.Segments[e.segment]
		current, t.OnHand = s.Available(), s.promised()
	}
	g.append(t, current, e.weight, e.units, e.path)
}

// addRest adds a segment that the rule did not name. It gets no units.
func (g *tagGroup) addRest(segment int) {
	if !g.named[segment] {
		s := &g.record.Segments[segment]
		g.append(Target{Tags: s.Tags, OnHand: s.promised()}, s.Available(), 0, 0, "")
	}
}

func (g *tagGroup) append(t Target, current int64, weight float64, units int64, path string) {
	g.list = append(g.list, t)
	g.current = append(g.current, current)
	g.weights = append(g.weights, weight)
	g.units = append(g.units, units)
	g.paths = append(g.paths, path)
	g.total += current
}

func (g *tagGroup) targets() ([]Target, error) {
	if g.total < 0 {
		if g.kind == "units" {
			return nil, &ResultError{Path: g.paths[0], Message: fmt.Sprintf("its tag group has %d units available: "+
				"there are none to divide, leave its segments out", g.total)}
		}
		return nil, nil
	}
	units := g.units
	if g.kind == "weights" {
		sum := 0.0
		for _, w := range g.weights {
			sum += w
		}
		if sum == 0 {
			return nil, &ResultError{Path: g.paths[0], Message: "the weights of its tag group are all 0: give one " +
				"of them more, or leave its segments out to keep them as they are"}
		}
		units = LargestRemainder(g.total, g.weights, g.current)
	} else if sum := sumOf(units); sum != g.total {
		return nil, &ResultError{Path: g.paths[0], Message: fmt.Sprintf("the units of its tag group add up to %d, "+
			"but must add up to the %d that are available", sum, g.total)}
	}
	for i := range g.list {
		g.list[i].Available = units[i]
		g.list[i].OnHand += units[i]
	}
	return g.list, nil
}

func sumOf(units []int64) (sum int64) {
	for _, u := range units {
		sum += u
	}
	return sum
}
