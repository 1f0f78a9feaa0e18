package client

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// pauseFirst is the longest first pause. Each later one may be twice as long, up to pauseLast.
	pauseFirst = 50 * time.Millisecond
	pauseLast  = 5 * time.Second

	// retryAfterMax bounds what a server may ask for: a wrong header must not stop a client for a day.
	retryAfterMax = time.Minute
)

// pauses waits between attempts. Tests replace sleep.
type pauses struct {
	sleep func(context.Context, time.Duration) error
}

// pauseFor draws the pause after an attempt, counted from 0: at least half of a bound that doubles, and at least what
// the server asked for.
func pauseFor(attempt int, retryAfter time.Duration) time.Duration {
	bound := pauseLast
	if attempt < 10 { // 50 ms doubled ten times is beyond pauseLast
		bound = min(pauseFirst<<attempt, pauseLast)
	}
	pause := bound/2 + rand.N(bound/2+1)
	if asked := min(retryAfter, retryAfterMax); asked > 0 {
		pause = max(pause, asked+rand.N(pauseFirst))
	}
	return pause
}

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads the header, which has seconds or a date. It is 0 without one.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
