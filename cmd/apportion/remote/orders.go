package remote

import (
	"context"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

func ordersCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "orders",
		Usage: "list orders, those that changed longest ago first",
		Description: `Shows the items that the flags pick, with the units that each holds. What is stuck comes first.

Examples:
  apportion orders --state open --older-than 24h
  apportion orders --state open --upc BC76845 --location Retailer2       which orders hold this record
  apportion orders --state pending --limit 1000 --output csv`,
		Flags: readFlags(append(append(filterFlags(), &cli.StringFlag{Name: "state", Value: "all",
			Usage: "only orders in this `STATE`: open (hold units), reserved, pending, closed or all"}),
			limitFlags("show", "ORDERS")...)...),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			filter := client.OrderFilter{State: s.cmd.String("state"), UPC: s.cmd.String("upc"),
				Location: s.cmd.String("location"), OlderThan: s.cmd.Duration("older-than")}
			return s.pages(func(cursor string, limit int64) (*string, int, error) {
				list, err := s.server.Orders(ctx, filter, cursor, limit, s.options()...)
				if err != nil {
					return nil, 0, err
				}
				return list.Next, len(list.Orders), cmdline.Show(s.out, s.reply, list.Orders, heldTable(list.Orders))
			})
		}),
	}
}

// filterFlags are those that pick orders, but for their state.
func filterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "upc", Usage: "only items of this `UPC`"},
		&cli.StringFlag{Name: "location", Usage: "only items at this `LOCATION`"},
		&cli.DurationFlag{Name: "older-than", Usage: "only orders that have not changed for this `TIME`",
			HideDefault: true},
	}
}

// heldTable has a row for each segment that an item holds units of, or one for an item that holds none.
func heldTable(orders []api.ListedOrder) *cmdline.Table {
	rows := taggedRows{head: slices.Concat(cmdline.Text("changed", "orderId", "itemId", "upc", "location"),
		cmdline.Figures("requested"), cmdline.Text("expiresAt")), tail: cmdline.Figures("allocated", "pending")}
	for i := range orders {
		o := &orders[i]
		for _, it := range o.Items {
			head := []any{o.Changed.Time, o.OrderID, it.ItemID, it.UPC, it.Location, it.Requested, text(it.ExpiresAt)}
			for _, line := range it.Lines {
				rows.add(head, line.Tags, line.Allocated, line.Pending)
			}
			if len(it.Lines) == 0 {
				rows.add(head, nil, it.Allocated, it.Pending)
			}
		}
	}
	return rows.table()
}
