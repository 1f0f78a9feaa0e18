package httpapi

import (
	"time"

	"apportion/engine"
	"apportion/raftstore"
	"apportion/rules"
)

// Backtests and what they found, as they are shown.

type momentReply struct {
	Index uint64 `json:"index"`
	Time  string `json:"time,omitempty"`
}

func showMoment(index uint64, timeMS int64) momentReply {
	m := momentReply{Index: index}
	if timeMS > 0 {
		m.Time = timeText(timeMS)
	}
	return m
}

type historyReply struct {
	AsOf          uint64        `json:"asOf"`
	Enabled       bool          `json:"enabled"`
	From          momentReply   `json:"from"`
	To            momentReply   `json:"to"`
	WindowSeconds int64         `json:"windowSeconds"`
	BytesMax      int64         `json:"bytesMax"`
	Bytes         int64         `json:"bytes"`
	Checkpoints   []momentReply `json:"checkpoints"`
	RefusalsFrom  momentReply   `json:"refusalsFrom"`
}

func showHistory(asOf uint64, h raftstore.History) historyReply {
	reply := historyReply{AsOf: asOf, Enabled: h.Enabled, From: showMoment(h.From.Index, h.From.TimeMS),
		To:            showMoment(h.To.Index, h.To.TimeMS),
		WindowSeconds: h.AgeMS / 1000, BytesMax: h.BytesMax, Bytes: h.Bytes, Checkpoints: []momentReply{},
		RefusalsFrom: showMoment(h.RefusedFrom.Index, h.RefusedFrom.TimeMS)}
	for _, m := range h.States {
		reply.Checkpoints = append(reply.Checkpoints, showMoment(m.Index, m.TimeMS))
	}
	return reply
}

type backtestReply struct {
	ID       string        `json:"id"`
	Rule     string        `json:"rule"`
	Version  uint32        `json:"version,omitempty"` // of a source that is not stored: none
	Hook     string        `json:"hook"`
	Scope    scopeReply    `json:"scope"`
	OnError  string        `json:"onError"`
	State    backtestState `json:"state"`
	Error    string        `json:"error"`
	From     momentReply   `json:"from"`
	To       momentReply   `json:"to"`
	Started  string        `json:"started"`
	Seconds  float64       `json:"seconds"`
	Progress progressReply `json:"progress"`
	Report   *reportReply  `json:"report"`
}

type progressReply struct {
	Index             uint64  `json:"index"`
	Percent           float64 `json:"percent"`
	Commands          int64   `json:"commands"`
	CommandsPerSecond float64 `json:"commandsPerSecond"`
}

type countsReply struct {
	Filled  int64 `json:"filled"`
	Partial int64 `json:"partial"`
	Refused int64 `json:"refused"`
	Split   int64 `json:"split"`
}

type totalsReply struct {
	Orders               countsReply `json:"orders"`
	Lines                countsReply `json:"lines"`
	UnitsAllocated       int64       `json:"unitsAllocated"`
	UnitsPending         int64       `json:"unitsPending"`
	RuleLines            int64       `json:"ruleLines"`
	RuleFailures         int64       `json:"ruleFailures"`
	RecordsRedistributed int64       `json:"recordsSpread"`
	UnitsRedistributed   int64       `json:"unitsSpread"`
}

type segmentUnitsReply struct {
	Allocated int64 `json:"allocated"`
	Stranded  int64 `json:"stranded"`
}

type segmentTotalsReply struct {
	Tags      map[string]string `json:"tags"`
	AsDecided segmentUnitsReply `json:"asDecided"`
	Candidate segmentUnitsReply `json:"candidate"`
}

type differenceReply struct {
	OrderID   string        `json:"orderId"`
	Index     uint64        `json:"index"`
	Time      string        `json:"time"`
	AsDecided []explainItem `json:"asDecided"`
	Candidate []explainItem `json:"candidate"`
}

type suspendedReply struct {
	momentReply
	Reason string `json:"reason"`
}

type refusalsReply struct {
	Recorded int64       `json:"recorded"`
	LeftOut  int64       `json:"leftOut"`
	Lost     int64       `json:"lost"`
	Gaps     int64       `json:"gaps"`
	From     momentReply `json:"from"`
}

type reportReply struct {
	From               momentReply          `json:"from"`
	To                 momentReply          `json:"to"`
	Commands           int64                `json:"commands"`
	Orders             int64                `json:"orders"`
	Lines              int64                `json:"lines"`
	UnitsAsked         int64                `json:"unitsAsked"`
	Refusals           refusalsReply        `json:"refusals"`
	AsDecided          totalsReply          `json:"asDecided"`
	Candidate          totalsReply          `json:"candidate"`
	Segments           []segmentTotalsReply `json:"segments"`
	OrdersThatDiffer   int64                `json:"ordersThatDiffer"`
	Differences        []differenceReply    `json:"differences"`
	ChangesAdapted     int64                `json:"changesAdapted"`
	OtherAnswersDiffer int64                `json:"otherAnswersDiffer"`
	Suspended          *suspendedReply      `json:"suspended"`
}

func showBacktest(b *backtest, whole bool) backtestReply {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.run.Progress()
	reply := backtestReply{ID: b.id, Rule: b.candidate.Rule, Version: b.candidate.Version,
		Hook:  b.candidate.Hook.String(),
		Scope: showScope(&b.candidate.Scope), OnError: fallbackWords[b.candidate.OnError], State: b.mu.state,
		Error: b.mu.fault,
		From:  showMoment(b.from.Index, b.from.TimeMS), To: showMoment(b.to.Index, b.to.TimeMS),
		Started: timeText(b.started.UnixMilli()), Seconds: b.mu.took.Seconds(),
		Progress: progressReply{Index: p.Index, Commands: p.Commands}}
	if b.mu.state == backtestRunning {
		reply.Seconds = time.Since(b.started).Seconds()
	}
	switch span := float64(b.last) - float64(b.base); {
	case b.mu.state == backtestDone:
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

func showReport(r *rules.Report, commands int64) *reportReply {
	d := r.Decided
	reply := &reportReply{From: showMoment(r.From.Index, r.From.TimeMS), To: showMoment(r.To.Index, r.To.TimeMS),
		Commands: commands,
		Orders:   d.Orders.Filled + d.Orders.Partial + d.Orders.Refused, Lines: d.Lines.Filled + d.Lines.Partial +
			d.Lines.Refused,
		Refusals: refusalsReply{Recorded: r.Refused.Recorded, LeftOut: r.Refused.LeftOut, Lost: r.Refused.Lost,
			Gaps: r.Refused.Gaps},
		UnitsAsked: r.Asked, AsDecided: showTotals(&r.Decided), Candidate: showTotals(&r.Candidate),
		Segments: []segmentTotalsReply{}, OrdersThatDiffer: r.OrdersThatDiffer, Differences: []differenceReply{},
		ChangesAdapted: r.ChangesAdapted, OtherAnswersDiffer: r.OtherAnswersDiffer}
	for _, s := range r.Segments {
		reply.Segments = append(reply.Segments, segmentTotalsReply{Tags: tagMap(s.Tags),
			AsDecided: segmentUnitsReply(s.Decided), Candidate: segmentUnitsReply(s.Candidate)})
	}
	for i := range r.Differences {
		from := &r.Differences[i]
		reply.Differences = append(reply.Differences, differenceReply{OrderID: from.OrderID, Index: from.At.Index,
			Time:      timeText(from.At.TimeMS),
			AsDecided: showExplained(from.At, from.Decided), Candidate: showExplained(from.At, from.Candidate)})
	}
	if r.Suspended.Index > 0 {
		reply.Suspended = &suspendedReply{showMoment(r.Suspended.Index, r.Suspended.TimeMS), r.SuspendedReason}
	}
	return reply
}

func showTotals(t *rules.Totals) totalsReply {
	return totalsReply{Orders: countsReply(t.Orders), Lines: countsReply(t.Lines), UnitsAllocated: t.Allocated,
		UnitsPending: t.Pending,
		RuleLines:    t.Ruled, RuleFailures: t.RuleFailures, RecordsRedistributed: t.RecordsRedistributed,
		UnitsRedistributed: t.UnitsRedistributed}
}

// showExplained shows a line of a backtest as that of an order is shown.
func showExplained(at engine.Moment, lines []rules.Explained) []explainItem {
	items := []explainItem{}
	for i := range lines {
		x := &lines[i]
		item := explainItem{ItemID: x.ItemID, UPC: x.UPC, Location: x.Location, Tags: tagMap(x.Tags),
			Requested: x.Requested, Taken: &x.Taken,
			Pending: x.Pending, Path: "native", Index: at.Index, Time: timeText(at.TimeMS),
			Candidates: []explainCandidate{}}
		if x.Code != engine.CodeOK {
			item.Code = x.Code.String()
		}
		if x.Rule != "" {
			item.Path, item.Rule, item.Version, item.Outcome, item.Reason = "rule", x.Rule, x.Version,
				x.Outcome.String(), x.Reason
		}
		for k := range x.Candidates {
			from := &x.Candidates[k]
			candidate := explainCandidate{Tags: tagMap(from.Tags), Available: from.Available, Taken: from.Taken,
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
