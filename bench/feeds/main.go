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
	var alone, beside costs
	for turn := range o.turns {
		cost, err := measure(server, stock, uint64(2*turn))
		if err != nil {
			return err
		}
		alone.add(cost)
		fmt.Fprintf(stdout, "without readers: %s\n", cost)
		readers, err := openReaders(server.Address, o, stock)
		if err != nil {
			return err
		}
		cost, err = measure(server, stock, uint64(2*turn+1))
		if err != nil {
			return err
		}
		beside.add(cost)
		delays, bytes := readers.close()
		fmt.Fprintf(stdout, "with readers:    %s; %d delays: p50 %s, p90 %s, p99 %s, max %s; %.1f MB/s\n", cost,
			len(delays), quantile(delays, .5), quantile(delays, .9), quantile(delays, .99), quantile(delays, 1),
			float64(bytes)/1e6/float64(o.seconds))
	}
	fmt.Fprintf(stdout, "rate with readers / without: %.2f\n", beside.rate/alone.rate)
	fmt.Fprintf(stdout, "processor time an order without readers / with: %.2f (server %.2f)\n",
		(alone.server+alone.client).Seconds()/alone.orders/((beside.server+beside.client).Seconds()/beside.orders),
		alone.server.Seconds()/alone.orders/(beside.server.Seconds()/beside.orders))
	return nil
}

// costs are the orders a second of a measurement, or the sums of several that took equally long, and the processor time
// that they took from server and client.
type costs struct {
	rate, orders   float64
	server, client time.Duration
}

func (c *costs) add(more costs) {
	c.rate, c.orders = c.rate+more.rate, c.orders+more.orders
	c.server, c.client = c.server+more.server, c.client+more.client
}

// String implements fmt.Stringer.
func (c costs) String() string {
	return fmt.Sprintf("%.0f orders a second; an order took %.1f us of the server, %.1f us of the client", c.rate,
		c.server.Seconds()*1e6/c.orders, c.client.Seconds()*1e6/c.orders)
}

// measure has all connections order for the time of a measurement.
func measure(server *rig.Process, stock *stock, turn uint64) (c costs, err error) {
	self := os.Getpid()
	c.server, c.client = -server.CPU(), -rig.CPUOf(self)
	c.orders, c.rate, err = stock.orders(server.Address, turn)
	c.server, c.client = c.server+server.CPU(), c.client+rig.CPUOf(self)
	return c, err
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
