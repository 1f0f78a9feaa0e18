package remote

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

func countCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "count",
		Usage: "open, show and close a stock count at a location",
		Description: `While a count is open, figures that name it are as of its start: what was sold or received since then stays so.

Examples:
  apportion count open Retailer2 2026-11
  apportion import stock.csv --location Retailer2 --count 2026-11
  apportion count close Retailer2 2026-11 --complete --dry-run
  apportion count close Retailer2 2026-11 --complete`,
		Commands: []*cli.Command{countOpenCommand(stdout), countShowCommand(stdout), countCloseCommand(stdout)},
		Action:   cmdline.GroupAction,
	}
}

func countOpenCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "open",
		Usage:     "open a stock count",
		ArgsUsage: "LOCATION COUNT",
		Description: `A location has one open count at a time. It closes by itself after 24 hours.

Example:
  apportion count open Retailer2 2026-11`,
		Flags: writeFlags(),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			done, err := s.server.StartCount(ctx, s.args[0], api.StartCount{Count: s.args[1]}, s.options()...)
			if err != nil {
				return err
			}
			s.out.Say("count %s at %s is open", done.Count, done.Location)
			return cmdline.Show(s.out, s.reply, []api.UnnamedChange{}, unnamedTable(nil))
		}, "LOCATION", "COUNT"),
	}
}

func countShowCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "show",
		Usage: "show the open stock counts",
		Description: `Those that began first first. CHANGED are the segments whose on hand has changed since, NAMED those that the count has set.

Examples:
  apportion count show
  apportion count show --location Retailer2 --output json`,
		Flags: readFlags(&cli.StringFlag{Name: "location", Usage: "only that of this `LOCATION`"}),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			open, err := s.server.Counts(ctx, s.cmd.String("location"), s.options()...)
			if err != nil {
				return err
			}
			if len(open.Counts) == 0 {
				s.out.Say("No count is open.")
			}
			table := &cmdline.Table{Columns: append(cmdline.Text("location", "count", "startedAt", "closesAt"),
				cmdline.Figures("index", "changed", "named")...)}
			for _, c := range open.Counts {
				table.Add(c.Location, c.Count, c.StartedAt, c.ClosesAt, c.Index, c.Changed, c.Named)
			}
			return cmdline.Show(s.out, s.reply, open.Counts, table)
		}),
	}
}

func countCloseCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "close",
		Usage:     "close a stock count",
		ArgsUsage: "LOCATION COUNT",
		Description: `With --complete the count has named all that there is at the location: the rest is set to zero, but for what came since the start
of the count. --dry-run shows what that would be.

Examples:
  apportion count close Retailer2 2026-11
  apportion count close Retailer2 2026-11 --complete --dry-run`,
		Flags: writeFlags(
			&cli.BoolFlag{Name: "complete", Usage: "first set what the count has not named to zero"},
			&cli.BoolFlag{Name: "dry-run", Usage: "with --complete: only show what would be set to zero"}),
		Action: action(stdout, closeCount, "LOCATION", "COUNT"),
	}
}

func closeCount(ctx context.Context, s *session) error {
	body := api.CloseCount{Count: s.args[1], Complete: s.cmd.Bool("complete"), DryRun: s.cmd.Bool("dry-run")}
	if body.DryRun && !body.Complete {
		return cmdline.Usage(fmt.Errorf("--dry-run is for --complete: it shows what that would set to zero"))
	}
	done, err := s.server.CloseCount(ctx, s.args[0], body, s.options()...)
	if err != nil {
		return err
	}
	var changes []api.UnnamedChange
	if done.Unnamed != nil {
		changes = done.Unnamed.Changes
		text := unnamedText(done.Unnamed)
		if len(changes) == unnamedShown {
			text += fmt.Sprintf("; the first %d segments:", unnamedShown)
		}
		s.out.Say("%s", text)
	}
	if !body.DryRun {
		s.out.Say("count %s at %s is closed", done.Count, done.Location)
	}
	return cmdline.Show(s.out, s.reply, changes, unnamedTable(changes))
}

// unnamedText tells in a line what a complete count has set to zero, or would.
func unnamedText(u *api.Unnamed) string {
	verb := "were set to zero"
	switch {
	case u.Records == 0:
		return "Nothing else was on hand: there was nothing to set to zero"
	case u.DryRun:
		verb = "would be set to zero"
	}
	if !u.DryRun && u.Records == 1 {
		verb = "was set to zero"
	}
	return fmt.Sprintf("%s that the count does not name %s, but for what came since its start: %s less",
		figureText(u.Records, "record"), verb, figureText(u.Units, "unit"))
}

// unnamedShown is how many segments the server lists.
const unnamedShown = 1000

// unnamedTable has what a complete count sets.
func unnamedTable(changes []api.UnnamedChange) *cmdline.Table {
	rows := taggedRows{head: cmdline.Text("upc"), tail: cmdline.Figures("before", "after")}
	for _, c := range changes {
		rows.add([]any{c.UPC}, c.Tags, c.Before, c.After)
	}
	return rows.table()
}
