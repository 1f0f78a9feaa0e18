package remote

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

func refreshCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "refresh",
		Usage:     "set what is on hand of a UPC at a location",
		ArgsUsage: "[LOCATION UPC]",
		Description: `Without a tag of a category with percents, the units are split by the percentages. What is not given stays as it is. A file
of many rows is loaded by 'apportion import'.

Examples:
  apportion refresh Retailer2 BC76845 --quantity 75 --tag Channel=Amazon --floor 66
  apportion refresh Retailer2 BC76846 --quantity 40 --delivery-date 2036-12-01T06:00:00Z
  apportion refresh --body refresh.json`,
		Flags: writeFlags(append(append(itemFlags("`UNITS` that are on hand"), noteFlags()...), &cli.StringFlag{
			Name: "count", Usage: "`NAME` of the open stock count that the units were counted in"})...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return action(stdout, func(ctx context.Context, s *session) error {
				body := api.Refresh{Count: s.cmd.String("count")}
				if err := s.item(&body, &body.Location, &body.Items); err != nil {
					return err
				}
				s.note(&body.Reason, &body.Reference)
				return s.changedStock(s.server.Refresh(ctx, body, s.options()...))
			}, itemNames(cmd)...)(ctx, cmd)
		},
	}
}

func adjustCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "adjust",
		Usage:     "change what is on hand of a UPC at a location",
		ArgsUsage: "[LOCATION UPC]",
		Description: `The quantity is added to what is on hand; it may be negative, but not so that on hand would fall below zero.

Examples:
  apportion adjust Retailer2 BC76845 --quantity -3 --tag Channel=Amazon --reason damaged
  apportion adjust --body adjust.json`,
		Flags: writeFlags(append(itemFlags("`UNITS` to add, or with a minus sign to take away"), noteFlags()...)...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return action(stdout, func(ctx context.Context, s *session) error {
				var body api.Adjust
				if err := s.item(&body, &body.Location, &body.Items); err != nil {
					return err
				}
				s.note(&body.Reason, &body.Reference)
				return s.changedStock(s.server.Adjust(ctx, body, s.options()...))
			}, itemNames(cmd)...)(ctx, cmd)
		},
	}
}

// itemFlags are those of a refresh or an adjust of one item.
func itemFlags(quantity string) []cli.Flag {
	return []cli.Flag{quantityFlag(quantity), tagFlag("tag", "a tag of the segment"),
		&cli.Int64Flag{Name: "safety-stock", Usage: "`UNITS` to hold back from sale", HideDefault: true},
		&cli.Int64Flag{Name: "floor", Usage: "`UNITS` below which the segment should be filled up",
			HideDefault: true},
		&cli.Int64Flag{Name: "ltd", Usage: "lifetime-to-date `DAYS`", HideDefault: true},
		&cli.StringFlag{Name: "delivery-date", Usage: "`TIME` when the units come on hand, RFC 3339"},
		bodyFlag()}
}

// noteFlags say why stock changes, or is blocked.
func noteFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "reason", Usage: "`WHY`: correction, count, received, damaged, shrinkage or any text; " +
			"the record's history shows it"},
		&cli.StringFlag{Name: "reference", Usage: "`TEXT` beside it, such as the number of a document"}}
}

// note puts the note of the flags over that of a body.
func (s *session) note(reason, reference *string) {
	if text := s.cmd.String("reason"); text != "" {
		*reason = text
	}
	if text := s.cmd.String("reference"); text != "" {
		*reference = text
	}
}

// itemNames are the arguments of a refresh or an adjust: none if its body has them.
func itemNames(cmd *cli.Command) []string {
	if cmd.IsSet("body") {
		return nil
	}
	return []string{"LOCATION", "UPC"}
}

// item reads one item from arguments and flags, or the body.
func (s *session) item(body any, location *string, items *[]api.StockItem) error {
	if whole, err := s.body(body); whole || err != nil {
		return err
	}
	if err := s.needs("quantity"); err != nil {
		return err
	}
	tags, err := cmdline.Pairs(s.cmd, "tag")
	*location = s.args[0]
	*items = []api.StockItem{{UPC: s.args[1], Tags: tags, Quantity: s.cmd.Int64("quantity"),
		SafetyStock: s.given("safety-stock"), Floor: s.given("floor"), LTD: s.given("ltd"),
		DeliveryDate: s.cmd.String("delivery-date")}}
	return err
}

func transferCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "transfer",
		Usage:     "move available units between segments or locations",
		ArgsUsage: "[UPC]",
		Description: `Moves units that nobody was promised. Without --to, between two segments of the record at --from.

Examples:
  apportion transfer BC76845 --quantity 3 --from Retailer2 --from-tag Channel=Amazon --to-tag Channel=eBay
  apportion transfer BC76845 --quantity 20 --from Warehouse1 --to Retailer2
  apportion transfer --body transfer.json`,
		Flags: writeFlags(quantityFlag("`UNITS` to move"),
			&cli.StringFlag{Name: "from", Usage: "`LOCATION` that gives the units"},
			tagFlag("from-tag", "a tag of the segment that gives them"),
			&cli.StringFlag{Name: "to", Usage: "`LOCATION` that gets them; default: the one that gives them"},
			tagFlag("to-tag", "a tag of the segment that gets them"), noteFlags()[0], noteFlags()[1], bodyFlag()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			names := []string{"UPC"}
			if cmd.IsSet("body") {
				names = nil
			}
			return action(stdout, func(ctx context.Context, s *session) error {
				body, err := s.transfer()
				if err != nil {
					return err
				}
				s.note(&body.Reason, &body.Reference)
				return s.changedStock(s.server.Transfer(ctx, *body, s.options()...))
			}, names...)(ctx, cmd)
		},
	}
}

// transfer makes the body of a transfer.
func (s *session) transfer() (*api.Transfer, error) {
	body := new(api.Transfer)
	if whole, err := s.body(body); whole || err != nil {
		return body, err
	}
	if err := s.needs("quantity", "from"); err != nil {
		return nil, err
	}
	from, err := cmdline.Pairs(s.cmd, "from-tag")
	if err != nil {
		return nil, err
	}
	to, err := cmdline.Pairs(s.cmd, "to-tag")
	item := api.TransferItem{UPC: s.args[0], Quantity: s.cmd.Int64("quantity"),
		From: api.Place{Location: s.cmd.String("from"), Tags: from},
		To:   api.Place{Location: s.cmd.String("to"), Tags: to}}
	if item.To.Location == "" {
		item.To.Location = item.From.Location
	}
	body.Items = []api.TransferItem{item}
	return body, err
}

func blockCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "block",
		Usage:     "mark records at a location as blocked, or clear the mark",
		ArgsUsage: "LOCATION UPC",
		Description: `Those who choose a location for an order item skip a blocked record. An allocate that names the record gets units all the same.
'apportion list --state blocked' shows them.

Examples:
  apportion block Retailer2 BC76845 --reason damaged --reference "case 12"
  apportion block Retailer2 BC76845 --clear`,
		Flags: writeFlags(append(noteFlags(), &cli.BoolFlag{Name: "clear", Usage: "clear the mark"})...),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			body := api.Block{Location: s.args[0],
				Items: []api.BlockItem{{UPC: s.args[1], Blocked: !s.cmd.Bool("clear")}}}
			s.note(&body.Reason, &body.Reference)
			return s.changedStock(s.server.Block(ctx, body, s.options()...))
		}, "LOCATION", "UPC"),
	}
}

// changedStock shows the reply to a change of stock.
func (s *session) changedStock(done *api.ChangedStock, err error) error {
	if err != nil {
		return err
	}
	table := &cmdline.Table{Columns: cmdline.Figures("asOf", "items", "records", "units")}
	table.Add(done.AsOf, done.Items, done.Records, done.Units)
	if err := cmdline.Show(s.out, s.reply, []*api.ChangedStock{done}, table); err != nil {
		return err
	}
	for _, short := range done.Shortfalls {
		s.out.Say("%s: %d were counted, and since the start of the count %d more have gone: on hand is 0, count again",
			short.UPC, short.Counted, short.Units)
	}
	return nil
}
