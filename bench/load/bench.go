package load

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"apportion/bench/wire"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// upcDigits is the width of the records' numbers. It fits recordsMax.
const upcDigits = 7

// soldOutUPC is the product of the flash sale. The handler with constant answers knows it, too.
const soldOutUPC = "HOT"

// Bench is a server with its own stock, and the connections to it.
type Bench struct {
	o        Options
	target   wire.Target
	client   *client.Client
	workload *workload
	location string
	ledger   *ledger
	picker   *picker
	file     *filePlan // of the workload orders
	upcs     []string  // nil: numbered
	workers  []*worker
	lastUsed time.Time

	// The tags of each segment, those of loading also as they follow in a JSON object. Loading names all tags, an order
	// line only those that differ between segments.
	tags               []api.Tags
	fullTags, lineTags []string
	ruleName           string // "" if there is none
}

// newRun is a new name for a run.
func newRun() string {
	var id [3]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return hex.EncodeToString(id[:])
}

// Open loads the stock and connects. The caller must Close the Bench.
func Open(ctx context.Context, o Options) (*Bench, error) {
	b, err := newBench(o)
	if err != nil {
		return nil, err
	}
	if !b.o.Constant {
		if err := b.load(ctx); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	for i := range b.o.Connections {
		conn, err := b.target.Dial()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect to %s: %w", b.target.Address, err), b.Close())
		}
		b.workers = append(b.workers, newWorker(b.workload, b.workload.newSession(b, i), conn, b.target.Dial,
			newWaiter()))
	}
	b.lastUsed = time.Now()
	return b, nil
}

// newBench is a Bench without stock and connections.
func newBench(o Options) (*Bench, error) {
	if err := o.Complete(); err != nil {
		return nil, err
	}
	target, err := wire.ParseTarget(o.Target)
	if err != nil {
		return nil, err
	}
	target.Token = o.Token
	asks, err := client.New(client.Config{Servers: []string{o.Target}, Token: o.Token, MustListen: true})
	if err != nil {
		return nil, err
	}
	b := &Bench{o: o, target: target, client: asks, workload: workloadOf(o.Workload), location: "bench-" + o.Run}
	if o.Workload == "orders" {
		b.file = newFilePlan(o.Orders)
		if b.upcs = b.file.upcs; len(b.file.entries) == 0 {
			return nil, errors.New("the file of orders has no line that moves goods")
		}
		b.o.Records = len(b.upcs)
	}
	if b.workload.name == "flash-sale" {
		b.upcs = []string{soldOutUPC}
	}
	b.ledger = newLedger(b.o.Records * b.o.Segments)
	b.picker = newPicker(b.o.Records, b.o.Zipf)
	b.tags = make([]api.Tags, b.o.Segments)
	b.fullTags, b.lineTags = make([]string, b.o.Segments), make([]string, b.o.Segments)
	return b, nil
}

func (b *Bench) appendUPC(dst []byte, record int) []byte {
	if b.upcs != nil {
		return append(dst, b.upcs[record]...)
	}
	return wire.AppendPadded(append(dst, 'B'), uint64(record), upcDigits)
}

// Location is the location of this run's stock.
func (b *Bench) Location() string { return b.location }

func (b *Bench) tell(step string, elapsed, of time.Duration, point Point) {
	if b.o.Progress != nil {
		b.o.Progress(Progress{step, elapsed, of, point})
	}
}

// NewMeasurement begins without answers. step is what Progress shows during the measurement.
func (b *Bench) NewMeasurement(step string, of time.Duration) *Measurement {
	return &Measurement{rec: newRecorder(func(p Point) {
		b.tell(step, time.Duration((p.Second+1)*float64(time.Second)), of, p)
	})}
}

// Measurement collects the answers of one or more stretches.
type Measurement struct {
	rec    *recorder
	server wire.Server // the stretches' use of the server
}

// Drive sends requests for one stretch. It counts failed requests. An error means that the run cannot continue.
func (b *Bench) Drive(ctx context.Context, m *Measurement, s Stretch) error {
	before, err := b.scrape(ctx)
	if err != nil {
		return err
	}
	if err := b.refreshConnections(); err != nil {
		return err
	}
	err = drive(ctx, b.workers, m.rec, s)
	b.lastUsed = time.Now()
	if err != nil {
		return err
	}
	after, err := b.scrape(ctx)
	m.server = m.server.Add(after.Since(before))
	return err
}

func (b *Bench) scrape(ctx context.Context) (wire.Server, error) {
	if b.o.Constant {
		return wire.Server{}, nil
	}
	return wire.Scrape(ctx, b.target)
}

// refreshConnections replaces connections that were idle for so long that the server may close them.
func (b *Bench) refreshConnections() error {
	if time.Since(b.lastUsed) < idleMax {
		return nil
	}
	for _, w := range b.workers {
		_ = w.conn.Close() // no request is in flight
		conn, err := w.dial()
		if err != nil {
			return err
		}
		w.conn = wire.NewConn(conn)
	}
	return nil
}

// drive makes all workers send for one stretch, and waits for the last answers.
func drive(ctx context.Context, workers []*worker, rec *recorder, s Stretch) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	p := newSchedule(s, start)
	rec.begin(start)
	var all sync.WaitGroup
	for _, w := range workers {
		_ = w.conn.SetDeadline(p.last.Add(requestTimeout)) // fails on a broken connection, as reading will
		stop := context.AfterFunc(ctx, w.interrupt)
		all.Go(func() {
			defer stop()
			if err := w.run(ctx, p, rec, len(workers)); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if s.open() {
		now := time.Now()
		for from, to := p.unsent(); from < to; from++ {
			rec.addUnsent(now.Sub(p.due(from)))
		}
	}
	rec.end(s.Duration)
	return nil
}

// Close closes the connections and removes the run's rule from the server.
func (b *Bench) Close() error {
	for _, w := range b.workers {
		_ = w.conn.Close() // every answer was read
		w.waiter.close()
	}
	b.workers = nil
	if b.ruleName == "" {
		return nil
	}
	return b.removeRule()
}

// dialer makes a new connection.
type dialer func() (net.Conn, error)
