package top

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

const description = `Shows the requests of each route with their latencies, the records that change most, the writes in the log, the node and its
cluster, and refreshes the picture until it is interrupted. With --once it prints one picture and ends, for scripts.

Examples:
  apportion top
  apportion top --server http://10.0.0.2:8080 --interval 5s
  apportion top --once`

const (
	intervalDefault = 2 * time.Second
	intervalMin     = 100 * time.Millisecond
)

// Command is the command top.
func Command(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "top",
		Usage:       "show live what a server does: rates, latencies, hot records, leader, lag",
		Description: description,
		Flags: cmdline.ServerFlags(
			&cli.DurationFlag{Name: "interval", Value: intervalDefault, Usage: "`TIME` between two pictures"},
			&cli.BoolFlag{Name: "once", Usage: "print one picture and end"}),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			_ []string) error {
			interval := cmd.Duration("interval")
			if interval < intervalMin {
				return cmdline.Usage(fmt.Errorf("--interval %s: at least %s", interval, intervalMin))
			}
			return show(ctx, server, screen{w: stdout, server: cmd.String("server"),
				live: cmdline.IsTerminal(stdout) && !cmd.Bool("once")}, interval, cmd.Bool("once"))
		}),
	}
}

// show draws pictures until the context ends.
func show(ctx context.Context, server *client.Client, s screen, interval time.Duration, once bool) error {
	s.open()
	defer s.close()
	var records hot
	before, _, err := read(ctx, server, &records)
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
		var now *sample
		var cluster *api.Cluster
		if now, cluster, err = read(ctx, server, &records); err != nil {
			break
		}
		s.draw(before, now, cluster, &records)
		if once {
			return nil
		}
		before = now
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// read reads the metrics and the cluster of one node, and looks for hot records.
func read(ctx context.Context, server *client.Client, records *hot) (*sample, *api.Cluster, error) {
	records.look(ctx, server)
	text, err := server.Metrics(ctx)
	if err != nil {
		return nil, nil, err
	}
	cluster, err := server.Cluster(ctx)
	if err != nil {
		return nil, nil, err
	}
	now, err := parse(text, time.Now())
	return now, cluster, err
}
