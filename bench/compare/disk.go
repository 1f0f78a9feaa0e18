package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"apportion/bench/load"
)

// The disk probe: the time of a bare write and sync of 4 KB. It writes one block after another into an existing file,
// as a log that reuses its files does. A growing file would be slower, and the comparison easier for Apportion.
const (
	probeBlockBytes = 4096
	probeFileBlocks = 4096
)

type diskProbe struct {
	file      *os.File
	block     []byte
	at        int64
	latencies []time.Duration
}

type diskFigures struct {
	syncs    int
	p50, p99 time.Duration
}

func newDiskProbe(dir string) (*diskProbe, error) {
	file, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		return nil, err
	}
	p := &diskProbe{file: file, block: make([]byte, probeBlockBytes)}
	for i := range p.block {
		p.block[i] = byte(i * 7)
	}
	for i := range int64(probeFileBlocks) {
		if _, err := file.WriteAt(p.block, i*probeBlockBytes); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return p, file.Sync()
}

func (p *diskProbe) turn(duration time.Duration) error {
	for started := time.Now(); ; p.at++ {
		before := time.Now()
		if _, err := p.file.WriteAt(p.block, p.at%probeFileBlocks*probeBlockBytes); err != nil {
			return err
		}
		if err := syncData(p.file); err != nil {
			return err
		}
		p.latencies = append(p.latencies, time.Since(before))
		if time.Since(started) >= duration {
			return nil
		}
	}
}

func (p *diskProbe) figures() diskFigures {
	slices.Sort(p.latencies)
	return diskFigures{len(p.latencies), percentile(p.latencies, 50), percentile(p.latencies, 99)}
}

// tailPercent is the offered part of the greatest rate while the tail of the latencies is measured.
const tailPercent = 70

// measureTail offers a part of the greatest rate, in an open loop, in turns with the probe of the disk, and with the
// handler that answers a constant: what that one takes is the machine's, which client and server share. What the
// machine can do changes from minute to minute, so the greatest rate is measured again before each turn.
func (c *comparison) measureTail(ctx context.Context) (err error) {
	probe, err := newDiskProbe(c.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, probe.file.Close()) }()
	o := load.Options{Target: c.apportion.URL(), Workload: "allocate", Connections: c.connections, Records: c.records}
	l, err := newLoaded(ctx, o, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	most, err := newLoaded(ctx, o, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, most.close()) }()
	o.Target, o.Constant = c.constant.URL(), true
	floor, err := newLoaded(ctx, o, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, floor.close()) }()
	for turn := range c.turns {
		most.forget()
		if err := most.turn(ctx, c.turn); err != nil {
			return err
		}
		rate := most.figures().perSecond * tailPercent / 100
		c.p70at += rate / float64(c.turns)
		l.stretch.Rate, floor.stretch.Rate = rate, rate
		fmt.Fprintf(c.stderr, "turn %d of %d: %.0f requests/s, and the disk\n", turn+1, c.turns, rate)
		for _, of := range []func() error{
			func() error {
				return l.turn(ctx, c.turn)
			}, func() error { return floor.turn(ctx, c.turn) }, func() error { return probe.turn(c.turn) },
		} {
			if err := of(); err != nil {
				return err
			}
		}
	}
	c.p70, c.floor, c.disk = l.figures(), floor.figures(), probe.figures()
	return errors.Join(l.check(ctx), most.check(ctx))
}
