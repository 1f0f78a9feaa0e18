package load

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Print writes the result for people.
func (r *Result) Print(w io.Writer) error {
	fmt.Fprintf(w, "%s on %s, %s: %d connections, %d records of %d segments, seed %d", r.Workload, r.Target,
		r.Started.Format("2006-01-02 15:04"),
		r.Connections, r.Records, r.Segments, r.Seed)
	if r.Lines > 1 {
		fmt.Fprintf(w, ", %d %s a request", r.Lines, r.Unit)
	}
	if r.Zipf > 0 {
		fmt.Fprintf(w, ", Zipf %g", r.Zipf)
	}
	fmt.Fprintf(w, "\n\n")
	for i := range r.Runs {
		if err := r.Runs[i].print(w, r.Unit); err != nil {
			return err
		}
	}
	c := &r.Check
	fmt.Fprintf(w, "checked: %d records, %d segments and %d orders read back; nothing oversold, nothing lost",
		c.Records, c.Segments, c.Orders)
	if c.UnknownUnits > 0 {
		fmt.Fprintf(w, " (%d units of unknown outcome, held against intervals)", c.UnknownUnits)
	}
	fmt.Fprintln(w)
	return nil
}

func (m *Measured) print(w io.Writer, unit string) error {
	if m.OfferedPerSecond > 0 {
		fmt.Fprintf(w, "%s loop, %.0f requests/s offered", m.Loop, m.OfferedPerSecond)
	} else {
		fmt.Fprint(w, "closed loop, as fast as the connections allow")
	}
	fmt.Fprintf(w, ": %.0f requests/s", m.RequestsPerSecond)
	if m.Work != m.Requests {
		fmt.Fprintf(w, ", %.0f %s/s", m.WorkPerSecond, unit)
	}
	fmt.Fprintf(w, " over %.1f s\n\n", m.Seconds)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "  \trequests\tp50 ms\tp90\tp99\tp99.9\tmax\t\n")
	row := func(name string, requests any, l Latency) {
		fmt.Fprintf(table, "  %s\t%v\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", name, requests, l.P50, l.P90, l.P99, l.P999,
			l.Max)
	}
	for _, op := range m.Ops {
		row(op.Op, op.Requests, op.LatencyMS)
	}
	if len(m.Ops) != 1 || m.NotSent > 0 {
		row("all", m.Requests, m.LatencyMS)
	}
	if m.Loop == "open" {
		row("client late by", "", m.ClientLateMS)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	m.printRest(w)
	return nil
}

func (m *Measured) printRest(w io.Writer) {
	fmt.Fprintf(w, "\n  answers  ")
	for _, c := range m.Codes {
		fmt.Fprintf(w, " %s %d", c.Code, c.Count)
	}
	fmt.Fprintf(w, "; %d failed", m.Failed)
	if m.NotSent > 0 {
		fmt.Fprintf(w, ", %d were due and could not be sent: the server is slower than the rate", m.NotSent)
	}
	s := &m.Server
	fmt.Fprintf(w, "\n  server    %.2f cores, %.1f us a request, %.0f MB resident, %.0f MB at most\n", s.CPUCores,
		s.CPUMicrosPerRequest,
		s.ResidentBytes/1e6, s.ResidentPeakBytes/1e6)
	if s.Commands > 0 {
		fmt.Fprintf(w, "  log       %.0f commands, %.1f to a sync, %.0f bytes each\n", s.Commands, s.CommandsPerSync,
			s.BytesPerCommand)
	}
	fmt.Fprintln(w)
}
