package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"apportion/raftstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal starts an orderly stop. The second one is not caught and ends the process at once.
	context.AfterFunc(ctx, stop)
	code := exitCode(run(ctx, os.Args, os.Stdout, os.Stderr), os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program. args are those of os.Args.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return newApp(stdout, stderr).Run(ctx, args)
}

// usageError is a mistake in the command line: exit status 2, as opposed to 1 for something that failed.
type usageError struct{ error }

// errReported means that the output of the command has told the user: only the exit status is left to set.
var errReported = errors.New("already reported")

// exitCode prints the error and returns the exit status.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "apportion: %v\n", err)
	}
	if usage := (usageError{}); errors.As(err, &usage) {
		return 2
	}
	if forced := (forcedStop{}); errors.As(err, &forced) {
		return forced.status
	}
	if errors.Is(err, raftstore.ErrCorrupt) {
		return raftstore.ExitDiskFailed
	}
	return 1
}
