package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"apportion/engine"
)

// State is what a Sender reads of the state, at any time.
type State interface {
	Webhooks() []engine.Webhook
	LastEvent() engine.EventID
	Schema() *engine.Schema
}

// Config configures a Sender.
type Config struct {
	State

	// Leads reports whether this node is the one that sends.
	Leads func() bool

	// Events appends up to limit kept events that follow one, oldest first.
	Events func(after engine.EventID, limit int, dst []engine.Event) []engine.Event

	// Report puts positions into the log. It returns nil once they are applied.
	Report func(items []engine.WebhookPosition) error

	// AllowPrivate allows targets in private and loopback networks.
	AllowPrivate bool

	Metrics *metrics.Set
	Log     *slog.Logger

	transport http.RoundTripper // of tests; nil: the network
}

// Sender sends the events of all webhooks while this node leads. Its methods may be called from any goroutine.
type Sender struct {
	Config
	target  target
	client  *http.Client
	metrics senderMetrics
	tail    tail
	tests   chan struct{} // a place for each test message on its way

	mu struct {
		sync.Mutex
		workers map[string]*worker // nil: this node does not lead
	}

	stop    chan struct{}
	closing sync.Once
	running sync.WaitGroup // run and reports
	sending sync.WaitGroup // workers
}

// New makes a Sender that sends nothing yet.
func New(c Config) *Sender {
	s := &Sender{Config: c, target: newTarget(c.AllowPrivate), stop: make(chan struct{}),
		tests: make(chan struct{}, TestsMax)}
	if s.transport == nil {
		s.transport = s.target.transport()
	}
	s.client = &http.Client{Transport: s.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	s.initMetrics()
	return s
}

// Start begins to send, unless Close was called first. Call it once.
func (s *Sender) Start() {
	s.mu.Lock() // Close waits for what was started before it, and nothing starts after
	defer s.mu.Unlock()
	select {
	case <-s.stop:
	default:
		s.running.Go(s.run)
		s.running.Go(s.reports)
	}
}

// Close stops sending, and puts the last positions into the log if this node still leads. A second call does nothing.
func (s *Sender) Close() {
	s.closing.Do(func() {
		s.mu.Lock()
		close(s.stop)
		s.mu.Unlock()
		s.running.Wait()
		s.mu.Lock()
		for _, w := range s.mu.workers {
			w.end()
		}
		s.mu.Unlock()
		s.sending.Wait()
		s.report()
		s.endAll()
		s.client.CloseIdleConnections()
	})
}

// run follows the state.
func (s *Sender) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-timer.C:
		}
		select {
		case <-s.stop: // both may be true, and nobody would end what begins now
			return
		default:
		}
		pause := idleInterval
		if s.follow() {
			pause = pollInterval
		}
		timer.Reset(pause)
	}
}

// follow has the workers that the state asks for, and wakes them if there are new events. It reports whether there are
// workers.
func (s *Sender) follow() bool {
	if !s.Leads() {
		s.endAll()
		return false
	}
	if s.adjust(s.Webhooks()) == 0 {
		return false
	}
	if s.LastEvent() >= s.tail.next && s.tail.fill(s.Events) {
		s.wakeAll()
	}
	return true
}

// adjust starts and ends workers, and gives how many there are.
func (s *Sender) adjust(hooks []engine.Webhook) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := make(map[string]bool, len(hooks))
	if len(s.mu.workers) == 0 {
		s.mu.workers = map[string]*worker{}
		s.tail.begin(s.LastEvent())
	}
	for i := range hooks {
		h := &hooks[i]
		if h.DisabledReason != "" {
			continue
		}
		wanted[h.Name] = true
		if w := s.mu.workers[h.Name]; w == nil || w.hook.Revision != h.Revision {
			s.endLocked(h.Name)
			s.beginLocked(h)
		}
	}
	for name := range s.mu.workers {
		if !wanted[name] {
			s.endLocked(name)
		}
	}
	return len(s.mu.workers)
}

func (s *Sender) beginLocked(h *engine.Webhook) {
	w := newWorker(s, h, time.Now())
	ctx, cancel := context.WithCancel(context.Background())
	w.end = cancel
	s.mu.workers[h.Name] = w
	s.sending.Go(func() { w.run(ctx) })
}

func (s *Sender) endLocked(name string) {
	if w := s.mu.workers[name]; w != nil {
		w.end()
		delete(s.mu.workers, name)
	}
}

func (s *Sender) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.mu.workers {
		s.endLocked(name)
	}
	s.mu.workers = nil
}

func (s *Sender) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.mu.workers {
		select {
		case w.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// eventsAfter appends the next events. old reports that they came from the state, not from the tail.
func (s *Sender) eventsAfter(after engine.EventID, dst []engine.Event) (events []engine.Event, old bool) {
	if events, has := s.tail.after(after, readEventsMax, dst); has {
		return events, false
	}
	return s.Events(after, readEventsMax, dst), true
}

// reports puts positions into the log from time to time.
func (s *Sender) reports() {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.report()
		}
	}
}

// report puts the positions that have changed into the log, all in one entry, if one of them is due.
func (s *Sender) report() {
	if !s.Leads() {
		return
	}
	now := time.Now()
	var items []engine.WebhookPosition
	var of []*worker
	any := false
	s.mu.Lock()
	for _, w := range s.mu.workers {
		if it, changed, due := w.toReport(now); changed {
			items, of, any = append(items, it), append(of, w), any || due
		}
	}
	s.mu.Unlock()
	if !any {
		return
	}
	if err := s.Report(items); err != nil {
		if !s.Leads() {
			return // the next leader begins at the last report
		}
		s.Log.Warn("the positions of webhooks could not be put into the log; trying again", "error", err)
		return
	}
	for i, w := range of {
		w.reported(&items[i], now)
	}
}

// Status tells how far a webhook has come. False: nobody sends it here.
func (s *Sender) Status(name string) (Status, bool) {
	s.mu.Lock()
	w := s.mu.workers[name]
	s.mu.Unlock()
	if w == nil {
		return Status{}, false
	}
	return w.status(), true
}

// CheckURL tells what is wrong with the URL of a webhook, or "".
func (s *Sender) CheckURL(url string) string { return s.target.check(url) }

// Test sends a message of the type test to a webhook, once. False: too many are on their way.
func (s *Sender) Test(ctx context.Context, w *engine.Webhook) (Outcome, bool) {
	select {
	case s.tests <- struct{}{}:
	default:
		return Outcome{}, false
	}
	defer func() { <-s.tests }()
	m := testMessage(w.Name, time.Now())
	return s.post(ctx, w, &m), true
}
