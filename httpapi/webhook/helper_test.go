package webhook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"apportion/engine"
)

// cluster is a state with its log, for several Senders.
type cluster struct {
	t      *testing.T
	mu     sync.Mutex
	e      *engine.Engine
	index  uint64
	counts int // stock counts begun

	leader   string // the Sender that leads
	reports  int    // entries with positions
	noReport bool   // the log takes nothing
}

func newCluster(t *testing.T) *cluster { return &cluster{t: t, e: engine.New(), leader: "a"} }

// apply puts a command into the log.
func (c *cluster) apply(cmd engine.Command) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applyLocked(cmd)
}

func (c *cluster) applyLocked(cmd engine.Command) {
	c.t.Helper()
	c.index++
	out := c.e.Apply(c.index, time.Now().UnixMilli(), engine.AppendCommand(nil, &engine.Envelope{}, cmd), nil)
	var r engine.Result
	if err := engine.DecodeResult(out, &r); err != nil || r.Code != engine.CodeOK {
		c.t.Errorf("%T: %v %s %s, %v", cmd, r.Code, r.Field, r.Value, err)
	}
}

// event makes events at a location.
func (c *cluster) event(location string, n int) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		c.counts++
		name := fmt.Sprint("count ", c.counts)
		c.applyLocked(&engine.StartCount{Location: location, Count: name})
		c.applyLocked(&engine.CloseCount{Location: location, Count: name})
	}
}

// put makes a webhook for what begins at some locations, or at all.
func (c *cluster) put(name string, locations ...string) {
	c.t.Helper()
	c.apply(&engine.PutWebhook{Name: name, URL: "https://" + name + ".example/hook", Secret: secretOf('1'),
		EventFilter: engine.EventFilter{Kinds: []engine.EventKind{engine.EventCountStarted}, Locations: locations}})
}

func (c *cluster) hook(name string) engine.Webhook {
	w, _ := c.e.Webhook(name)
	return w
}

// lead lets a Sender lead.
func (c *cluster) lead(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = name
}

func secretOf(letter byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(letter), 24)))
}

// sender is a Sender of the cluster, whose requests go to the network that is given.
func (c *cluster) sender(name string, network http.RoundTripper) *Sender {
	return New(Config{
		State: &c.e.Reader,
		Leads: func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.leader == name
		},
		Events: func(after engine.EventID, limit int, dst []engine.Event) []engine.Event {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.e.Events(after, limit, dst)
		},
		Report: func(items []engine.WebhookPosition) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.noReport {
				return io.ErrClosedPipe
			}
			c.reports++
			c.applyLocked(&engine.SetWebhookPosition{Items: items})
			return nil
		},
		AllowPrivate: network == nil,
		Metrics:      metrics.NewSet(), Log: slog.New(slog.DiscardHandler), transport: network,
	})
}

// receivers is the network of tests: each host of a URL is a receiver.
type receivers struct {
	mu   sync.Mutex
	got  map[string][]got // by host
	does map[string]func(n int, req *http.Request) *http.Response
}

// got is a request as a receiver got it.
type got struct {
	id     string
	kind   string
	event  engine.EventID
	at     time.Time
	header http.Header
	body   []byte
}

func newReceivers() *receivers {
	return &receivers{got: map[string][]got{}, does: map[string]func(int, *http.Request) *http.Response{}}
}

// RoundTrip is a request to a receiver.
func (r *receivers) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var message struct {
		Type string
		Data struct{ ID engine.EventID }
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(req.URL.Host, ".")
	r.mu.Lock()
	r.got[name] = append(r.got[name], got{id: req.Header.Get(headerID), kind: message.Type, event: message.Data.ID,
		at: time.Now(), header: req.Header.Clone(), body: body})
	n, does := len(r.got[name]), r.does[name]
	r.mu.Unlock()
	if does != nil {
		if answer := does(n, req); answer != nil {
			return answer, nil
		}
		return nil, req.Context().Err()
	}
	return answer(http.StatusNoContent), nil
}

func answer(status int, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody}
}

// hang is a receiver that never answers.
func hang(_ int, req *http.Request) *http.Response {
	<-req.Context().Done()
	return nil
}

func (r *receivers) all(name string) []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.got[name]...)
}

// firsts is the events that a receiver got, without repetitions.
func (r *receivers) firsts(name string) (events []engine.EventID) {
	seen := map[string]bool{}
	for _, g := range r.all(name) {
		if !seen[g.id] {
			seen[g.id] = true
			events = append(events, g.event)
		}
	}
	return events
}

// inBubble runs a test with a clock of its own.
func inBubble(t *testing.T, test func(t *testing.T, c *cluster, r *receivers)) {
	synctest.Test(t, func(t *testing.T) { test(t, newCluster(t), newReceivers()) })
}

// pass lets time pass in a bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
