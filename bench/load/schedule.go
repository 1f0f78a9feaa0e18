package load

import (
	"math"
	"sync/atomic"
	"time"
)

// Stretch is a time in which the server is driven.
type Stretch struct {
	Rate     float64 // requests a second; 0 is as fast as the connections allow
	Closed   bool    // with a rate: no request is due while its connection waits
	Duration time.Duration
}

// open reports whether requests are due at moments that do not depend on the server.
func (s Stretch) open() bool { return s.Rate > 0 && !s.Closed }

// schedule hands out the moments at which the requests of a stretch are due.
type schedule struct {
	Stretch
	start time.Time
	total int64        // requests that are due in the stretch, if it is open
	next  atomic.Int64 // the first of those that nobody has claimed
	end   time.Time
	last  time.Time // when an open stretch that is behind gives up
}

func newSchedule(s Stretch, start time.Time) *schedule {
	p := &schedule{Stretch: s, start: start, end: start.Add(s.Duration)}
	p.last = p.end.Add(max(graceMin, s.Duration/2))
	if s.open() {
		// A stretch that is shorter than the gap between two requests still has one.
		p.total = max(1, int64(math.Round(s.Rate*s.Duration.Seconds())))
	}
	return p
}

// due is the moment of an open stretch's request.
func (p *schedule) due(number int64) time.Time {
	return p.start.Add(time.Duration(float64(number) / p.Rate * float64(time.Second)))
}

// claim takes the next moment. An idle connection claims one before it comes and waits for it; so as long as one is
// idle, the request is sent in time, and if none is, its latency grows from the moment on.
func (p *schedule) claim(now time.Time) (due time.Time, ok bool) {
	if !now.Before(p.last) {
		return time.Time{}, false
	}
	number := p.next.Add(1) - 1
	return p.due(number), number < p.total
}

// unsent are the moments that nobody claimed in time.
func (p *schedule) unsent() (from, to int64) {
	return min(p.next.Load(), p.total), p.total
}

// gap is the time between two sendings of one of so many connections, in a closed stretch.
func (p *schedule) gap(connections int) time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(float64(connections) / p.Rate * float64(time.Second))
}
