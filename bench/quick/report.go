package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// ratioTarget is the target for one-line allocations against the constant handler, ruleTarget that for allocations with
// a rule against those without.
const (
	ratioTarget = 0.4
	ruleTarget  = 0.6
)

// report collects the table.
type report struct {
	out     io.Writer
	table   *tabwriter.Writer
	started time.Time
}

func newReport(out io.Writer) *report {
	r := &report{out: out, table: tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight), started: time.Now()}
	fmt.Fprintf(r.table, "what\tper second\t\tp50\tp99\tp99.9\tserver CPU each\t\n")
	return r
}

func (r *report) add(group []*workload) {
	for _, w := range group {
		slices.Sort(w.latencies)
		work := w.requests * w.perRequest
		fmt.Fprintf(r.table, "%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t\n", w.name, float64(work)/w.took.Seconds(), w.unit,
			w.permille(500), w.permille(990), w.permille(999), each(w.cpu, work))
	}
}

func (w *workload) permille(part int) time.Duration {
	if len(w.latencies) == 0 {
		return 0
	}
	return w.latencies[min(len(w.latencies)*part/1000, len(w.latencies)-1)].Round(10 * time.Microsecond)
}

// each is the processor time per unit of work.
func each(cpu time.Duration, work int) string {
	if cpu == 0 || work == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f us", cpu.Seconds()*1e6/float64(work))
}

// flush prints the table.
func (r *report) flush(o options) error {
	fmt.Fprintf(r.out, "\n%s, %d cores shared by server and load generator, %s/%s, %d connections (500 lines: %d), "+
		"%d s each, in turns\n\n",
		r.started.Format("2006-01-02 15:04"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, o.connections,
		min(o.connections, manyConns), o.seconds)
	return r.table.Flush()
}

// finish prints the table and its conclusions.
func (r *report) finish(o options, p *plan) error {
	if err := r.flush(o); err != nil {
		return err
	}
	r.target("durable allocations to parsing only", p.oneLine, p.parseOnly, ratioTarget)
	r.target("durable allocations that a rule decides to those that none does", p.ruled, p.oneLine, ruleTarget)
	r.syncs("one-line allocations", p.oneLine)
	return nil
}

func (r *report) syncs(of string, w *workload) {
	if s := w.syncs; s.Syncs > 0 {
		fmt.Fprintf(r.out, "commands per synced write of the log, %s: %.1f, %.0f bytes a command\n", of,
			s.Commands/s.Syncs, s.LogBytes/s.Commands)
	}
}

func (r *report) ratio(what string, of, to *workload) {
	fmt.Fprintf(r.out, "\nratio of %s: %.2f\n", what, perSecond(of)/perSecond(to))
}

func (r *report) target(what string, of, to *workload, target float64) {
	ratio := perSecond(of) / perSecond(to)
	verdict := "reached"
	if ratio < target {
		verdict = "MISSED"
	}
	fmt.Fprintf(r.out, "\nratio of %s: %.2f (target %.1f: %s)\n", what, ratio, target, verdict)
}

func perSecond(w *workload) float64 { return float64(w.requests) / w.took.Seconds() }
