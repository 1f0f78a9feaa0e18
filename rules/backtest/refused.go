package backtest

import (
	"context"

	"apportion/engine"
)

// holds reports whether a refusal lies in the period.
func (p *Period) holds(e *engine.Entry) bool { return p.begins(e) && !p.ends(e) }

// touches reports whether a gap may lie in the period.
func (p *Period) touches(e *engine.Entry) bool {
	until := engine.Entry{Index: e.Refused.UntilIndex, TimeMS: e.Refused.UntilMS}
	return !p.ends(e) && p.begins(&until)
}

// refused replays what was recorded of early refusals.
func (b *Backtest) refused(_ context.Context, e *engine.Entry) error {
	defer b.cfg.Pace()
	counts := &b.report.Refused
	switch r := &e.Refused; {
	case r.Gap:
		if b.cfg.Period.touches(e) {
			counts.Gaps++
		}
	case !b.cfg.Period.holds(e): // an early refusal changes nothing
	case r.Lost > 0:
		counts.Lost += int64(r.Lost)
	default:
		counts.Recorded++
		b.enterPeriod(engine.Moment{Index: e.Index, TimeMS: e.TimeMS})
		return b.refusedOrder(e)
	}
	return nil
}

// refusedOrder asks the candidate about an order that was refused early. The order comes at the candidate's own place
// in the log and at its own time, but its rule sees the time of the order.
//
// The baseline's answer is the recorded refusal, whatever the baseline would say here: the state that refused may have
// been one or two entries further on (see raftstore.Recording). The baseline is asked for the explanation only. If it
// does not refuse, the recorded code stands alone. If it knows the order, the log had the order at the same time and
// its answers are counted already.
func (b *Backtest) refusedOrder(e *engine.Entry) error {
	if err := b.checkMemory(e.Commands[0]); err != nil {
		return err
	}
	_, c, err := engine.DecodeCommand(e.Commands[0])
	order, ok := c.(*engine.Allocate)
	if err != nil || !ok || !b.roomFor(len(order.Lines)) {
		b.report.Refused.LeftOut++
		return nil
	}
	if !b.baseline.engine.Refuses("", order, &b.refusal) {
		if b.baseline.engine.ReadOrder(order.OrderID, &b.baseline.order) {
			return nil
		}
		b.refusal = engine.Result{Kind: engine.KindAllocate, Index: b.baseline.index, Code: e.Refused.Code}
	}
	b.askedMS = max(e.TimeMS, b.candidate.nowMS)
	before := len(b.tally.lines)
	err = b.allocate(engine.Envelope{}, order, &b.refusal)
	b.refusedLines += len(b.tally.lines) - before
	b.askedMS = b.candidate.nowMS
	return err
}

// roomFor reports whether there is room for a refused order's lines. Half of the lines are kept for orders of the log,
// so that a backtest never fails for refused orders, which may be left out.
func (b *Backtest) roomFor(lines int) bool {
	return b.refusedLines+lines <= b.cfg.LinesMax/2 && len(b.tally.lines)+lines <= b.cfg.LinesMax
}
