package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"apportion/httpapi/api"
)

const backtestDescription = `Replays the orders of a period twice on a copy of the state: as they were decided, and as the rule would have decided. Shows
both side by side. The server keeps serving, and its stock does not change. The command waits for the end; Ctrl-C cancels the
backtest.

--from and --to are log indexes, times, or durations before now: 4711, 2026-11-27T06:00:00Z, 2h. The default is the whole
history; 'apportion rules history' shows its bounds.

Examples:
  apportion rules backtest vip-first
  apportion rules backtest vip-first --version 4 --from 2h --tag Channel=Amazon --differences 50
  apportion rules backtest vip-first --file vip-first.lua --json > report.json`

func backtestCommand(stdout, stderr io.Writer) *cli.Command {
	own := []cli.Flag{versionFlag(), fileFlag(), hookFlag(),
		&cli.StringFlag{Name: "from", Usage: "begin at this log `INDEX`, time, or duration before now; default: the " +
			"history's start"},
		&cli.StringFlag{Name: "to", Usage: "end at this log `INDEX`, time, or duration before now; default: the " +
			"history's end"},
		&cli.IntFlag{Name: "differences", Value: 20, Usage: "list up to this number of `ORDERS` with another answer"},
		&cli.BoolFlag{Name: "detach", Usage: "print the backtest's id and do not wait for its end"}}
	return &cli.Command{
		Name:        "backtest",
		Usage:       "show how a rule would have decided past orders",
		ArgsUsage:   "NAME",
		Description: backtestDescription,
		Flags:       remoteFlags(slices.Concat(own, scopeFlags(), fallbackFlags())...),
		Action: serverAction(func(ctx context.Context, cmd *cli.Command, server *remote, args []string) error {
			body, err := backtestOf(cmd, time.Now())
			if err != nil {
				return err
			}
			var begun api.Backtest
			reply, err := server.post(ctx, rulePath(args[0], "backtest"), body, &begun)
			if err != nil {
				return inSource(cmd.String("file"), err)
			}
			if !cmd.Bool("detach") {
				if reply, err = server.await(ctx, &begun, stderr); err != nil {
					return err
				}
			}
			if !printJSON(cmd, stdout, reply) {
				printBacktest(stdout, &begun)
			}
			return backtestFault(&begun)
		}, "NAME"),
	}
}

// backtestOf makes the body of a backtest from the flags.
func backtestOf(cmd *cli.Command, now time.Time) (*api.StartBacktest, error) {
	within, err := scopeOf(cmd)
	if err != nil {
		return nil, err
	}
	source, err := sourceOf(cmd)
	if err != nil {
		return nil, err
	}
	differences := int64(cmd.Int("differences"))
	body := &api.StartBacktest{Version: given(int64(cmd.Int("version"))), Source: source,
		Hook: given(cmd.String("hook")), Scope: within, OnError: given(cmd.String("on-error")),
		FailuresMax: given(int64(cmd.Int("failures-max"))), DifferencesMax: &differences}
	if body.From, err = boundOf(cmd, "from", now); err != nil {
		return nil, err
	}
	body.To, err = boundOf(cmd, "to", now)
	return body, err
}

// boundOf reads a bound of the period: a log index, a time, or a duration before now. It gives nil if the flag is not
// set.
func boundOf(cmd *cli.Command, flag string, now time.Time) (*api.Bound, error) {
	text := cmd.String(flag)
	if _, err := strconv.ParseUint(text, 10, 63); err == nil || text == "" {
		return given(api.Bound(text)), nil
	}
	if _, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return given(api.Bound(text)), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return given(api.Bound(now.Add(-ago).UTC().Format(time.RFC3339Nano))), nil
	}
	return nil, usageError{fmt.Errorf("--%s %q: expected a log index (4711), a time (2026-11-27T06:00:00Z) "+
		"or a duration before now (2h)", flag, text)}
}

// backtestPollEvery is the interval between two reads of a backtest's progress.
const backtestPollEvery = 200 * time.Millisecond

// await waits for the end of a backtest and reads its report. If ctx ends first, await cancels the backtest.
func (r *remote) await(ctx context.Context, b *api.Backtest, stderr io.Writer) (reply []byte, err error) {
	path := "/v1/backtests/" + url.PathEscape(b.ID)
	bar := progressbar.NewOptions(100, progressbar.OptionSetVisibility(isTerminal(stderr)),
		progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetDescription("replaying"), progressbar.OptionClearOnFinish())
	ticker := time.NewTicker(backtestPollEvery)
	defer ticker.Stop()
	for {
		if reply, err = r.get(ctx, path, b); err == nil && b.State != api.BacktestRunning {
			_ = bar.Finish() // a picture for people; nothing depends on it
			return reply, nil
		}
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		_ = bar.Set(int(b.Progress.Percent))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			_ = bar.Clear()
			return nil, r.cancelBacktest(path, b.ID)
		}
	}
}

func (r *remote) cancelBacktest(path, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), remoteTimeout)
	defer cancel()
	if _, err := r.do(ctx, http.MethodDelete, path, "", nil, nil); err != nil {
		return fmt.Errorf("interrupted, and backtest %s could not be cancelled: %w", id, err)
	}
	return fmt.Errorf("interrupted: backtest %s is cancelled", id)
}

// isTerminal reports whether a writer is a terminal.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func backtestsCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "backtests",
		Usage:     "list the latest backtests, or show one",
		ArgsUsage: "[ID]",
		Description: `Without ID, lists the backtests that the server still has, with their states. With ID, shows the report of that backtest.

Examples:
  apportion rules backtests
  apportion rules backtests b3`,
		Flags: remoteFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			server, err := newRemote(cmd)
			if err != nil {
				return err
			}
			if id := cmd.Args().First(); id != "" {
				if _, err := arguments(cmd, "ID"); err != nil {
					return err
				}
				var one api.Backtest
				reply, err := server.get(ctx, "/v1/backtests/"+url.PathEscape(id), &one)
				if err == nil && !printJSON(cmd, stdout, reply) {
					printBacktest(stdout, &one)
				}
				return err
			}
			var list api.BacktestList
			reply, err := server.get(ctx, "/v1/backtests", &list)
			if err == nil && !printJSON(cmd, stdout, reply) {
				printBacktests(stdout, list.Backtests)
			}
			return err
		},
	}
}

func historyCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "history",
		Usage: "show the period that a backtest can replay",
		Description: `Shows the first and the last log index of the history, its size, and its limits. The server keeps the history for
--history-age and in --history-bytes-max at most.

Example:
  apportion rules history`,
		Flags: remoteFlags(),
		Action: serverAction(func(ctx context.Context, cmd *cli.Command, server *remote, _ []string) error {
			var kept api.History
			reply, err := server.get(ctx, "/v1/history", &kept)
			if err == nil && !printJSON(cmd, stdout, reply) {
				printHistory(stdout, &kept)
			}
			return err
		}),
	}
}

// errBacktestFailed is the error of a command whose backtest failed or was cancelled. The output has the reason.
var errBacktestFailed = errors.Join(errors.New("the backtest failed"), errReported)

func backtestFault(b *api.Backtest) error {
	if b.State == api.BacktestFailed || b.State == api.BacktestCancelled {
		return errBacktestFailed
	}
	return nil
}
