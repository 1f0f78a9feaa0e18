package httpapi

import (
	"time"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules/backtest"
)

// The replies about backtests and history.

func showMoment(index uint64, timeMS int64) api.Moment {
	m := api.Moment{Index: index}
	if timeMS > 0 {
		m.Time = strictjson.FormatTime(timeMS)
	}
	return m
}

func showHistory(asOf uint64, h raftstore.History) api.History {
	reply := api.History{AsOf: asOf, Enabled: h.Enabled, From: showMoment(h.From.Index, h.From.TimeMS),
		To:            showMoment(h.To.Index, h.To.TimeMS),
		WindowSeconds: h.AgeMS / 1000, BytesMax: h.BytesMax, Bytes: h.Bytes, Checkpoints: []api.Moment{},
		RefusalsFrom: showMoment(h.RefusedFrom.Index, h.RefusedFrom.TimeMS)}
	for _, m := range h.States {
		reply.Checkpoints = append(reply.Checkpoints, showMoment(m.Index, m.TimeMS))
	}
	return reply
}

func showBacktest(b *backtestRun, whole bool) api.Backtest {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.run.Progress()
	reply := api.Backtest{ID: b.id, Rule: b.candidate.Rule, Version: b.candidate.Version,
		Hook:  b.candidate.Hook.String(),
		Scope: showScope(&b.candidate.Scope), OnError: fallbackWords[b.candidate.OnError], State: b.mu.state,
		Error: b.mu.fault,
		From:  showMoment(b.from.Index, b.from.TimeMS), To: showMoment(b.to.Index, b.to.TimeMS),
		Started: strictjson.FormatTime(b.started.UnixMilli()), Seconds: b.mu.took.Seconds(),
		Progress: api.BacktestProgress{Index: p.Index, Commands: p.Commands}}
	if b.mu.state == api.BacktestRunning {
		reply.Seconds = time.Since(b.started).Seconds()
	}
	switch span := float64(b.last) - float64(b.base); {
	case b.mu.state == api.BacktestDone:
		reply.Progress.Percent = 100
	case span > 0 && p.Index > b.base:
		reply.Progress.Percent = min(100, 100*float64(p.Index-b.base)/span)
	}
	if seconds := p.Elapsed.Seconds(); seconds > 0 {
		reply.Progress.CommandsPerSecond = float64(p.Commands) / seconds
	}
	if whole && b.mu.report != nil {
		reply.Report = showReport(b.mu.report, p.Commands)
		reply.Report.Refusals.From = showMoment(b.refused.Index, b.refused.TimeMS)
	}
	return reply
}

func showReport(r *backtest.Report, commands int64) *api.BacktestReport {
	d := r.Decided
	reply := &api.BacktestReport{From: showMoment(r.From.Index, r.From.TimeMS), To: showMoment(r.To.Index, r.To.TimeMS),
		Commands: commands,
		Orders:   d.Orders.Filled + d.Orders.Partial + d.Orders.Refused, Lines: d.Lines.Filled + d.Lines.Partial +
			d.Lines.Refused,
		Refusals: api.BacktestRefusals{Recorded: r.Refused.Recorded, LeftOut: r.Refused.LeftOut, Lost: r.Refused.Lost,
			Gaps: r.Refused.Gaps},
		UnitsAsked: r.Asked, AsDecided: showTotals(&r.Decided), Candidate: showTotals(&r.Candidate),
		Segments: []api.SegmentComparison{}, OrdersThatDiffer: r.OrdersThatDiffer, Differences: []api.OrderComparison{},
		ChangesAdapted: r.ChangesAdapted, OtherAnswersDiffer: r.OtherAnswersDiffer}
	for _, s := range r.Segments {
		reply.Segments = append(reply.Segments, api.SegmentComparison{Tags: tagMap(s.Tags),
			AsDecided: api.SegmentUnits(s.Decided), Candidate: api.SegmentUnits(s.Candidate)})
	}
	for i := range r.Differences {
		from := &r.Differences[i]
		reply.Differences = append(reply.Differences, api.OrderComparison{OrderID: from.OrderID, Index: from.At.Index,
			Time:      strictjson.FormatTime(from.At.TimeMS),
			AsDecided: showExplained(from.At, from.Decided), Candidate: showExplained(from.At, from.Candidate)})
	}
	if r.Suspended.Index > 0 {
		reply.Suspended = &api.BacktestSuspension{Moment: showMoment(r.Suspended.Index, r.Suspended.TimeMS),
			Reason: r.SuspendedReason}
	}
	return reply
}

func showTotals(t *backtest.Totals) api.BacktestTotals {
	return api.BacktestTotals{Orders: api.OutcomeCounts(t.Orders), Lines: api.OutcomeCounts(t.Lines),
		UnitsAllocated: t.Allocated,
		UnitsPending:   t.Pending,
		RuleLines:      t.Ruled, RuleFailures: t.RuleFailures, RecordsRedistributed: t.RecordsRedistributed,
		UnitsRedistributed: t.UnitsRedistributed}
}

// showExplained shows the lines of an order in a backtest in the form of an explained order.
func showExplained(at engine.Moment, lines []backtest.Explained) []api.ItemExplanation {
	items := []api.ItemExplanation{}
	for i := range lines {
		x := &lines[i]
		item := api.ItemExplanation{ItemID: x.ItemID, UPC: x.UPC, Location: x.Location, Tags: tagMap(x.Tags),
			Requested: x.Requested, Taken: &x.Taken,
			Pending: x.Pending, Path: "native", Index: at.Index, Time: strictjson.FormatTime(at.TimeMS),
			Candidates: []api.Candidate{}}
		if x.Code != engine.CodeOK {
			item.Code = x.Code.String()
		}
		if x.Rule != "" {
			item.Path, item.Rule, item.Version, item.Outcome, item.Reason = "rule", x.Rule, x.Version,
				x.Outcome.String(), x.Reason
		}
		for k := range x.Candidates {
			from := &x.Candidates[k]
			candidate := api.Candidate{Tags: tagMap(from.Tags), Available: from.Available, Taken: from.Taken,
				Why: from.Reason}
			if x.Rule != "" {
				candidate.Keep, candidate.Max = &from.Keep, &from.Max
				candidate.OnHand, candidate.Allocated = &from.OnHand, &from.Allocated
				candidate.Pending, candidate.SafetyStock = &from.Pending, &from.SafetyStock
			}
			item.Candidates = append(item.Candidates, candidate)
		}
		items = append(items, item)
	}
	return items
}
