package remote

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

func getCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "get",
		Usage:     "show the stock of a UPC at a location",
		ArgsUsage: "LOCATION UPC",
		Description: `Shows the segments of the record with their figures, and deliveries that it waits for. With --history, shows what
happened to the record, the newest first.

Examples:
  apportion get Retailer2 BC76845
  apportion get Retailer2 BC76845 --history
  apportion get Retailer2 BC76845 --output csv`,
		Flags: readFlags(append(limitFlags("with --history, show", "EVENTS"), &cli.BoolFlag{Name: "history",
			Usage: "show what happened, in place of the figures"})...),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			if s.cmd.Bool("history") {
				return s.recordHistory(ctx)
			}
			record, err := s.server.Record(ctx, s.args[0], s.args[1], s.options()...)
			if err != nil {
				return err
			}
			s.out.Say("%s at %s, version %d: %d on hand, %d allocated, %d pending, %d held as safety stock, "+
				"%d available", record.UPC, record.Location, record.Version, record.OnHand, record.Allocated,
				record.Pending, record.SafetyStock, record.Available)
			records := []api.Record{*record}
			if err := cmdline.Show(s.out, s.reply, records, recordTable(records)); err != nil {
				return err
			}
			if record.Blocked {
				s.out.Say("It is blocked: those who choose a location for an order item skip it.")
			}
			if record.Due {
				s.out.Say("It is redistributed at its next refresh or adjust.")
			}
			for _, delivery := range record.Future {
				s.out.Say("%d units come on %s, %s", delivery.Quantity, delivery.DeliveryDate, target(&delivery))
			}
			return nil
		}, "LOCATION", "UPC"),
	}
}

// recordHistory shows what happened to a record.
func (s *session) recordHistory(ctx context.Context) error {
	var since *api.Moment
	err := s.pages(func(cursor string, limit int64) (*string, int, error) {
		page, err := s.server.RecordHistory(ctx, s.args[0], s.args[1], cursor, limit, s.options()...)
		if err != nil {
			return nil, 0, err
		}
		since = page.Since
		return page.Next, len(page.Events), cmdline.Show(s.out, s.reply, page.Events, eventTable(page.Events))
	})
	if err == nil && since != nil {
		s.out.Say("Events before %s are no longer kept.", since.Time)
	}
	return err
}

// target is where a delivery goes.
func target(d *api.Delivery) string {
	if d.Split {
		return "split by the percentages"
	}
	return "for " + tagText(d.Tags)
}

// figureNames are the columns of a segment.
var figureNames = []string{"onHand", "allocated", "pending", "safetyStock", "available", "floor", "ltd"}

// recordTable has a row for each segment.
func recordTable(records []api.Record) *cmdline.Table {
	rows := taggedRows{head: cmdline.Text("upc", "location"), tail: cmdline.Figures(figureNames...)}
	for i := range records {
		rows.addSegments([]any{records[i].UPC, records[i].Location}, records[i].Segments)
	}
	return rows.table()
}

// addSegments adds a row for each segment.
func (r *taggedRows) addSegments(head []any, segments []api.Segment) {
	for i := range segments {
		g := &segments[i]
		r.add(head, g.Tags, g.OnHand, g.Allocated, g.Pending, g.SafetyStock, g.Available, g.Floor, g.LTD)
	}
}
