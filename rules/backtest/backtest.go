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

// Recording is what a backtest replays: a state, the entries of the log after it, and the early refusals between them.
type Recording interface {
	// Load gives an engine with the state, a new one at each call. It calls pace now and then.
	Load(ctx context.Context, pace func()) (*engine.Engine, error)

	// Next reads the next entry of the log, or the next early refusal (engine.Refused), into e. At the end it gives
	// io.EOF. e's commands are valid until the next call.
	Next(e *engine.Entry) error
}

// Period is the part of a recording that a backtest compares: what lies within the bounds of both index and time. Times
// are Unix milliseconds; 0 is no bound.
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
	// Candidate is the rule's activation: Rule, Version, Hook, Scope, OnError and FailuresMax.
	Candidate engine.Activation
	Source    string
	Limits    rules.Limits

	Period Period

	// DifferencesMax bounds the orders that are listed with both explanations.
	DifferencesMax int

	// LinesMax bounds the order lines that are counted, some 150 bytes each. Refused orders may take half of them; more
	// are left out.
	LinesMax int

	// BytesMax bounds the memory of both engines, the order lines and the report; 0: no bound.
	BytesMax int64

	// Pace, if not nil, is called after each command and now and then between. It slows the backtest down to its share
	// of the machine.
	Pace func()
}

// The errors of a backtest, besides those of its recording and its context.
var (
	// ErrTooManyLines: the period has more order lines than LinesMax.
	ErrTooManyLines = errors.New("the period has more order lines than a backtest can count: choose a shorter period")

	// ErrTooMuchMemory: the backtest takes more than BytesMax.
	ErrTooMuchMemory = errors.New("the backtest needs more memory than --backtest-bytes-max: choose a shorter " +
		"period, or raise the flag")

	// ErrEmptyPeriod: nothing was recorded in the period.
	ErrEmptyPeriod = errors.New("nothing was recorded in the period: GET /v1/history shows what there is")
)

// Progress says how far a backtest is.
type Progress struct {
	Index    uint64 // of the last entry replayed
	Commands int64  // of the period
	Elapsed  time.Duration
}

// Backtest replays a recording twice, side by side: the baseline as it was decided, the candidate as another rule would
// have decided. Run is for one goroutine, Progress for any.
//
// The log holds what followed from the decisions of the time. So an order that only the candidate fills is never
// shipped. Of an order that the candidate fills otherwise, at most what the candidate gave it is shipped.
type Backtest struct {
	cfg     Config
	program *rules.Program

	baseline  *replica
	candidate *replica
	planner   *rules.Planner
	askedMS   int64 // the time that the candidate's rules see
	inPeriod  bool
	failing   string // the reason to suspend the candidate rule; empty: none
	tally     tally
	report    Report
	listed    int // parts of the report's differences

	unchecked int // bytes of commands since the last check of the memory

	refusal      engine.Result // of the refused order in progress
	refusedLines int           // lines of the tally that only refused orders have

	begin    time.Time
	index    atomic.Uint64
	commands atomic.Int64
	elapsed  atomic.Int64
}

// New compiles the candidate. The errors are those of rules.Compile, and rules.ErrNoHook if the source lacks the hook.
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

// Run runs the backtest, once. A context that ends stops it. At the end only the report keeps memory.
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
	for _, rep := range []**replica{&b.baseline, &b.candidate} {
		e, err := r.Load(ctx, b.cfg.Pace)
		if err != nil {
			return fmt.Errorf("load the state to replay from: %w", err)
		}
		*rep = &replica{engine: e, index: e.AppliedIndex(), nowMS: e.NowMS()}
		if b.exceeds(2 * e.MemoryBytes()) {
			return ErrTooMuchMemory
		}
	}
	b.planner = rules.NewPlanner(b.candidate.engine, b.cfg.Limits, b.suspend)
	b.tally.start(b.cfg.LinesMax)
	return nil
}

// release lets go of what only Run needs.
func (b *Backtest) release() {
	b.program, b.planner, b.baseline, b.candidate, b.tally, b.cfg = nil, nil, nil, nil, tally{}, Config{}
}

func (b *Backtest) exceeds(bytes int64) bool { return b.cfg.BytesMax > 0 && bytes > b.cfg.BytesMax }

// checkMemory checks BytesMax once in memoryCheckBytes of commands.
func (b *Backtest) checkMemory(command []byte) error {
	if b.unchecked += len(command); b.unchecked < memoryCheckBytes {
		return nil
	}
	b.unchecked = 0
	if b.exceeds(b.baseline.engine.MemoryBytes() + b.candidate.engine.MemoryBytes() + b.tally.memoryBytes() +
		b.report.MemoryBytes()) {
		return ErrTooMuchMemory
	}
	return nil
}

// memoryCheckBytes is some hundred small commands, which take little memory.
const memoryCheckBytes = 32 << 10

// activate activates the candidate rule, or with a reason suspends it.
func (b *Backtest) activate(suspended string) {
	a := b.cfg.Candidate
	a.Suspended, a.Reason = suspended != "", suspended
	b.candidate.engine.SetCandidateRule(&a, b.cfg.Source)
}

// suspend is called by the planner for a rule that fails. Only the candidate rule is suspended: the log suspends its
// own.
func (b *Backtest) suspend(c engine.SuspendRule, lost func()) {
	if c.Activation != engine.CandidateRuleID {
		lost()
		return
	}
	b.failing = c.Reason
}

// suspendIfFailing suspends the candidate rule after too many failures.
func (b *Backtest) suspendIfFailing() {
	if b.failing != "" && b.report.Suspended.Index == 0 {
		b.report.Suspended = engine.Moment{Index: b.candidate.index, TimeMS: b.candidate.nowMS}
		b.report.SuspendedReason = b.failing
		b.activate(b.failing)
	}
}

// enterPeriod notes that something of the period comes now.
func (b *Backtest) enterPeriod(at engine.Moment) {
	if !b.inPeriod {
		b.inPeriod = true
		b.activate("")
		b.report.From = at
	}
	b.report.To = engine.Moment{Index: max(b.report.To.Index, at.Index), TimeMS: max(b.report.To.TimeMS, at.TimeMS)}
}

// logged replays an entry of the log on both replicas.
func (b *Backtest) logged(ctx context.Context, entry *engine.Entry) error {
	if b.inPeriod || b.cfg.Period.begins(entry) {
		b.enterPeriod(engine.Moment{Index: entry.Index, TimeMS: entry.TimeMS})
	}
	for _, rep := range []*replica{b.baseline, b.candidate} {
		rep.index, rep.nowMS = entry.Index, max(entry.TimeMS, rep.engine.NowMS())
		rep.engine.Advance(rep.index, rep.nowMS)
	}
	b.askedMS = b.candidate.nowMS
	if b.inPeriod {
		b.redistribute() // a delivery that the time brought may have records wait
	}
	for i, command := range entry.Commands {
		if i%ctxCommands == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := b.checkMemory(command); err != nil {
			return err
		}
		if !b.inPeriod {
			b.baseline.apply(command)
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

// ctxCommands is how many commands are replayed between two checks of the context.
const ctxCommands = 64

// command replays a command: on the baseline as it was decided, on the candidate as its rules decide.
func (b *Backtest) command(command []byte) error {
	env, c, err := engine.DecodeCommand(command)
	if err != nil {
		return fmt.Errorf("decode a recorded command: %w", err)
	}
	was := b.baseline.apply(command)
	if was.Code == engine.CodeRetry {
		return nil // it did nothing, and came again
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
		b.report.Decided.countRedistributed(was) // the candidate has its own
	default:
		b.sameAnswer(was, b.candidate.apply(command))
		b.redistribute()
	}
	return nil
}

// redistribute asks the rules about the candidate's records that wait for them.
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
			return // nothing has changed in between, so another try would do nothing
		}
	}
}

// redistributeRecords is how many records are redistributed between two calls of Pace.
const redistributeRecords = 16

// allocate plans an order again for the candidate, and compares both answers.
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
		return nil // answered from the results kept for its key
	}
	b.report.Decided.rules(decided)
	b.report.Candidate.rules(env.Plans)
	return b.compare(c, &answer{was, decided}, &answer{would, env.Plans})
}

// change replays a change of an order on the candidate, cut down to what the candidate's order holds.
func (b *Backtest) change(env engine.Envelope, c *engine.OrderChange, was *engine.Result) {
	b.candidate.attach(&env, c.OrderID)
	if was.Code == engine.CodeOK {
		adapted, left := b.candidate.clipToHeld(c, &env)
		if adapted {
			b.report.ChangesAdapted++
		}
		if !left {
			return
		}
	}
	b.sameAnswer(was, b.candidate.do(&env, c))
}

// sameAnswer counts differing answers to commands other than orders.
func (b *Backtest) sameAnswer(was, would *engine.Result) {
	if was.Code != would.Code {
		b.report.OtherAnswersDiffer++
	}
}
