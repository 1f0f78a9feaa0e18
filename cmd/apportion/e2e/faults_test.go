package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apportion/cmd/apportion/servertest"
)

// The fault test. A nemesis makes faults of processes, network, disks and clocks while clients work on a few hot
// records, in rounds. At the end of each round everything is healed, each write of unknown outcome is sent again until
// there is an answer, and then:
//
//   - the answers about each record are linearizable (porcupine), and no answer is from an older state than an
//     earlier answer;
//   - each node shows exactly the sums of the acknowledged writes: no unit is lost, counted twice or oversold;
//   - each order has the content that its client expects.
//
// After the last round all nodes stop, `apportion verify` finds nothing, and all have the same state.
//
// APPORTION_FAULT_SECONDS is the duration (make faults: an hour). APPORTION_FAULT_SEED repeats the decisions of an
// earlier run. APPORTION_FAULT_VOTERS is 3 or 5. APPORTION_FAULT_DIR is the directory for pictures of impossible
// histories.
const (
	faultSecondsDefault = 15
	faultVotersDefault  = 3
	faultClients        = 6

	// opsPerRecord bounds a history. Then the slot continues with its next record. recordsPerSlot is the number of
	// records.
	opsPerRecord   = 250
	recordsPerSlot = 12
	faultStock     = 15
)

// faultSlots are the kinds of hot records, by their number of segments.
var faultSlots = [...]int{1, 1, segmentsMax}

// faultRound is the state that the clients of a round share.
type faultRound struct {
	name   string
	begin  time.Time
	picked [len(faultSlots)]atomic.Int64

	mu struct {
		sync.Mutex
		stock  map[string]stockState // by record: the result of the answered writes
		orders []*clientOrder
	}
}

func newFaultRound(name string) *faultRound {
	r := &faultRound{name: name, begin: time.Now()}
	r.mu.stock = map[string]stockState{}
	for slot := range faultSlots {
		for number := range recordsPerSlot {
			r.mu.stock[r.record(slot, number)] = initialStock(slot)
		}
	}
	return r
}

func initialStock(slot int) (s stockState) {
	for i := range faultSlots[slot] {
		s[i].onHand = faultStock
	}
	return s
}

func (r *faultRound) record(slot, number int) string {
	return fmt.Sprintf("R-%s-%d-%d", r.name, slot, number)
}

// now is the monotonic time since the round began.
func (r *faultRound) now() time.Duration { return time.Since(r.begin) }

// pick chooses a segment to work on.
func (r *faultRound) pick(rng *rand.Rand) (record string, segment int) {
	slot := rng.IntN(len(faultSlots))
	number := min(int(r.picked[slot].Add(1))/opsPerRecord, recordsPerSlot-1)
	return r.record(slot, number), rng.IntN(faultSlots[slot])
}

// book adds a write to the stock.
func (r *faultRound) book(op stockOp) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.stock[op.record] = r.mu.stock[op.record].plus(op)
}

func (r *faultRound) keep(o *clientOrder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.orders = append(r.mu.orders, o)
}

// refresh is the request that makes the records.
func (r *faultRound) refresh() string {
	var items []string
	for slot, segments := range faultSlots {
		for number := range recordsPerSlot {
			for segment := range segments {
				items = append(items, fmt.Sprintf(`{"upc":%q,"tags":%s,"quantity":%d}`, r.record(slot, number),
					segmentTags[segment], faultStock))
			}
		}
	}
	return `{"location":"F","items":[` + strings.Join(items, ",") + `]}`
}

// faultTest is one run.
type faultTest struct {
	*cluster
	nemesis *nemesis
	rng     *rand.Rand
	seed    uint64
	dir     string

	events, unknown, refused int
}

func TestFaults(t *testing.T) {
	seconds := fromEnvironment(t, "APPORTION_FAULT_SECONDS", faultSecondsDefault)
	voters := fromEnvironment(t, "APPORTION_FAULT_VOTERS", faultVotersDefault)
	seed := uint64(fromEnvironment(t, "APPORTION_FAULT_SEED", int(time.Now().UnixNano()&(1<<40-1))))
	f := &faultTest{seed: seed, rng: rand.New(rand.NewPCG(seed, 0)), dir: os.Getenv("APPORTION_FAULT_DIR")}
	if f.dir == "" {
		f.dir = filepath.Join(os.TempDir(), fmt.Sprintf("apportion-faults-%d", seed))
	}
	again := fmt.Sprintf("APPORTION_FAULT_SEED=%d APPORTION_FAULT_SECONDS=%d APPORTION_FAULT_VOTERS=%d go test "+
		"-race -count 1 -timeout 0 -v -run '^TestFaults$' ./cmd/apportion/e2e", seed, seconds, voters)
	t.Log(again)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to run it again: %s", again)
		}
	})
	f.cluster = newCluster(t, voters, "--request-timeout", "1500ms", "--checkpoint-interval", "1s", "--stall-timeout",
		"1s")
	f.nemesis = &nemesis{c: f.cluster, rng: rand.New(rand.NewPCG(seed, 1)), made: map[string]int{}}
	f.must("PUT", "/v1/tag-categories/Channel", `{"values":[{"value":"Shop","default":true},{"value":"Web"}]}`)
	begin := time.Now()
	for round := 0; time.Since(begin) < time.Duration(seconds)*time.Second && !t.Failed(); round++ {
		f.oneRound(fmt.Sprint(round))
	}
	f.finish()
	t.Logf("%v: %d answers, %d orders refused, %d writes of unknown outcome", f.nemesis.made, f.events, f.refused,
		f.unknown)
	if f.events == 0 || f.refused == 0 {
		t.Error("the test did not test: nothing was answered, or nothing refused")
	}
}

func fromEnvironment(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// must sends a request to a healthy cluster until it is done.
func (f *faultTest) must(method, path, body string) {
	f.t.Helper()
	f.await(method+" "+path, func() bool {
		r, err := servertest.Send(lookClient, method, f.nodes[0].url+path, "", body)
		if err == nil && r.Status != http.StatusOK && r.Status != http.StatusServiceUnavailable {
			f.t.Fatalf("%s %s: status %d: %s", method, path, r.Status, r.Body)
		}
		return err == nil && r.Status == http.StatusOK
	})
}

// oneRound runs clients while the nemesis strikes, then checks everything.
func (f *faultTest) oneRound(name string) {
	f.t.Helper()
	round := newFaultRound(name)
	f.must("POST", "/v1/inventory/refresh", round.refresh())
	clients := make([]*faultClient, faultClients)
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	defer end() // also if the test fails
	var running sync.WaitGroup
	for i := range clients {
		clients[i] = newFaultClient(i, rand.New(rand.NewPCG(f.rng.Uint64(), 2)), f.nodes)
		clients[i].round = round
		running.Go(func() { clients[i].run(stop) })
	}
	f.nemesis.strike()
	healed := time.Now()
	f.nemesis.heal()
	f.t.Logf("round %s: all nodes were ready %s after the faults", name, time.Since(healed).Round(time.Millisecond))
	end()
	running.Wait()
	for _, c := range clients {
		f.unknown += c.resolve()
		c.http.CloseIdleConnections()
	}
	f.check(round, clients)
}

// check compares what the clients saw with the state.
func (f *faultTest) check(round *faultRound, clients []*faultClient) {
	f.t.Helper()
	var events []event
	var stale []staleRead
	byRecord := map[string][]event{}
	for _, c := range clients {
		for _, fault := range c.faults {
			f.t.Error(fault)
		}
		events, stale = append(events, c.events...), append(stale, c.stale...)
	}
	for _, e := range events {
		byRecord[e.op.record] = append(byRecord[e.op.record], e)
		if e.result.refused {
			f.refused++
		}
	}
	f.events += len(events) + len(stale)
	for slot := range faultSlots {
		for number := range recordsPerSlot {
			record := round.record(slot, number)
			checkLinear(f.t, f.dir, record, initialStock(slot), byRecord[record])
		}
	}
	checkIndexes(f.t, events)
	checkStale(f.t, stale, events)
	f.agree()
	f.checkStock(round, byRecord)
	f.checkOrders(round)
}

// checkStock: each node has exactly the sums of the acknowledged writes.
func (f *faultTest) checkStock(round *faultRound, touched map[string][]event) {
	f.t.Helper()
	for _, n := range f.nodes {
		look := newFaultClient(0, f.rng, []*node{n})
		for record := range touched {
			r := n.Call(http.MethodGet, "/v1/inventory/F/"+record, "", http.StatusOK)
			if _, got, ok := look.decode(r); !ok || got != round.mu.stock[record] {
				f.t.Errorf("%s: %s holds %v, the acknowledged writes make %v %v", record, n.id, got,
					round.mu.stock[record], look.faults)
			}
		}
		look.http.CloseIdleConnections()
	}
}

// checkOrders: each order has the content that its client expects, at any node.
func (f *faultTest) checkOrders(round *faultRound) {
	f.t.Helper()
	for i, o := range round.mu.orders {
		r := f.nodes[i%len(f.nodes)].Call("GET", "/v1/orders/"+o.id, "", http.StatusOK)
		var read struct {
			Items []struct {
				Lines []orderLine `json:"lines"`
			} `json:"items"`
		}
		want := orderLine{Allocated: o.units, Returned: o.returned}
		switch {
		case o.shipped:
			want.Allocated, want.Fulfilled = 0, o.units
		case o.released:
			want.Allocated, want.Released = 0, o.units
		}
		err := json.Unmarshal(r.Body, &read)
		if err != nil || len(read.Items) != 1 || len(read.Items[0].Lines) != 1 || read.Items[0].Lines[0] != want {
			f.t.Errorf("the order %+v is %s", *o, r.Body)
		}
	}
}

// orderLine are the units of an order item.
type orderLine struct {
	Allocated int64 `json:"allocated"`
	Pending   int64 `json:"pending"`
	Fulfilled int64 `json:"fulfilled"`
	Returned  int64 `json:"returned"`
	Released  int64 `json:"released"`
}
