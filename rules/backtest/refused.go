package backtest

import (
	"context"

	"apportion/engine"
)

// holds reports whether a refusal is within the period.
func (p *Period) holds(e *engine.Entry) bool { return p.begins(e) && !p.ends(e) }

// touches reports whether what lies between a place and a later one may be within the period.
func (p *Period) touches(e *engine.Entry) bool {
	until := engine.Entry{Index: e.Refused.UntilIndex, TimeMS: e.Refused.UntilMS}
	return !p.ends(e) && p.begins(&until)
}

// refused does what was recorded of orders that were refused before the log.
func (b *Backtest) refused(_ context.Context, e *engine.Entry) error {
	defer b.cfg.Pace()
	counts := &b.report.Refused
	switch r := &e.Refused; {
	case r.Gap:
		if b.cfg.Period.touches(e) {
			counts.Gaps++
		}
	case !b.cfg.Period.holds(e): // it has changed nothing
	case r.Lost > 0:
		counts.Lost += int64(r.Lost)
	default:
		counts.Recorded++
		b.enter(engine.Moment{Index: e.Index, TimeMS: e.TimeMS})
		return b.refusedOrder(e)
	}
	return nil
}

// refusedOrder has an order that was refused asked for in the candidate's world, at the place in the log and at the
// time at which that world is: nothing of the log is in between. The rules are told when the order was made.
//
// As decided it was refused, whatever the decided world would say here: the state that refused it may have been one or
// two entries on (see raftstore.Recording). What that world says is asked for the explanation; where it does not
// refuse, the answer that was recorded stands alone. If it knows the order, the log had it at the same time: that is
// told already.
func (b *Backtest) refusedOrder(e *engine.Entry) error {
	if err := b.remembers(e.Commands[0]); err != nil {
		return err
	}
	_, c, err := engine.DecodeCommand(e.Commands[0])
	order, ok := c.(*engine.Allocate)
	if err != nil || !ok || !b.roomFor(len(order.Lines)) {
		b.report.Refused.LeftOut++
		return nil
	}
	if !b.decided.engine.Refuses("", order, &b.refusal) {
		if b.decided.engine.ReadOrder(order.OrderID, &b.decided.order) {
			return nil
		}
		b.refusal = engine.Result{Kind: engine.KindAllocate, Index: b.decided.index, Code: e.Refused.Code}
	}
	b.askedMS = max(e.TimeMS, b.candidate.nowMS)
	before := len(b.tally.lines)
	err = b.allocate(engine.Envelope{}, order, &b.refusal)
	b.refusedLines += len(b.tally.lines) - before
	b.askedMS = b.candidate.nowMS
	return err
}

// roomFor keeps half of the lines for orders of the log: a backtest is not to fail for what may be left out.
func (b *Backtest) roomFor(lines int) bool {
	return b.refusedLines+lines <= b.cfg.LinesMax/2 && len(b.tally.lines)+lines <= b.cfg.LinesMax
}
