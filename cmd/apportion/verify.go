package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"apportion/raftstore"
)

const verifyDescription = `Reads a data directory that no server has open from end to end, replays its log in memory, and recomputes every identity
and every sum. Nothing of what is stored is changed. Exit status 0: all is well. 1: problems were found (listed on stdout), or the check
could not be made.

Example:
  apportion verify --data ./data`

func verifyCommand(stdout, stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "verify",
		Usage:       "check a data directory offline",
		Description: verifyDescription,
		Flags:       []cli.Flag{dataFlag()},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			data := cmd.String("data")
			if _, err := os.Stat(data); err != nil {
				return fmt.Errorf("no data directory to verify: %w", err)
			}
			return verify(ctx, data, stdout, stderr)
		},
	}
}

// verify prints each problem as it is found, and at the end what was looked at.
func verify(ctx context.Context, data string, stdout, stderr io.Writer) error {
	stop := startSpinner(stderr, "checking "+data)
	problems := 0
	report := func(problem string) {
		problems++
		fmt.Fprintf(stdout, "PROBLEM  %s\n", problem)
	}
	summary, err := raftstore.Verify(ctx, data, report)
	stop()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted, %d problems found so far: %w", problems, ctx.Err())
	case errors.Is(err, raftstore.ErrInUse):
		return fmt.Errorf("the data directory %s is in use: stop its server first", data)
	default:
		// What keeps the check from going on is a problem of the directory like any other.
		report(err.Error())
	}
	fmt.Fprintf(stdout, "%s: state of index %d, %d log entries with %d commands behind it; %d records, %d segments, %d orders\n",
		data, summary.StateIndex, summary.LogEntries, summary.Commands,
		summary.Stats.Records, summary.Stats.Segments, summary.Stats.Orders)
	if problems > 0 {
		fmt.Fprintf(stdout, "%d problems found in %s\n", problems, summary.Took.Round(time.Millisecond))
		return errReported
	}
	fmt.Fprintf(stdout, "no problem found in %s; state hash %x\n", summary.Took.Round(time.Millisecond), summary.Hash[:8])
	return nil
}

// startSpinner shows on a terminal that something is going on. The returned function ends it.
func startSpinner(stderr io.Writer, text string) (stop func()) {
	out, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(out.Fd())) {
		return func() {}
	}
	spinner := progressbar.NewOptions(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(text),
		progressbar.OptionSpinnerType(14), progressbar.OptionSetElapsedTime(true), progressbar.OptionClearOnFinish())
	return func() { _ = spinner.Finish() } // a picture for people; nothing depends on it
}
