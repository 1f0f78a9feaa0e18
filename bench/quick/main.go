package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"apportion/bench/rig"
)

func main() {
	server := flag.String("server", "bin/apportion", "the apportion binary")
	seconds := flag.Int("seconds", 3, "seconds of each measurement")
	connections := flag.Int("connections", 64, "keep-alive connections")
	nodes := flag.Int("nodes", 1, "compare a cluster of so many nodes on this machine with one node")
	dir := flag.String("dir", "", "directory for the server's data; a temporary one by default")
	baseline := flag.Bool("baseline", false, "be the handler to compare with (used by this command itself)")
	flag.Parse()

	err := run(os.Stdout, options{*server, *seconds, *connections, *nodes, *dir}, *baseline)
	if err != nil {
		fmt.Fprintf(os.Stderr, "quick: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	server      string
	seconds     int
	connections int
	nodes       int
	dir         string
}

func run(stdout io.Writer, o options, baseline bool) error {
	if baseline {
		return rig.ServeConstant(stdout)
	}
	if o.seconds < 1 || o.connections < 1 {
		return fmt.Errorf("expected at least one second and one connection, got %d and %d", o.seconds, o.connections)
	}
	dir, err := os.MkdirTemp(o.dir, "apportion-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.nodes > 1 {
		return measureCluster(stdout, o, dir)
	}
	return measureAll(stdout, o, dir)
}

// measureAll starts both servers, fills the stock, runs the workloads and prints the table.
func measureAll(stdout io.Writer, o options, dir string) error {
	server, err := rig.StartServer(o.server, dir)
	if err != nil {
		return err
	}
	defer server.Stop()
	self, err := rig.StartSelf("-baseline")
	if err != nil {
		return err
	}
	defer self.Stop()
	if err := loadStock(server.URL()); err != nil {
		return err
	}

	r := newReport(stdout)
	p := newPlan(server, self, o.connections)
	for _, group := range p.groups {
		if err := measureInTurns(group, o.seconds); err != nil {
			return err
		}
		r.add(group)
	}
	return r.finish(o, p)
}

// measureInTurns runs the workloads of a group one after another for a second each, as often as asked.
func measureInTurns(group []*workload, seconds int) error {
	for range seconds {
		for _, w := range group {
			if err := w.run(time.Second); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	return nil
}
