package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms hold microseconds up to latencyMax, with three digits. A longer latency counts as latencyMax.
const (
	latencyMax    = time.Hour
	latencyDigits = 3
)

// histogram is an HDR histogram of latencies.
type histogram struct{ h *hdrhistogram.Histogram }

func newHistogram() histogram {
	return histogram{hdrhistogram.New(1, latencyMax.Microseconds(), latencyDigits)}
}

func (h histogram) add(latency time.Duration) {
	_ = h.h.RecordValue(min(max(latency, time.Microsecond), latencyMax).Microseconds()) // fails only out of range
}

func (h histogram) count() int64 { return h.h.TotalCount() }

// at is the latency at a percentile.
func (h histogram) at(percent float64) time.Duration {
	if h.h.TotalCount() == 0 {
		return 0
	}
	return time.Duration(h.h.ValueAtPercentile(percent)) * time.Microsecond
}

func (h histogram) max() time.Duration { return time.Duration(h.h.Max()) * time.Microsecond }

func (h histogram) latency() Latency {
	return Latency{ms(h.at(50)), ms(h.at(90)), ms(h.at(99)), ms(h.at(99.9)), ms(h.max())}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// answer is the outcome of one request, as a worker sees it.
type answer struct {
	op      op
	work    int64 // units of work in it: lines, items
	latency time.Duration
	late    time.Duration // delay of the client itself; negative: no connection was free in time
	code    string        // of the outcome
	effect  effect
	ok      bool // an answer that the workload expects
	at      time.Time
}

// recorder collects the answers of one measurement, over one or more stretches. One mutex serves all workers: 50,000
// answers a second hold it for a hundredth of the time.
type recorder struct {
	mu       sync.Mutex
	progress func(Point)

	total, late histogram
	ops         map[opKey]histogram
	codes       map[string]*int64
	answered    int64 // with an answer that the workload expects
	work        int64 // in those answers
	failed      int64
	unsent      int64

	took    time.Duration // of the finished stretches
	started time.Time     // the present stretch
	last    time.Time     // its last answer

	second  histogram
	bucket  int
	current Point
	series  []Point
}

type opKey struct {
	op      op
	refused bool
}

func newRecorder(progress func(Point)) *recorder {
	return &recorder{progress: progress, total: newHistogram(), late: newHistogram(), second: newHistogram(),
		ops: map[opKey]histogram{}, codes: map[string]*int64{}}
}

// begin starts a stretch.
func (r *recorder) begin(start time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started, r.last, r.bucket = start, start, 0
	r.current = Point{Second: r.took.Seconds()}
}

// end closes a stretch. The stretch took until its last answer, but at least its duration.
func (r *recorder) end(duration time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The last part of a second would look like a dip.
	if r.bucket == 0 || time.Duration(r.bucket)*time.Second < duration {
		r.closeSecond()
	}
	r.second.h.Reset()
	r.took += max(duration, r.last.Sub(r.started))
}

func (r *recorder) add(a *answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for bucket := int(a.at.Sub(r.started) / time.Second); r.bucket < bucket; r.bucket++ {
		r.closeSecond()
		r.current = Point{Second: r.took.Seconds() + float64(r.bucket+1)}
	}
	if a.at.After(r.last) {
		r.last = a.at
	}
	r.count(a.code, 1)
	// A busy server that refuses at once would look fast. So such an answer counts as failed and has no latency.
	if !a.ok {
		r.failed++
		r.current.Failed++
	}
	if a.ok || a.effect == unknown {
		r.total.add(a.latency)
		r.second.add(a.latency)
		r.opHistogram(opKey{a.op, a.effect == notDone}).add(a.latency)
	}
	if a.ok {
		r.answered++
		r.work += a.work
		r.current.Answered++
	}
	if a.late >= 0 {
		r.late.add(a.late)
	}
}

// addUnsent counts requests that were due and never sent, with their waiting time at the end.
func (r *recorder) addUnsent(waited time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsent++
	r.failed++
	r.count("not-sent", 1)
	r.total.add(waited)
}

func (r *recorder) count(code string, n int64) {
	if r.codes[code] == nil {
		r.codes[code] = new(int64)
	}
	*r.codes[code] += n
}

func (r *recorder) opHistogram(key opKey) histogram {
	h, ok := r.ops[key]
	if !ok {
		h = newHistogram()
		r.ops[key] = h
	}
	return h
}

// closeSecond ends a point of the series.
func (r *recorder) closeSecond() {
	r.current.P50MS, r.current.P99MS, r.current.MaxMS = ms(r.second.at(50)), ms(r.second.at(99)), ms(r.second.max())
	r.series = append(r.series, r.current)
	if r.progress != nil {
		r.progress(r.current)
	}
	r.second.h.Reset()
}
