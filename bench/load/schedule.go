package load

import (
	"math"
	"sync/atomic"
	"time"
)

// Stretch is a time in which requests are sent.
type Stretch struct {
	Rate     float64 // requests a second; 0: as fast as the connections allow
	Closed   bool    // with a rate: no request is due while its connection waits
	Duration time.Duration
}

// open reports whether the moments of the requests are independent of the server.
func (s Stretch) open() bool { return s.Rate > 0 && !s.Closed }

// schedule gives the requests of a stretch their moments.
type schedule struct {
	Stretch
	start time.Time
	total int64        // requests that are due in an open stretch
	next  atomic.Int64 // the first unclaimed request
	end   time.Time
	last  time.Time // when a late open stretch gives up
}

func newSchedule(s Stretch, start time.Time) *schedule {
	p := &schedule{Stretch: s, start: start, end: start.Add(s.Duration)}
	p.last = p.end.Add(max(graceMin, s.Duration/2))
	if s.open() {
		// A stretch that is shorter than the gap between two requests has one request.
		p.total = max(1, int64(math.Round(s.Rate*s.Duration.Seconds())))
	}
	return p
}

// due is the moment of a request of an open stretch.
func (p *schedule) due(number int64) time.Time {
	return p.start.Add(time.Duration(float64(number) / p.Rate * float64(time.Second)))
}

// claim takes the next moment. A free connection claims a moment early and waits for it, so the request is sent in
// time. If no connection is free, the latency of the request grows from its moment on.
func (p *schedule) claim(now time.Time) (due time.Time, ok bool) {
	if !now.Before(p.last) {
		return time.Time{}, false
	}
	number := p.next.Add(1) - 1
	return p.due(number), number < p.total
}

// unsent is the range of the requests that nobody claimed in time.
func (p *schedule) unsent() (from, to int64) {
	return min(p.next.Load(), p.total), p.total
}

// gap is the time between two sendings of one connection in a closed stretch.
func (p *schedule) gap(connections int) time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(float64(connections) / p.Rate * float64(time.Second))
}
