package rules

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"apportion/engine"
)

// Log is what a Runner needs of the replicated log. All methods may be called from any goroutine.
type Log interface {
	// NewBatch gives an empty batch, which belongs to the caller.
	NewBatch() Batch

	// Do takes a batch of NewBatch through the log and puts the results into it.
	Do(deadline time.Time, b Batch) error

	// Refuses fills r with the early refusal of an order that committed stock cannot meet, and records it as one of the
	// time nowMS (Unix milliseconds). False: the command must go through the log.
	Refuses(deadline time.Time, nowMS int64, key string, c *engine.Allocate, r *engine.Result) bool

	// NextPlans appends records that wait for a plan to redistribute them, after a cursor; next 0 is the end.
	NextPlans(after uint32, limit int, dst []engine.PlanWanted) (wanted []engine.PlanWanted, next uint32)

	// Leads reports whether this node is the one to propose what no client has asked for.
	Leads() bool

	// NotHere reports whether an error of Do means that this node does not lead, or is closing.
	NotHere(err error) bool
}

// Batch is commands on their way into one log entry, and their results. It belongs to one goroutine at a time.
type Batch interface {
	Reset()
	Append(env *engine.Envelope, c engine.Command)
	Len() int
	Result(i int) []byte // encoded; valid until Reset
}

// RunnerConfig configures a Runner.
type RunnerConfig struct {
	Log    Log
	State  State
	Logger *slog.Logger
	Limits Limits // of one call of a hook; the zero value means the defaults

	// Timeout bounds the wait for the log of what the Runner proposes by itself.
	Timeout time.Duration
}

// Runner is the way of every write: rules plan it, committed stock may refuse it early, it is proposed to the log, and
// it is planned and proposed again if its plan, or the archived order that it carries, was too old at its place in the
// log. In the background it redistributes the records that wait for a rule, and suspends rules that fail. Its methods
// may be called from any goroutine.
type Runner struct {
	*Planner

	log     Log
	logger  *slog.Logger
	timeout time.Duration

	waiting redistributor

	// EarlyRefusals counts the orders that were refused before the log.
	EarlyRefusals atomic.Int64
}

// NewRunner makes a Runner. Start begins its background work.
func NewRunner(c RunnerConfig) *Runner {
	r := &Runner{log: c.Log, logger: c.Logger, timeout: c.Timeout}
	r.Planner = NewPlanner(c.State, c.Limits, r.suspend)
	r.waiting.init(r)
	return r
}

// NewBatch gives a batch for a Run.
func (r *Runner) NewBatch() Batch { return r.log.NewBatch() }

// triesMax bounds how often a command is proposed because what it carries has become old meanwhile: an archived order,
// or what rules planned.
const triesMax = 3

// makeTriesMax is the bound for a command that is made of a category which others change meanwhile. Each time one of
// them has got through.
const makeTriesMax = 32

// Proposal is one command for Runner.Do.
type Proposal struct {
	Command engine.Command // nil: there is nothing to be done
	Job     *engine.JobInfo
	Key     string // the idempotency key, empty for none

	// Make, if it is not nil, makes Command out of the category that there is, nil for none, and is called again if
	// that has changed at the command's place in the log.
	Make     func(was *engine.Category) (*engine.PutTagCategory, error)
	Category string

	// IfSeen and Seen make Command depend on what its sender saw: see engine.Envelope.
	IfSeen bool
	Seen   uint64

	// InLog keeps the command from an early refusal: its outcome has to be in the log.
	InLog bool

	place int // in the batch; placeToDo and placeDone outside it
}

const (
	placeToDo = -1
	placeDone = -2
)

// Run is the memory of one caller of Runner.Do, to be used again.
type Run struct {
	Batch    Batch
	Deadline time.Time

	// Result is what the result of a proposal is decoded into.
	Result engine.Result

	// Apart has each proposal answered by itself: one that there was no time to plan is answered with engine.CodeRetry
	// and does not keep the others from the log.
	Apart bool

	answers  Answers // of the present call, or nil
	envelope engine.Envelope
}

func (run *Run) answer(i int) {
	if run.answers != nil {
		run.answers.Answer(i)
	}
}

// Answers receives the results of several proposals.
type Answers interface {
	// Answer is called when Run.Result has the result of proposal i. A result with engine.CodeRetry may be followed by
	// another one of the same proposal; the last one stands.
	Answer(i int)
}

// PartlyDoneError means that some proposals were done in an earlier round, and are answered, before the log failed.
type PartlyDoneError struct{ Err error }

// Error names the cause.
func (e *PartlyDoneError) Error() string { return "after some commands were done: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *PartlyDoneError) Unwrap() error { return e.Err }

// Do takes proposals through rules and log, all that can be in one entry. answers may be nil for one proposal, whose
// result is in run.Result then. A result with engine.CodeRetry that stands after the last try means that a later call
// may succeed. The error is ErrDeadline if rules were not asked in time, one of Log.Do's or of Proposal.Make; a
// PartlyDoneError wraps it in a later round.
func (r *Runner) Do(run *Run, proposals []Proposal, answers Answers) error {
	run.answers = answers
	defer func() { run.answers = nil }()
	tries := triesMax
	for i := range proposals {
		proposals[i].place = placeToDo
		if proposals[i].Command == nil && proposals[i].Make == nil {
			proposals[i].place = placeDone
		}
	}
	if len(proposals) == 1 && proposals[0].Make != nil {
		tries = makeTriesMax
	}
	for try := range tries {
		err := r.round(run, proposals)
		if err != nil && try > 0 {
			err = &PartlyDoneError{err}
		}
		if err != nil || !left(proposals) {
			return err
		}
	}
	return nil
}

func left(proposals []Proposal) bool {
	for i := range proposals {
		if proposals[i].place == placeToDo {
			return true
		}
	}
	return false
}

// round proposes all work in one entry.
func (r *Runner) round(run *Run, proposals []Proposal) error {
	run.Batch.Reset()
	budget := newBudgetOf(run.Deadline, proposals)
	for i := range proposals {
		if proposals[i].place == placeToDo {
			if err := r.begin(run, &budget, proposals, i); err != nil {
				return err
			}
		}
	}
	if run.Batch.Len() == 0 {
		return nil
	}
	if err := r.log.Do(run.Deadline, run.Batch); err != nil {
		return err
	}
	for i := range proposals {
		p := &proposals[i]
		if p.place < 0 {
			continue
		}
		if err := engine.DecodeResult(run.Batch.Result(p.place), &run.Result); err != nil {
			panic(fmt.Sprintf("BUG: rules: the engine's result cannot be read: %v", err))
		}
		p.place = placeDone
		if run.Result.Code == engine.CodeRetry {
			p.place = placeToDo
		}
		run.answer(i)
	}
	return nil
}

// newBudgetOf is what the rules may take for all orders among the proposals.
func newBudgetOf(deadline time.Time, proposals []Proposal) Budget {
	lines := 0
	for i := range proposals {
		if a, ok := proposals[i].Command.(*engine.Allocate); ok && proposals[i].place == placeToDo {
			lines += len(a.Lines)
		}
	}
	return NewBudget(deadline, lines)
}

// begin puts a proposal into the batch, unless it is answered without the log.
func (r *Runner) begin(run *Run, budget *Budget, proposals []Proposal, i int) error {
	p, env := &proposals[i], &run.envelope
	*env = engine.Envelope{Key: p.Key, Job: p.Job, IfSeen: p.IfSeen, Seen: p.Seen, Plans: env.Plans[:0]}
	if err := r.remake(p, env); err != nil {
		return err
	}
	if a, ok := p.Command.(*engine.Allocate); ok {
		nowMS := time.Now().UnixMilli()
		if err := r.Plan(budget, a, nowMS, env); err != nil {
			return r.late(run, p, i, err)
		}
		if r.refusesEarly(run, p, a, nowMS) {
			p.place = placeDone
			run.answer(i)
			return nil
		}
	}
	p.place = run.Batch.Len()
	run.Batch.Append(env, p.Command)
	return nil
}

// remake makes a command of what there is, and has it depend on that.
func (r *Runner) remake(p *Proposal, env *engine.Envelope) error {
	if p.Make == nil {
		return nil
	}
	schema := r.state.Schema()
	was, _ := schema.Category(p.Category)
	made, err := p.Make(was)
	p.Command, env.IfSeen, env.Seen = made, true, schema.CategoryHash(p.Category)
	return err
}

// late answers an order that there was no time to plan.
func (r *Runner) late(run *Run, p *Proposal, i int, err error) error {
	if !run.Apart {
		return err
	}
	run.Result = engine.Result{Kind: engine.KindAllocate, Code: engine.CodeRetry, Index: r.state.AppliedIndex()}
	p.place = placeDone
	run.answer(i)
	return nil
}

// refusesEarly fills run.Result with the refusal of an order that committed stock cannot meet: in a flash sale most
// requests are refusals, and they cost no log entry. Where a rule has decided, the log has to hold what it decided.
func (r *Runner) refusesEarly(run *Run, p *Proposal, a *engine.Allocate, nowMS int64) bool {
	if p.InLog || len(run.envelope.Plans) > 0 ||
		!r.log.Refuses(run.Deadline, nowMS, run.envelope.Key, a, &run.Result) {
		return false
	}
	r.EarlyRefusals.Add(1)
	return true
}

// suspend takes the suspension of a rule that fails through the log, beside the request that saw it.
func (r *Runner) suspend(cmd engine.SuspendRule, lost func()) {
	r.logger.Warn("a rule failed too often in a row and is being suspended", "activation", cmd.Activation, "failures",
		cmd.Failures, "reason", cmd.Reason)
	go func() {
		batch := r.log.NewBatch()
		batch.Append(nil, &cmd)
		if err := r.log.Do(time.Now().Add(r.timeout), batch); err != nil {
			r.logger.Error("a rule could not be suspended; its next failure tries again", "activation", cmd.Activation,
				"error", err)
			lost()
		}
	}()
}

// IsPartlyDone reports whether some proposals of a Do that failed were done and answered.
func IsPartlyDone(err error) bool {
	var partly *PartlyDoneError
	return errors.As(err, &partly)
}
