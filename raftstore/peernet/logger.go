package peernet

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// NewRaftLogger passes Raft's messages to our logger. Raft logs each election and snapshot at level info, which is
// noise here: only warnings and errors keep their level, the rest becomes debug.
func NewRaftLogger(logger *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(&raftSink{newRarely(logger)})
	return l
}

// usualRaft are warnings about normal events: a node alone that waits for a leader, a new node without a cluster, and
// connections that end because this node closes.
var usualRaft = map[string]bool{
	"heartbeat timeout reached, starting election": true,
	"no known peers, aborting election":            true,
	"failed to accept connection":                  true,
	"failed to decode incoming command":            true,
}

// raftSink passes Raft's messages on.
type raftSink struct{ *rarely }

// rarely passes on one of many equal messages. While a node is down, the leader complains many times a second; one line
// every few seconds is enough.
type rarely struct {
	logger *slog.Logger

	mu   sync.Mutex
	said map[string]*repeated // by message, the constant part; Raft has some hundred
}

func newRarely(logger *slog.Logger) *rarely {
	return &rarely{logger: logger, said: map[string]*repeated{}}
}

// repeated is a message that was passed on, and how often it came since then.
type repeated struct {
	at   time.Time
	more int
}

// Accept implements hclog.SinkAdapter.
func (s *raftSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	for i, arg := range args {
		args[i] = named(arg)
	}
	if level < hclog.Warn || usualRaft[msg] {
		s.logger.Debug("raft: "+msg, args...)
		return
	}
	// Each is about another node, or a moment without a leader. What stops this node has a message of its own.
	s.warn("raft: "+msg, args...)
}

// named replaces Raft's node ids by names.
func named(arg any) any {
	switch v := arg.(type) {
	case raft.ServerID:
		return NodeName(v)
	case string:
		return NodeName(raft.ServerID(v))
	case raft.Server:
		v.ID = raft.ServerID(NodeName(v.ID))
		return v
	}
	return arg
}

// warn logs a warning, unless it did a moment ago.
func (s *rarely) warn(msg string, args ...any) {
	more, pass := s.once(msg)
	if !pass {
		return
	}
	if more > 0 {
		args = append(args, "before", more)
	}
	s.logger.Warn(msg, args...)
}

// once reports whether to pass a message on, and how many equal ones were dropped before it.
func (s *rarely) once(msg string) (more int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.said[msg]
	if r == nil {
		r = &repeated{}
		s.said[msg] = r
	}
	now := time.Now()
	if now.Sub(r.at) < logInterval {
		r.more++
		return 0, false
	}
	more, r.at, r.more = r.more, now, 0
	return more, true
}
