package rules

import (
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"apportion/engine"
)

// testLog is an engine as a log, with changes and errors that tests set.
type testLog struct {
	mu      sync.Mutex
	h       *planHost
	entries int
	before  []func() // called first by Do, one for each call
	err     error    // of Do
	done    chan struct{}
}

var errTest = errors.New("a test's error")

type testBatch struct{ commands, results [][]byte }

func (b *testBatch) Reset()              { b.commands, b.results = b.commands[:0], b.results[:0] }
func (b *testBatch) Len() int            { return len(b.commands) }
func (b *testBatch) Result(i int) []byte { return b.results[i] }
func (b *testBatch) Append(env *engine.Envelope, c engine.Command) {
	if env == nil {
		env = new(engine.Envelope)
	}
	b.commands = append(b.commands, engine.AppendCommand(nil, env, c))
}

func (l *testLog) NewBatch() Batch      { return new(testBatch) }
func (l *testLog) Leads() bool          { return true }
func (l *testLog) NotHere(_ error) bool { return false }

func (l *testLog) Do(_ time.Time, b Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.before) > 0 {
		l.before[0]()
		l.before = l.before[1:]
	}
	if l.done != nil {
		defer func() { l.done <- struct{}{} }()
	}
	if l.err != nil {
		return l.err
	}
	l.entries++
	batch := b.(*testBatch)
	for _, command := range batch.commands {
		l.h.index++
		batch.results = append(batch.results, l.h.e.Apply(l.h.index, 1, command, nil))
	}
	return nil
}

func (l *testLog) Refuses(_ time.Time, _ int64, key string, c *engine.Allocate, r *engine.Result) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.h.e.Refuses(key, c, r)
}

func (l *testLog) NextPlans(after uint32, limit int, dst []engine.PlanWanted) ([]engine.PlanWanted, uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.h.e.NextPlans(after, limit, dst)
}

// newTestRunner makes a runner over a log with stock and one active rule.
func newTestRunner(t *testing.T, source string) (*Runner, *testLog) {
	log := &testLog{h: newPlanHost(t, source, engine.FallbackDefault)}
	return NewRunner(RunnerConfig{Log: log, State: log.h.e, Logger: slog.New(slog.DiscardHandler),
		Timeout: time.Minute}), log
}

const fromB = `function select(item, record) return { {tags={Channel="B"}} } end`

func newRun(r *Runner) *Run { return &Run{Batch: r.NewBatch(), Deadline: time.Now().Add(time.Minute)} }

// answered has the codes of the answers, by proposal.
type answered struct {
	run   *Run
	codes map[int][]engine.Code
}

func (a answered) Answer(i int) { a.codes[i] = append(a.codes[i], a.run.Result.Code) }

func newAnswered(run *Run) answered { return answered{run, map[int][]engine.Code{}} }

// orderNamed is an order with an id of its own.
func orderNamed(id string, units int64) *engine.Allocate {
	c := order(1)
	c.OrderID, c.Lines[0].Quantity = id, units
	return c
}

// TestRunnerPlansAgain: if the rules of a plan are no longer active, the order is planned again.
func TestRunnerPlansAgain(t *testing.T) {
	r, log := newTestRunner(t, fromB)
	log.before = []func(){func() { log.h.do(&engine.DeactivateRule{Name: "r"}) }}
	run := newRun(r)
	if err := r.Do(run, []Proposal{{Command: orderNamed("o", 3)}}, nil); err != nil {
		t.Fatal(err)
	}
	if l := run.Result.Lines; run.Result.Code != engine.CodeOK || l[0].Rule != "" || log.entries != 2 {
		t.Errorf("after %d entries: %+v", log.entries, run.Result)
	}
}

// TestRunnerGivesUp: if each plan is out of date, the runner gives up.
func TestRunnerGivesUp(t *testing.T) {
	r, log := newTestRunner(t, fromB)
	for range triesMax {
		log.before = append(log.before, func() {
			log.h.do(&engine.ActivateRule{Name: "r", Hook: engine.HookSelect, FailuresMax: 3})
		})
	}
	run := newRun(r)
	err := r.Do(run, []Proposal{{Command: orderNamed("o", 3)}}, nil)
	if err != nil || run.Result.Code != engine.CodeRetry || log.entries != triesMax {
		t.Errorf("%v after %d entries: %+v", err, log.entries, run.Result)
	}
}

// TestRunnerRefusesEarly: an order without enough stock costs no log entry, unless its outcome must be in the log or a
// rule has decided.
func TestRunnerRefusesEarly(t *testing.T) {
	for _, test := range []struct {
		name    string
		active  bool
		inLog   bool
		entries int
	}{
		{"no rule", false, false, 0},
		{"its outcome has to be in the log", false, true, 1},
		{"a rule has decided", true, false, 1},
	} {
		r, log := newTestRunner(t, fromB)
		if !test.active {
			log.h.do(&engine.DeactivateRule{Name: "r"})
		}
		run := newRun(r)
		answers := newAnswered(run)
		err := r.Do(run, []Proposal{{Command: orderNamed("o", 1000), InLog: test.inLog}}, answers)
		if err != nil || len(answers.codes[0]) != 1 || run.Result.Lines[0].Code == engine.CodeOK ||
			log.entries != test.entries ||
			r.EarlyRefusals.Load() != int64(1-test.entries) {
			t.Errorf("%s: %v, %d entries, %d early refusals, %+v", test.name, err, log.entries, r.EarlyRefusals.Load(),
				run.Result)
		}
	}
}

// TestRunnerMakes: a command is computed from a category, and again if another command changes the category meanwhile.
func TestRunnerMakes(t *testing.T) {
	r, log := newTestRunner(t, fromB)
	log.before = []func(){func() {
		log.h.do(&engine.PutTagCategory{Name: "Season", Values: []engine.Value{
			{Name: "W", Percent: engine.NoPercent, Default: true, Max: engine.NoMax}}})
	}}
	made := 0
	run := newRun(r)
	err := r.Do(run, []Proposal{{Category: "Season", Make: func(was *engine.Category) (*engine.PutTagCategory, error) {
		made++
		if (was != nil) != (made > 1) {
			t.Errorf("try %d: made of %+v", made, was)
		}
		return &engine.PutTagCategory{Name: "Season", Values: []engine.Value{
			{Name: "S", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
			{Name: "W", Percent: engine.NoPercent, Max: engine.NoMax}}}, nil
	}}}, nil)
	if err != nil || run.Result.Code != engine.CodeOK || made != 2 {
		t.Errorf("%v after %d tries: %+v", err, made, run.Result)
	}
	fail := Proposal{Category: "Season", Make: func(*engine.Category) (*engine.PutTagCategory, error) {
		return nil, errTest
	}}
	if err := r.Do(run, []Proposal{fail}, nil); !errors.Is(err, errTest) || IsPartlyDone(err) {
		t.Errorf("a command that cannot be made: %v", err)
	}
}

// TestRunnerPartlyDone: the results of one round are valid even if the log fails in the next round.
func TestRunnerPartlyDone(t *testing.T) {
	r, log := newTestRunner(t, fromB)
	log.before = []func(){func() { log.h.do(&engine.DeactivateRule{Name: "r"}) }, func() { log.err = errTest }}
	run := newRun(r)
	answers := newAnswered(run)
	err := r.Do(run, []Proposal{{Command: &engine.Adjust{Location: "L",
		Items: []engine.StockItem{{UPC: "U", Quantity: 1}}}},
		{}, {Command: orderNamed("o", 3)}}, answers)
	if !IsPartlyDone(err) || !errors.Is(err, errTest) {
		t.Errorf("fails with %v", err)
	}
	if !slices.Equal(answers.codes[0], []engine.Code{engine.CodeOK}) || len(answers.codes[1]) != 0 ||
		!slices.Equal(answers.codes[2], []engine.Code{engine.CodeRetry}) {
		t.Errorf("answers %v", answers.codes)
	}
}

// TestRunnerWithoutTime: without time to plan an order, the call fails. If orders are answered apart, only this order
// fails.
func TestRunnerWithoutTime(t *testing.T) {
	r, log := newTestRunner(t, fromB)
	run := newRun(r)
	run.Deadline = time.Now().Add(-time.Minute)
	proposals := []Proposal{{Command: orderNamed("o", 3)}}
	if err := r.Do(run, proposals, nil); !errors.Is(err, ErrDeadline) || log.entries != 0 {
		t.Errorf("%d entries: %v", log.entries, err)
	}
	run.Apart = true
	answers := newAnswered(run)
	if err := r.Do(run, proposals, answers); err != nil || log.entries != 0 ||
		!slices.Equal(answers.codes[0], []engine.Code{engine.CodeRetry}) {
		t.Errorf("%d entries, %v: %v", log.entries, answers.codes, err)
	}
}

// TestRunnerSuspends: a rule that fails too often is suspended through the log. If the log fails, the next failure of
// the rule tries again.
func TestRunnerSuspends(t *testing.T) {
	r, log := newTestRunner(t, `function select(item, record) error("no") end`)
	plan := func() {
		var env engine.Envelope
		budget := NewBudget(time.Time{}, 1)
		if err := r.Plan(&budget, orderNamed("o", 1), 1, &env); err != nil {
			t.Fatal(err)
		}
	}
	log.done, log.err = make(chan struct{}, 1), errTest
	for range 3 {
		plan()
	}
	<-log.done
	log.mu.Lock()
	log.done, log.err = nil, nil
	log.mu.Unlock()
	for !log.h.e.Rules().Active()[0].Suspended {
		plan() // the failure of the first try may not be known yet
		runtime.Gosched()
	}
}

// TestRunnerRedistributes: after a write, the background redistributes the records that wait for a rule.
func TestRunnerRedistributes(t *testing.T) {
	r, log := newTestRunner(t, fromB)
	log.h.do(&engine.PutRule{Name: "s", Source: `function redistribute(record, schema)
		return {units = { {tags={Channel="A"}, units=4}, {tags={Channel="B"}, units=11} }, across={"Channel"}}
	end`, Hooks: []engine.RuleHook{engine.HookRedistribute}})
	log.h.do(&engine.ActivateRule{Name: "s", Hook: engine.HookRedistribute, FailuresMax: 3})
	log.done = make(chan struct{}, 10)
	r.Start()
	defer r.Close()
	run := newRun(r)
	err := r.Do(run, []Proposal{{Command: &engine.Redistribute{Scope: engine.Scope{All: true}, Now: true}}}, nil)
	if err != nil || run.Result.Code != engine.CodeOK {
		t.Fatalf("%v: %+v", err, run.Result)
	}
	<-log.done // the write
	<-log.done // the plan
	var v engine.RecordView
	if !log.h.e.ReadRecord("U", "L", &v) || log.h.e.PlansWaiting() != 0 || v.Segments[1].OnHand != 11 {
		t.Errorf("%d records wait: %+v", log.h.e.PlansWaiting(), v)
	}
}

// TestRunnerLeavesPlansToTheCaller: a client's request to redistribute now plans its own records and reports them. The
// background leaves them alone until WakeUp or the next check.
func TestRunnerLeavesPlansToTheCaller(t *testing.T) {
	r, log := newTestRunner(t, fromB)
	log.h.do(&engine.PutRule{Name: "s", Source: `function redistribute(record) return nil, "no" end`,
		Hooks: []engine.RuleHook{engine.HookRedistribute}})
	log.h.do(&engine.ActivateRule{Name: "s", Hook: engine.HookRedistribute, FailuresMax: 3})
	run := newRun(r)
	err := r.Do(run, []Proposal{{Command: &engine.Redistribute{Scope: engine.Scope{All: true}, Now: true}}}, nil)
	if err != nil || log.h.e.PlansWaiting() == 0 {
		t.Fatalf("%v: %d records wait", err, log.h.e.PlansWaiting())
	}
	if len(r.waiting.wake) > 0 {
		t.Error("the background was woken")
	}
	if r.WakeUp(); len(r.waiting.wake) == 0 {
		t.Error("WakeUp wakes nothing")
	}
}
