package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"apportion/httpapi/api"
)

// How the replies about history and backtests are printed.

func momentText(m api.Moment) string {
	switch {
	case m.Time == "":
		return fmt.Sprintf("log index %d", m.Index)
	case m.Index == 0:
		return m.Time
	default:
		return fmt.Sprintf("log index %d (%s)", m.Index, m.Time)
	}
}

func printHistory(w io.Writer, h *api.History) {
	switch {
	case !h.Enabled:
		fmt.Fprintln(w, "No history is kept: the server runs with --history-age 0.")
	case len(h.Checkpoints) == 0:
		fmt.Fprintln(w, "The history is empty: it begins with the server's first checkpoint.")
	default:
		fmt.Fprintf(w, "from %s\nto   %s\n%d checkpoints, %.1f of %.0f MB, for %.1f hours at most\n",
			momentText(h.From), momentText(h.To), len(h.Checkpoints), float64(h.Bytes)/1e6, float64(h.BytesMax)/1e6,
			float64(h.WindowSeconds)/3600)
		if h.RefusalsFrom.Index > h.From.Index {
			fmt.Fprintf(w, "early refusals recorded from %s\n", momentText(h.RefusalsFrom))
		}
	}
}

func printBacktest(w io.Writer, b *api.Backtest) {
	fmt.Fprintf(w, "backtest %s of %s, %s %s: %s", b.ID, ruleName(b.Rule, b.Version), b.Hook, scopeText(&b.Scope),
		b.State)
	switch {
	case b.Error != "":
		fmt.Fprintf(w, ": %s\n", b.Error)
	case b.State == api.BacktestRunning:
		fmt.Fprintf(w, ", %.0f %% done; 'apportion rules backtests %s' shows it\n", b.Progress.Percent, b.ID)
	default:
		fmt.Fprintln(w)
	}
	if b.Report != nil {
		fmt.Fprintf(w, "%d commands in %.1f s (%.0f a second)\n", b.Progress.Commands, b.Seconds,
			b.Progress.CommandsPerSecond)
		printReport(w, b.Report)
	}
}

func printReport(w io.Writer, r *api.BacktestReport) {
	fmt.Fprintf(w, "%d orders with %d lines for %d units, from %s to %s\n", r.Orders, r.Lines, r.UnitsAsked,
		momentText(r.From), momentText(r.To))
	printRefusals(w, &r.Refusals, r.From)
	fmt.Fprintln(w)
	if s := r.Suspended; s != nil {
		fmt.Fprintf(w, "The rule would have been SUSPENDED at %s: %s\n\n", momentText(s.Moment), s.Reason)
	}
	printTotals(w, r)
	printSegments(w, r.Segments)
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

// printRefusals prints how many early refusals are in the figures, and how many are missing.
func printRefusals(w io.Writer, r *api.BacktestRefusals, from api.Moment) {
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
		fmt.Fprintf(w, ", unknown before %s", momentText(r.From))
	}
	fmt.Fprintln(w)
}

func printTotals(w io.Writer, r *api.BacktestReport) {
	rows := [][]string{{"", "AS DECIDED", "CANDIDATE", "CHANGE"}}
	row := func(label string, decided, candidate int64) {
		rows = append(rows, []string{label, fmt.Sprint(decided), fmt.Sprint(candidate), change(decided, candidate)})
	}
	// A row of zeros belongs to the other hook: leave it out.
	some := func(label string, decided, candidate int64) {
		if decided != 0 || candidate != 0 {
			row(label, decided, candidate)
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
	printFigures(w, rows)
}

func printSegments(w io.Writer, segments []api.SegmentComparison) {
	if len(segments) == 0 {
		return
	}
	rows := [][]string{{"", "ALLOCATED", "", "", "LEFT AT THE END", "", ""},
		{"SEGMENT", "AS DECIDED", "CANDIDATE", "CHANGE", "AS DECIDED", "CANDIDATE", "CHANGE"}}
	for _, s := range segments {
		d, c := s.AsDecided, s.Candidate
		rows = append(rows, []string{tagText(s.Tags), fmt.Sprint(d.Allocated), fmt.Sprint(c.Allocated),
			change(d.Allocated, c.Allocated),
			fmt.Sprint(d.Stranded), fmt.Sprint(c.Stranded), change(d.Stranded, c.Stranded)})
	}
	fmt.Fprintln(w)
	printFigures(w, rows)
}

// change is the difference of two figures as text.
func change(from, to int64) string {
	if from == to {
		return "-"
	}
	return fmt.Sprintf("%+d", to-from)
}

func printBacktests(w io.Writer, all []api.Backtest) {
	if len(all) == 0 {
		fmt.Fprintln(w, "There are no backtests. 'apportion rules backtest NAME' begins one.")
		return
	}
	rows := [][]string{{"ID", "CANDIDATE", "HOOK", "STARTED", "STATE"}}
	for i := range all {
		b := &all[i]
		state := string(b.State)
		if b.State == api.BacktestRunning {
			state += fmt.Sprintf(", %.0f %%", b.Progress.Percent)
		}
		rows = append(rows, []string{b.ID, ruleName(b.Rule, b.Version), b.Hook + " " + scopeText(&b.Scope), b.Started,
			state})
	}
	table(w, rows)
}

// printFigures prints a table. The first column and WHY are text; the other columns are figures, aligned to the right.
func printFigures(w io.Writer, rows [][]string) {
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
