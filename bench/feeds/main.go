package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"apportion/bench/rig"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

type options struct {
	server      string
	streams     int
	locations   int
	connections int
	rate        int
	seconds     int
	turns       int
	all         bool
}

func main() {
	var o options
	flag.StringVar(&o.server, "server", "bin/apportion", "the apportion binary")
	flag.IntVar(&o.streams, "streams", 100, "readers of the feed")
	flag.IntVar(&o.locations, "locations", 100, "locations of the stock")
	flag.IntVar(&o.connections, "connections", 64, "connections that allocate")
	flag.IntVar(&o.rate, "rate", 20_000, "orders a second in all; 0: as many as go")
	flag.IntVar(&o.seconds, "seconds", 10, "seconds of each measurement")
	flag.IntVar(&o.turns, "turns", 2, "turns, each without readers and with them")
	flag.BoolVar(&o.all, "all", false, "each reader reads everything, not one of the locations")
	flag.Parse()
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintf(os.Stderr, "feeds: %v\n", err)
		os.Exit(1)
	}
}

func run(stdout io.Writer, o options) error {
	if min(o.streams, o.locations, o.connections, o.seconds, o.turns) < 1 || o.rate < 0 {
		return fmt.Errorf("expected at least 1 of everything, and a rate from 0 on, got %+v", o)
	}
	dir, err := os.MkdirTemp("", "apportion-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := rig.StartServer(o.server, dir)
	if err != nil {
		return err
	}
	defer server.Stop()
	stock := newStock(o)
	if err := stock.load(server.URL()); err != nil {
		return err
	}
	what := "one location each"
	if o.all {
		what = "everything"
	}
	fmt.Fprintf(stdout, "%d connections, %d records, %d readers of %s\n", o.connections, len(stock.records), o.streams,
		what)
	var alone, beside float64
	for turn := range o.turns {
		rate, err := stock.orders(server.Address, uint64(2*turn))
		if err != nil {
			return err
		}
		alone += rate
		fmt.Fprintf(stdout, "without readers: %.0f orders a second\n", rate)
		readers, err := openReaders(server.Address, o, stock)
		if err != nil {
			return err
		}
		rate, err = stock.orders(server.Address, uint64(2*turn+1))
		if err != nil {
			return err
		}
		beside += rate
		delays, bytes := readers.close()
		fmt.Fprintf(stdout, "with readers:    %.0f orders a second; %d delays: p50 %s, p90 %s, p99 %s, max %s; "+
			"%.0f MB/s\n",
			rate, len(delays), quantile(delays, .5), quantile(delays, .9), quantile(delays, .99), quantile(delays, 1),
			float64(bytes)/1e6/float64(o.seconds))
	}
	fmt.Fprintf(stdout, "rate with readers / without: %.2f\n", beside/alone)
	return nil
}

// quantile sorts the delays.
func quantile(delays []time.Duration, q float64) time.Duration {
	if len(delays) == 0 {
		return 0
	}
	slices.Sort(delays)
	return delays[int(q*float64(len(delays)-1))].Round(10 * time.Microsecond)
}

// load writes the stock through the API.
func (s *stock) load(url string) error {
	c, err := client.New(client.Config{Servers: []string{url}})
	if err != nil {
		return err
	}
	defer c.Close()
	items := map[string][]api.StockItem{}
	for _, r := range s.records {
		items[r.location] = append(items[r.location], api.StockItem{UPC: r.upc, Quantity: 1_000_000_000})
	}
	for location, items := range items {
		if _, err := c.Refresh(context.Background(), api.Refresh{Location: location, Items: items}); err != nil {
			return fmt.Errorf("load the stock: %w", err)
		}
	}
	return nil
}
