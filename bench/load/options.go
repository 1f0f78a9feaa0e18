package load

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"apportion/bench/replay"
	"apportion/bench/wire"
)

// Options describe a run. A zero field stands for its default. Complete fills it in.
type Options struct {
	Target   string // URL of the server
	Token    string // one of its tokens; empty if it needs none
	Workload string

	// Rates are the offered requests a second, one run for each. 0 is a closed loop as fast as the connections allow.
	// Default: one run at 0.
	Rates []float64

	// Closed makes a run at a rate a closed loop: a connection sends nothing before its last request is answered.
	// Latency counts from the sending.
	Closed bool

	Connections int
	Duration    time.Duration // of each run, default 10 s
	Warmup      time.Duration // before the first run, not measured; negative: none; default 1 s
	Records     int
	Segments    int // of each record, default 1
	Lines       int // lines or items of one request, if the workload has several
	Seed        uint64
	Zipf        float64      // exponent of the popularity of records; 0 is uniform
	Orders      []replay.Row // what the workload orders replays

	// Run is the name of the run, a part of its location and order ids. Empty: a new name.
	Run string

	// Constant means that the target is the handler with constant answers. There is no stock to load and nothing to
	// check.
	Constant bool

	// Progress, if not nil, is called each second of a run, and during loading and checking.
	Progress func(Progress)
}

// Progress is a moment of a run.
type Progress struct {
	Step    string        // the present step, for people
	Elapsed time.Duration // of the present stretch
	Of      time.Duration
	Point   Point // the last second, if Step is a measured run
}

// Defaults of Options.
const (
	DefaultDuration = 10 * time.Second
	DefaultWarmup   = time.Second
)

// Complete fills in the defaults and reports all faults.
func (o *Options) Complete() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if _, err := wire.ParseTarget(o.Target); err != nil {
		faults = append(faults, err)
	}
	w := workloadOf(o.Workload)
	if w == nil {
		fault("workload %q: expected one of %s", o.Workload, strings.Join(WorkloadNames(), ", "))
		return errors.Join(faults...)
	}
	o.setDefaults(w)
	if len(o.Rates) > ratesMax {
		fault("%d rates: at most %d", len(o.Rates), ratesMax)
	}
	for _, rate := range o.Rates {
		if rate < 0 || rate > rateMax || math.IsNaN(rate) {
			fault("rate %v: expected more than 0 and at most %d requests a second, or max", rate, rateMax)
		}
	}
	between := func(name string, value, least, most int) {
		if value < least || value > most {
			fault("%s %d: expected %d to %d", name, value, least, most)
		}
	}
	between("connections", o.Connections, 1, connectionsMax)
	between("records", o.Records, 1, recordsMax)
	between("segments", o.Segments, 1, valuesMax)
	between("lines", o.Lines, 1, w.linesMax)
	if o.Records*o.Segments > segmentsMax {
		fault("%d records of %d segments: at most %d segments", o.Records, o.Segments, segmentsMax)
	}
	if o.Duration <= 0 || o.Duration > durationMax {
		fault("duration %s: expected a time above 0, at most %s", o.Duration, durationMax)
	}
	if o.Zipf < 0 || o.Zipf > 10 || math.IsNaN(o.Zipf) {
		fault("zipf %v: expected 0 (uniform) to 10", o.Zipf)
	}
	if len(o.Run) > runBytesMax || strings.ContainsFunc(o.Run, func(r rune) bool { return !isRunLetter(r) }) {
		fault("run %q: expected at most %d letters, digits and hyphens", o.Run, runBytesMax)
	}
	if o.Workload == "orders" && len(o.Orders) == 0 {
		fault("the workload orders needs a file of orders")
	}
	return errors.Join(faults...)
}

func isRunLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
}

func (o *Options) setDefaults(w *workload) {
	def := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	def(&o.Connections, w.connections)
	def(&o.Records, w.records)
	def(&o.Segments, 1)
	def(&o.Lines, w.lines)
	if w.fixed {
		o.Records, o.Segments = w.records, 1
	}
	if o.Duration == 0 {
		o.Duration = DefaultDuration
	}
	if o.Warmup == 0 {
		o.Warmup = DefaultWarmup
	}
	if len(o.Rates) == 0 {
		o.Rates = []float64{0}
	}
	if o.Run == "" {
		o.Run = newRun()
	}
}

// ParseRates reads rates such as "max", "2500", "20k" or "1000,2000,max".
func ParseRates(text string) ([]float64, error) {
	var rates []float64
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if part == "max" {
			rates = append(rates, 0)
			continue
		}
		digits, thousands := strings.CutSuffix(part, "k")
		rate, err := strconv.ParseFloat(digits, 64)
		if thousands {
			rate *= 1000
		}
		if err != nil || !(rate > 0 && rate <= rateMax) {
			return nil, fmt.Errorf("rate %q: expected requests a second, such as 2500 or 20k, or max", part)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}
