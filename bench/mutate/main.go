package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"
)

type options struct {
	dir      string // of the module
	packages []string
	count    int
	seed     uint64
	timeout  time.Duration
	run      map[string]string // package -> the tests of it that are run; empty: none
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().Run(ctx, os.Args)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "mutate: %v\n", err)
		os.Exit(1)
	}
}

func command() *cli.Command {
	return &cli.Command{
		Name:  "mutate",
		Usage: "break lines of the product, one at a time, and see whether a test notices",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Value: ".", Usage: "directory of the module"},
			&cli.StringSliceFlag{Name: "packages", Value: []string{"./..."}, Usage: "packages whose lines are " +
				"broken, as for go list"},
			&cli.IntFlag{Name: "count", Value: 20, Usage: "how many lines to break"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "chooses the lines: the same seed breaks the same lines " +
				"of the same source"},
			&cli.DurationFlag{Name: "timeout", Value: 2 * time.Minute, Usage: "for the tests of one package with " +
				"one line broken"},
			&cli.StringMapFlag{Name: "run", Usage: "`PACKAGE=REGEXP`: of this package only the tests that match, as " +
				"for go test -run; none if REGEXP is empty"},
		},
		HideHelpCommand: true,
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return fmt.Errorf("%q is not expected: all choices are flags, see --help", c.Args().First())
			}
			o := options{dir: c.String("dir"), packages: c.StringSlice("packages"), count: c.Int("count"),
				seed:    c.Uint64("seed"),
				timeout: c.Duration("timeout"), run: c.StringMap("run")}
			if o.count < 1 || o.timeout <= 0 {
				return fmt.Errorf("expected a count of at least 1 and a timeout above 0, got %d and %s", o.count,
					o.timeout)
			}
			return run(ctx, c.Root().Writer, o)
		},
	}
}

// run prints a row of a table for each broken line at once, and the sums at the end.
func run(ctx context.Context, out io.Writer, o options) error {
	packages, err := listPackages(ctx, o.dir, o.packages)
	if err != nil {
		return err
	}
	mutants, err := findMutants(o.dir, packages)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "apportion-mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	random := rand.New(rand.NewPCG(o.seed, 0))
	random.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })

	j := &judge{options: o, packages: packages, scratch: dir}
	if err := j.whole(ctx); err != nil {
		return err
	}
	sums, lines, judged := map[verdict]int{}, map[string]bool{}, 0
	fmt.Fprintf(out, "| line | broken how | tests | by |\n|---|---|---|---|\n")
	for _, m := range mutants {
		if judged == o.count {
			break
		}
		if lines[m.line()] {
			continue // broken already, in another way
		}
		verdict, by, err := j.judge(ctx, m)
		if err != nil {
			return err
		}
		if verdict == uncompiled {
			continue
		}
		lines[m.line()] = true
		judged++
		sums[verdict]++
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", m.line(), strings.ReplaceAll(m.how, "|", `\|`), verdict,
			strings.ReplaceAll(by, "|", `\|`))
	}
	_, err = fmt.Fprintf(out, "\n%d lines broken with seed %d: %d noticed, %d ended by a timeout, %d survived\n",
		judged, o.seed, sums[noticed], sums[timedOut], sums[survived])
	return err
}
