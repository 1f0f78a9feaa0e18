package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// What the server says of history and backtests, and how it is printed.

type moment struct {
	Index uint64 `json:"index"`
	Time  string `json:"time"`
}

func (m moment) String() string {
	switch {
	case m.Time == "":
		return fmt.Sprintf("log index %d", m.Index)
	case m.Index == 0:
		return m.Time
	default:
		return fmt.Sprintf("log index %d (%s)", m.Index, m.Time)
	}
}

type historyInfo struct {
	Enabled       bool     `json:"enabled"`
	From          moment   `json:"from"`
	To            moment   `json:"to"`
	WindowSeconds int64    `json:"windowSeconds"`
	BytesMax      int64    `json:"bytesMax"`
	Bytes         int64    `json:"bytes"`
	Checkpoints   []moment `json:"checkpoints"`
	RefusalsFrom  moment   `json:"refusalsFrom"`
}

func (h *historyInfo) print(w io.Writer) {
	switch {
	case !h.Enabled:
		fmt.Fprintln(w, "No history is kept: the server runs with --history-age 0.")
	case len(h.Checkpoints) == 0:
		fmt.Fprintln(w, "Nothing is kept yet: history begins with the server's first checkpoint.")
	default:
		fmt.Fprintf(w, "from %s\nto   %s\n%d checkpoints, %.1f of %.0f MB, for %.1f hours at most\n",
			h.From, h.To, len(h.Checkpoints), float64(h.Bytes)/1e6, float64(h.BytesMax)/1e6,
			float64(h.WindowSeconds)/3600)
		if h.RefusalsFrom.Index > h.From.Index {
			fmt.Fprintf(w, "orders that were refused before the log: from %s\n", h.RefusalsFrom)
		}
	}
}

type backtestInfo struct {
	ID       string  `json:"id"`
	Rule     string  `json:"rule"`
	Version  int     `json:"version"`
	Hook     string  `json:"hook"`
	Scope    scope   `json:"scope"`
	State    string  `json:"state"`
	Error    string  `json:"error"`
	From     moment  `json:"from"`
	To       moment  `json:"to"`
	Started  string  `json:"started"`
	Seconds  float64 `json:"seconds"`
	Progress struct {
		Percent           float64 `json:"percent"`
		Commands          int64   `json:"commands"`
		CommandsPerSecond float64 `json:"commandsPerSecond"`
	} `json:"progress"`
	Report *backtestReport `json:"report"`
}

type outcomeCounts struct {
	Filled  int64 `json:"filled"`
	Partial int64 `json:"partial"`
	Refused int64 `json:"refused"`
	Split   int64 `json:"split"`
}

type backtestTotals struct {
	Orders               outcomeCounts `json:"orders"`
	Lines                outcomeCounts `json:"lines"`
	UnitsAllocated       int64         `json:"unitsAllocated"`
	UnitsPending         int64         `json:"unitsPending"`
	RuleLines            int64         `json:"ruleLines"`
	RuleFailures         int64         `json:"ruleFailures"`
	RecordsRedistributed int64         `json:"recordsSpread"`
	UnitsRedistributed   int64         `json:"unitsSpread"`
}

type segmentUnits struct {
	Allocated int64 `json:"allocated"`
	Stranded  int64 `json:"stranded"`
}

type backtestRefusals struct {
	Recorded int64  `json:"recorded"`
	LeftOut  int64  `json:"leftOut"`
	Lost     int64  `json:"lost"`
	Gaps     int64  `json:"gaps"`
	From     moment `json:"from"`
}

type backtestReport struct {
	From       moment           `json:"from"`
	To         moment           `json:"to"`
	Commands   int64            `json:"commands"`
	Orders     int64            `json:"orders"`
	Lines      int64            `json:"lines"`
	UnitsAsked int64            `json:"unitsAsked"`
	Refusals   backtestRefusals `json:"refusals"`
	AsDecided  backtestTotals   `json:"asDecided"`
	Candidate  backtestTotals   `json:"candidate"`
	Segments   []struct {
		Tags      map[string]string `json:"tags"`
		AsDecided segmentUnits      `json:"asDecided"`
		Candidate segmentUnits      `json:"candidate"`
	} `json:"segments"`
	OrdersThatDiffer int64 `json:"ordersThatDiffer"`
	Differences      []struct {
		OrderID   string          `json:"orderId"`
		Index     uint64          `json:"index"`
		Time      string          `json:"time"`
		AsDecided []explainedItem `json:"asDecided"`
		Candidate []explainedItem `json:"candidate"`
	} `json:"differences"`
	ChangesAdapted     int64 `json:"changesAdapted"`
	OtherAnswersDiffer int64 `json:"otherAnswersDiffer"`
	Suspended          *struct {
		moment
		Reason string `json:"reason"`
	} `json:"suspended"`
}

func (b *backtestInfo) print(w io.Writer) {
	fmt.Fprintf(w, "backtest %s of %s, %s %s: %s", b.ID, ruleName(b.Rule, b.Version), b.Hook, b.Scope.text(), b.State)
	switch {
	case b.Error != "":
		fmt.Fprintf(w, ": %s\n", b.Error)
	case b.State == "running":
		fmt.Fprintf(w, ", %.0f %% done; 'apportion rules backtests %s' shows it\n", b.Progress.Percent, b.ID)
	default:
		fmt.Fprintln(w)
	}
	if b.Report != nil {
		fmt.Fprintf(w, "%d commands in %.1f s (%.0f a second)\n", b.Progress.Commands, b.Seconds,
			b.Progress.CommandsPerSecond)
		b.Report.print(w)
	}
}

func (r *backtestReport) print(w io.Writer) {
	fmt.Fprintf(w, "%d orders with %d lines for %d units, from %s to %s\n", r.Orders, r.Lines, r.UnitsAsked, r.From,
		r.To)
	r.Refusals.print(w, r.From)
	fmt.Fprintln(w)
	if s := r.Suspended; s != nil {
		fmt.Fprintf(w, "The rule would have been SUSPENDED at %s: %s\n\n", s.moment, s.Reason)
	}
	r.printTotals(w)
	r.printSegments(w)
	if r.ChangesAdapted > 0 {
		fmt.Fprintf(w, "\n%d shipments, releases or returns were cut down to what the candidate's orders have.\n",
			r.ChangesAdapted)
	}
	if r.OtherAnswersDiffer > 0 {
		fmt.Fprintf(w, "\n%d other commands were answered otherwise, such as adjustments below zero.\n",
			r.OtherAnswersDiffer)
	}
	fmt.Fprintf(w, "\n%d orders are answered otherwise", r.OrdersThatDiffer)
	if len(r.Differences) == 0 {
		fmt.Fprintln(w, ".")
		return
	}
	fmt.Fprintf(w, "; the first %d:\n", len(r.Differences))
	for i := range r.Differences {
		d := &r.Differences[i]
		fmt.Fprintf(w, "\norder %s\n  as decided\n", d.OrderID)
		printExplained(w, "    ", d.AsDecided)
		fmt.Fprintln(w, "  candidate")
		printExplained(w, "    ", d.Candidate)
	}
}

// print says how much of what was refused before the log the figures have.
func (r *backtestRefusals) print(w io.Writer, from moment) {
	fmt.Fprintf(w, "refused before the log: %d recorded", r.Recorded)
	if r.LeftOut > 0 {
		fmt.Fprintf(w, ", %d of them left out because there are too many", r.LeftOut)
	}
	if r.Lost > 0 {
		fmt.Fprintf(w, ", %d more not recorded", r.Lost)
	}
	if r.Gaps > 0 {
		fmt.Fprintf(w, ", an unknown number missing where the recording broke off (%d)", r.Gaps)
	}
	if r.From.Index > from.Index {
		fmt.Fprintf(w, ", unknown before %s", r.From)
	}
	fmt.Fprintln(w)
}

func (r *backtestReport) printTotals(w io.Writer) {
	rows := [][]string{{"", "AS DECIDED", "CANDIDATE", "CHANGE"}}
	row := func(what string, decided, candidate int64) {
		rows = append(rows, []string{what, fmt.Sprint(decided), fmt.Sprint(candidate), change(decided, candidate)})
	}
	// What a hook has nothing to do with is left out.
	some := func(what string, decided, candidate int64) {
		if decided != 0 || candidate != 0 {
			row(what, decided, candidate)
		}
	}
	d, c := &r.AsDecided, &r.Candidate
	row("orders filled", d.Orders.Filled, c.Orders.Filled)
	row("orders filled in part", d.Orders.Partial, c.Orders.Partial)
	row("orders refused", d.Orders.Refused, c.Orders.Refused)
	row("orders split over segments", d.Orders.Split, c.Orders.Split)
	row("lines filled", d.Lines.Filled, c.Lines.Filled)
	row("lines filled in part", d.Lines.Partial, c.Lines.Partial)
	row("lines refused", d.Lines.Refused, c.Lines.Refused)
	row("lines split over segments", d.Lines.Split, c.Lines.Split)
	row("units allocated", d.UnitsAllocated, c.UnitsAllocated)
	row("units that had to wait", d.UnitsPending, c.UnitsPending)
	some("lines that a rule decided", d.RuleLines, c.RuleLines)
	some("lines for which a rule failed", d.RuleFailures, c.RuleFailures)
	some("records redistributed by a rule", d.RecordsRedistributed, c.RecordsRedistributed)
	some("units moved by a rule", d.UnitsRedistributed, c.UnitsRedistributed)
	figures(w, rows)
}

func (r *backtestReport) printSegments(w io.Writer) {
	if len(r.Segments) == 0 {
		return
	}
	rows := [][]string{{"", "ALLOCATED", "", "", "LEFT AT THE END", "", ""},
		{"SEGMENT", "AS DECIDED", "CANDIDATE", "CHANGE", "AS DECIDED", "CANDIDATE", "CHANGE"}}
	for _, s := range r.Segments {
		d, c := s.AsDecided, s.Candidate
		rows = append(rows, []string{tagText(s.Tags), fmt.Sprint(d.Allocated), fmt.Sprint(c.Allocated),
			change(d.Allocated, c.Allocated),
			fmt.Sprint(d.Stranded), fmt.Sprint(c.Stranded), change(d.Stranded, c.Stranded)})
	}
	fmt.Fprintln(w)
	figures(w, rows)
}

// change shows by how much a figure differs.
func change(from, to int64) string {
	if from == to {
		return "-"
	}
	return fmt.Sprintf("%+d", to-from)
}

func printBacktests(w io.Writer, all []backtestInfo) {
	if len(all) == 0 {
		fmt.Fprintln(w, "There are no backtests. 'apportion rules backtest NAME' begins one.")
		return
	}
	rows := [][]string{{"ID", "CANDIDATE", "HOOK", "STARTED", "STATE"}}
	for i := range all {
		b := &all[i]
		state := b.State
		if state == "running" {
			state += fmt.Sprintf(", %.0f %%", b.Progress.Percent)
		}
		rows = append(rows, []string{b.ID, ruleName(b.Rule, b.Version), b.Hook + " " + b.Scope.text(), b.Started,
			state})
	}
	table(w, rows)
}

// figures prints rows whose first column is text and whose others are figures, set to the right but for a last one of
// text.
func figures(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for column, cell := range row {
			if column == len(widths) {
				widths = append(widths, 0)
			}
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for column, cell := range row {
			switch {
			case column == 0:
				fmt.Fprintf(&line, "%-*s", widths[0], cell)
			case rows[0][column] == "WHY":
				line.WriteString("  " + cell)
			default:
				fmt.Fprintf(&line, "  %*s", widths[column], cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
