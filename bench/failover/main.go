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

	// calm is the time of writes before a kill, down the time until the killed node is restarted.
	calm = 3 * time.Second
	down = 3 * time.Second

	// after is the time of writes when all nodes are back, for the picture.
	after = 2 * time.Second
)

// kill has the moments around one kill of the leader, on the clock of the load.
type kill struct {
	at        time.Duration
	elected   time.Duration // another node leads and serves
	restarted time.Duration
	back      time.Duration // the killed node is ready
	gap       time.Duration // from the kill to the first acknowledgement of a write sent after it
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

// killOnce kills the leader and restarts it.
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

// gapAfter is the time from a kill to the first acknowledgement of a write that was sent after the kill.
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
