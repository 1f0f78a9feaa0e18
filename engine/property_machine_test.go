package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"apportion/engine"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestEngineAgainstModel applies random commands to the engine and to the model. Answers and states must agree after
// each.
//
// rapid's defaults (100 runs of about 30 commands) take a few seconds. A long run:
//
//	go test ./engine -run TestEngineAgainstModel -rapid.checks=20000 -rapid.steps=60 -timeout 1h
func TestEngineAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHarness(t)
		h.begin(t)
		t.Repeat(map[string]func(*rapid.T){
			"command": func(t *rapid.T) { h.step(t) },
			"":        func(t *rapid.T) { h.check(t) },
		})
	})
}

// harness is an engine beside the model.
type harness struct {
	t     fatalf
	e     *engine.Engine
	m     *model
	index uint64
	nowMS int64

	log      []logged
	versions map[place]uint64
	result   engine.Result

	lastEvent engine.EventID // that was compared

	follower, startFollower follower
}

// logged is a command as in the log, with its answer.
type logged struct {
	index           uint64
	nowMS           int64
	command, result []byte
}

// fatalf is the common part of rapid.T and testing.T.
type fatalf interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

func newHarness(t fatalf) *harness {
	return &harness{t: t, e: engine.New(), m: newModel(), nowMS: 1_700_000_000_000, versions: map[place]uint64{}}
}

// begin makes a schema, and mostly a rule.
func (h *harness) begin(t *rapid.T) {
	g := generator{t, h.m, h.nowMS}
	for range rapid.IntRange(0, 2).Draw(t, "categories") {
		h.apply("", g.putCategory())
	}
	if g.chance("begins with a rule", 70) {
		h.apply("", &engine.PutRule{Name: ruleName, Source: "s", Hooks: []engine.RuleHook{engine.HookSelect}})
		h.apply("", &engine.ActivateRule{Name: ruleName, Hook: engine.HookSelect, FailuresMax: 3})
	}
	if g.chance("begins with a rule for records", 50) {
		h.apply("", g.redistributeRuleCommand(h.e))
		h.apply("", &engine.ActivateRule{Name: redistributeRuleName, Hook: engine.HookRedistribute,
			RuleScope:   redistributeScope,
			FailuresMax: 3})
	}
}

// step applies one random command. Mostly time passes before it.
func (h *harness) step(t *rapid.T) {
	h.t = t
	h.pass(t)
	g := generator{t, h.m, h.nowMS}
	if g.chance("with a job", 20) {
		h.m.jobInfo = g.jobInfo()
	}
	if g.chance("looks first", 30) {
		h.m.seen = sawIt + seenBefore(below(2).Draw(t, "saw another"))
	}
	key := ""
	if g.chance("with key", 25) {
		key = g.pick("key", keys)
		if kept, ok := h.m.kept[key]; ok && g.chance("same body", 70) {
			h.apply(key, kept.command)
			return
		}
	}
	switch {
	case g.chance("rule", 5):
		h.apply(key, g.ruleCommand())
		return
	case g.chance("rule for records", 8):
		h.apply(key, g.redistributeRuleCommand(h.e))
		return
	case h.e.PlansWaiting() > 0 && g.chance("redistribute", 40):
		h.decideWaiting(g, key)
		return
	}
	c := g.command()
	h.depend(g, c)
	if allocate, ok := c.(*engine.Allocate); ok {
		if h.plan(g, allocate); h.m.decided.plans == nil && h.m.decided.rulesIndex == h.m.rulesIndex {
			h.checkRefuses(key, allocate)
		}
	}
	h.apply(key, c)
}

// depend makes some items of a stock command depend on the versions of their records, or sometimes on others.
func (h *harness) depend(g generator, c engine.Command) {
	version := func(upc, location string) (has engine.StockFields, version uint64) {
		if !g.chance("if version", 15) {
			return 0, 0
		}
		return engine.HasVersion, h.see(place{upc, location}) + uint64(below(5).Draw(g.t, "another version")/4)
	}
	depend := func(location string, items []engine.StockItem) {
		for i := range items {
			has, v := version(items[i].UPC, location)
			items[i].Has, items[i].IfVersion = items[i].Has|has, v
		}
	}
	switch c := c.(type) {
	case *engine.Refresh:
		depend(c.Location, c.Items)
	case *engine.Adjust:
		depend(c.Location, c.Items)
	case *engine.Transfer:
		for i := range c.Items {
			c.Items[i].Has, c.Items[i].IfVersion = version(c.Items[i].UPC, c.Items[i].FromLocation)
		}
	}
}

// see is the version of a record at the present moment.
func (h *harness) see(p place) uint64 {
	var v engine.RecordView
	h.e.Advance(max(h.index, 1), h.nowMS) // due changes give new versions
	h.e.ReadRecord(p.upc, p.location, &v)
	return v.Version
}

// plan makes plans for an Allocate, under the active rules, or sometimes under earlier ones.
func (h *harness) plan(g generator, c *engine.Allocate) {
	h.m.decided = decision{rulesIndex: h.m.rulesIndex}
	if !h.m.ruleActive {
		return
	}
	if h.m.decided.plans = g.plans(c); g.chance("stale", 4) {
		h.m.decided.rulesIndex--
	}
	h.m.decided.versions = map[place]uint64{}
	for _, line := range c.Lines {
		p := place{line.UPC, line.Location}
		h.m.decided.versions[p] = h.see(p)
	}
}

// decideWaiting makes plans for the records that wait for one, under the active rules, or sometimes under earlier ones.
func (h *harness) decideWaiting(g generator, key string) {
	h.e.Advance(max(h.index, 1), h.nowMS) // due changes give new versions
	h.m.decided = decision{rulesIndex: h.m.rulesIndex, versions: map[place]uint64{}}
	if g.chance("stale", 4) && h.m.rulesIndex > 0 {
		h.m.decided.rulesIndex--
	}
	wanted, next := h.e.NextPlans(0, 100, nil)
	if next != 0 || int64(len(wanted)) != h.e.PlansWaiting() {
		h.t.Fatalf("%d records wait, the queue has %d", h.e.PlansWaiting(), len(wanted))
	}
	c := &engine.RedistributePlan{}
	for _, w := range wanted {
		var v engine.RecordView
		h.e.ReadRecord(w.UPC, w.Location, &v)
		h.m.decided.versions[place{w.UPC, w.Location}] = v.Version
		c.Items = append(c.Items, g.redistributeItem(h.e.Schema(), &v))
	}
	if g.chance("not waiting", 20) {
		c.Items = append(c.Items, engine.RedistributeItem{UPC: g.pick("upc", upcs),
			Location: g.pick("location", locations),
			Action:   engine.RedistributeByPercent})
	}
	h.apply(key, c)
}

// checkRefuses: an early refusal is the answer that the command would get now. The caller must first look up an order
// that left memory: Refuses does not know it.
func (h *harness) checkRefuses(key string, c *engine.Allocate) {
	h.t.Helper()
	var r engine.Result
	if _, evicted := h.e.AppendArchived(nil, c.OrderID); evicted || !h.e.Refuses(key, c, &r) {
		return
	}
	got := answerOf(h.e.Schema(), &r)
	m := h.m.copy()
	m.jobInfo = nil                                          // an early refusal is no job
	want := m.apply(h.e.AppliedIndex(), h.e.NowMS(), key, c) // no time passes, so nothing becomes due
	got.Index, want.Index = 0, 0
	if diff := compareAnswers(want, got); diff != "" {
		h.t.Fatalf("%+v\nat index %d, key %q, is refused before the log: model -, engine +\n%s", c, h.index, key, diff)
	}
}

// pass lets a random time pass: mostly little, sometimes a day, after which keys and counts are forgotten.
func (h *harness) pass(t *rapid.T) {
	const dayMS = 24 * 60 * 60 * 1000
	if h.index > 0 && below(4).Draw(t, "same entry") == 1 {
		return
	}
	h.nowMS += []int64{0, 0, 0, 1, 1, 3, 3, 7, 7, 20, 20, dayMS + 1}[below(12).Draw(t, "time passes")]
	h.index++
}

func (h *harness) apply(key string, c engine.Command) answer {
	h.t.Helper()
	if h.index == 0 {
		h.index = 1
	}
	if h.m.decided.versions == nil {
		h.m.decided = decision{rulesIndex: h.m.rulesIndex, versions: map[place]uint64{}}
		for _, upc := range upcs {
			for _, location := range locations {
				h.m.decided.versions[place{upc, location}] = h.see(place{upc, location})
			}
		}
	}
	h.t.Logf("at index %d, %d ms, key %q: %T %+v, plans %+v", h.index, h.nowMS, key, c, c, h.m.decided.plans)
	h.e.Advance(h.index, h.nowMS)
	early := h.takeEdges() // with the tags from before the command
	command := engine.AppendCommand(nil, h.envelope(key, c), c)
	bytes := h.e.Apply(h.index, h.nowMS, command, nil)
	h.log = append(h.log, logged{h.index, h.nowMS, command, bytes})
	if err := engine.DecodeResult(bytes, &h.result); err != nil {
		h.t.Fatalf("%T %+v: the result cannot be decoded: %v", c, c, err)
	}
	got := answerOf(h.e.Schema(), &h.result)
	h.m.lastEvent = h.e.LastEvent()
	want := h.m.apply(h.index, h.nowMS, key, c)
	if activate, ok := c.(*engine.ActivateRule); ok && activate.Name == redistributeRuleName &&
		want.Code == engine.CodeOK &&
		!want.Repeated {
		h.m.redistributeRule.activation = h.result.Rule.Activation // the engine chooses the number
	}
	h.checkNewJob(c)
	h.checkEdges(early)
	h.m.decided, h.m.jobInfo, h.m.seen = decision{}, nil, notLooked
	if diff := compareAnswers(want, got); diff != "" {
		h.t.Fatalf("%T %+v\nat index %d, key %q, the answers differ: model -, engine +\n%s", c, c, h.index, key, diff)
	}
	return got
}

// envelope carries the row of an order that left memory, like the proposer of the command.
func (h *harness) envelope(key string, c engine.Command) *engine.Envelope {
	env := &engine.Envelope{Key: key, Job: h.m.jobInfo}
	var id string
	switch c := c.(type) {
	case *engine.Allocate:
		id = c.OrderID
		env.RulesIndex, env.Plans = h.m.decided.rulesIndex, h.m.decided.plans
	case *engine.RedistributePlan:
		env.RulesIndex = h.m.decided.rulesIndex
	case *engine.PutTagCategory:
		if env.IfSeen = h.m.seen != notLooked; env.IfSeen {
			env.Seen = h.e.Schema().CategoryHash(c.Name) + uint64(h.m.seen-sawIt)
		}
	case *engine.OrderChange:
		id = c.OrderID
		if env.IfSeen = h.m.seen != notLooked; env.IfSeen {
			env.Seen = h.lastChange(id) + uint64(h.m.seen-sawIt)
		}
	case *engine.Transition:
		id = c.OrderID
	}
	if row, evicted := h.e.AppendArchived(nil, id); evicted {
		env.Archived, env.ArchivedAt = row, h.e.AppliedIndex()
	}
	return env
}

// lastChange is that of an order at the present moment.
func (h *harness) lastChange(id string) uint64 {
	var v engine.OrderView
	h.e.Advance(max(h.index, 1), h.nowMS) // it may end reservations
	if row, ok := h.e.AppendArchived(nil, id); ok {
		if err := engine.DecodeArchivedOrder(row, &v); err != nil {
			h.t.Fatalf("order %s in the archive: %v", id, err)
		}
		return v.Changed
	}
	h.e.ReadOrder(id, &v)
	return v.Changed
}

// check compares the whole state.
func (h *harness) check(t fatalf) {
	t.Helper()
	h.e.Verify(func(problem string) { t.Fatalf("Verify reports: %s", problem) })
	h.checkRecords(t)
	h.checkOrders(t)
	h.checkOrderList(t)
	h.checkLists(t)
	h.checkChanges(t)
	h.checkSchema(t)
	h.checkJobs(t)
	h.checkLocations(t)
	h.checkNextDue(t)
}

// checkJobs compares the jobs, read page by page.
func (h *harness) checkJobs(t fatalf) {
	t.Helper()
	var got []engine.Job
	for before := engine.JobID(0); ; before = got[len(got)-1].ID {
		had := len(got)
		if got = h.e.Jobs(before, 3, got); len(got) == had {
			break
		}
	}
	slices.Reverse(got)
	if diff := gocmp.Diff(h.m.jobs, got, cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(engine.Job{}, "Field", "Value")); diff != "" {
		t.Fatalf("the jobs differ: model -, engine +\n%s", diff)
	}
}

// checkLocations compares the details of locations, their groups, and the webhooks.
func (h *harness) checkLocations(t fatalf) {
	t.Helper()
	got := map[string]engine.PutLocation{}
	for _, c := range h.e.Locations() {
		got[c.Location] = c
	}
	if diff := gocmp.Diff(h.m.locations, got); diff != "" {
		t.Fatalf("the locations differ: model -, engine +\n%s", diff)
	}
	groups := map[string]engine.PutLocationGroup{}
	for _, c := range h.e.LocationGroups() {
		groups[c.Group] = c
	}
	if diff := gocmp.Diff(h.m.groups, groups); diff != "" {
		t.Fatalf("the groups of locations differ: model -, engine +\n%s", diff)
	}
	webhooks := map[string]engine.Webhook{}
	for _, w := range h.e.Webhooks() {
		webhooks[w.Name] = w
	}
	if diff := gocmp.Diff(h.m.webhooks, webhooks, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the webhooks differ: model -, engine +\n%s", diff)
	}
}

// checkNewJob: a job names the same faults as its result.
func (h *harness) checkNewJob(c engine.Command) {
	h.t.Helper()
	if h.result.Job.Count == 0 || h.result.Repeated {
		return
	}
	var j engine.Job
	if !h.e.Job(h.result.Job.First, &j) || j.Field != h.result.Field || j.Value != h.result.Value {
		h.t.Fatalf("%T %+v: the job is %+v, the result says %v at %q, %q", c, c, j, h.result.Code, h.result.Field,
			h.result.Value)
	}
}

// checkNextDue: the engine's time may be too early, for something already done, but never too late.
func (h *harness) checkNextDue(t fatalf) {
	t.Helper()
	want, any := h.m.nextDue()
	if got, ok := h.e.NextDueMS(); any && (!ok || got > want) {
		t.Fatalf("something is due at %d; the engine says %d, %t", want, got, ok)
	}
}

func (h *harness) checkRecords(t fatalf) {
	t.Helper()
	for _, upc := range upcs {
		var want []string
		for _, p := range h.m.places() {
			if p.upc == upc {
				want = append(want, p.location)
			}
		}
		if got := h.e.AppendLocations(nil, upc); !slices.Equal(got, want) {
			t.Fatalf("%s is at %v; the engine says %v", upc, want, got)
		}
	}
	schema := h.e.Schema()
	segments := 0
	var v engine.RecordView
	known := h.m.places()
	for _, upc := range upcs {
		for _, location := range locations {
			if p := (place{upc, location}); h.m.records[p] == nil {
				known = append(known, p)
			}
		}
	}
	for _, p := range known {
		segments += h.checkRecord(t, schema, p, &v)
	}
	if s := h.e.Stats(); s.Records != int64(len(h.m.records)) || s.Segments != int64(segments) {
		t.Fatalf("stats say %d records, %d segments; there are %d and %d", s.Records, s.Segments, len(h.m.records),
			segments)
	}
}

// checkRecord compares one record and gives the number of its segments.
func (h *harness) checkRecord(t fatalf, schema *engine.Schema, p place, v *engine.RecordView) int {
	t.Helper()
	found := h.e.ReadRecord(p.upc, p.location, v)
	if _, want := h.m.records[p]; found != want {
		t.Fatalf("record %v: found by the engine: %t, by the model: %t", p, found, want)
	}
	if !found {
		delete(h.versions, p)
		return 0
	}
	want, got := h.m.recordFigures(p), recordFiguresOf(h.m, schema, v)
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("record %v differs: model -, engine +\n%s", p, diff)
	}
	if v.Version < h.versions[p] {
		t.Fatalf("record %v: the version fell from %d to %d", p, h.versions[p], v.Version)
	}
	h.versions[p] = v.Version
	return len(v.Segments)
}

func (h *harness) checkOrders(t fatalf) {
	t.Helper()
	schema := h.e.Schema()
	var v engine.OrderView
	inMemory := 0
	for _, id := range slices.Sorted(maps.Keys(h.m.orders)) {
		want, got := map[string]itemFigures{}, map[string]itemFigures{}
		if o := h.m.orders[id]; o != nil {
			for _, it := range o.items {
				want[it.id] = it.figures()
			}
		}
		if h.readOrder(t, id, &v) {
			for i := range v.Items {
				got[v.Items[i].ItemID] = itemFiguresOf(schema, &v.Items[i])
			}
		}
		if h.e.ReadOrder(id, &v) {
			inMemory++
		}
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("order %s differs: model -, engine +\n%s", id, diff)
		}
		h.checkExplanation(t, id)
	}
	if s := h.e.Stats(); s.Orders != int64(inMemory) || s.Results != int64(len(h.m.kept)) {
		t.Fatalf("stats say %d orders, %d results; there are %d and %d", s.Orders, s.Results, inMemory, len(h.m.kept))
	}
}

// checkExplanation compares the explanations of an order's items.
func (h *harness) checkExplanation(t fatalf, id string) {
	t.Helper()
	want, got := map[string]explained{}, map[string]explained{}
	if o := h.m.orders[id]; o != nil {
		for _, it := range o.items {
			want[it.id] = it.explanation(h.e.NowMS())
		}
	}
	var v engine.OrderExplanation
	if !h.e.Explain(id, &v) {
		if row, evicted := h.e.AppendArchived(nil, id); evicted {
			if err := h.e.ExplainOrder(row, &v); err != nil {
				t.Fatalf("the evicted order %s: %v", id, err)
			}
		}
	}
	for i := range v.Items {
		got[v.Items[i].ItemID] = explainedOf(h.e.Schema(), &v.Items[i])
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(whyCandidate{})); diff != "" {
		t.Fatalf("order %s is explained otherwise: model -, engine +\n%s", id, diff)
	}
}

// readOrder reads an order from memory, or from the row of its eviction.
func (h *harness) readOrder(t fatalf, id string, v *engine.OrderView) bool {
	t.Helper()
	if h.e.ReadOrder(id, v) {
		return true
	}
	row, evicted := h.e.AppendArchived(nil, id)
	if !evicted {
		return false
	}
	if err := engine.DecodeArchivedOrder(row, v); err != nil {
		t.Fatalf("the row of the evicted order %s: %v", id, err)
	}
	return true
}

func (h *harness) checkSchema(t fatalf) {
	t.Helper()
	var want, got []string
	for _, c := range h.m.categories {
		want = append(want, fmt.Sprint(c.name, c.values, c.rounding))
	}
	for _, c := range h.e.Schema().Categories() {
		got = append(got, fmt.Sprint(c.Name, c.Values, c.Rounding))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("the schema differs: model -, engine +\n%s", diff)
	}
}
