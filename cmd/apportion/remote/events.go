package remote

import (
	"context"
	"io"
	"time"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// followInterval is the pause between two questions for new events.
const followInterval = time.Second

func eventsCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "events",
		Usage: "show what has happened to stock, orders, the schema and rules",
		Description: `Shows the oldest events after --after, at most --limit of them. With --follow it goes on, and shows new ones as they happen,
until it is interrupted.

Examples:
  apportion events --after 4711
  apportion events --follow --output ndjson`,
		Flags: readFlags(
			&cli.Uint64Flag{Name: "after", Usage: "begin behind the event with this `NUMBER`",
				DefaultText: "with the oldest that is kept"},
			&cli.Int64Flag{Name: "limit", Value: 100, Usage: "show `EVENTS` at most"},
			&cli.BoolFlag{Name: "follow", Usage: "go on with new events until interrupted"}),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			after, left, follow := s.cmd.Uint64("after"), s.cmd.Int64("limit"), s.cmd.Bool("follow")
			for follow || left > 0 {
				page := int64(pageMax)
				if !follow {
					page = min(page, left)
				}
				events, err := s.server.Events(ctx, client.EventFilter{}, after, page, s.options()...)
				if err != nil {
					return interrupted(ctx, err)
				}
				if err := cmdline.Show(s.out, s.reply, events.Events, eventTable(events.Events)); err != nil {
					return err
				}
				after, left = events.Next, left-int64(len(events.Events))
				if len(events.Events) == int(page) {
					continue
				}
				if !follow {
					break
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(followInterval):
				}
			}
			return nil
		}),
	}
}

// interrupted is no error: the user has seen enough.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func eventTable(events []api.Event) *cmdline.Table {
	table := &cmdline.Table{Columns: append(append(append(cmdline.Figures("id", "index"),
		cmdline.Text("time", "type", "upc", "location", "tags", "orderId", "itemId", "name")...),
		cmdline.Figures("units", "limit")...), cmdline.Text("reason")...)}
	for i := range events {
		e := &events[i]
		table.Add(e.ID, e.Index, e.Time, e.Type, e.UPC, e.Location, tagText(e.Tags), e.OrderID, e.ItemID, e.Name,
			e.Units, e.Limit, e.Reason)
	}
	return table
}
