package load

import (
	"strconv"

	"apportion/bench/wire"
)

func finish(request []byte, mark int) []byte {
	wire.FillLength(request, mark)
	return request
}

// appendOrderHead begins a request about an order.
func (c *shared) appendOrderHead(dst []byte, o *order, action string) (request []byte, mark int) {
	dst = append(dst, "POST /v1/orders/"...)
	dst = append(dst, o.id...)
	dst = append(dst, action...)
	return wire.AppendBodyHead(dst, &c.b.target)
}

// appendEmpty appends a request about a whole order.
func (c *shared) appendEmpty(dst []byte, o *order, action string) []byte {
	dst, mark := c.appendOrderHead(dst, o, action)
	return finish(append(dst, `{}`...), mark)
}

// allocateSession sends allocations with a fixed number of lines, one unit each.
type allocateSession struct {
	shared
	order *order
	reads int // reads of a record in 10 requests
	read  bool
}

func newAllocateSession(b *Bench, number int) session {
	return &allocateSession{shared: newShared(b, number)}
}

func newMixedSession(b *Bench, number int) session {
	return &allocateSession{shared: newShared(b, number), reads: 9}
}

func newReadSession(b *Bench, number int) session {
	return &allocateSession{shared: newShared(b, number), reads: 10}
}

func (s *allocateSession) request(dst []byte) ([]byte, call) {
	if s.read = s.reads > 0 && s.random.IntN(10) < s.reads; s.read {
		dst = append(dst, "GET /v1/inventory/"...)
		dst = append(dst, s.b.location...)
		dst = append(dst, '/')
		dst = s.b.appendUPC(dst, s.b.picker.pick(s.random))
		return wire.AppendGetEnd(dst, &s.b.target), call{opRead, 1}
	}
	s.order = s.newOrder(s.order)
	for range s.b.o.Lines {
		s.order.lines = append(s.order.lines, orderLine{s.cell(), 1})
	}
	return s.appendAllocate(dst, s.order), call{opAllocate, int64(len(s.order.lines))}
}

func (s *allocateSession) answered(e effect) {
	if !s.read {
		s.allocated(s.order, e)
		s.finished(s.order)
	}
}

// saleSession asks for one unit of a sold-out record. Sometimes a client releases its unit, so that about one request
// in a hundred gets a unit.
type saleSession struct {
	shared
	order     *order   // in the present request
	held      []*order // with their unit
	number    int
	releasing bool
}

// releaseEvery is the number of requests for each release. Another request gets the released unit; 99 of 100 get none.
const releaseEvery = 200

func newSaleSession(b *Bench, number int) session {
	// Each client begins at another point of the round, so that they release at different times.
	return &saleSession{shared: newShared(b, number), number: number * 7}
}

func (s *saleSession) request(dst []byte) ([]byte, call) {
	s.number++
	if s.releasing = s.number%releaseEvery == 0 && len(s.held) > 0; s.releasing {
		return s.appendEmpty(dst, s.held[0], "/deallocate"), call{opRelease, 1}
	}
	s.order = s.newOrder(s.order)
	s.order.lines = append(s.order.lines, orderLine{0, 1})
	return s.appendAllocate(dst, s.order), call{opAllocate, 1}
}

func (s *saleSession) answered(e effect) {
	if !s.releasing {
		s.allocated(s.order, e)
		if e == done {
			s.held, s.order = append(s.held, s.order), nil // keeps its memory
		}
		return
	}
	o := s.held[0]
	s.count(o, released, e)
	o.released, o.uncertain = e == done, e == unknown
	if e != notDone {
		s.held = append(s.held[:0], s.held[1:]...)
		s.finished(o)
	}
}

// lifecycleSession allocates an order, ships it, and returns one order in ten.
type lifecycleSession struct {
	shared
	order *order
	next  op
}

func newLifecycleSession(b *Bench, number int) session {
	return &lifecycleSession{shared: newShared(b, number)}
}

func (s *lifecycleSession) request(dst []byte) ([]byte, call) {
	work := int64(s.b.o.Lines)
	switch s.next {
	case opFulfil:
		return s.appendEmpty(dst, s.order, "/fulfill"), call{opFulfil, work}
	case opReturn:
		dst, mark := s.appendOrderHead(dst, s.order, "/return")
		dst = append(dst, `{"lines":[`...)
		for i := range s.order.lines {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"itemId":"`...)
			dst = strconv.AppendInt(dst, int64(i+1), 10)
			dst = append(dst, `"}`...)
		}
		return finish(append(dst, `]}`...), mark), call{opReturn, work}
	}
	s.order = s.newOrder(s.order)
	for range work {
		s.order.lines = append(s.order.lines, orderLine{s.cell(), 1})
	}
	return s.appendAllocate(dst, s.order), call{opAllocate, work}
}

// returnsPercent of the orders come back.
const returnsPercent = 10

func (s *lifecycleSession) answered(e effect) {
	o, last := s.order, s.next
	switch s.next {
	case opAllocate:
		s.allocated(o, e)
		s.next = opFulfil
	case opFulfil:
		s.count(o, shipped, e)
		o.shipped, o.uncertain = e == done, e == unknown
		s.next = opAllocate
		if s.random.IntN(100) < returnsPercent {
			s.next = opReturn
		}
	case opReturn:
		s.count(o, returned, e)
		o.returned, o.uncertain = e == done, e == unknown
		s.next = opAllocate
	}
	switch {
	case e == unknown || e == notDone && last == opAllocate:
		s.next = opAllocate
		s.finished(o)
	case e == notDone: // the server was busy: send again
		s.next = last
	case s.next == opAllocate:
		s.finished(o)
	}
}

// sample includes some of the orders that still hold a unit at the end.
func (s *saleSession) sample() []*order {
	return append(s.kept[:len(s.kept):len(s.kept)], s.held[:min(len(s.held), sampledOrders)]...)
}
