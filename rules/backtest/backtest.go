package backtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"apportion/engine"
	"apportion/rules"
)

// Recording is what a backtest replays: a state, the entries of the log after it, and what was refused between them
// without an entry.
type Recording interface {
	// Load gives an engine with the state, a new one at each call. It calls pace now and then.
	Load(ctx context.Context, pace func()) (*engine.Engine, error)

	// Next reads the next entry into e, or what was refused behind the entry before (engine.Refused); io.EOF if there
	// is no more. e's commands are valid until the next call.
	Next(e *engine.Entry) error
}

// Period is the part of a recording that a backtest is about: the entries that are within both bounds, and what was
// refused behind an entry of an index within them, at a time within them. Times are Unix milliseconds; 0 stands for no
// bound.
type Period struct {
	FromIndex, ToIndex   uint64
	FromTimeMS, ToTimeMS int64
}

func (p *Period) begins(e *engine.Entry) bool {
	return e.Index >= p.FromIndex && e.TimeMS >= p.FromTimeMS
}

func (p *Period) ends(e *engine.Entry) bool {
	return p.ToIndex != 0 && e.Index > p.ToIndex || p.ToTimeMS != 0 && e.TimeMS > p.ToTimeMS
}

// Config says what a backtest compares with what was.
type Config struct {
	// Candidate is the rule as it would have been activated: its Rule, Version, Hook, Scope, OnError and FailuresMax
	// count.
	Candidate engine.Activation
	Source    string
	Limits    rules.Limits

	Period Period

	// DifferencesMax bounds the orders that are listed with the explanations of both; LinesMax the order lines that are
	// kept in mind, some 150 bytes each. Orders that were refused before the log may take half of them; more are left
	// out.
	DifferencesMax int
	LinesMax       int

	// BytesMax bounds the memory of both engines, the order lines and the report; 0: it is not bounded.
	BytesMax int64

	// Pace is called after each command and now and then between, so that a backtest takes only its share of the
	// machine.
	Pace func()
}

// The errors of a backtest, but for those of its recording and its context.
var (
	// ErrTooManyLines: the period has more order lines than LinesMax.
	ErrTooManyLines = errors.New("rules: the period has more order lines than a backtest keeps in mind; choose a " +
		"shorter one")

	// ErrTooMuchMemory: the backtest takes more than BytesMax.
	ErrTooMuchMemory = errors.New("rules: the backtest takes more memory than it may; choose a shorter period, or " +
		"raise --backtest-bytes-max")

	// ErrEmptyPeriod: nothing was recorded in the period.
	ErrEmptyPeriod = errors.New("rules: nothing was recorded in the period")
)

// Progress is how far a backtest is.
type Progress struct {
	Index    uint64 // the last entry done
	Commands int64  // of the period
	Elapsed  time.Duration
}

// Backtest replays a recording twice, side by side: as it was decided, and as it would have been with another rule. It
// has engines of its own and changes nothing. Run is for one goroutine, Progress for any.
//
// What the log holds is what happened with the decisions of the time: an order that only the candidate fills is never
// shipped, and what was shipped of an order that the candidate fills otherwise is shipped as far as the candidate has
// filled it. Orders that were refused before the log are as good as recorded: see refused.
type Backtest struct {
	cfg     Config
	program *rules.Program

	decided   *world
	candidate *world
	planner   *rules.Planner
	askedMS   int64 // when the order that is being done was made, in the candidate's world
	inPeriod  bool
	failing   string // why the candidate would have been suspended
	tally     tally
	report    Report
	listed    int // parts of the report's differences

	unlooked int // bytes of commands since the memory was looked at

	refusal      engine.Result // of an order that was refused before the log
	refusedLines int           // lines of the tally that only such orders have needed

	begin    time.Time
	index    atomic.Uint64
	commands atomic.Int64
	elapsed  atomic.Int64
}

// New compiles the candidate; the errors are those of Compile, and ErrNoHook if the source lacks the hook.
func New(cfg Config) (*Backtest, error) {
	program, _, err := rules.Compile(cfg.Candidate.Rule, cfg.Source, cfg.Limits)
	if err != nil {
		return nil, err
	}
	if hook := cfg.Candidate.Hook; !program.Has(hook) {
		return nil, fmt.Errorf("%w: %s", rules.ErrNoHook, hook)
	}
	if cfg.Pace == nil {
		cfg.Pace = func() {}
	}
	if cfg.LinesMax == 0 {
		cfg.LinesMax = math.MaxInt
	}
	return &Backtest{cfg: cfg, program: program}, nil
}

// Progress says how far Run is.
func (b *Backtest) Progress() Progress {
	return Progress{Index: b.index.Load(), Commands: b.commands.Load(), Elapsed: time.Duration(b.elapsed.Load())}
}

// Run does the backtest, once. It ends early with the context's error. At its end the memory goes, but for the report.
func (b *Backtest) Run(ctx context.Context, r Recording) (*Report, error) {
	b.begin = time.Now()
	defer b.release()
	if err := b.load(ctx, r); err != nil {
		return nil, err
	}
	var entry engine.Entry
	for {
		err := r.Next(&entry)
		if errors.Is(err, io.EOF) || err == nil && !entry.Refused.Is && b.cfg.Period.ends(&entry) {
			break
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		do := b.logged
		if entry.Refused.Is {
			do = b.refused
		}
		if err := do(ctx, &entry); err != nil {
			return nil, err
		}
		b.elapsed.Store(int64(time.Since(b.begin)))
	}
	if !b.inPeriod {
		return nil, ErrEmptyPeriod
	}
	if err := b.finish(ctx); err != nil {
		return nil, err
	}
	report := b.report
	return &report, nil
}

func (b *Backtest) load(ctx context.Context, r Recording) error {
	for _, w := range []**world{&b.decided, &b.candidate} {
		e, err := r.Load(ctx, b.cfg.Pace)
		if err != nil {
			return fmt.Errorf("rules: load the state to replay from: %w", err)
		}
		*w = &world{engine: e, index: e.AppliedIndex(), nowMS: e.NowMS()}
		if b.exceeds(2 * e.MemoryBytes()) {
			return ErrTooMuchMemory
		}
	}
	b.planner = rules.NewPlanner(b.candidate.engine, b.cfg.Limits, b.suspend)
	b.tally.start(b.cfg.LinesMax)
	return nil
}

// release gives up what only Run needs.
func (b *Backtest) release() {
	b.program, b.planner, b.decided, b.candidate, b.tally, b.cfg = nil, nil, nil, nil, tally{}, Config{}
}

func (b *Backtest) exceeds(bytes int64) bool { return b.cfg.BytesMax > 0 && bytes > b.cfg.BytesMax }

// remembers looks at the memory once in a while: after so many bytes of commands as bring little of it.
func (b *Backtest) remembers(command []byte) error {
	if b.unlooked += len(command); b.unlooked < memoryLookBytes {
		return nil
	}
	b.unlooked = 0
	if b.exceeds(b.decided.engine.MemoryBytes() + b.candidate.engine.MemoryBytes() + b.tally.memoryBytes() +
		b.report.MemoryBytes()) {
		return ErrTooMuchMemory
	}
	return nil
}

// memoryLookBytes is some hundred small commands.
const memoryLookBytes = 32 << 10

// suppose has the candidate asked from now on; with a reason it is as good as suspended.
func (b *Backtest) suppose(suspended string) {
	a := b.cfg.Candidate
	a.Suspended, a.Reason = suspended != "", suspended
	b.candidate.engine.Suppose(&a, b.cfg.Source)
}

// suspend is the planner's word that a rule fails. The rules of the log are suspended where the log says so.
func (b *Backtest) suspend(c engine.SuspendRule, lost func()) {
	if c.Activation != engine.SupposedID {
		lost()
		return
	}
	b.failing = c.Reason
}

// suspendIfFailing treats the candidate as the log would have it after too many failures.
func (b *Backtest) suspendIfFailing() {
	if b.failing != "" && b.report.Suspended.Index == 0 {
		b.report.Suspended = engine.Moment{Index: b.candidate.index, TimeMS: b.candidate.nowMS}
		b.report.SuspendedReason = b.failing
		b.suppose(b.failing)
	}
}

// enter notes that something of the period comes now.
func (b *Backtest) enter(at engine.Moment) {
	if !b.inPeriod {
		b.inPeriod = true
		b.suppose("")
		b.report.From = at
	}
	b.report.To = engine.Moment{Index: max(b.report.To.Index, at.Index), TimeMS: max(b.report.To.TimeMS, at.TimeMS)}
}

// logged has both worlds do an entry of the log.
func (b *Backtest) logged(ctx context.Context, entry *engine.Entry) error {
	if b.inPeriod || b.cfg.Period.begins(entry) {
		b.enter(engine.Moment{Index: entry.Index, TimeMS: entry.TimeMS})
	}
	for _, w := range []*world{b.decided, b.candidate} {
		w.index, w.nowMS = entry.Index, max(entry.TimeMS, w.engine.NowMS())
		w.engine.Advance(w.index, w.nowMS)
	}
	b.askedMS = b.candidate.nowMS
	if b.inPeriod {
		b.redistribute() // what came with the time may have made records wait
	}
	for i, command := range entry.Commands {
		if i%ctxCommands == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := b.remembers(command); err != nil {
			return err
		}
		if !b.inPeriod {
			b.decided.apply(command)
			b.candidate.apply(command)
		} else {
			if err := b.command(command); err != nil {
				return err
			}
			b.commands.Add(1)
		}
		b.cfg.Pace()
	}
	b.index.Store(entry.Index)
	return nil
}

// ctxCommands is how many commands are done between two looks at the context.
const ctxCommands = 64

// command has both worlds do a command: the one as it was decided, the other as the candidate would have decided.
func (b *Backtest) command(command []byte) error {
	env, c, err := engine.DecodeCommand(command)
	if err != nil {
		return fmt.Errorf("rules: a recorded command: %w", err)
	}
	was := b.decided.apply(command)
	if was.Code == engine.CodeRetry {
		return nil // it was not done, and came again
	}
	switch c := c.(type) {
	case *engine.Allocate:
		return b.allocate(env, c, was)
	case *engine.OrderChange:
		b.change(env, c, was)
	case *engine.Transition:
		env.Archived, env.ArchivedAt = nil, 0
		b.candidate.attach(&env, c.OrderID)
		b.sameAnswer(was, b.candidate.do(&env, c))
	case *engine.RedistributePlan:
		b.report.Decided.countRedistributed(was) // the candidate's world has its own
	default:
		b.sameAnswer(was, b.candidate.apply(command))
		b.redistribute()
	}
	return nil
}

// redistribute has the rules asked about the records that wait for it in the candidate's world, at once.
func (b *Backtest) redistribute() {
	for b.candidate.engine.PlansWaiting() > 0 {
		var env engine.Envelope
		var c engine.RedistributePlan
		wanted, _ := b.candidate.engine.NextPlans(0, redistributeRecords, nil)
		b.planner.PlanRedistribution(wanted, &env, &c)
		done := b.candidate.do(&env, &c)
		b.report.Candidate.countRedistributed(done)
		b.suspendIfFailing()
		b.cfg.Pace()
		if done.Stock.Records == 0 {
			return // nothing has come in between, so nothing would come of another try
		}
	}
}

// redistributeRecords is how many records are redistributed between two looks at the pace.
const redistributeRecords = 16

// allocate plans an order anew in the candidate's world, and notes how it went in both.
func (b *Backtest) allocate(env engine.Envelope, c *engine.Allocate, was *engine.Result) error {
	decided := env.Plans
	env.Plans = nil
	budget := rules.NewBudget(time.Time{}, len(c.Lines))
	if err := b.planner.Plan(&budget, c, b.askedMS, &env); err != nil {
		return err
	}
	b.suspendIfFailing()
	b.candidate.attach(&env, c.OrderID)
	would := b.candidate.do(&env, c)
	if was.Repeated || would.Repeated {
		return nil // answered from what was kept for its key
	}
	b.report.Decided.rules(decided)
	b.report.Candidate.rules(env.Plans)
	return b.compare(c, &answer{was, decided}, &answer{would, env.Plans})
}

// change fits a change of an order to what the order is in the candidate's world.
func (b *Backtest) change(env engine.Envelope, c *engine.OrderChange, was *engine.Result) {
	b.candidate.attach(&env, c.OrderID)
	if was.Code == engine.CodeOK {
		adapted, left := b.candidate.fit(c, &env)
		if adapted {
			b.report.ChangesAdapted++
		}
		if !left {
			return
		}
	}
	b.sameAnswer(was, b.candidate.do(&env, c))
}

// sameAnswer counts answers, to other commands than orders, that differ.
func (b *Backtest) sameAnswer(was, would *engine.Result) {
	if was.Code != would.Code {
		b.report.OtherAnswersDiffer++
	}
}
