package remote

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

// manyFlags pick the orders of a deallocate without an ORDER-ID, or say how many.
var manyFlags = []string{"state", "upc", "location", "older-than", "dry-run", "limit", "cursor"}

func deallocateCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "deallocate",
		Usage:     "release units of an order, or of all orders that a filter finds",
		ArgsUsage: "[ORDER-ID]",
		Description: `Without --item it is about all that the order still holds, and an item without a quantity about all that the item still holds.
All items or none: exit status 3 if the server refuses.

Without an ORDER-ID it is about the orders that --state, --upc, --location and --older-than pick; one of them is needed. --dry-run
shows what would be released. An order that changes meanwhile is left alone: exit status 3.

Examples:
  apportion deallocate W-1001
  apportion deallocate W-1001 --item 1=2 --reason "customer changed her mind"
  apportion deallocate --state pending --older-than 48h --dry-run
  apportion deallocate --state pending --older-than 48h --reason stuck --limit 1000`,
		Flags: writeFlags(slices.Concat([]cli.Flag{itemFlag(),
			&cli.StringFlag{Name: "reason", Usage: "`WHY`; the history of the items shows it"}, bodyFlag()},
			filterFlags(), []cli.Flag{
				&cli.StringFlag{Name: "state", Usage: "only orders in this `STATE`: open (hold units), reserved or " +
					"pending", DefaultText: "open"},
				&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be released"}},
			limitFlags("release", "ORDERS"))...),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Len() == 0 {
				return action(stdout, deallocateMany)(ctx, cmd)
			}
			return action(stdout, deallocateOne, "ORDER-ID")(ctx, cmd)
		},
	}
}

func deallocateOne(ctx context.Context, s *session) error {
	for _, flag := range manyFlags {
		if s.cmd.IsSet(flag) {
			return cmdline.Usage(fmt.Errorf("--%s is for a deallocate without an ORDER-ID", flag))
		}
	}
	var body api.DeallocateOrder
	if _, err := s.bodyWithoutItems(&body); err != nil {
		return err
	}
	for _, item := range s.cmd.StringSlice("item") {
		id, quantity := itemOf(item)
		body.Lines = append(body.Lines, api.ChangeLine{ItemID: id, Quantity: quantity})
	}
	if reason := s.cmd.String("reason"); reason != "" {
		body.Reason = reason
	}
	return s.changedOrder(s.server.Deallocate(ctx, s.args[0], body, s.options()...))
}

func deallocateMany(ctx context.Context, s *session) error {
	for _, flag := range []string{"item", "body", "key"} {
		if s.cmd.IsSet(flag) {
			return cmdline.Usage(fmt.Errorf("--%s needs the ORDER-ID that it is for", flag))
		}
	}
	if !slices.ContainsFunc(manyFlags[:4], s.cmd.IsSet) {
		return cmdline.Usage(fmt.Errorf("expected an ORDER-ID, or one of --state, --upc, --location and --older-than\n"+
			"Run '%s --help' for an example", s.cmd.FullName()))
	}
	body := api.DeallocateMany{State: s.cmd.String("state"), UPC: s.cmd.String("upc"),
		Location: s.cmd.String("location"), Reason: s.cmd.String("reason"), DryRun: s.cmd.Bool("dry-run"),
		OlderThanSeconds: int64(s.cmd.Duration("older-than") / time.Second)}
	if body.State == "" {
		body.State = "open"
	}
	skipped := 0
	err := s.pages(func(cursor string, limit int64) (*string, int, error) {
		body.Cursor, body.Limit = cursor, limit
		done, err := s.server.DeallocateMany(ctx, body, s.options()...)
		if err != nil {
			return nil, 0, err
		}
		skipped += len(done.Skipped)
		return done.Next, len(done.Released) + len(done.Skipped), s.deallocated(done)
	})
	if err == nil && skipped > 0 {
		return cmdline.ErrRefused
	}
	return err
}

// deallocated shows what was, or would be, released.
func (s *session) deallocated(done *api.DeallocatedMany) error {
	text := "released"
	if done.DryRun {
		text = "would be released"
	}
	s.out.Say("%s %s", figureText(int64(len(done.Released)), "order"), text)
	for _, order := range done.Skipped {
		s.out.Say("order %s was left alone: %s (%s)", order.OrderID, order.Detail, order.Code)
	}
	return cmdline.Show(s.out, s.reply, done.Released, heldTable(done.Released))
}
