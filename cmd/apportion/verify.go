package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"apportion/cmd/apportion/cmdline"
	"apportion/raftstore"
)

const verifyDescription = `Checks a data directory that no server has open: every checksum, the log replayed in memory, every sum, and the
checkpoints that are kept for backtests. It writes nothing, so it also works on a full or read-only disk.

Exit status 0: no problem. 1: problems were found (listed on stdout), or the check could not be made. SIGINT or SIGTERM ends it.

Two nodes of a cluster that have applied the same entries have the same applied index and the same state hash.

Examples:
  apportion verify --data ./data
  apportion verify --data ./data --json`

func verifyCommand(stdout, stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "verify",
		Usage:       "check a data directory offline",
		Description: verifyDescription,
		Flags:       []cli.Flag{dataFlag(), &cli.BoolFlag{Name: "json", Usage: "print the result as one JSON object"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := cmdline.NoArguments(cmd); err != nil {
				return err
			}
			data := cmd.String("data")
			if _, err := os.Stat(data); err != nil {
				return fmt.Errorf("no data directory to verify: %w", err)
			}
			return verify(ctx, data, cmd.Bool("json"), stdout, stderr)
		},
	}
}

// verifyReport is what --json prints.
type verifyReport struct {
	Data         string   `json:"data"`
	Problems     []string `json:"problems"`
	StateIndex   uint64   `json:"stateIndex"`
	AppliedIndex uint64   `json:"appliedIndex"`
	LogEntries   int      `json:"logEntries"`
	Commands     int      `json:"commands"`
	Records      int      `json:"records"`
	Segments     int      `json:"segments"`
	Orders       int      `json:"orders"`
	StateHash    string   `json:"stateHash"`
	TookMS       int64    `json:"tookMS"`
}

// verify prints each problem when it is found, and at the end a summary, or all of it as JSON. It returns when ctx
// ends, even if a disk does not answer its reads: it has nothing to bring in order.
func verify(ctx context.Context, data string, asJSON bool, stdout, stderr io.Writer) error {
	stop := startSpinner(stderr, "checking "+data)
	defer stop()
	type outcome struct {
		summary raftstore.Summary
		err     error
	}
	found, done := make(chan string), make(chan outcome, 1)
	go func() {
		summary, err := raftstore.Verify(ctx, data, func(problem string) {
			select {
			case found <- problem:
			case <-ctx.Done():
			}
		})
		done <- outcome{summary, err}
	}()
	problems := []string{}
	report := func(problem string) {
		problems = append(problems, problem)
		if !asJSON {
			fmt.Fprintf(stdout, "PROBLEM  %s\n", problem)
		}
	}
	for {
		select {
		case problem := <-found:
			report(problem)
		case <-ctx.Done():
			return fmt.Errorf("interrupted, %d problems found so far: %w", len(problems), ctx.Err())
		case o := <-done:
			switch {
			case errors.Is(o.err, raftstore.ErrInUse):
				return fmt.Errorf("the data directory %s is in use: stop its server first", data)
			case o.err != nil:
				// An error that ends the check early is a problem of the directory too.
				report(o.err.Error())
			}
			return conclude(&o.summary, verifyReport{Data: data, Problems: problems}, asJSON, stdout)
		}
	}
}

// conclude prints the summary, and returns an error if there were problems.
func conclude(summary *raftstore.Summary, r verifyReport, asJSON bool, stdout io.Writer) error {
	if err := printVerified(stdout, asJSON, summary, r); err != nil {
		return err
	}
	if len(r.Problems) > 0 {
		return cmdline.ErrReported
	}
	return nil
}

func printVerified(stdout io.Writer, asJSON bool, s *raftstore.Summary, r verifyReport) error {
	r.StateIndex, r.AppliedIndex, r.LogEntries, r.Commands = s.StateIndex, s.AppliedIndex, s.LogEntries, s.Commands
	r.Records, r.Segments, r.Orders = int(s.Stats.Records), int(s.Stats.Segments), int(s.Stats.Orders)
	r.StateHash, r.TookMS = hex.EncodeToString(s.Hash[:]), s.Took.Milliseconds()
	if asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	fmt.Fprintf(stdout, "%s: state of index %d, %d later log entries with %d commands; %d records, %d segments, "+
		"%d orders\n",
		r.Data, r.StateIndex, r.LogEntries, r.Commands, r.Records, r.Segments, r.Orders)
	took := s.Took.Round(time.Millisecond)
	if len(r.Problems) > 0 {
		fmt.Fprintf(stdout, "%d problems found in %s\n", len(r.Problems), took)
		return nil
	}
	fmt.Fprintf(stdout, "no problem found in %s; state hash %.16s at index %d\n", took, r.StateHash, r.AppliedIndex)
	return nil
}

// startSpinner shows progress on a terminal, until the returned function is called.
func startSpinner(stderr io.Writer, text string) (stop func()) {
	out, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(out.Fd())) {
		return func() {}
	}
	spinner := progressbar.NewOptions(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(text),
		progressbar.OptionSpinnerType(14), progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish())
	return func() { _ = spinner.Finish() } // only shown; nothing depends on it
}
