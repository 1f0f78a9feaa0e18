package stream

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config configures Streams.
type Config struct {
	// Max bounds the streams that are open, and those who wait for a change (Take).
	Max int

	// StallTimeout is how long a write may take. A reader that takes longer has stopped reading, and is cut.
	StallTimeout time.Duration

	// OnCut is called for each reader that was cut.
	OnCut func()
}

// Source is what one stream sends. Its methods are called from one goroutine. An error of type *Problem is sent to the
// client as the last event.
type Source interface {
	// Next appends events that are there, up to about BytesMax. It does not wait. idle: there are no more until Wake.
	Next(dst []byte) (out []byte, idle bool, err error)

	// Wake is ready when there may be more.
	Wake() <-chan struct{}

	// Beat is called for each heartbeat. It appends an id if the reader's place has moved without an event.
	Beat(dst []byte) ([]byte, error)

	// Close is called once, at the end.
	Close()
}

// Problem ends a stream, and says why: a problem document as one line of JSON.
type Problem struct{ JSON []byte }

// Error implements error.
func (p *Problem) Error() string { return "stream: " + string(p.JSON) }

// Streams are the open streams of a server.
type Streams struct {
	config  Config
	taken   atomic.Int64
	closing chan struct{}

	mu      sync.Mutex
	closed  bool
	open    map[*stream]struct{}
	serving sync.WaitGroup
}

// New makes the streams of a server; there are none yet.
func New(config Config) *Streams {
	return &Streams{config: config, closing: make(chan struct{}), open: make(map[*stream]struct{})}
}

// Take takes one of the places for streams, and reports whether there was one.
func (s *Streams) Take() bool {
	if s.taken.Add(1) <= int64(s.config.Max) {
		return true
	}
	s.taken.Add(-1)
	return false
}

// Give gives a place back.
func (s *Streams) Give() { s.taken.Add(-1) }

// Taken counts the places that are taken.
func (s *Streams) Taken() int64 { return s.taken.Load() }

// Closing is closed when the server stops.
func (s *Streams) Closing() <-chan struct{} { return s.closing }

// Serve sends what the source has, from the head of the response to the end of the stream, and closes connection and
// source. It uses and gives back the place that the caller took.
func (s *Streams) Serve(conn net.Conn, source Source) {
	st := &stream{of: s, conn: conn, source: source, gone: make(chan struct{})}
	begun := s.begin(st)
	if begun {
		defer s.end(st) // last of all: Close waits for it
	}
	defer s.Give()
	defer source.Close()
	defer conn.Close()
	if begun {
		st.run()
	}
}

func (s *Streams) begin(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[st] = struct{}{}
	s.serving.Add(1)
	return true
}

func (s *Streams) end(st *stream) {
	s.mu.Lock()
	delete(s.open, st)
	s.mu.Unlock()
	s.serving.Done()
}

// Close ends all streams and returns when they have ended, or when ctx ends. A second call does nothing.
func (s *Streams) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	for st := range s.open {
		st.hurry()
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stream: close: %w", ctx.Err())
	}
}
