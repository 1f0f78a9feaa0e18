package httpapi

import (
	"context"
	"time"
)

// pacer keeps a goroutine to its share of a core: after each slice of work it sleeps for the rest of the slice's time,
// or until its context ends.
type pacer struct {
	ctx   context.Context
	share float64 // above 0, at most 1
	since time.Time
}

// paceSlice is short, so that requests hardly wait for the scheduler.
const paceSlice = 2 * time.Millisecond

func newPacer(ctx context.Context, share float64) *pacer {
	return &pacer{ctx: ctx, share: share, since: time.Now()}
}

// pace sleeps if the slice is over. Call it every few microseconds of work.
func (p *pacer) pace() {
	worked := time.Since(p.since)
	if worked < paceSlice || p.share >= 1 {
		return
	}
	rest := time.NewTimer(time.Duration(float64(worked) * (1 - p.share) / p.share))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-p.ctx.Done():
	}
	p.since = time.Now()
}
