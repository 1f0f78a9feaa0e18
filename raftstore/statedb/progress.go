package statedb

import (
	"log/slog"
	"time"
)

// Progress hears of each chunk of rows that a load has taken, and of the end.
type Progress interface {
	Add(rows int)
	Done()
}

// Paced is the progress of a load beside other work: it is called after each chunk, and may sleep.
type Paced func()

// Add implements Progress.
func (p Paced) Add(int) { p() }

// Done implements Progress.
func (p Paced) Done() {}

// LogProgress logs a line each second of a load that takes long, and one at its end.
func LogProgress(logger *slog.Logger) Progress {
	return &progress{logger: logger, start: time.Now()}
}

type progress struct {
	logger *slog.Logger
	start  time.Time
	last   time.Time
	rows   int
}

// Add implements Progress.
func (p *progress) Add(rows int) {
	p.rows += rows
	now := time.Now()
	if p.last.IsZero() {
		p.last = p.start
	}
	if now.Sub(p.last) >= loadLogInterval {
		p.last = now
		p.logger.Info("loading the state", "rows", p.rows, "took", now.Sub(p.start).Round(time.Millisecond))
	}
}

// Done implements Progress.
func (p *progress) Done() {
	p.logger.Info("loading the state: done", "rows", p.rows, "took", time.Since(p.start).Round(time.Millisecond))
}
