package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"apportion/bench/wire"
)

// Latency in milliseconds. In an open loop it counts from the moment when the request was due.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Point is one second of a run.
type Point struct {
	Second   float64 `json:"second"` // since the start
	Answered int64   `json:"answered"`
	Failed   int64   `json:"failed"`
	P50MS    float64 `json:"p50Ms"`
	P99MS    float64 `json:"p99Ms"`
	MaxMS    float64 `json:"maxMs"`
}

// OpResult is the result of one kind of request.
type OpResult struct {
	Op        string  `json:"op"`
	Requests  int64   `json:"requests"`
	LatencyMS Latency `json:"latencyMs"`
}

// CodeCount is how often a code was answered.
type CodeCount struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// ServerUse is the cost of a run from the server's /metrics.
type ServerUse struct {
	Commands            float64 `json:"commands"`
	Syncs               float64 `json:"syncs"`
	CommandsPerSync     float64 `json:"commandsPerSync"`
	BytesPerCommand     float64 `json:"bytesPerCommand"`
	CPUSeconds          float64 `json:"cpuSeconds"`
	CPUCores            float64 `json:"cpuCores"` // on average
	CPUMicrosPerRequest float64 `json:"cpuMicrosPerRequest"`
	ResidentBytes       float64 `json:"residentBytes"`
	ResidentPeakBytes   float64 `json:"residentPeakBytes"`
}

// Measured is the result of one run.
type Measured struct {
	Loop             string  `json:"loop"`             // open or closed
	OfferedPerSecond float64 `json:"offeredPerSecond"` // requests a second; 0: as many as the connections allow
	Seconds          float64 `json:"seconds"`

	Requests          int64   `json:"requests"` // answered as the workload expects
	RequestsPerSecond float64 `json:"requestsPerSecond"`
	Work              int64   `json:"work"`
	WorkPerSecond     float64 `json:"workPerSecond"`

	LatencyMS    Latency     `json:"latencyMs"`
	ClientLateMS Latency     `json:"clientLateMs"` // delay of the client itself while a connection was free
	Ops          []OpResult  `json:"ops"`
	Codes        []CodeCount `json:"codes"`
	Failed       int64       `json:"failed"` // any other answer, or none
	NotSent      int64       `json:"notSent"`
	Server       ServerUse   `json:"server"`
	Series       []Point     `json:"series"`
}

// Result is the result of all runs. It exists only if the check found no difference.
type Result struct {
	Workload    string    `json:"workload"`
	Unit        string    `json:"unit"` // of work
	Target      string    `json:"target"`
	Run         string    `json:"run"`
	Location    string    `json:"location"`
	Started     time.Time `json:"started"`
	Connections int       `json:"connections"`
	Records     int       `json:"records"`
	Segments    int       `json:"segments"`
	Lines       int       `json:"lines"`
	Seed        uint64    `json:"seed"`
	Zipf        float64   `json:"zipf"`
	ClientCores int       `json:"clientCores"`

	Runs  []Measured `json:"runs"`
	Check Check      `json:"check"`
}

// CheckError means that the server's stock does not agree with its answers, so there are no figures.
type CheckError struct{ Check *Check }

// Error lists the first differences.
func (e *CheckError) Error() string {
	text := fmt.Sprintf("the check FAILED with %d differences, so there are no figures:", e.Check.DifferencesCount)
	for _, difference := range e.Check.Differences {
		text += "\n  " + difference
	}
	if more := e.Check.DifferencesCount - len(e.Check.Differences); more > 0 {
		text += fmt.Sprintf("\n  ... and %d more", more)
	}
	return text
}

// Run loads stock, warms up, does a run at each rate, and checks. A *CheckError means that the check failed.
func Run(ctx context.Context, o Options) (result *Result, err error) {
	b, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	result = b.describe()
	if b.o.Warmup > 0 {
		m := b.NewMeasurement("warming up", b.o.Warmup)
		if err := b.Drive(ctx, m, Stretch{Rate: b.o.Rates[0], Closed: b.o.Closed, Duration: b.o.Warmup}); err != nil {
			return nil, err
		}
	}
	for _, rate := range b.o.Rates {
		s := Stretch{Rate: rate, Closed: b.o.Closed, Duration: b.o.Duration}
		m := b.NewMeasurement(s.name(), b.o.Duration)
		if err := b.Drive(ctx, m, s); err != nil {
			return nil, err
		}
		result.Runs = append(result.Runs, m.Result(s))
	}
	check, err := b.Check(ctx)
	if err != nil {
		return nil, err
	}
	if !check.OK() {
		return nil, &CheckError{check}
	}
	result.Check = *check
	return result, nil
}

func (s Stretch) name() string {
	switch {
	case s.Rate == 0:
		return "closed loop"
	case s.Closed:
		return fmt.Sprintf("closed loop, %.0f/s", s.Rate)
	}
	return fmt.Sprintf("open loop, %.0f/s", s.Rate)
}

func (b *Bench) describe() *Result {
	return &Result{
		Workload: b.workload.name, Unit: b.workload.unit, Target: b.target.URL(), Run: b.o.Run, Location: b.location,
		Started: time.Now().UTC().Truncate(time.Second), Connections: b.o.Connections, Records: b.o.Records,
		Segments: b.o.Segments,
		Lines:    b.o.Lines, Seed: b.o.Seed, Zipf: b.o.Zipf, ClientCores: runtime.NumCPU(),
	}
}

// Result sums up the measurement. s describes each of its stretches.
func (m *Measurement) Result(s Stretch) Measured {
	r := m.rec
	r.mu.Lock()
	defer r.mu.Unlock()
	seconds := r.took.Seconds()
	out := Measured{
		Loop: "closed", OfferedPerSecond: s.Rate, Seconds: seconds,
		Requests: r.answered, RequestsPerSecond: per(float64(r.answered), seconds),
		Work: r.work, WorkPerSecond: per(float64(r.work), seconds),
		LatencyMS: r.total.latency(), ClientLateMS: r.late.latency(),
		Failed: r.failed, NotSent: r.unsent, Series: r.series,
		Server: useOf(m.server, seconds, float64(r.total.count()-r.unsent)),
	}
	if s.open() {
		out.Loop = "open"
	}
	for key, h := range r.ops {
		name := key.op.String()
		if key.refused {
			name += ", refused"
		}
		out.Ops = append(out.Ops, OpResult{name, h.count(), h.latency()})
	}
	slices.SortFunc(out.Ops, func(a, b OpResult) int { return cmp.Compare(a.Op, b.Op) })
	for code, count := range r.codes {
		out.Codes = append(out.Codes, CodeCount{code, *count})
	}
	slices.SortFunc(out.Codes, func(a, b CodeCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	})
	return out
}

func useOf(s wire.Server, seconds, requests float64) ServerUse {
	return ServerUse{
		Commands: s.Commands, Syncs: s.Syncs, CommandsPerSync: per(s.Commands, s.Syncs),
		BytesPerCommand: per(s.LogBytes, s.Commands),
		CPUSeconds:      s.CPUSeconds, CPUCores: per(s.CPUSeconds, seconds),
		CPUMicrosPerRequest: per(s.CPUSeconds*1e6, requests),
		ResidentBytes:       s.ResidentBytes, ResidentPeakBytes: s.ResidentPeakBytes,
	}
}

// per is a ratio, or 0 if by is 0: JSON has no infinity.
func per(of, by float64) float64 {
	if by == 0 {
		return 0
	}
	return of / by
}
