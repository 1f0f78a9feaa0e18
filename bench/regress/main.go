package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// suite are the short benchmarks that mean something by themselves. make bench-quick and apportion bench measure a
// million records and requests through a socket.
var suite = []struct{ pkg, benchmarks string }{
	{"engine",
		`^Benchmark(AppendCommand|DecodeCommand|CheckCommand|AppendResult|DecodeResult|HashText2|Split|Allocate|ReadRecord|Refuses)$`},
	{"rules", `^Benchmark(Select|Redistribute|Step)$`},
	{"httpapi", `^Benchmark(ScanAllocate|ScanAllocate500Lines|AllocateHandler|RefusalHandler|ReadRecordHandler)$`},
	{"raftstore", `^BenchmarkDo$`},
}

type options struct {
	benchstat string
	baseline  string
	store     bool
	count     int
	benchtime string
	percent   float64
}

func main() {
	var o options
	flag.StringVar(&o.benchstat, "benchstat", "benchstat", "the benchstat binary")
	flag.StringVar(&o.baseline, "baseline", "bench/baseline", "directory of the stored figures")
	flag.BoolVar(&o.store, "store", false, "store the figures instead of comparing them")
	flag.IntVar(&o.count, "count", 6, "runs of each benchmark: fewer than 6 can hardly be significant")
	flag.StringVar(&o.benchtime, "benchtime", "100ms", "length of each run, as of go test")
	flag.Float64Var(&o.percent, "percent", 10, "report what became worse by more than this")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Stderr, o)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "regress: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout, stderr io.Writer, o options) error {
	if o.store {
		return measure(ctx, stderr, o, o.baseline)
	}
	for _, part := range suite {
		if _, err := os.Stat(fileOf(o.baseline, part.pkg)); err != nil {
			return fmt.Errorf("no stored figures: run make bench-baseline before the change (%w)", err)
		}
	}
	dir, err := os.MkdirTemp("", "apportion-regress-")
	if err != nil {
		return err
	}
	err = measure(ctx, stderr, o, dir)
	if err == nil {
		err = compare(ctx, stdout, stderr, o, dir)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func fileOf(dir, pkg string) string { return filepath.Join(dir, pkg+".txt") }

// measure runs the suite and writes a file for each package. It repeats the whole suite, not each benchmark in a row:
// so a busy minute of the machine spoils one run of each benchmark, not all runs of one.
func measure(ctx context.Context, stderr io.Writer, o options, dir string) error {
	texts := make([]bytes.Buffer, len(suite))
	for pass := range o.count {
		for i, part := range suite {
			fmt.Fprintf(stderr, "pass %d of %d: benchmarks of %s\n", pass+1, o.count, part.pkg)
			test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-short", "-bench", part.benchmarks,
				"-benchmem",
				"-benchtime", o.benchtime, "-count", "1", "./"+part.pkg)
			test.Stderr = stderr
			text, err := test.Output()
			if err != nil {
				return fmt.Errorf("benchmarks of %s: %w\n%s", part.pkg, err, text)
			}
			texts[i].Write(text)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, part := range suite {
		if err := os.WriteFile(fileOf(dir, part.pkg), texts[i].Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compare prints benchstat's tables, and below them the figures that became worse.
func compare(ctx context.Context, stdout, stderr io.Writer, o options, dir string) error {
	var worse []string
	for _, part := range suite {
		args := []string{"stored=" + fileOf(o.baseline, part.pkg), "now=" + fileOf(dir, part.pkg)}
		table := exec.CommandContext(ctx, o.benchstat, args...)
		table.Stdout, table.Stderr = stdout, stderr
		if err := table.Run(); err != nil {
			return fmt.Errorf("benchstat: %w", err)
		}
		text, err := exec.CommandContext(ctx, o.benchstat, append([]string{"-format", "csv"}, args...)...).Output()
		if err != nil {
			return fmt.Errorf("benchstat: %w", err)
		}
		found, err := regressions(string(text), o.percent)
		if err != nil {
			return fmt.Errorf("the table of benchstat: %w", err)
		}
		for _, f := range found {
			worse = append(worse, part.pkg+": "+f)
		}
	}
	if worse != nil {
		return fmt.Errorf("%d figures are more than %g %% worse than the stored ones:\n  %s", len(worse), o.percent,
			strings.Join(worse, "\n  "))
	}
	_, err := fmt.Fprintf(stdout, "\nnothing is more than %g %% worse than the stored figures\n", o.percent)
	return err
}
