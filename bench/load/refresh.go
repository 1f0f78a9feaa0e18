package load

import (
	"strconv"

	"apportion/bench/wire"
)

// refreshSession sets the stock of its part of the records repeatedly, as a nightly file does. The parts do not
// overlap, so the ledger knows the last value.
type refreshSession struct {
	shared
	first, end int // cells
	at, to     int // cells of the last request
	generation int64
}

func newRefreshSession(b *Bench, number int) session {
	cells := b.o.Records * b.o.Segments
	return &refreshSession{shared: newShared(b, number), first: cells * number / b.o.Connections,
		end: cells * (number + 1) / b.o.Connections}
}

func (s *refreshSession) units() int64 { return stockUnits + s.generation }

func (s *refreshSession) request(dst []byte) ([]byte, call) {
	s.generation++
	s.at = s.to
	if s.at < s.first || s.at >= s.end {
		s.at = s.first
	}
	s.to = min(s.at+s.b.o.Lines, s.end)
	dst = append(dst, "POST /v1/inventory/refresh"...)
	dst, mark := wire.AppendBodyHead(dst, &s.b.target)
	dst = s.b.appendRefresh(dst, s.at, s.to, s.units())
	return finish(dst, mark), call{opRefresh, int64(s.to - s.at)}
}

func (s *refreshSession) answered(e effect) {
	for cell := s.at; cell < s.to; cell++ {
		s.b.ledger.set(cell, s.units(), e)
	}
}

// appendRefresh appends a body that sets the segments from one cell to another.
func (b *Bench) appendRefresh(dst []byte, from, to int, units int64) []byte {
	dst = append(dst, `{"location":"`...)
	dst = append(dst, b.location...)
	dst = append(dst, `","items":[`...)
	for cell := from; cell < to; cell++ {
		if cell > from {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"upc":"`...)
		dst = b.appendUPC(dst, cell/b.o.Segments)
		dst = append(dst, `","quantity":`...)
		dst = strconv.AppendInt(dst, units, 10)
		dst = append(dst, b.fullTags[cell%b.o.Segments]...)
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}
