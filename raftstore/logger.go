package raftstore

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// newRaftLogger carries Raft's messages into ours. Raft logs each election and snapshot at level info; that is noise
// here, so only warnings and errors keep their level and the rest is for debugging.
func newRaftLogger(logger *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(&raftSink{newRarely(logger)})
	return l
}

// usualRaft are warnings about what is usual: a group of one that waits for a leader, though there is only itself, a
// new node that has no group yet, and connections that end because this node closes.
var usualRaft = map[string]bool{
	"heartbeat timeout reached, starting election": true,
	"no known peers, aborting election":            true,
	"failed to accept connection":                  true,
	"failed to decode incoming command":            true,
}

// raftSink passes Raft's messages on.
type raftSink struct{ *rarely }

// rarely passes messages on of which many may be the same. A node that is away has the leader complain many times a
// second, of which one line in a while is enough.
type rarely struct {
	logger *slog.Logger

	mu   sync.Mutex
	said map[string]*repeated // by message, the constant part; Raft has some hundred
}

func newRarely(logger *slog.Logger) *rarely {
	return &rarely{logger: logger, said: map[string]*repeated{}}
}

// repeated is a message that was passed on, and how often it came since.
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
	// Each of them is about another node, or a moment in which there is no leader; what ends this node says so itself.
	s.warn("raft: "+msg, args...)
}

// named has people read names where Raft says what it knows nodes as.
func named(arg any) any {
	switch v := arg.(type) {
	case raft.ServerID:
		return nodeName(v)
	case string:
		return nodeName(raft.ServerID(v))
	case raft.Server:
		v.ID = raft.ServerID(nodeName(v.ID))
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

// once reports whether a message is to be passed on, and how many like it were not.
func (s *rarely) once(msg string) (more int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.said[msg]
	if r == nil {
		r = &repeated{}
		s.said[msg] = r
	}
	now := time.Now()
	if now.Sub(r.at) < raftLogInterval {
		r.more++
		return 0, false
	}
	more, r.at, r.more = r.more, now, 0
	return more, true
}
