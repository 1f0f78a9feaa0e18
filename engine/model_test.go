package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"apportion/engine"
)

// The model is the product of doc.go in maps and loops, without regard to speed. The property tests compare the engine
// with it. It shares only the types of commands and results with the engine. Its counters differ, too: it does not
// store the allocated and pending units of a segment, but sums the order items of the segment. So both sides cannot
// lose a promise, or count it twice, in the same way.
//
// Reading order: this file has the state and the path of a command; then model_schema, model_split, model_stock,
// model_order, model_left, model_plan, model_redistribute and model_time.
type model struct {
	index uint64
	nowMS int64

	categories []category
	records    map[place]*record
	orders     map[string]*order
	kept       map[string]keptAnswer
	counts     map[string]*stockCount // by location

	rule       bool // the one rule exists
	ruleActive bool
	rulesIndex uint64
	decided    decision // for the next Allocate or RedistributePlan

	seen seenBefore // by the sender of the next PutTagCategory or order change

	jobInfo *engine.JobInfo // for the next command
	jobs    []engine.Job    // without Field and Value
	nextJob engine.JobID

	locations map[string]engine.PutLocation // details beside the stock
	groups    map[string]engine.PutLocationGroup
	webhooks  map[string]engine.Webhook
	lastEvent engine.EventID // as the engine has it

	redistributeRule redistributeRule

	reason string // of the present OrderChange

	start *model // the state before the present command

	counting bool               // changes are counted
	edges    []edge             // of the present command, and of what was due before it
	filled   map[segmentAt]edge // pending units that became allocated, by segment

	sequence int64 // of the last order item or delivery; items wait, and deliveries arrive, in this order
}

// seenBefore is the definition, or the order, that the sender of a change saw: as it is, or another one.
type seenBefore int

const (
	notLooked seenBefore = iota
	sawIt
	sawAnother
)

// place identifies a record: one UPC at one location.
type place struct{ upc, location string }

// tagSet has one value for every category of the schema.
type tagSet map[string]string

type record struct {
	due        bool
	planned    bool // waits for a rule's redistribution
	blocked    bool
	floor, ltd int64
	segments   []*segment
	futures    []*future
}

type segment struct {
	tags        tagSet
	onHand      int64
	safetyStock int64
	floor, ltd  int64
}

// future is a delivery that a record expects. With split it is for the whole group of the segment with these tags.
type future struct {
	dateMS   int64
	sequence int64 // of the deliveries; those of one time arrive in this order
	tags     tagSet
	split    bool
	quantity int64
}

type order struct{ items []*item }

// item is an order item. Its units are from segments of one record.
type item struct {
	id        string
	place     place
	tags      tagSet // of the order's request
	requested int64
	expiresMS int64 // 0: firm
	sequence  int64
	parts     []*holding
	why       explained
	history   []movement
}

// holding is an item's units of one segment.
type holding struct {
	tags tagSet

	allocated, pending, fulfilled, returned, released int64

	firstUnits, firstPending int64 // the Allocate's answer, for its repetition
}

// movement is one entry of an order item's history.
type movement struct {
	Kind   engine.MovementKind
	Units  int64
	Index  uint64
	TimeMS int64
	Reason string
}

// keptAnswer is the answer to a command with an idempotency key.
type keptAnswer struct {
	atMS    int64
	command engine.Command
	answer  answer
}

// stockCount is an open count: what was on hand in every segment of the location when it started.
type stockCount struct {
	name   string
	endsMS int64
	base   map[place][]segment
	named  map[place][]tagSet // what a refresh of the count has set
}

// answer is a Result with the tag sets spelled out, so that it can be compared without the engine's ids.
type answer struct {
	Code     engine.Code
	Repeated bool
	Index    uint64
	Lines    []lineAnswer
	Stock    engine.StockResult
	Changes  []change
	Segments []total
	Blocked  []engine.BlockedRecord

	Shortfalls []engine.Shortfall
	Records    []engine.RecordState

	Job engine.JobResult
}

type lineAnswer struct {
	ItemID    string
	Code      engine.Code
	Repeated  bool
	Requested int64
	Units     int64
	Pending   int64
	Available int64
	Parts     []part
	Rule      string
	Version   uint32
	Reason    string
}

type part struct {
	Tags           string
	Units, Pending int64
}

type change struct {
	UPC, Location, Tags string
	Before, After       int64
}

// total is what all changes of a segment add up to.
type total struct {
	Tags          string
	Before, After int64
}

func newModel() *model {
	return &model{
		records: map[place]*record{},
		orders:  map[string]*order{},
		kept:    map[string]keptAnswer{},
		counts:  map[string]*stockCount{},
		nextJob: 1,

		locations: map[string]engine.PutLocation{},
		groups:    map[string]engine.PutLocationGroup{},
		webhooks:  map[string]engine.Webhook{},
	}
}

// apply executes one command of the entry at index, at the time nowMS.
func (m *model) apply(index uint64, nowMS int64, key string, c engine.Command) answer {
	m.edges = nil
	m.watch(nil, func() engine.Code { m.advance(index, nowMS); return engine.CodeOK })
	if engine.CheckCommand(c) != nil {
		return answer{Code: engine.CodeInvalid, Index: index}
	}
	if kept, ok := m.kept[key]; ok && key != "" {
		if !equalCommands(kept.command, c) {
			return answer{Code: engine.CodeKeyReused, Index: index}
		}
		a := kept.answer
		a.Repeated = true
		return a
	}
	_, allocates := c.(*engine.Allocate)
	_, redistributes := c.(*engine.RedistributePlan)
	if (allocates || redistributes) && m.decided.rulesIndex != m.rulesIndex {
		return answer{Code: engine.CodeRetry, Index: index} // not kept: the caller plans again
	}
	if _, puts := c.(*engine.PutTagCategory); puts && m.seen == sawAnother {
		return answer{Code: engine.CodeRetry, Index: index}
	}

	// A refused command changes nothing: it runs on a copy that is thrown away.
	before := m.copy()
	m.start = before
	var a answer
	m.watch(c, func() engine.Code { a = m.run(c); return a.Code })
	m.start = nil
	if a.Code != engine.CodeOK {
		before.edges = m.edges
		*m = *before
	}
	a.Index = index
	if m.jobInfo != nil {
		a.Job = m.keepJob(c, a)
	}
	if key != "" {
		m.kept[key] = keptAnswer{atMS: nowMS, command: c, answer: a}
	}
	return a
}

// keepJob keeps the outcome of a command with a description.
func (m *model) keepJob(c engine.Command, a answer) (kept engine.JobResult) {
	job := engine.Job{
		Kind: c.Kind(), Index: m.index, TimeMS: m.nowMS, Type: m.jobInfo.Type, Owner: m.jobInfo.Owner,
		Location: m.jobInfo.Location, Items: m.jobInfo.Items, Code: a.Code,
	}
	for _, l := range a.Lines {
		if l.Code != engine.CodeOK && len(job.Faults) < engine.JobFaultsMax {
			f := engine.JobFault{ItemID: l.ItemID, Code: l.Code}
			if _, ok := c.(*engine.OrderChange); ok {
				f.Reason, f.Available = l.Reason, l.Available
			}
			job.Faults = append(job.Faults, f)
		}
	}
	all, perLocation := c.(*engine.Redistribute)
	if !perLocation || !m.jobInfo.PerLocation || a.Code != engine.CodeOK {
		return m.addJob(job, kept)
	}
	for _, p := range m.places() { // location by location
		if !inScope(all.Scope, p) {
			continue
		}
		if last := len(m.jobs) - 1; kept.Count > 0 && m.jobs[last].Location == p.location {
			m.jobs[last].Items++
			continue
		}
		job.Location, job.Items = p.location, 1
		kept = m.addJob(job, kept)
	}
	return kept
}

func (m *model) addJob(job engine.Job, kept engine.JobResult) engine.JobResult {
	if job.ID = m.nextJob; kept.Count == 0 {
		kept.First = job.ID
	}
	m.nextJob++
	m.jobs = append(slices.Clone(m.jobs), job) // copies of the model may share the old ones
	kept.Count++
	return kept
}

func (m *model) run(c engine.Command) answer {
	switch c := c.(type) {
	case *engine.Refresh:
		return m.refresh(c)
	case *engine.Adjust:
		return m.adjust(c)
	case *engine.Transfer:
		return m.transfer(c)
	case *engine.Redistribute:
		return m.redistribute(c)
	case *engine.Delete:
		return m.delete(c)
	case *engine.Allocate:
		return m.allocate(c)
	case *engine.OrderChange:
		m.reason = c.Reason
		a := m.orderChange(c)
		m.reason = ""
		return a
	case *engine.Block:
		return m.block(c)
	case *engine.PutLocation:
		m.locations = maps.Clone(m.locations)
		m.locations[c.Location] = *c
		return answer{}
	case *engine.DeleteSegments:
		return m.deleteSegments(c)
	case *engine.PutLocationGroup:
		m.groups = maps.Clone(m.groups)
		if m.groups[c.Group] = *c; len(c.Locations) == 0 {
			delete(m.groups, c.Group)
		}
		return answer{}
	case *engine.PutWebhook, *engine.DeleteWebhook, *engine.SetWebhookPosition:
		m.webhooks = maps.Clone(m.webhooks)
		return m.changeWebhooks(c)
	case *engine.Transition:
		return m.transition(c)
	case *engine.PutTagCategory:
		return m.putCategory(c)
	case *engine.DeleteTagCategory:
		return m.deleteCategory(c)
	case *engine.StartCount:
		return m.startCount(c)
	case *engine.CloseCount:
		return m.closeCount(c)
	case *engine.PutRule, *engine.ActivateRule, *engine.DeactivateRule:
		return answer{Code: m.changeRule(c)}
	case *engine.SuspendRule:
		return answer{Code: m.suspendRule(c)}
	case *engine.RedistributePlan:
		return m.redistributePlan(c)
	case *engine.StartChanges:
		m.counting = true
		return answer{}
	case *engine.Expire:
		return answer{}
	}
	panic(fmt.Sprintf("BUG: the model knows no %T", c))
}

// copy is a deep copy. Kept answers are never changed, so they are shared.
func (m *model) copy() *model {
	c := *m
	c.categories = slices.Clone(m.categories)
	c.records = map[place]*record{}
	for p, r := range m.records {
		c.records[p] = r.copy()
	}
	c.orders = map[string]*order{}
	for id, o := range m.orders {
		items := make([]*item, len(o.items))
		for i, it := range o.items {
			items[i] = it.copy()
		}
		c.orders[id] = &order{items: items}
	}
	c.kept, c.filled = maps.Clone(m.kept), maps.Clone(m.filled)
	c.counts = map[string]*stockCount{}
	for location, count := range m.counts {
		clone := *count
		clone.base = map[place][]segment{}
		for p, segments := range count.base {
			for _, s := range segments {
				s.tags = maps.Clone(s.tags)
				clone.base[p] = append(clone.base[p], s)
			}
		}
		clone.named = map[place][]tagSet{}
		for p, named := range count.named {
			for _, tags := range named {
				clone.named[p] = append(clone.named[p], maps.Clone(tags))
			}
		}
		c.counts[location] = &clone
	}
	return &c
}

func (it *item) copy() *item {
	c := *it
	c.tags = maps.Clone(it.tags)
	c.parts = nil
	for _, h := range it.parts {
		clone := *h
		clone.tags = maps.Clone(h.tags)
		c.parts = append(c.parts, &clone)
	}
	c.why.Candidates = slices.Clone(it.why.Candidates)
	for i, w := range c.why.Candidates {
		c.why.Candidates[i].from = maps.Clone(w.from)
	}
	return &c
}

func (r *record) copy() *record {
	c := *r
	c.segments, c.futures = nil, nil
	for _, s := range r.segments {
		clone := *s
		clone.tags = maps.Clone(s.tags)
		c.segments = append(c.segments, &clone)
	}
	for _, f := range r.futures {
		clone := *f
		clone.tags = maps.Clone(f.tags)
		c.futures = append(c.futures, &clone)
	}
	return &c
}

// places are the keys of the records, sorted, so that the model's answers have an order, too.
func (m *model) places() []place {
	places := slices.Collect(maps.Keys(m.records))
	sort.Slice(places, func(i, j int) bool {
		a, b := places[i], places[j]
		return a.location < b.location || a.location == b.location && a.upc < b.upc
	})
	return places
}

// items are all order items, oldest first.
func (m *model) items() []*item {
	var items []*item
	for _, o := range m.orders {
		items = append(items, o.items...)
	}
	sort.Slice(items, func(i, j int) bool { return items[i].sequence < items[j].sequence })
	return items
}

func (m *model) record(p place) *record {
	if m.records[p] == nil {
		m.records[p] = &record{}
	}
	return m.records[p]
}

func (r *record) find(tags tagSet) *segment {
	for _, s := range r.segments {
		if maps.Equal(s.tags, tags) {
			return s
		}
	}
	return nil
}

func (r *record) segment(tags tagSet) *segment {
	if s := r.find(tags); s != nil {
		return s
	}
	s := &segment{tags: maps.Clone(tags)}
	r.segments = append(r.segments, s)
	return s
}

// promised sums the units that order items hold and wait for in one segment.
func (m *model) promised(p place, tags tagSet) (allocated, pending int64) {
	for _, it := range m.items() {
		for _, h := range it.parts {
			if it.place == p && maps.Equal(h.tags, tags) {
				allocated += h.allocated
				pending += h.pending
			}
		}
	}
	return allocated, pending
}

// committed are the units of a segment that are not available.
func (m *model) committed(p place, s *segment) int64 {
	allocated, pending := m.promised(p, s.tags)
	return allocated + pending + s.safetyStock
}

func (m *model) available(p place, s *segment) int64 { return s.onHand - m.committed(p, s) }

// releasePending gives the available units of a record's segments to the order items that wait there, oldest first.
func (m *model) releasePending(p place) {
	r := m.records[p]
	if r == nil {
		return
	}
	for _, s := range r.segments {
		allocated, _ := m.promised(p, s.tags)
		free := s.onHand - allocated - s.safetyStock
		for _, it := range m.items() {
			for _, h := range it.parts {
				if it.place != p || !maps.Equal(h.tags, s.tags) {
					continue
				}
				units := max(0, min(free, h.pending))
				h.pending -= units
				h.allocated += units
				free -= units
				m.noteFilled(p, s, units)
				m.note(it, engine.MovementPendingReleased, units)
			}
		}
	}
}

// note adds to an item's history, which keeps only the latest movements.
func (m *model) note(it *item, kind engine.MovementKind, units int64) {
	if units == 0 {
		return
	}
	reason := ""
	if kind == engine.MovementReleased || kind == engine.MovementLost {
		reason = m.reason
	}
	history := append(slices.Clone(it.history), movement{kind, units, m.index, m.nowMS, reason})
	it.history = history[max(0, len(history)-engine.MovementsPerItemMax):]
}

// String spells equal tag sets equally.
func (t tagSet) String() string {
	var pairs []string
	for _, category := range slices.Sorted(maps.Keys(t)) {
		pairs = append(pairs, category+"="+t[category])
	}
	return strings.Join(pairs, ",")
}
