package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"apportion/bench/rig"
)

type options struct {
	server      string
	turns       int
	turn        time.Duration
	connections int
	records     int
	growth      int
	dir         string
	doc         string
	remark      string
	before      string
	steadyRate  float64
	constant    bool
	files       int
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "bin/apportion", "the apportion binary")
	flag.IntVar(&o.turns, "turns", 10, "turns of each contender")
	flag.DurationVar(&o.turn, "turn", time.Second, "length of a turn")
	flag.IntVar(&o.connections, "connections", 64, "connections of each contender; a quarter of them with many "+
		"lines a request")
	flag.IntVar(&o.records, "records", 1000, "records of each contender")
	flag.IntVar(&o.growth, "growth", 10_000_000, "segments of the large server, which is set beside one with a "+
		"hundredth; 0 leaves this out")
	flag.StringVar(&o.dir, "dir", "", "directory for all data; a temporary one by default")
	flag.StringVar(&o.doc, "doc", "", "document to write the table into; by default it is only printed")
	flag.StringVar(&o.remark, "remark", "", "a sentence to put beside the table")
	flag.StringVar(&o.before, "before", "", "an older apportion binary to measure in the same turns, alone and "+
		"as three nodes")
	flag.Float64Var(&o.steadyRate, "steady", 25_000, "orders a second of the stretches of 12 s, one a turn; 0 leaves "+
		"them out")
	flag.IntVar(&o.files, "files", 0, "only load and unload a file of so many rows, with our commands and with "+
		"COPY of PostgreSQL")
	flag.BoolVar(&o.constant, "constant", false, "be the handler that answers a constant (used by this command itself)")
	flag.Parse()
	if o.constant { // ends at a signal, which the comparison wants to see itself
		if err := rig.ServeConstant(os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "compare: %v\n", err)
			os.Exit(1)
		}
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Stderr, o)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "compare: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout, stderr io.Writer, o options) (err error) {
	if o.turns < 1 || o.turn <= 0 || o.connections < 4 || o.records < 1 || o.growth < 0 || o.steadyRate < 0 {
		return errors.New("expected at least one turn, a time above 0, 4 connections, one record and no rate below 0")
	}
	tools, err := findTools(ctx, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "apportion-compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the user postgres has its directory in it
		return err
	}
	c := &comparison{options: o, stderr: stderr, dir: dir, tools: tools, started: time.Now(), loadBefore: loadAverage()}
	defer func() { err = errors.Join(err, c.close()) }()
	if o.files > 0 {
		return c.compareFiles(ctx, stdout)
	}
	if err := c.measure(ctx); err != nil {
		return err
	}
	return c.report(stdout)
}

// comparison is the run: its servers and its figures.
type comparison struct {
	options
	stderr     io.Writer
	dir        string
	tools      tools
	started    time.Time
	loadBefore string

	apportion *rig.Process
	constant  *rig.Process // answers a constant
	entries   []*entry
	closers   []func() error // in the order of starting

	disk   diskFigures
	p70    tail
	floor  tail            // of the handler that answers a constant
	steady []time.Duration // p99 of each stretch at the steady rate
	growth []growthFigures
}

// measure is the whole run.
func (c *comparison) measure(ctx context.Context) error {
	for _, step := range []func(context.Context) error{c.enter, c.takeTurns, c.measureTails,
		c.measureSteady, c.checkAll, c.measureGrowth} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enter starts all servers and makes all contenders.
func (c *comparison) enter(ctx context.Context) error {
	for _, step := range []func(context.Context) error{c.enterApportion, c.enterOthersOfOurs, c.enterRedis,
		c.enterPostgres} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) subdir(name string) (string, error) {
	path := filepath.Join(c.dir, name)
	return path, os.Mkdir(path, 0o700)
}

func (c *comparison) add(e *entry, err error) error {
	if err != nil {
		return fmt.Errorf("%s, %s: %w", e.product, e.way, err)
	}
	c.entries = append(c.entries, e)
	c.closers = append(c.closers, e.of.close)
	return nil
}

// warmTurn is each contender's time before the turns that count.
const warmTurn = 300 * time.Millisecond

// takeTurns runs the contenders one after another for a turn each, repeatedly.
func (c *comparison) takeTurns(ctx context.Context) error {
	for turn := range c.turns + 1 {
		for i, e := range c.entries {
			fmt.Fprintf(c.stderr, "turn %d of %d, contender %d of %d: %s, %s\n", turn, c.turns, i+1, len(c.entries),
				e.product, e.way)
			length := c.turn
			if turn == 0 {
				length = warmTurn
			}
			if err := e.of.turn(ctx, length); err != nil {
				return fmt.Errorf("%s, %s: %w", e.product, e.way, err)
			}
			if turn == 0 {
				e.of.forget()
			}
		}
	}
	return nil
}

// checkAll checks that no contender lost acknowledged work.
func (c *comparison) checkAll(ctx context.Context) error {
	for _, e := range c.entries {
		if err := e.of.check(ctx); err != nil {
			return fmt.Errorf("%s, %s: %w", e.product, e.way, err)
		}
	}
	return nil
}

// close ends everything in reverse order.
func (c *comparison) close() (err error) {
	for i := len(c.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, c.closers[i]())
	}
	return err
}

func (c *comparison) entry(key string) *entry {
	for _, e := range c.entries {
		if e.key == key {
			return e
		}
	}
	panic("BUG: bench/compare: no contender " + key)
}
