package remote

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

func eventsCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "events",
		Usage: "show what has happened to stock, orders, the schema and rules",
		Description: `Shows the oldest events after --after, at most --limit of them. With --follow it goes on, and shows new ones as they happen,
over breaks of the connection, until it is interrupted.

Examples:
  apportion events --after 4711
  apportion events --type floor-crossed --location Retailer2 --limit 0
  apportion events --follow --after now --output ndjson`,
		Flags: readFlags(
			&cli.StringFlag{Name: "after", Usage: "begin behind the event with this `NUMBER`, or now",
				DefaultText: "with the oldest that is kept"},
			&cli.StringSliceFlag{Name: "type", Usage: "only events of this `TYPE`; may be repeated"},
			placesFlag("only events at"), tagFlag("tag", "only events of segments with this tag"),
			&cli.Int64Flag{Name: "limit", Value: 100, Usage: "show `EVENTS` at most; 0: all"}, followFlag("events")),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			tags, err := cmdline.Pairs(s.cmd, "tag")
			if err != nil {
				return err
			}
			filter := client.EventFilter{Types: s.cmd.StringSlice("type"), Locations: s.cmd.StringSlice("location"),
				Tags: tags}
			after, err := s.afterEvent(ctx)
			if err != nil {
				return err
			}
			if !s.cmd.Bool("follow") {
				return s.eventPages(ctx, filter, after)
			}
			feed := s.server.FollowEvents(ctx, filter, after, s.options()...)
			return batches(ctx, feed, func(events []api.Event) error {
				return cmdline.Show(s.out, nil, events, eventTable(events))
			})
		}),
	}
}

// afterEvent gives the event of --after.
func (s *session) afterEvent(ctx context.Context) (uint64, error) {
	switch text := s.cmd.String("after"); text {
	case "":
		return 0, nil
	case "now":
		return s.server.LastEvent(ctx, s.options()...)
	default:
		after, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, cmdline.Usage(fmt.Errorf("--after %q: expected the number of an event, or now", text))
		}
		return after, nil
	}
}

// eventPages shows events behind one until --limit is reached or there are no more.
func (s *session) eventPages(ctx context.Context, filter client.EventFilter, after uint64) error {
	for left := limitOf(s.cmd); left > 0; {
		page := min(left, pageMax)
		events, err := s.server.Events(ctx, filter, after, page, s.options()...)
		if err != nil {
			return err
		}
		if err := cmdline.Show(s.out, s.reply, events.Events, eventTable(events.Events)); err != nil {
			return err
		}
		after, left = events.Next, left-int64(len(events.Events))
		if int64(len(events.Events)) < page {
			break
		}
	}
	return nil
}

// batchPause is how long the first of several elements waits for the others: they are shown together.
const batchPause = 100 * time.Millisecond

// batches shows what a feed gives, some elements at a time, until the user has seen enough.
func batches[T any](ctx context.Context, feed iter.Seq2[*T, error], show func([]T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	elements, failed := make(chan *T), make(chan error, 1)
	go func() {
		defer close(elements)
		for element, err := range feed {
			if err != nil {
				failed <- err
				return
			}
			select {
			case elements <- element:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer cancel()
	var batch []T
	var late <-chan time.Time
	for open := true; open; {
		var element *T
		select {
		case element, open = <-elements:
			if open {
				if batch = append(batch, *element); len(batch) == 1 {
					late = time.After(batchPause)
				}
				if len(batch) < pageMax {
					continue
				}
			}
		case <-late:
		}
		if len(batch) > 0 {
			if err := show(batch); err != nil {
				return err
			}
		}
		batch, late = batch[:0], nil
	}
	select {
	case err := <-failed:
		return interrupted(ctx, err)
	default:
		return nil
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
		cmdline.Figures("units", "limit")...), cmdline.Text("reason", "reference")...)}
	for i := range events {
		e := &events[i]
		table.Add(e.ID, e.Index, e.Time, e.Type, e.UPC, e.Location, tagText(e.Tags), e.OrderID, e.ItemID, e.Name,
			e.Units, e.Limit, e.Reason, e.Reference)
	}
	return table
}
