package raftstore

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/go-hclog"
)

// newRaftLogger carries Raft's messages into ours. Raft logs each election and snapshot at level info; for a group of one
// that is noise, so only warnings and errors keep their level and the rest is for debugging.
func newRaftLogger(logger *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(raftSink{logger})
	return l
}

// usualElection is what Raft warns of at each start of a group of one: it waits for a leader, and there is only itself.
const usualElection = "heartbeat timeout reached, starting election"

type raftSink struct{ logger *slog.Logger }

// Accept implements hclog.SinkAdapter.
func (s raftSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch {
	case level == hclog.Warn && msg != usualElection:
		to = slog.LevelWarn
	case level == hclog.Error:
		to = slog.LevelError
	}
	s.logger.Log(context.Background(), to, "raft: "+msg, args...)
}

// pebbleLogger carries the state database's messages into ours.
type pebbleLogger struct {
	logger  *slog.Logger
	onFatal func(msg string)
}

var _ pebble.Logger = pebbleLogger{}

// Infof is for routine messages: flushes, compactions, file names.
func (p pebbleLogger) Infof(format string, args ...any) {
	if p.logger.Enabled(context.Background(), slog.LevelDebug) {
		p.logger.Debug("state: " + fmt.Sprintf(format, args...))
	}
}

// Errorf is for errors that Pebble goes on after.
func (p pebbleLogger) Errorf(format string, args ...any) {
	p.logger.Error("state: " + fmt.Sprintf(format, args...))
}

// Fatalf never returns: after a failed sync Pebble would go on as if it had not happened.
func (p pebbleLogger) Fatalf(format string, args ...any) {
	msg := "raftstore: state database: " + fmt.Sprintf(format, args...)
	p.logger.Error(msg)
	p.onFatal(msg)
	panic("FATAL: " + msg)
}
