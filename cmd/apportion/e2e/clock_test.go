package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"apportion/cmd/apportion/e2e/faulty"
	"apportion/cmd/apportion/servertest"
)

// If a leader's clock jumps ahead, long reservations do not end. If it jumps back, stamps do not decrease. Both hold
// also for the next leader, with a correct clock.
func TestClusterClockJump(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.leader()
	leader.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 1000), http.StatusOK)
	reserve := func(order string, in time.Duration) {
		t.Helper()
		c.leader().Call("POST", "/v1/orders/"+order+"/allocate",
			fmt.Sprintf(`{"expiresAt":%q,"lines":[{"itemId":"1","upc":"A","location":"W1","quantity":1}]}`,
				time.Now().Add(in).UTC().Format(time.RFC3339)), http.StatusOK)
	}
	reserve("far", 30*time.Minute)
	reserve("near", 20*time.Second)
	var last time.Time
	number := 0
	// step makes an order, and demands that its stamp is not before the last one.
	step := func() time.Time {
		t.Helper()
		number++
		order := fmt.Sprint("step-", number)
		at := c.leader()
		at.Call("POST", "/v1/orders/"+order+"/allocate",
			`{"lines":[{"itemId":"1","upc":"A","location":"W1","quantity":1}]}`, http.StatusOK)
		stamp := stampOf(t, at, order)
		if stamp.Before(last) {
			t.Errorf("the stamps fall: %s after %s", stamp, last)
		}
		last = stamp
		return stamp
	}
	begin := time.Now()
	before := step()
	for _, n := range c.nodes {
		if n == leader {
			n.inject(faulty.Faults{ClockOffsetMS: (2 * time.Hour).Milliseconds()})
		}
	}
	for range 20 {
		step()
	}
	// A minute at once, and then at most two seconds a second.
	if ahead, most := last.Sub(before), time.Minute+2*time.Since(begin)+time.Second; ahead > most {
		t.Errorf("the stamps have gone ahead by %s, at most %s are to be believed", ahead, most)
	}
	c.await("the near reservation has ended", func() bool { return isReserved(t, leader, "near") == 0 })
	if isReserved(t, leader, "far") != 1 {
		t.Error("a reservation of half an hour has ended")
	}
	leader.Call("GET", "/metrics", "", http.StatusOK)
	leader.inject(faulty.Faults{ClockOffsetMS: -(2 * time.Hour).Milliseconds()})
	for range 20 {
		step()
	}
	leader.stop()
	step()
	leader.inject(faulty.Faults{})
	leader.start()
	c.awaitReady()
	step()
	if isReserved(t, leader, "far") != 1 {
		t.Error("a reservation of half an hour has ended")
	}
	c.finish()
}

type orderRead struct {
	Items []struct {
		Lines   []orderLine `json:"lines"`
		History []struct {
			Time time.Time `json:"time"`
		} `json:"history"`
	} `json:"items"`
}

func readOrder(t *testing.T, n *node, order string) (read orderRead) {
	t.Helper()
	r := n.Call("GET", "/v1/orders/"+order, "", http.StatusOK)
	if err := json.Unmarshal(r.Body, &read); err != nil || len(read.Items) != 1 || len(read.Items[0].History) == 0 {
		t.Fatalf("%s: %v", r.Body, err)
	}
	return read
}

// stampOf is the time of an order's first movement.
func stampOf(t *testing.T, n *node, order string) time.Time {
	t.Helper()
	return readOrder(t, n, order).Items[0].History[0].Time
}

// isReserved returns the reserved units of an order.
func isReserved(t *testing.T, n *node, order string) (units int64) {
	t.Helper()
	for _, line := range readOrder(t, n, order).Items[0].Lines {
		units += line.Allocated
	}
	return units
}

// A node with a clock too far ahead does not serve as leader, and another node can lead.
func TestClusterClockOfYears(t *testing.T) {
	c := newCluster(t, 3, impatient...)
	c.leader().Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 1000), http.StatusOK)
	wrong := c.others(c.leader())[0]
	wrong.inject(faulty.Faults{ClockOffsetMS: (3 * 366 * 24 * time.Hour).Milliseconds()})
	// It is elected, but does not serve.
	c.await("it has been elected", func() bool {
		_, _ = servertest.Send(lookClient, http.MethodPost, wrong.url+"/v1/cluster/transfer-leader", "",
			fmt.Sprintf(`{"to":%q}`, wrong.id))
		return strings.Contains(wrong.Log.String(), "does not serve")
	})
	c.await("another one leads and serves", func() bool {
		leader := c.leaderAmong(c.others(wrong))
		return leader != nil && c.majorityWrites(leader)
	})
	wrong.inject(faulty.Faults{})
	c.awaitReady()
	c.finish()
}
