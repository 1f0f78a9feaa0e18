package webhook

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"apportion/engine"
)

// worker sends the events of one webhook, one after the other.
type worker struct {
	sender *Sender
	hook   engine.Webhook
	wake   chan struct{} // something is new
	end    context.CancelFunc

	mu       sync.Mutex
	progress progress
}

// progress is how far a worker has come.
type progress struct {
	Status
	saved    engine.EventID // in the log
	savedAt  time.Time
	sent     bool   // something since then
	disabled string // why the worker has ended
}

// Status is what a worker has to tell.
type Status struct {
	Position engine.EventID // events up to this one are done with

	// Sent and Missed count the events that were delivered, and those that were gone before they could be, since this
	// node leads or the webhook was changed.
	Sent, Missed uint64

	// Failures is how many attempts have failed in a row, LastError why the last one that failed did, and when. The
	// times are Unix milliseconds; 0: never, or nothing is due.
	Failures      int
	LastError     string
	LastErrorMS   int64
	LastSuccessMS int64
	NextTryMS     int64
}

func newWorker(s *Sender, hook *engine.Webhook, now time.Time) *worker {
	w := &worker{sender: s, hook: *hook, wake: make(chan struct{}, 1)}
	w.progress.Position, w.progress.saved, w.progress.savedAt = hook.Position, hook.Position, now
	return w
}

// run sends until the context ends or the receiver wants nothing more.
func (w *worker) run(ctx context.Context) {
	position := w.hook.Position
	var events []engine.Event
	for ctx.Err() == nil {
		var old bool
		events, old = w.sender.eventsAfter(position, events[:0])
		if len(events) == 0 {
			select {
			case <-ctx.Done():
			case <-w.wake:
			}
			continue
		}
		sent := false
		for i := range events {
			ev := &events[i]
			selected := w.hook.Matches(w.sender.Schema(), ev)
			if selected && !w.deliver(ctx, ev) {
				return
			}
			w.advance(ev.ID, selected, uint64(ev.ID-position-1))
			position, sent = ev.ID, sent || selected
		}
		if old && !sent {
			sleep(ctx, catchUpPause)
		}
	}
}

// advance notes that an event is done with. missed events before it were gone.
func (w *worker) advance(position engine.EventID, sent bool, missed uint64) {
	if missed > 0 {
		w.sender.metrics.missed.Add(int(missed))
		w.sender.Log.Warn("events were dropped by age before they could be sent", "webhook", w.hook.Name, "events",
			missed)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.progress
	p.Position = position
	p.Missed += missed
	if sent {
		p.Sent++
		p.sent = true
	}
}

// deliver sends an event until the receiver has it. False: it has not, and the worker ends.
func (w *worker) deliver(ctx context.Context, ev *engine.Event) bool {
	m := eventMessage(w.sender.Schema(), ev)
	for failures := 1; ; failures++ {
		o := w.sender.post(ctx, &w.hook, &m)
		if ctx.Err() != nil {
			return false // what became of the attempt is not known
		}
		now := time.Now()
		if o.Delivered {
			w.succeeded(now)
			return true
		}
		pause := max(retryPause(failures), o.retryAfter)
		w.failed(&o, failures, now, now.Add(pause))
		if o.gone() || !sleep(ctx, pause) {
			return false
		}
	}
}

// retryPause is the pause after so many failures.
func retryPause(failures int) time.Duration {
	longest := min(retryMin<<min(failures-1, 20), retryMax)
	return longest/2 + rand.N(longest/2)
}

func (w *worker) succeeded(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.progress
	if p.Failures > 0 {
		w.sender.Log.Info("the receiver answers again", "webhook", w.hook.Name, "failures", p.Failures)
	}
	p.Failures, p.NextTryMS, p.LastSuccessMS = 0, 0, now.UnixMilli()
}

func (w *worker) failed(o *Outcome, failures int, now, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.progress
	p.Failures, p.LastError, p.LastErrorMS, p.NextTryMS = failures, o.Error, now.UnixMilli(), next.UnixMilli()
	switch {
	case o.gone():
		p.disabled = fmt.Sprintf("the receiver answered 410 Gone at %s", now.UTC().Format(time.RFC3339))
		p.NextTryMS = 0
		w.sender.metrics.disabled.Inc()
		w.sender.Log.Warn("a webhook is disabled: the receiver answered 410 Gone", "webhook", w.hook.Name)
	case failures == 1:
		w.sender.Log.Warn("a webhook's receiver fails; trying again", "webhook", w.hook.Name, "error", o.Error)
	}
}

// status is a copy of the worker's.
func (w *worker) status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.progress.Status
}

// toReport gives the position to put into the log, if there is a new one, and whether it should not wait.
func (w *worker) toReport(now time.Time) (it engine.WebhookPosition, changed, due bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.progress
	it = engine.WebhookPosition{Name: w.hook.Name, Revision: w.hook.Revision, Position: p.Position,
		DisabledReason: p.disabled}
	ahead := p.Position - p.saved
	changed = ahead > 0 || p.disabled != ""
	due = changed && (p.sent || p.disabled != "" || ahead > skipEventsMax || now.Sub(p.savedAt) >= skipInterval)
	return it, changed, due
}

// reported notes what the log has now.
func (w *worker) reported(it *engine.WebhookPosition, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.progress
	p.saved, p.savedAt = it.Position, now
	p.sent = p.sent && p.Position > it.Position
}

// sleep waits; false: the context ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
