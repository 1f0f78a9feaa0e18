package remote

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

func changesCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "changes",
		Usage: "show records as they change, with their newest figures",
		Description: `Without --after, all records come first. A record that changed often comes once. With --follow it goes on with what changes,
over breaks of the connection, until it is interrupted; then it says how to go on behind what it showed.

Examples:
  apportion changes --follow --after now
  apportion changes --follow --tag Channel=Amazon
  apportion changes --location Retailer2 --limit 0 --output ndjson
  apportion changes --after AgAAAAAAAAAMATA`,
		Flags: readFlags(tagFlag("tag", "show only segments with this tag"), placesFlag("only records at"),
			&cli.StringFlag{Name: "upc-prefix", Usage: "only records whose UPC begins with this `TEXT`"},
			&cli.StringFlag{Name: "after", Usage: "begin behind the place with this `CURSOR`, or now",
				DefaultText: "with all records"},
			&cli.Int64Flag{Name: "limit", Value: 100, Usage: "show `RECORDS` at most; 0: all"}, followFlag("changes")),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			tags, err := cmdline.Pairs(s.cmd, "tag")
			if err != nil {
				return err
			}
			filter := client.ChangeFilter{Tags: tags, Locations: s.cmd.StringSlice("location"),
				UPCPrefix: s.cmd.String("upc-prefix")}
			after := s.cmd.String("after")
			if s.cmd.Bool("follow") {
				err = s.followChanges(ctx, filter, &after)
			} else {
				err = s.changePages(ctx, filter, &after)
			}
			if after != "" {
				s.out.Say("What comes behind this: --after %s", after)
			}
			return err
		}),
	}
}

func followFlag(what string) cli.Flag {
	return &cli.BoolFlag{Name: "follow", Usage: "go on with new " + what + " until interrupted"}
}

// changePages shows changes until --limit is reached or there are no more.
func (s *session) changePages(ctx context.Context, filter client.ChangeFilter, after *string) error {
	left := limitOf(s.cmd)
	for left > 0 {
		page, err := s.server.Changes(ctx, filter, *after, min(left, pageMax), 0, s.options()...)
		if err != nil {
			return err
		}
		if err := cmdline.Show(s.out, s.reply, page.Changes, changeTable(page.Changes)); err != nil {
			return err
		}
		*after, left = page.Next, left-int64(len(page.Changes))
		if !page.More {
			break
		}
	}
	return nil
}

// followChanges shows changes as they come.
func (s *session) followChanges(ctx context.Context, filter client.ChangeFilter, after *string) error {
	feed := s.server.FollowChanges(ctx, filter, *after, s.options()...)
	return batches(ctx, feed, func(followed []client.FollowedChange) error {
		*after = followed[len(followed)-1].Cursor
		copied := false
		var changes []api.Change
		for i := range followed {
			if followed[i].Copied {
				copied = true
			} else {
				changes = append(changes, followed[i].Change)
			}
		}
		err := cmdline.Show(s.out, nil, changes, changeTable(changes))
		if copied {
			s.out.Say("These were all records. What changes comes now.")
		}
		return err
	})
}

// changeTable has a row for each segment of a changed record, and one for a record that went.
func changeTable(changes []api.Change) *cmdline.Table {
	rows := taggedRows{head: cmdline.Text("upc", "location", "deleted"), tail: cmdline.Figures(figureNames...)}
	for i := range changes {
		c := &changes[i]
		head := []any{c.UPC, c.Location, c.Deleted}
		if rows.addSegments(head, c.Segments); len(c.Segments) == 0 {
			rows.add(head, nil)
		}
	}
	return rows.table()
}
