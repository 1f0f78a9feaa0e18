package feed

import (
	"apportion/httpapi/stream"
)

// source is one reader of a feed, as what a stream sends.
type source[T any] struct {
	picker[T]
	hub *hub[T]

	// place is how far the reader is: everything up to it was sent, or is not picked. While the reader waits, it is the
	// hub's, and so is waits always. The reader waits for wake, which has room for one.
	place place
	waits bool
	wake  chan struct{}

	appendPlace func(dst []byte, at place) []byte // as a client hands it back
	told        uint64                            // the place that the client knows

	joined, waited bool     // whether the hub knows the reader, and has had it wait since the last look
	own            batch[T] // what it reads for itself
}

var _ stream.Source = (*source[struct{}])(nil)

// newSource makes a reader that is at a place.
func newSource[T any](h *hub[T], at place, p picker[T], appendPlace func(dst []byte, at place) []byte) source[T] {
	return source[T]{picker: p, hub: h, place: at, wake: make(chan struct{}, 1), appendPlace: appendPlace, told: at.Seq}
}

// Next implements stream.Source.
func (s *source[T]) Next(dst []byte) (out []byte, idle bool, err error) {
	if s.waited {
		s.hub.unwait(s)
		s.waited = false
	}
	s.joined = s.joined || s.hub.joinRunning(s)
	if s.joined {
		if t := s.hub.tail.Load(); t.reaches(s.place) {
			return s.take(dst, t)
		}
	}
	s.hub.own <- struct{}{}
	s.own.reset(s.place)
	err = s.hub.reading()(s.place, &s.own)
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
		s.hub.join(s)
		s.joined = true
	}
	if !s.own.full() {
		s.own = batch[T]{} // the tail is near
	}
	return out, false, nil
}

// take takes from the tail what is behind the reader's place.
func (s *source[T]) take(dst []byte, t *tail[T]) (out []byte, idle bool, err error) {
	for _, b := range t.behind(s.place) {
		if len(dst) >= stream.BytesMax {
			return dst, false, nil
		}
		dst = s.append(dst, b)
	}
	if t.err != nil {
		return dst, true, t.err
	}
	s.waited = s.hub.wait(s, t)
	return dst, s.waited, nil
}

// append appends what is picked of a batch, and moves on behind it.
func (s *source[T]) append(dst []byte, b *batch[T]) []byte {
	begin := len(dst)
	dst = b.appendAfter(dst, s.place.Seq, &s.picker)
	if s.place = b.until; len(dst) > begin {
		s.told = s.place.Seq
	}
	return dst
}

// moveOn moves the reader to a place before which it picks nothing, unless it is further.
func (s *source[T]) moveOn(until place) {
	if until.Seq > s.place.Seq {
		s.place = until
	}
}

// wakeUp wakes the reader if it waits. It picks nothing up to a place.
func (s *source[T]) wakeUp(until place) {
	if s.waits {
		s.moveOn(until)
		s.waits = false
		s.wake <- struct{}{}
	}
}

// reached is how far the reader is.
func (s *source[T]) reached() place {
	if s.waited {
		return s.hub.reached(s)
	}
	return s.place
}

// Wake implements stream.Source.
func (s *source[T]) Wake() <-chan struct{} { return s.wake }

// Beat implements stream.Source. A reader whose filter has picked nothing for a while learns how far it is.
func (s *source[T]) Beat(dst []byte) ([]byte, error) {
	at := s.reached()
	if s.told == at.Seq {
		return dst, nil
	}
	s.told = at.Seq
	return stream.AppendID(dst, s.appendPlace(nil, at)), nil
}

// Close implements stream.Source.
func (s *source[T]) Close() {
	if s.joined {
		s.hub.leave(s)
		s.joined = false
	}
}
