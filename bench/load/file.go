package load

import (
	"strconv"
	"sync/atomic"

	"apportion/bench/replay"
)

// filePlan is an order file ready to send: an order for each invoice, and the returns.
type filePlan struct {
	upcs    []string
	entries []fileEntry
	next    atomic.Int64 // the next entry to send; after the last comes the first
}

type fileEntry struct {
	lines    []orderLine
	isReturn bool
}

// newFilePlan keeps the file's sequence. Consecutive lines of one invoice are one order.
func newFilePlan(rows []replay.Row) *filePlan {
	p := &filePlan{}
	known := map[string]int{}
	invoice := ""
	for i := range rows {
		row := &rows[i]
		units := row.Units()
		if units == 0 {
			continue
		}
		cell, seen := known[row.StockCode]
		if !seen {
			cell = len(p.upcs)
			known[row.StockCode], p.upcs = cell, append(p.upcs, row.StockCode)
		}
		if units < 0 {
			p.entries = append(p.entries, fileEntry{[]orderLine{{cell, -units}}, true})
			invoice = ""
			continue
		}
		if invoice != row.Invoice || len(p.entries[len(p.entries)-1].lines) == replay.OrderLinesMax {
			p.entries = append(p.entries, fileEntry{})
			invoice = row.Invoice
		}
		last := &p.entries[len(p.entries)-1]
		last.lines = append(last.lines, orderLine{cell, units})
	}
	return p
}

// fileSession sends the next entry of the file: an order and then its shipment, or a return without a known order.
type fileSession struct {
	shared
	order    *order
	isReturn bool
	shipping bool
}

func newFileSession(b *Bench, number int) session {
	return &fileSession{shared: newShared(b, number)}
}

func (s *fileSession) request(dst []byte) ([]byte, call) {
	if s.shipping {
		return s.appendEmpty(dst, s.order, "/fulfill"), call{opFulfil, int64(len(s.order.lines))}
	}
	plan := s.b.file
	entry := &plan.entries[int((plan.next.Add(1)-1)%int64(len(plan.entries)))]
	s.order = s.newOrder(nil)
	s.order.lines, s.isReturn = entry.lines, entry.isReturn // never written to
	if s.isReturn {
		return s.appendUnknownReturn(dst, s.order), call{opReturn, int64(len(entry.lines))}
	}
	return s.appendAllocate(dst, s.order), call{opAllocate, int64(len(entry.lines))}
}

// appendUnknownReturn appends a return that does not name an order.
func (s *fileSession) appendUnknownReturn(dst []byte, o *order) []byte {
	dst, mark := s.appendOrderHead(dst, o, "/return")
	dst = append(dst, `{"lines":[{"itemId":"1","upc":"`...)
	dst = s.b.appendUPC(dst, o.lines[0].cell)
	dst = append(dst, `","location":"`...)
	dst = append(dst, s.b.location...)
	dst = append(dst, `","quantity":`...)
	dst = strconv.AppendInt(dst, o.lines[0].units, 10)
	return finish(append(dst, `}]}`...), mark)
}

func (s *fileSession) answered(e effect) {
	o := s.order
	switch {
	case s.isReturn:
		s.count(o, returned, e)
	case s.shipping && e == notDone: // the server was busy: repeat
	case s.shipping:
		s.count(o, shipped, e)
		o.shipped, o.uncertain = e == done, e == unknown
		s.shipping = false
		s.finished(o)
	default:
		s.allocated(o, e)
		if s.shipping = e == done; !s.shipping {
			s.finished(o)
		}
	}
}
