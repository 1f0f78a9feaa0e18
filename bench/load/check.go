package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"apportion/bench/replay"
	"apportion/httpapi/api"
)

// Check is the result of comparing the server's figures with the ledger.
type Check struct {
	Records      int   `json:"records"`
	Segments     int   `json:"segments"`
	Orders       int   `json:"orders"`       // read back one by one
	UnknownUnits int64 `json:"unknownUnits"` // with an unknown outcome: the server's figures may lie in an interval

	Differences      []string `json:"differences,omitempty"` // the first few
	DifferencesCount int      `json:"differencesCount"`
}

// OK reports whether nothing was oversold or lost.
func (c *Check) OK() bool { return c.DifferencesCount == 0 }

// checker compares. Several goroutines call its methods.
type checker struct {
	b  *Bench
	mu sync.Mutex
	Check
}

func (c *checker) differ(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.DifferencesCount++
	if len(c.Differences) < differencesListed {
		c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
	}
}

// Check reads the server's stock and compares it with the answers: every record of the run, and a sample of the orders
// of each connection. No request may be in flight.
func (b *Bench) Check(ctx context.Context) (*Check, error) {
	if b.o.Constant {
		return nil, errors.New("a handler that answers a constant has nothing to check")
	}
	c := &checker{b: b}
	c.UnknownUnits = b.ledger.open()
	if err := c.records(ctx); err != nil {
		return nil, fmt.Errorf("read the stock back: %w", err)
	}
	for _, w := range b.workers {
		for _, o := range w.session.sample() {
			if err := c.order(ctx, o); err != nil {
				return nil, fmt.Errorf("read the order %s back: %w", o.id, err)
			}
		}
	}
	slices.Sort(c.Differences) // several goroutines found them
	return &c.Check, nil
}

// records checks all records, some at a time.
func (c *checker) records(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parts := make(chan int)
	var readers sync.WaitGroup
	for range checkReaders {
		readers.Go(func() {
			for first := range parts {
				if err := c.part(ctx, first, min(first+replay.QueryItemsMax, c.b.o.Records)); err != nil {
					cancel(err)
				}
			}
		})
	}
	started := time.Now()
	for first := 0; first < c.b.o.Records && ctx.Err() == nil; first += replay.QueryItemsMax {
		parts <- first
		c.b.tell(fmt.Sprintf("reading back: %d of %d records", first, c.b.o.Records), time.Since(started), 0, Point{})
	}
	close(parts)
	readers.Wait()
	return context.Cause(ctx)
}

// part checks the records from first to end.
func (c *checker) part(ctx context.Context, first, end int) error {
	request := api.Query{Locations: []string{c.b.location}, Limit: replay.QueryItemsMax}
	number := map[string]int{}
	for record := first; record < end; record++ {
		upc := string(c.b.appendUPC(nil, record))
		number[upc] = record
		request.Items = append(request.Items, api.QueryItem{UPC: upc})
	}
	reply, err := c.b.client.Query(ctx, request)
	if err != nil {
		return err
	}
	if reply.Next != nil {
		return fmt.Errorf("the server cut its answer for %d records", len(request.Items))
	}
	for i := range reply.Records {
		r := &reply.Records[i]
		record, asked := number[r.UPC]
		if !asked {
			c.differ("%s: shown twice, or not asked for", r.UPC)
			continue
		}
		delete(number, r.UPC)
		c.record(record, r.UPC, r.Figures, r.Segments)
	}
	for upc := range number {
		c.differ("%s: the record is lost", upc)
	}
	c.mu.Lock()
	c.Records += len(reply.Records)
	c.mu.Unlock()
	return nil
}

// record checks one record: its figures against the ledger, the sum of its segments against its figures, and each
// segment against the ledger if the ledger knows segments.
func (c *checker) record(record int, upc string, have api.Figures, segments []api.Segment) {
	c.compare(upc, have, c.b.ledger.expectRecord(record*c.b.o.Segments, c.b.o.Segments))
	var sum api.Figures
	seen := map[string]bool{}
	for _, s := range segments {
		sum.OnHand += s.OnHand
		sum.Allocated += s.Allocated
		sum.Pending += s.Pending
		sum.SafetyStock += s.SafetyStock
		sum.Available += s.Available
		if value := s.Tags[benchCategory]; c.b.o.Segments > 1 && !c.b.workload.perRecord {
			seen[value] = true
			for segment := range c.b.o.Segments {
				if value == segmentValue(segment) {
					c.compare(upc+" "+value, s.Figures, c.b.ledger.expect(record*c.b.o.Segments+segment))
				}
			}
		}
	}
	if sum.OnHand != have.OnHand || sum.Allocated != have.Allocated ||
		sum.Pending != have.Pending || sum.Available != have.Available {
		c.differ("%s: the segments sum to on hand %d, allocated %d, available %d, but the record has %d, %d, %d", upc,
			sum.OnHand, sum.Allocated, sum.Available, have.OnHand, have.Allocated, have.Available)
	}
	if c.b.o.Segments > 1 && !c.b.workload.perRecord && len(seen) != c.b.o.Segments {
		c.differ("%s: %d segments, but %d were loaded", upc, len(seen), c.b.o.Segments)
	}
	c.mu.Lock()
	c.Segments += len(segments)
	c.mu.Unlock()
}

// compare checks figures against the possible values.
func (c *checker) compare(name string, have api.Figures, want expected) {
	if have.OnHand != have.Allocated+have.Pending+have.SafetyStock+have.Available {
		c.differ("%s: on hand %d is not allocated %d + pending %d + safety stock %d + available %d", name,
			have.OnHand, have.Allocated, have.Pending, have.SafetyStock, have.Available)
	}
	if have.Available < 0 || want.net.from > want.loaded.to {
		c.differ("%s: OVERSOLD: %d units were loaded, orders were promised %d that they still have or got, "+
			"available is %d", name,
			want.loaded.to, want.net.from, have.Available)
	}
	check := func(what string, have int64, want interval) {
		if want.has(have) {
			return
		}
		text := fmt.Sprint(want.from)
		if want.to != want.from {
			text = fmt.Sprintf("%d to %d", want.from, want.to)
		}
		c.differ("%s: %s is %d; by what the server answered it must be %s", name, what, have, text)
	}
	check("on hand", have.OnHand, want.onHand)
	check("allocated", have.Allocated, want.allocated)
	check("available", have.Available, want.available)
	check("pending", have.Pending, interval{})
}

// order reads an order and checks it.
func (c *checker) order(ctx context.Context, o *order) error {
	reply, err := c.b.client.Order(ctx, o.id)
	lost := isUnknown(err)
	switch {
	case lost:
		reply = new(api.Order)
	case err != nil:
		return err
	}
	c.Orders++
	if o.uncertain {
		return nil // both outcomes are right
	}
	if !o.allocated {
		if !lost {
			c.differ("order %s: was refused, but is there", o.id)
		}
		return nil
	}
	var want, have struct{ allocated, shipped, returned, released int64 }
	for _, line := range o.lines {
		switch {
		case o.released:
			want.released += line.units
		case o.shipped:
			want.shipped += line.units
		default:
			want.allocated += line.units
		}
		if o.returned {
			want.returned += line.units
		}
	}
	for _, item := range reply.Items {
		for _, line := range item.Lines {
			have.allocated += line.Allocated
			have.shipped += line.Fulfilled
			have.returned += line.Returned
			have.released += line.Released
		}
	}
	if lost || have != want || len(reply.Items) != len(o.lines) {
		c.differ("order %s: LOST or changed: %d items with %+v, but %d with %+v were answered", o.id, len(reply.Items),
			have, len(o.lines), want)
	}
	return nil
}
