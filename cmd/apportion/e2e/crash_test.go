package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"apportion/bench/rig"
	"apportion/cmd/apportion/servertest"
)

// The kill -9 test. In each round, clients write with idempotency keys until the server is killed at a random moment.
// Then it starts again on the same directory. Every write is checked:
//
//   - an acknowledged write is there: a repetition with its key gets the same answer, marked as replayed;
//   - a write without an answer is there completely or not at all, and a repetition with its key shows which;
//   - the units on hand and allocated are exactly the sums of the writes;
//   - `apportion verify` finds nothing.
//
// Rounds share the directory, so that later rounds also recover the files of earlier ones.
const (
	crashRoundsDefault = 5
	crashClients       = 8
	crashUPCs          = 5
	crashLocation      = "W1"
	crashStock         = 1_000_000_000
)

// crashWrite is one write of a client.
type crashWrite struct {
	key, path, body string
	onHand          map[string]int64 // units added to each UPC if the write is done
	allocated       map[string]int64
	answer          *servertest.Reply // nil: none
}

// TestKillNine is the kill -9 test; APPORTION_CRASH_ROUNDS sets the rounds (make crash: 100).
func TestKillNine(t *testing.T) {
	rounds := crashRoundsDefault
	if text := os.Getenv("APPORTION_CRASH_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := &crashTest{t: t, rng: rand.New(rand.NewPCG(seed, 0)), data: filepath.Join(t.TempDir(), "data"),
		onHand: map[string]int64{}, allocated: map[string]int64{}}
	s := servertest.Start(t, c.data)
	for i := range crashUPCs {
		s.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody(crashLocation, crashUPC(i), crashStock),
			http.StatusOK)
		c.onHand[crashUPC(i)] = crashStock
	}
	s.Kill()
	for round := range rounds {
		c.round(round)
	}
	t.Logf("%d rounds: %d writes acknowledged, %d without an answer (%d of these took effect)",
		rounds, c.acknowledged, c.unknown, c.tookEffect)
	if c.acknowledged == 0 || c.unknown == 0 {
		t.Error("the test did not test: no write was acknowledged, or none was cut off")
	}
}

type crashTest struct {
	t    *testing.T
	rng  *rand.Rand
	data string

	// The sums of the writes that are there.
	onHand    map[string]int64
	allocated map[string]int64

	acknowledged, unknown, tookEffect int
}

func crashUPC(i int) string { return fmt.Sprintf("UPC-%d", i) }

// round starts the server, loads it, kills it, starts it again and checks every write.
func (c *crashTest) round(number int) {
	c.t.Helper()
	// Every second round makes checkpoints all the time, so that the kill interrupts some.
	interval := "30s"
	if number%2 == 1 {
		interval = "20ms"
	}
	s := servertest.Start(c.t, c.data, "--checkpoint-interval", interval)
	writes := c.load(s, number)

	s = servertest.Start(c.t, c.data, "--checkpoint-interval", interval)
	c.account(s, writes)
	s.Kill()
	servertest.Verify(c.t, c.data)
}

// load runs the clients until the server is killed, and returns their writes.
func (c *crashTest) load(s *servertest.Server, round int) []*crashWrite {
	c.t.Helper()
	var wg sync.WaitGroup
	results := make([][]*crashWrite, crashClients)
	for client := range crashClients {
		rng := rand.New(rand.NewPCG(c.rng.Uint64(), 1))
		wg.Go(func() { results[client] = runClient(s.URL, rng, fmt.Sprintf("r%d-c%d", round, client)) })
	}
	time.AfterFunc(time.Duration(20+c.rng.IntN(300))*time.Millisecond, func() { _ = s.TrySignal(syscall.SIGKILL) })
	wg.Wait() // every client ends with its first write without an answer
	_ = s.Wait()
	var all []*crashWrite
	for _, writes := range results {
		all = append(all, writes...)
	}
	return all
}

// runClient writes until the server ends.
func runClient(url string, rng *rand.Rand, name string) (writes []*crashWrite) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: rig.StartTimeout}
	defer client.CloseIdleConnections()
	var open *crashWrite // an order of this client to fulfill
	for number := 0; ; number++ {
		write := nextWrite(rng, fmt.Sprintf("%s-%d", name, number), open)
		writes = append(writes, write)
		answer, err := servertest.Send(client, "POST", url+write.path, write.key, write.body)
		if err != nil {
			return writes
		}
		write.answer = answer
		open = nil
		if write.allocated != nil && write.onHand == nil {
			open = write
		}
	}
}

// nextWrite makes an order of three lines, a fulfillment of the last order, or an adjustment.
func nextWrite(rng *rand.Rand, id string, open *crashWrite) *crashWrite {
	switch choice := rng.IntN(10); {
	case open != nil && choice < 5:
		// open.path is /v1/orders/<id>/allocate
		w := &crashWrite{key: id, path: filepath.Dir(open.path) + "/fulfill", body: "{}", onHand: map[string]int64{},
			allocated: map[string]int64{}}
		for upc, units := range open.allocated {
			w.onHand[upc], w.allocated[upc] = -units, -units
		}
		return w
	case choice < 8:
		w := &crashWrite{key: id, path: "/v1/orders/" + id + "/allocate", allocated: map[string]int64{}}
		var lines bytes.Buffer
		for item, i := range rng.Perm(crashUPCs)[:3] {
			units := 1 + rng.Int64N(3)
			w.allocated[crashUPC(i)] = units
			if item > 0 {
				lines.WriteByte(',')
			}
			fmt.Fprintf(&lines, `{"itemId":"%d","upc":%q,"location":%q,"quantity":%d}`, item, crashUPC(i),
				crashLocation, units)
		}
		w.body = `{"lines":[` + lines.String() + `]}`
		return w
	default:
		upc, units := crashUPC(rng.IntN(crashUPCs)), 1+rng.Int64N(5)
		return &crashWrite{key: id, path: "/v1/inventory/adjust", onHand: map[string]int64{upc: units},
			body: fmt.Sprintf(`{"location":%q,"items":[{"upc":%q,"quantity":%d}]}`, crashLocation, upc, units)}
	}
}

// account compares the restarted server with the answers of the clients.
func (c *crashTest) account(s *servertest.Server, writes []*crashWrite) {
	c.t.Helper()
	// The figures are read before any repetition: they must be the sums of the writes that are there.
	onHand, allocated := c.readAll(s)
	var missing []*crashWrite
	for _, w := range writes {
		again := again(s, w)
		switch {
		case again.Status != http.StatusOK:
			c.t.Fatalf("%s %s asked again: status %d: %s", w.key, w.path, again.Status, again.Body)
		case w.answer != nil && w.answer.Status != http.StatusOK:
			c.t.Fatalf("%s %s: status %d: %s", w.key, w.path, w.answer.Status, w.answer.Body)
		case w.answer != nil && (!again.Replayed || !bytes.Equal(again.Body, w.answer.Body)):
			c.t.Fatalf("%s %s was acknowledged, but asked again it is new (replayed: %t)\nthen %s\nnow  %s",
				w.key, w.path, again.Replayed, w.answer.Body, again.Body)
		case w.answer != nil:
			c.acknowledged++
			c.count(w)
		case again.Replayed:
			c.unknown++
			c.tookEffect++
			c.count(w)
		default:
			c.unknown++
			missing = append(missing, w)
		}
	}
	c.compare(onHand, allocated, "after the restart")
	// After the repetitions, the missing writes are there too.
	for _, w := range missing {
		c.count(w)
	}
	onHand, allocated = c.readAll(s)
	c.compare(onHand, allocated, "after every write was asked again")
}

func again(s *servertest.Server, w *crashWrite) *servertest.Reply {
	s.T.Helper()
	r, err := servertest.Send(http.DefaultClient, "POST", s.URL+w.path, w.key, w.body)
	if err != nil {
		s.T.Fatalf("%s %s asked again: %v\n%s", w.key, w.path, err, s.Log)
	}
	return r
}

func (c *crashTest) count(w *crashWrite) {
	for upc, units := range w.onHand {
		c.onHand[upc] += units
	}
	for upc, units := range w.allocated {
		c.allocated[upc] += units
	}
}

func (c *crashTest) readAll(s *servertest.Server) (onHand, allocated map[string]int64) {
	c.t.Helper()
	onHand, allocated = map[string]int64{}, map[string]int64{}
	for i := range crashUPCs {
		upc := crashUPC(i)
		onHand[upc], allocated[upc] = s.Figures(crashLocation, upc)
	}
	return onHand, allocated
}

func (c *crashTest) compare(onHand, allocated map[string]int64, when string) {
	c.t.Helper()
	for i := range crashUPCs {
		upc := crashUPC(i)
		if onHand[upc] != c.onHand[upc] || allocated[upc] != c.allocated[upc] {
			c.t.Fatalf("%s, %s: on hand %d, allocated %d; the writes that are there make %d, %d",
				upc, when, onHand[upc], allocated[upc], c.onHand[upc], c.allocated[upc])
		}
	}
}
