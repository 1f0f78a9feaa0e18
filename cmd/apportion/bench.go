package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/bench/load"
	"apportion/bench/replay"
	"apportion/cmd/apportion/cmdline"
)

const benchDescription = `Measures a running server, then reads everything back and compares it with the answers. If anything was oversold or lost,
there are no figures, and the exit status is 1.

With --rate max, the default, each connection sends its next request after the answer to the last one: a closed loop, which finds
the highest rate. With --rate N the loop is open: each request is due at a moment that does not depend on the server, and its
latency counts from that moment, as clients see it. Measure the maximum first, then the latency at a part of it. --closed makes a
run at a rate a closed loop too: it does not see how long a slow server makes others wait.

Each run has stock of its own, at a new location. It stays there with its orders; the output shows how to delete it. --segments
above 1 adds a tag category BenchSegment.

Workloads:
%s
Examples:
  apportion bench                                                    the most one-line orders a second
  apportion bench --rate 20000 --duration 30s --plot latency.svg     latency at 20,000 orders a second
  apportion bench --rates 5k,10k,20k,40k --plot curve.svg            latency against load
  apportion bench --workload flash-sale --connections 256 --out sale.json
  apportion bench --workload orders --orders bench/testdata/sample-orders.csv --rate 1000`

func benchCommand(stdout, stderr io.Writer) *cli.Command {
	var list strings.Builder
	for _, w := range load.Workloads() {
		fmt.Fprintf(&list, "  %-12s %s\n", w[0], w[1])
	}
	return &cli.Command{
		Name:        "bench",
		Usage:       "measure a running server, and check that it lost nothing",
		Description: fmt.Sprintf(benchDescription, list.String()),
		Flags:       append(benchFlags(), benchOutputFlags()...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := cmdline.NoArguments(cmd); err != nil {
				return err
			}
			options, err := benchOptions(cmd)
			if err != nil {
				return err
			}
			return runBench(ctx, options, benchFiles{cmd.String("out"), cmd.String("plot")}, stdout, stderr)
		},
	}
}

func benchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "target", Value: "http://127.0.0.1:8080", Usage: "`URL` of the server",
			Sources: cmdline.Env("target")},
		cmdline.TokenFlag(),
		&cli.StringFlag{Name: "workload", Value: "allocate",
			Usage: "`NAME`: " + strings.Join(load.WorkloadNames(), ", "), Sources: cmdline.Env("workload")},
		&cli.StringFlag{Name: "rate", Value: "max", Usage: "`RATE`, requests a second that are offered, such as " +
			"2500 or 20k, or max", Sources: cmdline.Env("rate")},
		&cli.StringFlag{Name: "rates", Usage: "several `RATES`, such as 1k,2k,max: one run at each",
			Sources: cmdline.Env("rates")},
		&cli.BoolFlag{Name: "closed", Usage: "make a run at a rate a closed loop too", Sources: cmdline.Env("closed")},
		&cli.IntFlag{Name: "connections", Usage: "number of `CONNECTIONS`",
			DefaultText: "by workload: 64, batch 16, refresh 4", Sources: cmdline.Env("connections")},
		&cli.DurationFlag{Name: "duration", Value: load.DefaultDuration, Usage: "`TIME` of each run",
			Sources: cmdline.Env("duration")},
		&cli.DurationFlag{Name: "warmup", Value: load.DefaultWarmup, Usage: "`TIME` before the first run that is not " +
			"measured; 0s for none", Sources: cmdline.Env("warmup")},
		&cli.IntFlag{Name: "records", Usage: "number of `RECORDS` with stock",
			DefaultText: "by workload: 1,000, refresh 48,000", Sources: cmdline.Env("records")},
		&cli.IntFlag{Name: "segments", Value: 1, Usage: "number of `SEGMENTS` of each record",
			Sources: cmdline.Env("segments")},
		&cli.IntFlag{Name: "lines", Usage: "number of `LINES` or items in a request",
			DefaultText: "by workload: 1, batch 500, refresh 12,000", Sources: cmdline.Env("lines")},
		&cli.FloatFlag{Name: "zipf", Usage: "`EXPONENT` of the popularity of records: 0 is uniform, 0.99 is usual",
			DefaultText: "uniform", Sources: cmdline.Env("zipf")},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "`SEED` of all random choices", Sources: cmdline.Env("seed")},
		&cli.StringFlag{Name: "orders", Usage: "CSV `FILE` of orders, for the workload of that name",
			Sources: cmdline.Env("orders")},
		&cli.StringFlag{Name: "run", Usage: "`NAME` of the run, in its location and order ids; by default a new one " +
			"each time", Sources: cmdline.Env("run")},
	}
}

func benchOutputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "out", Usage: "write the result as JSON to `FILE`", Sources: cmdline.Env("out")},
		&cli.StringFlag{Name: "plot", Usage: "write a picture of rate and latency over time to `FILE.svg`; with " +
			"--rates also latency against load", Sources: cmdline.Env("plot")},
	}
}

// benchOptions reads the flags.
func benchOptions(cmd *cli.Command) (o load.Options, err error) {
	o = load.Options{
		Target: cmd.String("target"), Token: cmd.String("token"), Workload: cmd.String("workload"),
		Closed: cmd.Bool("closed"), Connections: cmd.Int("connections"),
		Duration: cmd.Duration("duration"), Warmup: cmd.Duration("warmup"), Records: cmd.Int("records"),
		Segments: cmd.Int("segments"),
		Lines:    cmd.Int("lines"), Zipf: cmd.Float("zipf"), Seed: cmd.Uint64("seed"), Run: cmd.String("run"),
	}
	name, rates := "--rate", cmd.String("rate")
	if cmd.IsSet("rates") {
		if cmd.IsSet("rate") {
			return o, cmdline.Usage(errors.New("--rate and --rates: only one of them is expected"))
		}
		name, rates = "--rates", cmd.String("rates")
	}
	if o.Rates, err = load.ParseRates(rates); err != nil {
		return o, cmdline.Usage(fmt.Errorf("%s: %w", name, err))
	}
	if cmd.IsSet("duration") && o.Duration <= 0 {
		return o, cmdline.Usage(fmt.Errorf("--duration %s: a time above 0 is expected", o.Duration))
	}
	if o.Warmup == 0 {
		o.Warmup = -1 // none: 0 stands for the default
	}
	if path := cmd.String("orders"); path != "" {
		if o.Orders, err = readOrders(path); err != nil {
			return o, err
		}
	}
	if err := o.Complete(); err != nil {
		return o, cmdline.Usage(err)
	}
	return o, nil
}

func readOrders(path string) ([]replay.Row, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := replay.ReadRows(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}

// benchFiles are the files that a result is written to; "" for none.
type benchFiles struct{ json, svg string }

func runBench(ctx context.Context, o load.Options, files benchFiles, stdout, stderr io.Writer) error {
	location := "bench-" + o.Run
	fmt.Fprintf(stdout, "stock of this run: location %s; to delete it afterwards:\n"+
		"  curl -X POST %s/v1/inventory/delete -H 'Content-Type: application/json' -d "+
		"'{\"locations\":[%q],\"force\":true}'\n\n",
		location, strings.TrimRight(o.Target, "/"), location)
	if cmdline.IsTerminal(stderr) {
		o.Progress = func(p load.Progress) { fmt.Fprintf(stderr, "\r\x1b[K%s", progressText(p)) }
		defer fmt.Fprint(stderr, "\r\x1b[K")
	}
	result, err := load.Run(ctx, o)
	if err != nil {
		return err
	}
	if err := writeFile(files.json, func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(result)
	}); err != nil {
		return err
	}
	if err := writeFile(files.svg, result.Plot); err != nil {
		return err
	}
	if o.Progress != nil {
		fmt.Fprint(stderr, "\r\x1b[K")
	}
	return result.Print(stdout)
}

// progressText is the line that shows the progress.
func progressText(p load.Progress) string {
	if p.Of == 0 {
		return p.Step
	}
	return fmt.Sprintf("%s: %.0f of %.0f s, %d/s, p50 %.2f ms, p99 %.2f ms, %d failed", p.Step, p.Elapsed.Seconds(),
		p.Of.Seconds(),
		p.Point.Answered, p.Point.P50MS, p.Point.P99MS, p.Point.Failed)
}

// writeFile writes a file, unless the path is empty.
func writeFile(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
