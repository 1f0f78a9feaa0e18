package rules

import (
	"sync"
	"time"

	"apportion/engine"
)

// redistributor asks the redistribute rules about the records that wait for a plan, and proposes the plans. A record
// may wait because of a request, of a delivery that arrived, or since before a restart: the redistributor checks at
// intervals, and when it is woken.
type redistributor struct {
	runner *Runner

	mu sync.Mutex // one pass at a time

	wake chan struct{} // capacity 1
	stop chan struct{}
	done sync.WaitGroup
}

const (
	// redistributeInterval is how often we check for records that wait; the check is one atomic load.
	redistributeInterval = 200 * time.Millisecond

	// redistributeChunkMax bounds the records of one proposal, redistributeTargetsMax their segments: with five each
	// that is some 20 KB.
	redistributeChunkMax   = 200
	redistributeTargetsMax = 20_000

	// redistributePassesMax bounds how often records that change all the time are planned again in one go.
	redistributePassesMax = 5
)

func (d *redistributor) init(runner *Runner) {
	d.runner, d.wake, d.stop = runner, make(chan struct{}, 1), make(chan struct{})
}

// Start begins to redistribute records that wait for a rule, in the background.
func (r *Runner) Start() { r.waiting.done.Go(r.waiting.run) }

// Close ends what Start began, and waits for it. It is called once.
func (r *Runner) Close() {
	close(r.waiting.stop)
	r.waiting.done.Wait()
}

// WakeUp has records redistributed that wait for a plan, without waiting for the next check. It is for the caller of
// writes of stock: a redistribution that a client asked for plans its records itself, and reports them.
func (r *Runner) WakeUp() { r.waiting.wakeUp() }

func (d *redistributor) wakeUp() {
	if d.runner.state.PlansWaiting() == 0 {
		return
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *redistributor) run() {
	tick := time.NewTicker(redistributeInterval)
	defer tick.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-tick.C:
		case <-d.wake:
		}
		if d.runner.state.PlansWaiting() == 0 || !d.runner.log.Leads() {
			continue
		}
		err := d.redistribute(time.Now().Add(d.runner.timeout), nil)
		if err != nil && !d.runner.log.NotHere(err) {
			d.runner.logger.Error("records could not be redistributed by rule; they wait", "error", err, "waiting",
				d.runner.state.PlansWaiting())
		}
	}
}

// Redistribute plans all records that wait, and plans those again that have changed meanwhile. note, which may be nil,
// gets each command with its result.
func (r *Runner) Redistribute(deadline time.Time, note func(c *engine.RedistributePlan, r *engine.Result)) error {
	return r.waiting.redistribute(deadline, note)
}

func (d *redistributor) redistribute(deadline time.Time,
	note func(c *engine.RedistributePlan, r *engine.Result)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var wanted []engine.PlanWanted
	for try := 0; try < redistributePassesMax && d.runner.state.PlansWaiting() > 0; try++ {
		for cursor, more := uint32(0), true; more; more = cursor != 0 {
			wanted, cursor = d.runner.log.NextPlans(cursor, redistributeChunkMax, wanted[:0])
			if len(wanted) == 0 {
				break
			}
			if err := d.propose(deadline, wanted, note); err != nil {
				return err
			}
		}
	}
	return nil
}

// propose plans some records and executes the plans. If other rules have become active meanwhile, nothing is done, and
// the next pass tries again.
func (d *redistributor) propose(deadline time.Time, wanted []engine.PlanWanted,
	note func(c *engine.RedistributePlan, r *engine.Result)) error {
	var env engine.Envelope
	var plan engine.RedistributePlan
	d.runner.PlanRedistribution(wanted, &env, &plan)
	for items := plan.Items; len(items) > 0; {
		n, targets := 0, 0
		for n < len(items) && (n == 0 || targets+len(items[n].Targets) <= redistributeTargetsMax) {
			targets += len(items[n].Targets)
			n++
		}
		if err := d.execute(deadline, &env, &engine.RedistributePlan{Items: items[:n]}, note); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// execute takes a plan through the log.
func (d *redistributor) execute(deadline time.Time, env *engine.Envelope, c *engine.RedistributePlan,
	note func(c *engine.RedistributePlan, r *engine.Result)) error {
	batch := d.runner.log.NewBatch()
	batch.Append(env, c)
	if err := d.runner.log.Do(deadline, batch); err != nil {
		return err
	}
	var r engine.Result
	if err := engine.DecodeResult(batch.Result(0), &r); err != nil {
		return err
	}
	switch {
	case r.Code == engine.CodeOK && note != nil:
		note(c, &r)
	case r.Code != engine.CodeOK && r.Code != engine.CodeRetry:
		d.runner.logger.Error("BUG: a redistribution by rule was refused", "code", r.Code.String(), "field", r.Field,
			"value", r.Value)
	}
	return nil
}
