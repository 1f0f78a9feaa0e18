package remote

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// The commands that change an order: each is about all that is left of it, or about items.

func confirmCommand(stdout io.Writer) *cli.Command {
	return changeCommand(stdout, "confirm", "make the reservations of an order firm", "  apportion confirm W-1003",
		(*client.Client).Confirm)
}

func fulfillCommand(stdout io.Writer) *cli.Command {
	return changeCommand(stdout, "fulfill", "ship units of an order", "  apportion fulfill W-1001\n"+
		"  apportion fulfill W-1001 --item 1 --item 2=3", (*client.Client).Fulfill)
}

const changeDescription = `Without --item it is about all that is left of the order, and an item without a quantity about all that is left of it. All
items or none: exit status 3 if the server refuses.

Examples:
`

type changeOrder func(*client.Client, context.Context, string, api.ChangeOrder, ...client.Option) (*api.ChangedOrder,
	error)

func changeCommand(stdout io.Writer, name, usage, examples string, change changeOrder) *cli.Command {
	return &cli.Command{
		Name:        name,
		Usage:       usage,
		ArgsUsage:   "ORDER-ID",
		Description: changeDescription + examples,
		Flags:       writeFlags(itemFlag(), bodyFlag()),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			var body api.ChangeOrder
			if _, err := s.bodyWithoutItems(&body); err != nil {
				return err
			}
			for _, item := range s.cmd.StringSlice("item") {
				id, quantity := itemOf(item)
				body.Lines = append(body.Lines, api.ChangeLine{ItemID: id, Quantity: quantity})
			}
			return s.changedOrder(change(s.server, ctx, s.args[0], body, s.options()...))
		}, "ORDER-ID"),
	}
}

// bodyWithoutItems is body for a command whose items could be in both places.
func (s *session) bodyWithoutItems(into any) (bool, error) {
	if s.cmd.IsSet("item") && s.cmd.IsSet("body") {
		return false, cmdline.Usage(fmt.Errorf("expected --item or --body, got both"))
	}
	return s.body(into)
}

func itemFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "item", Usage: "only this `ITEM`, or so many units of it (ITEM=UNITS); may be " +
		"repeated"}
}

// itemOf splits ITEM=UNITS. What is no number behind the last = belongs to the id.
func itemOf(text string) (id string, quantity int64) {
	if at := strings.LastIndexByte(text, '='); at >= 0 {
		if units, err := strconv.ParseInt(text[at+1:], 10, 64); err == nil {
			return text[:at], units
		}
	}
	return text, 0
}

func returnCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "return",
		Usage:     "put shipped units of an order back on hand",
		ArgsUsage: "ORDER-ID",
		Description: `Each unit goes back to the segment that it came from; --location and --tag name another one. Goods of an order that was
never allocated here need --upc and --location, and one --item with its units.

Examples:
  apportion return W-1001
  apportion return W-1001 --item 1=1 --tag Condition=Defective
  apportion return unknown-77 --item 1=1 --upc BC76845 --location Retailer2`,
		Flags: writeFlags(itemFlag(),
			&cli.StringFlag{Name: "location", Usage: "`LOCATION` that the units came back to"},
			tagFlag("tag", "a tag of the segment that gets them"),
			&cli.StringFlag{Name: "upc", Usage: "`UPC` of goods whose order is unknown"}, bodyFlag()),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			body, err := s.returned()
			if err != nil {
				return err
			}
			return s.changedOrder(s.server.Return(ctx, s.args[0], *body, s.options()...))
		}, "ORDER-ID"),
	}
}

// returned makes the body of a return.
func (s *session) returned() (*api.ReturnOrder, error) {
	body := new(api.ReturnOrder)
	if whole, err := s.bodyWithoutItems(body); whole || err != nil {
		return body, err
	}
	items := s.cmd.StringSlice("item")
	tags, err := cmdline.Pairs(s.cmd, "tag")
	if err != nil {
		return nil, err
	}
	line := api.ReturnLine{UPC: s.cmd.String("upc"), Location: s.cmd.String("location"), Tags: tags}
	if len(items) == 0 && (line.UPC != "" || line.Location != "" || tags != nil) {
		return nil, cmdline.Usage(fmt.Errorf("--upc, --location and --tag need the --item that they are for"))
	}
	for _, item := range items {
		line.ItemID, line.Quantity = itemOf(item)
		body.Lines = append(body.Lines, line)
	}
	return body, nil
}

// changedOrder shows what became of the lines of an order.
func (s *session) changedOrder(done *api.ChangedOrder, err error) error {
	if err != nil {
		return err
	}
	table := &cmdline.Table{Columns: append(append(cmdline.Text("itemId", "outcome", "code"),
		cmdline.Figures("requested", "quantity", "pending")...), cmdline.Text("repeated", "reason", "segments")...)}
	for i := range done.Lines {
		l := &done.Lines[i]
		table.Add(l.ItemID, l.Outcome, l.Code, l.Requested, l.Quantity, l.Pending, l.Repeated, l.Reason,
			partsText(l.Segments))
	}
	s.out.Say("order %s at log index %d", done.OrderID, done.AsOf)
	return cmdline.Show(s.out, s.reply, done.Lines, table)
}
