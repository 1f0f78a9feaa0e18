package remote

import (
	"context"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

func orderCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "order",
		Usage:     "show an order: its items, lines and history",
		ArgsUsage: "ORDER-ID",
		Description: `Shows a row for each segment that fills an item. With --history, shows what happened to the items, the oldest first.

Examples:
  apportion order W-1001
  apportion order W-1001 --history
  apportion rules explain W-1001           why it was filled so`,
		Flags: readFlags(&cli.BoolFlag{Name: "history", Usage: "show what happened, in place of the figures"}),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			order, err := s.server.Order(ctx, s.args[0], s.options()...)
			if err != nil {
				return err
			}
			table := linesTable
			if s.cmd.Bool("history") {
				table = historyTable
			}
			return cmdline.Show(s.out, s.reply, order.Items, table(order.Items))
		}, "ORDER-ID"),
	}
}

// linesTable has a row for each line of each item.
func linesTable(items []api.OrderItem) *cmdline.Table {
	rows := taggedRows{head: slices.Concat(cmdline.Text("itemId", "upc", "location"), cmdline.Figures("requested"),
		cmdline.Text("expiresAt")),
		tail: cmdline.Figures("allocated", "pending", "fulfilled", "returned", "released")}
	for i := range items {
		it := &items[i]
		for _, l := range it.Lines {
			rows.add([]any{it.ItemID, it.UPC, it.Location, it.Requested, text(it.ExpiresAt)}, l.Tags, l.Allocated,
				l.Pending, l.Fulfilled, l.Returned, l.Released)
		}
	}
	return rows.table()
}

// historyTable has a row for each movement of each item.
func historyTable(items []api.OrderItem) *cmdline.Table {
	rows := taggedRows{head: slices.Concat(cmdline.Text("itemId"), cmdline.Figures("index"),
		cmdline.Text("time", "type")), tail: cmdline.Figures("quantity")}
	for i := range items {
		for _, m := range items[i].History {
			rows.add([]any{items[i].ItemID, m.Index, m.Time, m.Type}, m.Tags, m.Quantity)
		}
	}
	return rows.table()
}
