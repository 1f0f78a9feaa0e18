package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"syscall"
	"time"

	"apportion/cmd/apportion/servertest"
)

// faultClient is a client that works during faults. It uses one node until that node fails, then another, and records
// each request with its times and its result.
type faultClient struct {
	number int // the client's number
	as     int // its number in the history: a new one after each open write
	rng    *rand.Rand
	http   *http.Client
	nodes  []*node
	at     *node
	round  *faultRound
	made   int // requests, for names

	orders []*clientOrder // the existing ones of this round
	events []event
	stale  []staleRead
	open   []*openWrite // with an unknown outcome
	faults []string     // errors
}

// clientOrder is an order as its client knows it.
type clientOrder struct {
	id       string
	record   string
	segment  int
	units    int64
	shipped  bool
	released bool
	returned int64
}

// openWrite is a write whose result is not known yet.
type openWrite struct {
	op      stockOp
	order   *clientOrder // nil: an adjustment
	key     string
	path    string
	body    string
	as      int
	call    time.Duration
	tries   int
	unknown bool // an attempt may have had an effect, or may still have one
}

const (
	// clientTimeout bounds a request to a node that does not answer at all.
	clientTimeout = 4 * time.Second

	// One in leaveOpenPart writes without an answer is left for the end of the round. The others are sent again at
	// once.
	leaveOpenPart = 4
)

func newFaultClient(number int, rng *rand.Rand, nodes []*node) *faultClient {
	return &faultClient{number: number, as: number, rng: rng, nodes: nodes, at: nodes[number%len(nodes)],
		http: &http.Client{Timeout: clientTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
}

func (c *faultClient) fail(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("client %d: ", c.number)+fmt.Sprintf(format, args...))
}

// run works until stop is closed.
func (c *faultClient) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if len(c.faults) > 0 {
			return
		}
		c.next(stop)
	}
}

// next makes one request.
func (c *faultClient) next(stop <-chan struct{}) {
	record, segment := c.round.pick(c.rng)
	switch choice := c.rng.IntN(20); {
	case choice < 5:
		c.read(record)
	case choice < 7:
		c.readStale(record)
	case choice < 8:
		c.write(stop, &openWrite{op: stockOp{opAdjust, record, segment, 1 + c.rng.Int64N(2)}})
	case choice < 14 && len(c.orders) > 0:
		i := c.rng.IntN(len(c.orders))
		c.changeOrder(stop, c.orders[i])
	default:
		c.made++
		order := &clientOrder{id: fmt.Sprintf("o-%s-%d-%d", c.round.name, c.number, c.made), record: record,
			segment: segment, units: 1 + c.rng.Int64N(3)}
		c.write(stop, &openWrite{op: stockOp{opAllocate, record, segment, order.units}, order: order})
	}
}

// changeOrder makes the next change to an order.
func (c *faultClient) changeOrder(stop <-chan struct{}, o *clientOrder) {
	op := stockOp{record: o.record, segment: o.segment, units: o.units}
	switch {
	case o.released || o.returned > 0:
		return // it is complete
	case o.shipped:
		op.kind, op.units = opReturn, 1
	case c.rng.IntN(2) == 0:
		op.kind = opFulfill
	default:
		op.kind = opDeallocate
	}
	c.write(stop, &openWrite{op: op, order: o})
}

// write sends a write until there is an answer, or leaves it open.
func (c *faultClient) write(stop <-chan struct{}, w *openWrite) {
	c.made++
	w.key, w.as = fmt.Sprintf("k-%s-%d-%d", c.round.name, c.number, c.made), c.as
	w.path, w.body = w.request()
	w.call = c.round.now()
	for {
		if c.try(w) {
			return
		}
		stopped := false
		select {
		case <-stop:
			stopped = true
		default:
		}
		if w.unknown && (stopped || c.rng.IntN(leaveOpenPart) == 0) {
			c.leaveOpen(w)
			return
		}
		if stopped {
			return // by the answers, no attempt changed anything
		}
		c.pause()
	}
}

// leaveOpen keeps the write for the end of the round. Until then its order does not change. The client continues under
// another number, because a client has only one request in flight.
func (c *faultClient) leaveOpen(w *openWrite) {
	c.open = append(c.open, w)
	c.orders = slices.DeleteFunc(c.orders, func(o *clientOrder) bool { return o == w.order })
	c.as += clientsMax
}

func (c *faultClient) pause() {
	timer := time.NewTimer(servertest.RetryPause)
	<-timer.C
}

// request is the path and the body of a write.
func (w *openWrite) request() (path, body string) {
	switch w.op.kind {
	case opAdjust:
		return "/v1/inventory/adjust", fmt.Sprintf(`{"location":"F","items":[{"upc":%q,"tags":%s,"quantity":%d}]}`,
			w.op.record, segmentTags[w.op.segment], w.op.units)
	case opAllocate:
		return "/v1/orders/" + w.order.id + "/allocate",
			fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":"F","quantity":%d,"tags":%s}]}`,
				w.op.record, w.op.units, segmentTags[w.op.segment])
	default:
		return "/v1/orders/" + w.order.id + "/" + string(w.op.kind),
			fmt.Sprintf(`{"lines":[{"itemId":"1","quantity":%d}]}`, w.op.units)
	}
}

// try sends a write once, and reports whether the outcome is known.
func (c *faultClient) try(w *openWrite) bool {
	w.tries++
	call := c.round.now()
	r, err := servertest.Send(c.http, http.MethodPost, c.at.url+w.path, w.key, w.body)
	if err != nil {
		w.unknown = w.unknown || !errors.Is(err, syscall.ECONNREFUSED)
		c.moveOn()
		return false
	}
	var answer struct {
		AsOf uint64 `json:"asOf"`
		Code string `json:"code"`
	}
	if err := json.Unmarshal(r.Body, &answer); err != nil {
		c.fail("%s: status %d: %s", w.key, r.Status, r.Body)
		return true
	}
	switch {
	case r.Status == http.StatusOK && (r.Replayed && !w.unknown):
		c.fail("%s is said to have been done before, and every try was said to have changed nothing: %s", w.key, r.Body)
	case r.Status == http.StatusOK:
		c.done(w, answer.AsOf)
	case r.Status == http.StatusConflict && answer.Code == "insufficient" && w.op.kind == opAllocate:
		if r.Replayed {
			// The log has refused an earlier attempt: this is the answer to all attempts.
			c.record(event{client: w.as, op: w.op, result: stockResult{refused: true}, call: w.call,
				end: c.round.now()})
			return true
		}
		// Only this attempt is refused, perhaps without the log. An earlier one may still be in flight.
		c.record(event{client: c.as, op: w.op, result: stockResult{refused: true}, call: call, end: c.round.now(),
			asOf: answer.AsOf, once: true})
		if w.unknown {
			c.leaveOpen(w)
		}
	case r.Status == http.StatusServiceUnavailable:
		w.unknown = w.unknown || answer.Code == "outcome-unknown"
		c.moveOn()
		return false
	default:
		c.fail("%s %s: status %d after %d tries: %s", w.key, w.path, r.Status, w.tries, r.Body)
	}
	return true
}

// done records a write that has taken effect.
func (c *faultClient) done(w *openWrite, asOf uint64) {
	c.record(event{client: w.as, op: w.op, call: w.call, end: c.round.now(), asOf: asOf, once: w.tries == 1})
	c.round.book(w.op)
	switch o := w.order; w.op.kind {
	case opAllocate:
		c.orders = append(c.orders, o)
		c.round.keep(o)
	case opFulfill:
		o.shipped = true
	case opDeallocate:
		o.released = true
	case opReturn:
		o.returned += w.op.units
	}
}

func (c *faultClient) record(e event) { c.events = append(c.events, e) }

// moveOn goes to another node.
func (c *faultClient) moveOn() {
	c.at = c.nodes[c.rng.IntN(len(c.nodes))]
}

// read reads a record linearizably, at the client's node.
func (c *faultClient) read(record string) {
	call := c.round.now()
	r, err := servertest.Send(c.http, http.MethodGet, c.at.url+"/v1/inventory/F/"+record, "", "")
	if err != nil || r.Status == http.StatusServiceUnavailable {
		c.moveOn()
		return
	}
	read, state, ok := c.decode(r)
	if ok {
		c.record(event{client: c.as, op: stockOp{kind: opRead, record: record}, result: stockResult{read: state},
			call: call, end: c.round.now(), asOf: read.AsOf, once: true})
	}
}

// readStale reads the node's own state, with a bound on its age.
func (c *faultClient) readStale(record string) {
	lag := time.Duration(c.rng.IntN(3)) * time.Second
	call := c.round.now()
	at := c.at
	r, err := servertest.Send(c.http, http.MethodGet, fmt.Sprintf("%s/v1/inventory/F/%s?consistency=stale&"+
		"maxLagSeconds=%d",
		at.url, record, lag/time.Second), "", "")
	if err != nil || r.Status == http.StatusServiceUnavailable {
		c.moveOn()
		return
	}
	if r.Status == http.StatusNotFound {
		return // the record is younger than that
	}
	if read, _, ok := c.decode(r); ok {
		c.stale = append(c.stale, staleRead{node: at.id, call: call, lag: lag, asOf: read.AsOf})
	}
}

// decode reads an answer and checks the rules of every state.
func (c *faultClient) decode(r *servertest.Reply) (read servertest.InventoryReply, state stockState, ok bool) {
	if err := json.Unmarshal(r.Body, &read); err != nil || r.Status != http.StatusOK || len(read.Records) != 1 {
		c.fail("a read: status %d: %s", r.Status, r.Body)
		return read, state, false
	}
	record := &read.Records[0]
	var sum servertest.FiguresRead
	for _, s := range record.Segments {
		f := s.FiguresRead
		if f.OnHand != f.Allocated+f.Pending+f.SafetyStock+f.Available || f.Available < 0 || f.Allocated < 0 {
			c.fail("a segment that cannot be: %s", r.Body)
		}
		sum.OnHand, sum.Allocated, sum.Available = sum.OnHand+f.OnHand, sum.Allocated+f.Allocated,
			sum.Available+f.Available
		at := &state[segmentOf(s.Tags)]
		at.onHand, at.allocated = f.OnHand, f.Allocated
	}
	if sum != record.FiguresRead {
		c.fail("a record that is not the sum of its segments: %s", r.Body)
	}
	return read, state, true
}

// segmentTags are the tags of the segments of a record, as JSON.
var segmentTags = [segmentsMax]string{`{"Channel":"Shop"}`, `{"Channel":"Web"}`}

func segmentOf(tags map[string]string) int {
	if tags["Channel"] == "Web" {
		return 1
	}
	return 0
}

// resolve sends the open writes until each has an answer. An order that is refused before the log may still be made by
// an attempt in flight: it gets more units, so that it is made.
func (c *faultClient) resolve() (resolved int) {
	never := make(chan struct{})
	begin := time.Now()
	for len(c.open) > 0 && len(c.faults) == 0 {
		if time.Since(begin) > servertest.ClusterPatience {
			c.fail("%d writes are still without an answer after %s, the first of them %+v", len(c.open),
				servertest.ClusterPatience, *c.open[0])
			return resolved
		}
		w := c.open[0]
		c.open = c.open[1:]
		resolved++
		if !c.try(w) {
			c.open = append(c.open, w)
			resolved--
			c.pause()
			continue
		}
		if len(c.open) > 0 && c.open[len(c.open)-1] == w { // refused
			resolved--
			c.write(never, &openWrite{op: stockOp{opAdjust, w.op.record, w.op.segment, w.op.units}})
		}
	}
	return resolved
}

// clientsMax bounds the number of clients.
const clientsMax = 64
