package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

const allocateDescription = `Promises units of one item with flags, or of several with --body. A line that cannot be met is refused: exit status 3. With
--mode line or partial, other lines may be met all the same.

Examples:
  apportion allocate W-1001 --upc BC76845 --location Retailer2 --quantity 2 --tag Channel=Amazon
  apportion allocate W-1002 --upc BC76845 --location Retailer2 --quantity 9 --backorder
  apportion allocate W-1003 --upc BC76845 --location Retailer2 --quantity 1 --expires 15m     a reservation
  apportion allocate W-1004 --body order.json`

func allocateCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "allocate",
		Usage:       "promise units to the items of an order",
		ArgsUsage:   "ORDER-ID",
		Description: allocateDescription,
		Flags: writeFlags(
			&cli.StringFlag{Name: "item", Value: "1", Usage: "`ID` of the item"},
			&cli.StringFlag{Name: "upc", Usage: "`UPC` of the item"},
			&cli.StringFlag{Name: "location", Usage: "`LOCATION` of the stock"},
			quantityFlag("`UNITS` that the item asks for"), tagFlag("tag", "a tag of the segment"),
			&cli.StringSliceFlag{Name: "attribute", Usage: "an attribute for rules, `NAME=VALUE`; may be repeated"},
			&cli.StringFlag{Name: "mode", Value: "all", Usage: "`MODE`: all (everything or nothing), line (each " +
				"line in full or not) or partial (what there is)"},
			&cli.BoolFlag{Name: "backorder", Usage: "promise missing units too, as pending"},
			&cli.StringFlag{Name: "expires", Usage: "reserve only, until this `TIME` (RFC 3339) or for a " +
				"duration (15m)"},
			bodyFlag()),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			body, err := s.allocate(time.Now())
			if err != nil {
				return err
			}
			done, err := s.server.Allocate(ctx, s.args[0], *body, s.options()...)
			if err != nil {
				return s.refusedLines(err)
			}
			s.out.Say("order %s at log index %d", done.OrderID, done.AsOf)
			return s.allocated(done.Lines)
		}, "ORDER-ID"),
	}
}

// allocate makes the body of an allocate.
func (s *session) allocate(now time.Time) (*api.Allocate, error) {
	body := new(api.Allocate)
	if whole, err := s.body(body); whole || err != nil {
		return body, err
	}
	if err := s.needs("upc", "location", "quantity"); err != nil {
		return nil, err
	}
	tags, err := cmdline.Pairs(s.cmd, "tag")
	if err != nil {
		return nil, err
	}
	attributes, err := cmdline.Pairs(s.cmd, "attribute")
	if err != nil {
		return nil, err
	}
	expires := s.cmd.String("expires")
	if hold, err := time.ParseDuration(expires); err == nil {
		expires = now.Add(hold).UTC().Format(time.RFC3339Nano)
	} else if _, err := time.Parse(time.RFC3339, expires); err != nil && expires != "" {
		return nil, cmdline.Usage(fmt.Errorf("--expires %q: expected a time (2026-11-30T12:00:00Z) or a duration (15m)",
			expires))
	}
	*body = api.Allocate{Mode: s.cmd.String("mode"), Backorder: s.cmd.Bool("backorder"), ExpiresAt: expires,
		Lines: []api.AllocateLine{{ItemID: s.cmd.String("item"), UPC: s.cmd.String("upc"),
			Location: s.cmd.String("location"), Quantity: s.cmd.Int64("quantity"), Tags: tags,
			Attributes: attributes}}}
	return body, nil
}

// refusedLines shows the lines of an order that was refused as a whole.
func (s *session) refusedLines(err error) error {
	problem, ok := problemOf(err)
	if !ok {
		return err
	}
	lines := client.RefusedLines(problem)
	if len(lines) == 0 {
		return err
	}
	if s.reply, _ = json.Marshal(problem); s.reply == nil {
		return err
	}
	if shown := s.allocated(lines); cmdline.Status(shown) == cmdline.ExitFailed {
		return shown
	}
	return err
}

// allocated shows what the lines of an order got. It fails if one was refused.
func (s *session) allocated(lines []api.AllocatedLine) error {
	table := &cmdline.Table{Columns: append(append(cmdline.Text("itemId", "outcome", "code"),
		cmdline.Figures("requested", "allocated", "pending", "available")...),
		cmdline.Text("repeated", "rule", "reason", "segments")...)}
	refused := false
	for i := range lines {
		l := &lines[i]
		refused = refused || l.Outcome == "refused"
		table.Add(l.ItemID, l.Outcome, l.Code, l.Requested, l.Allocated, l.Pending, figure(l.Available), l.Repeated,
			l.Rule, l.Reason, partsText(l.Segments))
	}
	err := cmdline.Show(s.out, s.reply, lines, table)
	if err == nil && refused {
		return cmdline.ErrRefused
	}
	return err
}
