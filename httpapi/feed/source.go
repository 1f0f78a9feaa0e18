package feed

import (
	"apportion/httpapi/stream"
)

// source is one reader of a feed, as what a stream sends.
type source[T any] struct {
	hub   *hub[T]
	picks func(of *T) bool // nil: everything
	place place            // everything up to it was sent, or is not picked

	appendPlace func(dst []byte, at place) []byte // as a client hands it back
	told        uint64                            // the place that the client knows

	joined bool
	own    batch[T] // what it reads for itself
	wake   <-chan struct{}
}

var _ stream.Source = (*source[struct{}])(nil)

// Next implements stream.Source.
func (s *source[T]) Next(dst []byte) (out []byte, idle bool, err error) {
	s.joined = s.joined || s.hub.joinRunning(s.place)
	if s.joined {
		if t := s.hub.tail.Load(); t.reaches(s.place) {
			return s.take(dst, t)
		}
	}
	s.hub.own <- struct{}{}
	s.own.reset(s.place)
	err = s.hub.read(s.place, &s.own)
	<-s.hub.own
	if err != nil {
		return dst, false, err
	}
	out = s.append(dst, &s.own)
	switch {
	case len(s.own.items) > 0:
	case s.joined:
		s.hub.restart(s.place)
	default:
		s.hub.join(s.place)
		s.joined = true
	}
	if !s.own.full() {
		s.own = batch[T]{} // the tail is near
	}
	return out, false, nil
}

// take takes from the tail what is behind the reader's place.
func (s *source[T]) take(dst []byte, t *tail[T]) (out []byte, idle bool, err error) {
	for _, b := range t.batches {
		if b.until.Seq > s.place.Seq && len(dst) < stream.BytesMax {
			dst = s.append(dst, b)
		}
	}
	s.wake = t.newer
	if idle = s.place.Seq >= t.until.Seq; idle {
		err = t.err
	}
	return dst, idle, err
}

// append appends what is picked of a batch, and moves on behind it.
func (s *source[T]) append(dst []byte, b *batch[T]) []byte {
	begin := len(dst)
	dst = b.appendAfter(dst, s.place.Seq, s.picks)
	if s.place = b.until; len(dst) > begin {
		s.told = s.place.Seq
	}
	return dst
}

// Wake implements stream.Source.
func (s *source[T]) Wake() <-chan struct{} { return s.wake }

// Beat implements stream.Source. A reader whose filter has picked nothing for a while learns how far it is.
func (s *source[T]) Beat(dst []byte) ([]byte, error) {
	if s.told == s.place.Seq {
		return dst, nil
	}
	s.told = s.place.Seq
	return stream.AppendID(dst, s.appendPlace(nil, s.place)), nil
}

// Close implements stream.Source.
func (s *source[T]) Close() {
	if s.joined {
		s.hub.leave()
		s.joined = false
	}
}
