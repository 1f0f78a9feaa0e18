package raftstore

import (
	"log/slog"
	"time"
)

// loadProgress is told of each chunk of rows that was loaded, and of the end.
type loadProgress interface {
	add(rows int)
	done()
}

// paced is a load beside other work, which says how fast it may go.
type paced func()

func (p paced) add(int) { p() }
func (p paced) done()   {}

func newProgress(logger *slog.Logger) *progress {
	return &progress{logger: logger, what: "loading the state", start: time.Now()}
}

// progress writes a line each second about something that takes long, and nothing about something that does not.
type progress struct {
	logger *slog.Logger
	what   string
	start  time.Time
	last   time.Time
	rows   int
}

func (p *progress) add(rows int) {
	p.rows += rows
	now := time.Now()
	if p.last.IsZero() {
		p.last = p.start
	}
	if now.Sub(p.last) >= loadLogInterval {
		p.last = now
		p.logger.Info(p.what, "rows", p.rows, "took", now.Sub(p.start).Round(time.Millisecond))
	}
}

func (p *progress) done() {
	p.logger.Info(p.what+": done", "rows", p.rows, "took", time.Since(p.start).Round(time.Millisecond))
}
