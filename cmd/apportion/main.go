package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"apportion/cmd/apportion/cmdline"
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

// exitCode prints the error and returns the exit status.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if !errors.Is(err, cmdline.ErrReported) {
		fmt.Fprintf(stderr, "apportion: %v\n", err)
	}
	if forced := (forcedStop{}); errors.As(err, &forced) {
		return forced.status
	}
	if errors.Is(err, raftstore.ErrCorrupt) {
		return raftstore.ExitDiskFailed
	}
	return cmdline.Status(err)
}
