package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"apportion/bench/rig"
	"apportion/bench/wire"
)

type options struct {
	server  string
	dir     string
	svg     string
	kills   int
	clients int
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "bin/apportion", "the apportion binary")
	flag.StringVar(&o.dir, "dir", "", "directory for the servers' data; a temporary one by default")
	flag.StringVar(&o.svg, "svg", "docs/failover.svg", "file for the picture")
	flag.IntVar(&o.kills, "kills", 10, "how often the leader is killed")
	flag.IntVar(&o.clients, "clients", 16, "clients")
	flag.Parse()
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintf(os.Stderr, "failover: %v\n", err)
		os.Exit(1)
	}
}

const (
	nodesCount = 3

	// calm is how long clients write before a kill, down how long the killed node stays away.
	calm = 3 * time.Second
	down = 3 * time.Second

	// after is how long clients still write when all nodes are back, for the picture.
	after = 2 * time.Second
)

// kill is what one kill of the leader did, on the clock of the load.
type kill struct {
	at        time.Duration
	elected   time.Duration // another node says that it leads and serves
	restarted time.Duration
	back      time.Duration // the killed node says that it is ready
	gap       time.Duration // until the first write that was asked for after the kill was acknowledged
}

func run(stdout io.Writer, o options) (err error) {
	if o.kills < 1 || o.clients < 1 {
		return fmt.Errorf("expected at least one kill and one client, got %d and %d", o.kills, o.clients)
	}
	dir, err := os.MkdirTemp(o.dir, "apportion-failover-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := rig.StartCluster(o.server, dir, nodesCount, "--log-level", "error")
	if err != nil {
		return err
	}
	defer c.Stop()
	if err := loadStock(c[0].URL()); err != nil {
		return err
	}
	l := newLoad(c, o.clients)
	kills := make([]kill, o.kills)
	for i := range kills {
		if kills[i], err = killOnce(c, l); err != nil {
			break
		}
	}
	acks := l.stop()
	if err != nil {
		return err
	}
	for i := range kills {
		kills[i].gap = gapAfter(acks, kills[i].at)
	}
	report(stdout, kills, acks, o)
	var picture bytes.Buffer
	if err := writePlot(&picture, kills[0], acks); err != nil {
		return err
	}
	return os.WriteFile(o.svg, picture.Bytes(), 0o644)
}

// killOnce kills the leader and brings it back.
func killOnce(c rig.Cluster, l *load) (k kill, err error) {
	pause(calm)
	leader, err := c.Leader(nil)
	if err != nil {
		return k, err
	}
	k.at = l.now()
	leader.Kill()
	if _, err = c.Leader(leader); err != nil {
		return k, err
	}
	k.elected = l.now()
	pause(down - (k.elected - k.at))
	k.restarted = l.now()
	if err := leader.Restart(); err != nil {
		return k, err
	}
	err = rig.Await("the killed node is ready", func() error {
		_, err := wire.Get(context.Background(), leader.URL()+"/readyz")
		return err
	})
	if err != nil {
		return k, err
	}
	k.back = l.now()
	pause(after)
	return k, nil
}

func pause(d time.Duration) {
	timer := time.NewTimer(max(d, 0))
	<-timer.C
}

// gapAfter is how long after a kill the first write was acknowledged that was also asked for after it.
func gapAfter(acks []ack, at time.Duration) time.Duration {
	for _, a := range acks {
		if a.asked > at {
			return a.at - at
		}
	}
	return 0
}

func report(stdout io.Writer, kills []kill, acks []ack, o options) {
	figures := func(name string, of func(k kill) time.Duration) {
		var all []time.Duration
		for _, k := range kills {
			all = append(all, of(k))
		}
		slices.Sort(all)
		fmt.Fprintf(stdout, "%-58s median %4d ms, least %4d, most %4d\n", name, all[len(all)/2].Milliseconds(),
			all[0].Milliseconds(), all[len(all)-1].Milliseconds())
	}
	fmt.Fprintf(stdout, "%s, %d cores, %s; %d clients, %d kills of the leader, %d writes acknowledged\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), o.clients, len(kills), len(acks))
	figures("from the kill until another node led and served", func(k kill) time.Duration { return k.elected - k.at })
	figures("from the kill to the first write asked for after it", func(k kill) time.Duration { return k.gap })
	figures("from the restart until the killed node was ready", func(k kill) time.Duration {
		return k.back - k.restarted
	})
}
