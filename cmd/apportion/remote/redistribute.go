package remote

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

func redistributeCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "redistribute",
		Usage: "split available units again, by the percentages or by a rule",
		Description: `Marks the records as due, so that their next refresh or adjust does it; with --now it is done at once. --dry-run shows what
--now would do, and changes nothing.

Examples:
  apportion redistribute --upc BC76845 --dry-run
  apportion redistribute --location Retailer2 --now
  apportion redistribute --all`,
		Flags: writeFlags(
			&cli.StringSliceFlag{Name: "upc", Usage: "only this `UPC`; may be repeated"},
			placesFlag("only stock at"),
			&cli.BoolFlag{Name: "all", Usage: "all records"},
			&cli.BoolFlag{Name: "now", Usage: "at once"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what --now would do"}),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			body := api.Redistribute{UPCs: s.cmd.StringSlice("upc"), Locations: s.cmd.StringSlice("location"),
				All: s.cmd.Bool("all"), Now: s.cmd.Bool("now"), DryRun: s.cmd.Bool("dry-run")}
			done, err := s.server.Redistribute(ctx, body, s.options()...)
			if err != nil {
				return err
			}
			s.out.Say("%s", redistributedText(done, body.Now))
			if len(done.Changes) > len(done.Segments) {
				s.out.Aside(totalsTable(done.Segments))
			}
			if err := cmdline.Show(s.out, s.reply, done.Changes, movesTable(done.Changes)); err != nil {
				return err
			}
			for _, r := range done.Rules {
				s.out.Say("%s at %s: %s by rule %s version %d %s", r.UPC, r.Location, r.Outcome, r.Rule, r.Version,
					r.Reason)
			}
			return nil
		}),
	}
}

func redistributedText(done *api.Redistributed, now bool) string {
	text := figureText(done.Records, "record")
	switch {
	case done.DryRun:
		return figureText(done.Units, "unit") + " would move in " + text // looked at; few of them may change
	case now:
		return text + " redistributed, " + figureText(done.Units, "unit") + " moved"
	default:
		return text + " due at the next refresh or adjust"
	}
}

// totalsTable has a row for each segment of all records together.
func totalsTable(segments []api.SegmentTotal) *cmdline.Table {
	rows := taggedRows{tail: cmdline.Figures("before", "after")}
	for i := range segments {
		rows.add(nil, segments[i].Tags, segments[i].Before, segments[i].After)
	}
	return rows.table()
}

// movesTable has a row for each segment that changed.
func movesTable(changes []api.RedistributedTags) *cmdline.Table {
	rows := taggedRows{head: cmdline.Text("upc", "location"), tail: cmdline.Figures("before", "after")}
	for i := range changes {
		c := &changes[i]
		rows.add([]any{c.UPC, c.Location}, c.Tags, c.Before, c.After)
	}
	return rows.table()
}
