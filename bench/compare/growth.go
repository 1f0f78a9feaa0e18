package main

import (
	"context"
	"fmt"
	"path/filepath"

	"apportion/bench/load"
	"apportion/bench/rig"
	"apportion/bench/wire"
)

// growthSegments of each record, and how much smaller the small server is.
const (
	growthSegments = 5
	growthFactor   = 100
)

// growthFigures are the figures of a server with a given stock.
type growthFigures struct {
	segments        int
	bytesPerSegment float64 // resident, less what the empty server had
	of              figures
}

// measureGrowth compares two servers, one with a hundred times the stock of the other.
func (c *comparison) measureGrowth(ctx context.Context) error {
	if c.options.growth == 0 {
		return nil
	}
	var servers []*loaded
	for _, segments := range []int{max(growthSegments, c.options.growth/growthFactor), c.options.growth} {
		fmt.Fprintf(c.stderr, "loading %d segments\n", segments)
		server, err := rig.StartServer(c.server, filepath.Join(c.dir, fmt.Sprintf("growth-%d", segments)))
		if err != nil {
			return err
		}
		c.closers = append(c.closers, stopping(server))
		target, err := wire.ParseTarget(server.URL())
		if err != nil {
			return err
		}
		empty, err := wire.Scrape(ctx, target)
		if err != nil {
			return err
		}
		l, err := newLoaded(ctx, load.Options{Target: server.URL(), Workload: "allocate", Connections: c.connections,
			Records: segments / growthSegments, Segments: growthSegments}, nil)
		if err != nil {
			return err
		}
		c.closers = append(c.closers, l.close)
		full, err := wire.Scrape(ctx, target)
		if err != nil {
			return err
		}
		servers = append(servers, l)
		c.growth = append(c.growth, growthFigures{segments: segments,
			bytesPerSegment: (full.ResidentBytes - empty.ResidentBytes) / float64(segments)})
	}
	for turn := range c.turns + 1 {
		for i, l := range servers {
			fmt.Fprintf(c.stderr, "turn %d of %d: %d segments\n", turn, c.turns, c.growth[i].segments)
			if err := l.turn(ctx, c.turn); err != nil {
				return err
			}
			if turn == 0 {
				l.forget()
			}
		}
	}
	for i, l := range servers {
		c.growth[i].of = l.figures()
		if err := l.check(ctx); err != nil {
			return err
		}
	}
	return nil
}
