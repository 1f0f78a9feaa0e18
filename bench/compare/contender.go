package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"apportion/bench/load"
	"apportion/bench/wire"
)

// contender is one row of the table: one way to do the work.
type contender interface {
	// turn does the work for a time.
	turn(ctx context.Context, duration time.Duration) error
	// forget drops the measurements so far, but not the count of acknowledged work.
	forget()
	figures() figures
	// check compares the stock with the acknowledged work.
	check(ctx context.Context) error
	close() error
}

// figures are the measured figures of a contender.
type figures struct {
	perSecond     float64 // units of work: lines, requests
	p50, p99      time.Duration
	cpuEachMicros float64       // the server's, for each unit
	residentBytes float64       // 0: not known
	perSync       float64       // commands to one sync; 0: not known
	bytesEach     float64       // of the log, for each command
	late          time.Duration // p99 of the client's own delay, in an open loop
}

// entry is a contender with its place in the table.
type entry struct {
	key         string // for the ratios
	product     string
	way         string
	hot         bool
	connections int
	of          contender
}

// loaded is a contender that bench/load drives: Apportion itself, or the handler that answers a constant.
type loaded struct {
	bench    *load.Bench
	measured *load.Measurement
	stretch  load.Stretch
	cpu      func() time.Duration // if the server has no such metric
	used     time.Duration
	constant bool
}

func newLoaded(ctx context.Context, o load.Options, cpu func() time.Duration) (*loaded, error) {
	b, err := load.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	l := &loaded{bench: b, cpu: cpu, constant: o.Constant}
	l.forget()
	return l, nil
}

func (l *loaded) turn(ctx context.Context, duration time.Duration) error {
	l.stretch.Duration = duration
	before := l.usedCPU()
	err := l.bench.Drive(ctx, l.measured, l.stretch)
	l.used += l.usedCPU() - before
	return err
}

func (l *loaded) usedCPU() time.Duration {
	if l.cpu == nil {
		return 0
	}
	return l.cpu()
}

func (l *loaded) forget() { l.measured, l.used = l.bench.NewMeasurement("", 0), 0 }

func (l *loaded) figures() figures {
	m := l.measured.Result(l.stretch)
	used := max(m.Server.CPUSeconds, l.used.Seconds())
	return figures{
		perSecond: m.WorkPerSecond, p50: millis(m.LatencyMS.P50), p99: millis(m.LatencyMS.P99),
		cpuEachMicros: each(used, m.Work),
		late:          millis(m.ClientLateMS.P99), residentBytes: m.Server.ResidentBytes,
		perSync:   m.Server.CommandsPerSync,
		bytesEach: m.Server.BytesPerCommand,
	}
}

func (l *loaded) check(ctx context.Context) error {
	if l.constant {
		return nil
	}
	check, err := l.bench.Check(ctx)
	if err == nil && !check.OK() {
		err = &load.CheckError{Check: check}
	}
	return err
}

func (l *loaded) close() error { return l.bench.Close() }

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func each(seconds float64, work int64) float64 {
	if work == 0 {
		return 0
	}
	return seconds * 1e6 / float64(work)
}

// client does one request after another on a connection of its own.
type client interface {
	// request does one request, and returns its acknowledged units of work.
	request(ctx context.Context) (units int, err error)
	close() error
}

// peer is a contender with clients of this package: each in a goroutine, in a closed loop.
type peer struct {
	clients []client
	cpu     func() time.Duration
	verify  func(ctx context.Context, acknowledged int64) error

	acknowledged int64 // over all turns

	work      int64 // since forget
	took      time.Duration
	used      time.Duration
	latencies []time.Duration
}

func (p *peer) turn(ctx context.Context, duration time.Duration) error {
	type outcome struct {
		units     int64
		latencies []time.Duration
		err       error
	}
	outcomes := make([]outcome, len(p.clients))
	before, started := p.cpu(), time.Now()
	var all sync.WaitGroup
	for i, c := range p.clients {
		all.Go(func() {
			o := &outcomes[i]
			for now := time.Now(); ; { // at least once, however late the goroutine starts
				units, err := c.request(ctx)
				if err != nil {
					o.err = err
					return
				}
				then := now
				now = time.Now()
				o.units += int64(units)
				o.latencies = append(o.latencies, now.Sub(then))
				if now.Sub(started) >= duration {
					return
				}
			}
		})
	}
	all.Wait()
	p.took += time.Since(started)
	p.used += p.cpu() - before
	for _, o := range outcomes {
		if o.err != nil {
			return o.err
		}
		p.work += o.units
		p.acknowledged += o.units
		p.latencies = append(p.latencies, o.latencies...)
	}
	return nil
}

func (p *peer) forget() { p.work, p.took, p.used, p.latencies = 0, 0, 0, nil }

func (p *peer) figures() figures {
	slices.Sort(p.latencies)
	return figures{
		perSecond: float64(p.work) / max(p.took.Seconds(), 1e-9), p50: percentile(p.latencies, 50),
		p99:           percentile(p.latencies, 99),
		cpuEachMicros: each(p.used.Seconds(), p.work),
	}
}

// percentile is the latency that so many percent do not exceed. The latencies are sorted.
func percentile(latencies []time.Duration, percent int) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	return latencies[max(0, (len(latencies)*percent+99)/100-1)]
}

func (p *peer) check(ctx context.Context) error { return p.verify(ctx, p.acknowledged) }

func (p *peer) close() (err error) {
	for _, c := range p.clients {
		if closing := c.close(); err == nil {
			err = closing
		}
	}
	return err
}

// newPeer makes the clients; each number is another.
func newPeer(connections int, cpu func() time.Duration, connect func(number int) (client, error)) (*peer, error) {
	p := &peer{cpu: cpu}
	for i := range connections {
		c, err := connect(i)
		if err != nil {
			_ = p.close() // the first error is the one to tell
			return nil, err
		}
		p.clients = append(p.clients, c)
	}
	return p, nil
}

// work describes the work of a peer's clients.
type work struct {
	name    string // of the location, and in the order ids
	records int
	lines   int // of a request
}

// upc names a record as bench/load does.
func upc(record int) string { return string(appendUPC(nil, record)) }

func appendUPC(dst []byte, record int) []byte {
	return wire.AppendPadded(append(dst, 'B'), uint64(record), 7)
}

// stockUnits is more than all clients can take.
const stockUnits = 1_000_000_000

// differs is the error of a peer that lost acknowledged work.
func differs(name string, have, want int64) error {
	if have == want {
		return nil
	}
	return fmt.Errorf("%s: %d units are reserved, but %d were acknowledged", name, have, want)
}
