package load

import (
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
)

// op is a kind of request.
type op uint8

const (
	opAllocate op = iota
	opFulfil
	opReturn
	opRelease
	opRead
	opRefresh
)

// String is the name for people.
func (o op) String() string {
	return [...]string{"allocate", "fulfill", "return", "deallocate", "read", "refresh"}[o]
}

// effect is what the client knows of a request's effect.
type effect uint8

const (
	done effect = iota
	notDone
	unknown
)

// call describes a request.
type call struct {
	op   op
	work int64 // units of work: lines, items
}

// session is one client on one connection. It makes the requests and gets their outcomes. One goroutine uses it.
type session interface {
	// request appends a whole HTTP request.
	request(dst []byte) ([]byte, call)
	// answered gets the outcome of the last request, before the next request.
	answered(e effect)
	// sample gives some of the session's orders, with their expected state.
	sample() []*order
}

// order is what a session knows of an order.
type order struct {
	id    string
	lines []orderLine

	allocated, shipped, returned, released bool // all its units

	uncertain bool // an outcome is unknown
}

// orderLine is units of one segment.
type orderLine struct {
	cell  int
	units int64
}

// shared is what all sessions share: random numbers, ids, the ledger.
type shared struct {
	b      *Bench
	random *rand.Rand
	prefix string // of order ids
	number int64
	seen   int // orders offered to the sample
	kept   []*order
}

func newShared(b *Bench, number int) shared {
	return shared{
		b:      b,
		random: rand.New(rand.NewPCG(b.o.Seed, uint64(number))),
		prefix: b.o.Run + "-" + strconv.Itoa(number) + "-",
	}
}

// newOrder is the next order, without lines. It reuses the memory of an order that is not in the sample.
func (c *shared) newOrder(of *order) *order {
	c.number++
	var lines []orderLine
	if of != nil && !c.isKept(of) {
		lines = of.lines[:0]
	}
	return &order{id: c.prefix + strconv.FormatInt(c.number, 10), lines: lines}
}

func (c *shared) isKept(o *order) bool {
	for _, kept := range c.kept {
		if kept == o {
			return true
		}
	}
	return false
}

// finished offers an order that will not change to the sample. All orders have the same chance.
func (c *shared) finished(o *order) {
	c.seen++
	if len(c.kept) < sampledOrders {
		c.kept = append(c.kept, o)
	} else if at := c.random.IntN(c.seen); at < sampledOrders {
		c.kept[at] = o
	}
}

func (c *shared) sample() []*order { return c.kept }

// cell picks a segment: the record by popularity, each of its segments with the same chance.
func (c *shared) cell() int {
	cell := c.b.picker.pick(c.random) * c.b.o.Segments
	if c.b.o.Segments > 1 {
		cell += c.random.IntN(c.b.o.Segments)
	}
	return cell
}

// appendAllocate appends the request for an order.
func (c *shared) appendAllocate(dst []byte, o *order) []byte {
	dst, mark := c.appendOrderHead(dst, o, "/allocate")
	dst = append(dst, `{"lines":[`...)
	for i, line := range o.lines {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"itemId":"`...)
		dst = strconv.AppendInt(dst, int64(i+1), 10)
		dst = append(dst, `","upc":"`...)
		dst = c.b.appendUPC(dst, line.cell/c.b.o.Segments)
		dst = append(dst, `","location":"`...)
		dst = append(dst, c.b.location...)
		dst = append(dst, `","quantity":`...)
		dst = strconv.AppendInt(dst, line.units, 10)
		dst = append(dst, c.b.lineTags[line.cell%c.b.o.Segments]...)
		dst = append(dst, '}')
	}
	return finish(append(dst, `]}`...), mark)
}

// allocated adds the outcome of that request to the ledger.
func (c *shared) allocated(o *order, e effect) {
	o.allocated, o.uncertain = e == done, e == unknown
	c.count(o, promised, e)
}

// count adds all units of an order to the ledger.
func (c *shared) count(o *order, m movement, e effect) {
	if e == notDone {
		return
	}
	for _, line := range o.lines {
		c.b.ledger.add(line.cell, m, line.units, e)
	}
}

// picker chooses records.
type picker struct {
	records    int
	cumulative []float64 // sums of the records' popularity, the most popular first; nil: all have the same
}

// newPicker gives the i-th record the weight 1/i^exponent.
func newPicker(records int, exponent float64) *picker {
	p := &picker{records: records}
	if exponent == 0 || records == 1 {
		return p
	}
	p.cumulative = make([]float64, records)
	sum := 0.0
	for i := range p.cumulative {
		sum += math.Pow(float64(i+1), -exponent)
		p.cumulative[i] = sum
	}
	return p
}

func (p *picker) pick(random *rand.Rand) int {
	if p.cumulative == nil {
		return random.IntN(p.records)
	}
	at := random.Float64() * p.cumulative[p.records-1]
	return min(sort.SearchFloat64s(p.cumulative, at), p.records-1)
}
