package load

import (
	"sync"
	"sync/atomic"
)

// movement is a way in which units move.
type movement uint8

const (
	promised movement = iota // allocated to an order
	released                 // given back before shipping
	shipped
	returned
	movements // the number of movements
)

// ledger counts the units that the answers promised: for each segment (a cell) and each movement, the certain units and
// the unknown units. All sessions add to it.
type ledger struct {
	cells []cell

	mu struct {
		sync.Mutex
		// maybe has the other possible on hand of a cell after a request with an unknown outcome.
		maybe map[int][]int64
	}
}

type cell struct {
	loaded atomic.Int64 // on hand, as last set
	moved  [movements]struct{ sure, open atomic.Int64 }
}

func newLedger(cells int) *ledger {
	l := &ledger{cells: make([]cell, cells)}
	l.mu.maybe = map[int][]int64{}
	return l
}

func (l *ledger) add(cell int, m movement, units int64, e effect) {
	switch e {
	case done:
		l.cells[cell].moved[m].sure.Add(units)
	case unknown:
		l.cells[cell].moved[m].open.Add(units)
	}
}

// set records the new on hand of a cell. One session makes all sets of a cell, one after another.
func (l *ledger) set(cell int, units int64, e effect) {
	switch e {
	case done:
		l.cells[cell].loaded.Store(units)
		l.mu.Lock()
		delete(l.mu.maybe, cell)
		l.mu.Unlock()
	case unknown:
		l.mu.Lock()
		l.mu.maybe[cell] = append(l.mu.maybe[cell], units)
		l.mu.Unlock()
	}
}

// interval has the possible values of a figure, from and to included.
type interval struct{ from, to int64 }

func (i interval) has(n int64) bool { return i.from <= n && n <= i.to }

func (i interval) plus(j interval) interval { return interval{i.from + j.from, i.to + j.to} }

func (i interval) minus(j interval) interval { return interval{i.from - j.to, i.to - j.from} }

// expected are the figures of a segment or a record if the server did what it answered.
type expected struct {
	onHand, allocated, available interval

	// net is the units that orders have for good. More units than the stock mean that the server oversold.
	loaded, net interval
}

func (c *cell) of(m movement) interval {
	sure, open := c.moved[m].sure.Load(), c.moved[m].open.Load()
	return interval{sure, sure + open}
}

// expect derives the figures of a cell.
func (l *ledger) expect(at int) expected {
	c := &l.cells[at]
	loaded := interval{c.loaded.Load(), c.loaded.Load()}
	l.mu.Lock()
	for _, units := range l.mu.maybe[at] {
		loaded.from, loaded.to = min(loaded.from, units), max(loaded.to, units)
	}
	l.mu.Unlock()
	out := c.of(shipped).minus(c.of(returned))
	return expected{
		loaded:    loaded,
		onHand:    loaded.minus(out),
		allocated: c.of(promised).minus(c.of(released)).minus(c.of(shipped)),
		available: loaded.minus(c.of(promised)).plus(c.of(released)).plus(c.of(returned)),
		net:       c.of(promised).minus(c.of(released)).minus(c.of(returned)),
	}
}

// expectRecord sums the cells of a record.
func (l *ledger) expectRecord(first, cells int) expected {
	sum := l.expect(first)
	for at := first + 1; at < first+cells; at++ {
		e := l.expect(at)
		sum.loaded, sum.net = sum.loaded.plus(e.loaded), sum.net.plus(e.net)
		sum.onHand, sum.allocated, sum.available = sum.onHand.plus(e.onHand), sum.allocated.plus(e.allocated),
			sum.available.plus(e.available)
	}
	return sum
}

// open is the number of unknown units.
func (l *ledger) open() (units int64) {
	for i := range l.cells {
		for m := range l.cells[i].moved {
			units += l.cells[i].moved[m].open.Load()
		}
	}
	return units
}
