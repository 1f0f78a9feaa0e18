package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
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
		Flags:       cmdline.ReportFlags(slices.Concat(own, scopeFlags(), fallbackFlags())...),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			body, err := backtestOf(cmd, time.Now())
			if err != nil {
				return err
			}
			var reply []byte
			run, err := server.StartBacktest(ctx, args[0], *body, client.Reply(&reply))
			if err != nil {
				return inSource(cmd.String("file"), err)
			}
			if !cmd.Bool("detach") {
				if run, err = awaitBacktest(ctx, server, run, stderr, client.Reply(&reply)); err != nil {
					return err
				}
			}
			if !cmdline.PrintJSON(cmd, stdout, reply) {
				printBacktest(stdout, run)
			}
			return backtestFault(run)
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
	body := &api.StartBacktest{Version: cmdline.Given(int64(cmd.Int("version"))), Source: source,
		Hook: cmdline.Given(cmd.String("hook")), Scope: within, OnError: cmdline.Given(cmd.String("on-error")),
		FailuresMax: cmdline.Given(int64(cmd.Int("failures-max"))), DifferencesMax: &differences}
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
		return cmdline.Given(api.Bound(text)), nil
	}
	if _, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return cmdline.Given(api.Bound(text)), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return cmdline.Given(api.Bound(now.Add(-ago).UTC().Format(time.RFC3339Nano))), nil
	}
	return nil, cmdline.Usage(fmt.Errorf("--%s %q: expected a log index (4711), a time (2026-11-27T06:00:00Z) "+
		"or a duration before now (2h)", flag, text))
}

// backtestPollEvery is the interval between two reads of a backtest's progress.
const backtestPollEvery = 200 * time.Millisecond

// awaitBacktest waits for the end of a backtest and reads its report. If ctx ends first, it cancels the backtest.
func awaitBacktest(ctx context.Context, server *client.Client, b *api.Backtest, stderr io.Writer,
	options ...client.Option) (*api.Backtest, error) {
	bar := progressbar.NewOptions(100, progressbar.OptionSetVisibility(cmdline.IsTerminal(stderr)),
		progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetDescription("replaying"), progressbar.OptionClearOnFinish())
	ticker := time.NewTicker(backtestPollEvery)
	defer ticker.Stop()
	for {
		now, err := server.Backtest(ctx, b.ID, options...)
		if err == nil && now.State != api.BacktestRunning {
			_ = bar.Finish() // a picture for people; nothing depends on it
			return now, nil
		}
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		if err == nil {
			_ = bar.Set(int(now.Progress.Percent))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			_ = bar.Clear()
			return nil, cancelBacktest(server, b.ID)
		}
	}
}

// cancelTimeout bounds the wait of a user who wants to leave.
const cancelTimeout = 60 * time.Second

func cancelBacktest(server *client.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
	defer cancel()
	if _, err := server.DeleteBacktest(ctx, id); err != nil {
		return fmt.Errorf("interrupted, and backtest %s could not be cancelled: %w", id, err)
	}
	return fmt.Errorf("interrupted: backtest %s is cancelled", id)
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
		Flags: cmdline.ReportFlags(),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			var reply []byte
			if len(args) > 0 {
				one, err := server.Backtest(ctx, args[0], client.Reply(&reply))
				if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
					printBacktest(stdout, one)
				}
				return err
			}
			list, err := server.Backtests(ctx, client.Reply(&reply))
			if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
				printBacktests(stdout, list.Backtests)
			}
			return err
		}, "[ID]"),
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
		Flags: cmdline.ReportFlags(),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			_ []string) error {
			var reply []byte
			kept, err := server.History(ctx, client.Reply(&reply))
			if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
				printHistory(stdout, kept)
			}
			return err
		}),
	}
}

// errBacktestFailed is the error of a command whose backtest failed or was cancelled. The output has the reason.
var errBacktestFailed = errors.Join(errors.New("the backtest failed"), cmdline.ErrReported)

func backtestFault(b *api.Backtest) error {
	if b.State == api.BacktestFailed || b.State == api.BacktestCancelled {
		return errBacktestFailed
	}
	return nil
}
