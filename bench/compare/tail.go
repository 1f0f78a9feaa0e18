package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"apportion/bench/load"
)

// tailPercent is the offered part of the greatest rate while the tail of the latencies is measured.
const tailPercent = 70

// steadyTime is the length of a stretch at the steady rate: longer than a checkpoint needs to come around under load.
const steadyTime = 12 * time.Second

// tail is a server's latency in an open loop at a part of its own greatest rate.
type tail struct {
	of   figures
	rate float64 // requests a second that were offered
}

// measureTails offers our server and the handler that answers a constant a part of their own greatest rates, in turns
// with the probe of the disk: what the handler takes is the machine's, which client and server share.
func (c *comparison) measureTails(ctx context.Context) (err error) {
	probe, err := newDiskProbe(c.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, probe.file.Close()) }()
	o := load.Options{Target: c.apportion.URL(), Workload: "allocate", Connections: c.connections, Records: c.records}
	ours, err := newTailed(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	o.Target, o.Constant = c.constant.URL(), true
	constant, err := newTailed(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, constant.close()) }()
	for turn := range c.turns {
		fmt.Fprintf(c.stderr, "turn %d of %d: latency at %d %% of the most, and the disk\n", turn+1, c.turns,
			tailPercent)
		for _, of := range []func() error{
			func() error { return ours.turn(ctx, c.turn) },
			func() error { return constant.turn(ctx, c.turn) },
			func() error { return probe.turn(c.turn) },
		} {
			if err := of(); err != nil {
				return err
			}
		}
	}
	c.p70, c.floor, c.disk = ours.tail(), constant.tail(), probe.figures()
	return errors.Join(ours.open.check(ctx), ours.most.check(ctx))
}

// tailed measures one server's greatest rate, and its latency at a part of it.
type tailed struct {
	most, open *loaded
	turns      int
	rates      float64 // sum over the turns
}

func newTailed(ctx context.Context, o load.Options) (*tailed, error) {
	most, err := newLoaded(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	open, err := newLoaded(ctx, o, nil)
	if err != nil {
		return nil, errors.Join(err, most.close())
	}
	return &tailed{most: most, open: open}, nil
}

// turn measures the greatest rate again before it offers a part of it: what the machine can do changes from minute to
// minute.
func (t *tailed) turn(ctx context.Context, length time.Duration) error {
	t.most.forget()
	if err := t.most.turn(ctx, length); err != nil {
		return err
	}
	t.open.stretch.Rate = t.most.figures().perSecond * tailPercent / 100
	t.rates += t.open.stretch.Rate
	t.turns++
	return t.open.turn(ctx, length)
}

func (t *tailed) tail() tail { return tail{of: t.open.figures(), rate: t.rates / float64(t.turns)} }

func (t *tailed) close() error { return errors.Join(t.most.close(), t.open.close()) }

// measureSteady offers our server the steady rate for a while, again and again: a pause that comes once in a while, as
// for a checkpoint, shows in one of the stretches.
func (c *comparison) measureSteady(ctx context.Context) (err error) {
	if c.steadyRate == 0 {
		return nil
	}
	l, err := newLoaded(ctx, load.Options{Target: c.apportion.URL(), Workload: "allocate", Connections: c.connections,
		Records: c.records}, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	l.stretch.Rate = c.steadyRate
	for turn := range c.turns {
		fmt.Fprintf(c.stderr, "turn %d of %d: %.0f requests/s for %v\n", turn+1, c.turns, c.steadyRate, steadyTime)
		l.forget()
		if err := l.turn(ctx, steadyTime); err != nil {
			return err
		}
		c.steady = append(c.steady, l.figures().p99)
	}
	return l.check(ctx)
}
