package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// hookSecret is the secret of the webhook of these tests.
var hookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 32)))

// hookReceiver is what a webhook sends to. It answers a message for each value that gate gives, and every message once
// gate is closed.
type hookReceiver struct {
	*httptest.Server
	gate chan struct{}

	mu     sync.Mutex
	events []uint64 // as they came first
	seen   map[string]bool
	again  int // messages that came again
	faults []string
}

func newHookReceiver(t *testing.T) *hookReceiver {
	r := &hookReceiver{gate: make(chan struct{}), seen: map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *hookReceiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	verifier, keyErr := standardwebhooks.NewWebhook(hookSecret)
	var message struct{ Data struct{ ID uint64 } }
	if err == nil && keyErr == nil {
		if err = verifier.Verify(body, req.Header); err == nil {
			err = json.Unmarshal(body, &message)
		}
	}
	select {
	case <-r.gate:
	case <-req.Context().Done(): // the node was killed
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || keyErr != nil {
		r.faults = append(r.faults, fmt.Sprintf("%s: %v %v", body, err, keyErr))
	}
	if id := req.Header.Get("webhook-id"); r.seen[id] {
		r.again++
	} else {
		r.seen[id] = true
		r.events = append(r.events, message.Data.ID)
	}
}

func (r *hookReceiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// crossFloors makes so many events of the type floor-crossed, in one entry.
func (n *node) crossFloors(upcs string, events int) {
	n.cluster.t.Helper()
	items := func(format string) string {
		var list []string
		for i := range events {
			list = append(list, fmt.Sprintf(format, upcs, i))
		}
		return `{"location":"W","items":[` + strings.Join(list, ",") + `]}`
	}
	n.Call("POST", "/v1/inventory/refresh", items(`{"upc":"%s%d","quantity":10,"floor":5}`), http.StatusOK)
	n.Call("POST", "/v1/inventory/adjust", items(`{"upc":"%s%d","quantity":-8}`), http.StatusOK)
}

// crossed gives the numbers of the events of the type floor-crossed.
func (n *node) crossed() (events []uint64) {
	n.cluster.t.Helper()
	var page struct {
		Next   uint64
		Events []struct {
			ID   uint64
			Type string
		}
	}
	for after := uint64(0); ; after = page.Next {
		body := n.Call("GET", fmt.Sprintf("/v1/events?limit=1000&after=%d", after), "", http.StatusOK).Body
		page.Events = nil
		if err := json.Unmarshal(body, &page); err != nil {
			n.cluster.t.Fatal(err)
		}
		for _, ev := range page.Events {
			if ev.Type == "floor-crossed" {
				events = append(events, ev.ID)
			}
		}
		if len(page.Events) == 0 {
			return events
		}
	}
}

// TestClusterWebhookSurvivesItsLeader: leaders are killed while deliveries go on. The receiver has every event, and the
// first time of each in order; all signatures are right.
func TestClusterWebhookSurvivesItsLeader(t *testing.T) {
	c := newCluster(t, 3, "--webhook-allow-private")
	r := newHookReceiver(t)
	leader := c.leader()
	c.others(leader)[0].Call("PUT", "/v1/webhooks/shop", fmt.Sprintf(`{"url":%q,"secret":%q,"types":["floor-crossed"]}`,
		r.URL, hookSecret), http.StatusOK)
	for round := range 3 {
		leader = c.leader()
		leader.crossFloors(fmt.Sprintf("r%d-", round), 200)
		for range 50 {
			r.gate <- struct{}{}
		}
		leader.kill() // while the next message is on its way
		c.leader()
		leader.start()
		c.awaitReady()
	}
	close(r.gate)
	want := c.leader().crossed()
	if len(want) != 600 {
		t.Fatalf("%d events, want 600", len(want))
	}
	c.await("the receiver has all", func() bool { return r.count() >= len(want) })
	c.await("the position is in the log", func() bool {
		var w struct{ Position, Lag uint64 }
		body := c.leader().Call("GET", "/v1/webhooks/shop", "", http.StatusOK).Body
		return json.Unmarshal(body, &w) == nil && w.Lag == 0
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.events, want) {
		t.Errorf("the receiver got first\n%v\nand there were\n%v", r.events, want)
	}
	if len(r.faults) > 0 {
		t.Errorf("%d messages are wrong, such as %s", len(r.faults), r.faults[0])
	}
	t.Logf("%d events, %d messages came again", len(want), r.again)
	c.leader().Call("DELETE", "/v1/webhooks/shop", "", http.StatusOK) // its reports would go on while the nodes stop
	c.finish()
}
