package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

func fileFlag() cli.Flag {
	return &cli.StringFlag{Name: "file", Usage: "try the source in `FILE.lua` in place of a stored version; - is " +
		"the standard input"}
}

func ruleDryRunCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "dry-run",
		Usage:     "show how a rule would decide about an item now, without effect",
		ArgsUsage: "NAME",
		Description: `Asks the rule about the present stock, or about stock in a file: {"segments":[{"tags":{"Channel":"Web"},"onHand":5}]}.

Examples:
  apportion rules dry-run vip-first --upc BC76845 --location Retailer2 --quantity 25 --tag Channel=Amazon
  apportion rules dry-run vip-first --file vip-first.lua --upc BC76845 --location Retailer2 --attribute tier=gold
  apportion rules dry-run ranked --hook redistribute --upc BC76845 --location Retailer2`,
		Flags: cmdline.ReportFlags(versionFlag(), fileFlag(),
			&cli.StringFlag{Name: "hook", Usage: "`HOOK`, select or redistribute; default: select"},
			&cli.StringFlag{Name: "upc", Usage: "`UPC` of the item", Required: true},
			&cli.StringFlag{Name: "location", Usage: "`LOCATION` of the stock", Required: true},
			&cli.Int64Flag{Name: "quantity", Value: 1, Usage: "`UNITS` that the item asks for"},
			&cli.StringSliceFlag{Name: "tag", Usage: "a tag of the item, `CATEGORY=VALUE`; may be repeated"},
			&cli.StringSliceFlag{Name: "attribute", Usage: "an attribute of the item, `NAME=VALUE`; may be " +
				"repeated"},
			&cli.StringFlag{Name: "order-id", Usage: "`ID` of the order, also the seed of math.random"},
			&cli.StringFlag{Name: "item-id", Usage: "`ID` of the item"},
			&cli.StringFlag{Name: "record", Usage: "ask about the stock in `FILE.json` instead of the real record"}),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			body, err := dryRunOf(cmd)
			if err != nil {
				return err
			}
			var reply []byte
			done, err := server.DryRunRule(ctx, args[0], *body, client.Reply(&reply))
			if err != nil {
				return inSource(cmd.String("file"), err)
			}
			if !cmdline.PrintJSON(cmd, stdout, reply) {
				printDryRun(stdout, done)
			}
			return nil
		}, "NAME"),
	}
}

// dryRunOf makes the body of a dry run from the flags.
func dryRunOf(cmd *cli.Command) (*api.DryRunRule, error) {
	tags, err := cmdline.Pairs(cmd, "tag")
	if err != nil {
		return nil, err
	}
	attributes, err := cmdline.Pairs(cmd, "attribute")
	if err != nil {
		return nil, err
	}
	source, err := sourceOf(cmd)
	if err != nil {
		return nil, err
	}
	quantity := cmd.Int64("quantity")
	body := &api.DryRunRule{Version: cmdline.Given(int64(cmd.Int("version"))), Source: source,
		Hook: cmdline.Given(cmd.String("hook")),
		Item: api.DryRunItem{OrderID: cmdline.Given(cmd.String("order-id")),
			ItemID: cmdline.Given(cmd.String("item-id")), UPC: cmd.String("upc"),
			Location: cmd.String("location"), Quantity: &quantity, Tags: tags, Attributes: attributes}}
	if file := cmd.String("record"); file != "" {
		body.Record = new(api.DryRunRecord)
		return body, cmdline.ReadJSON("a record", file, body.Record)
	}
	return body, nil
}

// sourceOf reads the file of --file, which replaces a stored version. It is nil without the flag.
func sourceOf(cmd *cli.Command) (*api.Source, error) {
	file := cmd.String("file")
	if file == "" {
		return nil, nil
	}
	if cmd.Int("version") != 0 {
		return nil, cmdline.Usage(fmt.Errorf("expected --version or --file, got both"))
	}
	source, err := cmdline.ReadFile("a rule", file)
	text := api.Source(source)
	return &text, err
}

func printDryRun(w io.Writer, d *api.DryRun) {
	fmt.Fprintf(w, "%s, %s at log index %d: %d steps, %d bytes, %d us\n", ruleName(d.Rule, d.Version), d.Hook, d.AsOf,
		d.Steps, d.MemoryBytes, d.Micros)
	if d.Output != "" {
		fmt.Fprintf(w, "it printed:\n%s\n", indent(d.Output))
	}
	switch {
	case d.Error != "":
		fmt.Fprintf(w, "it fails: %s\n", d.Error)
	case d.Refused:
		fmt.Fprintf(w, "it refuses the item: %s\n", d.Reason)
	case d.Unchanged:
		fmt.Fprintf(w, "it leaves the record as it is: %s\n", d.Reason)
	case d.Hook == "redistribute":
		rows := [][]string{{"SEGMENT", "AVAILABLE", "WOULD BE"}}
		for _, t := range d.Targets {
			rows = append(rows, []string{tagText(t.Tags), fmt.Sprint(t.Before), fmt.Sprint(t.After)})
		}
		printFigures(w, rows)
	default:
		fmt.Fprintf(w, "%d of %d units would be taken, %d are missing\n", d.Taken, d.Requested, d.Missing)
		var candidates []api.Candidate
		for _, c := range d.Candidates {
			candidates = append(candidates, api.Candidate{Tags: c.Tags, Keep: &c.Keep, Max: &c.Max,
				Available: c.Available, Taken: c.Taken, Why: c.Why})
		}
		printCandidates(w, "", candidates)
	}
}

func ruleExplainCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "show why the items of an order were filled from their segments",
		ArgsUsage: "ORDER-ID",
		Description: `Shows the explanation that was recorded at the allocation: the rule and version that decided, or the native path, the candidates
with their figures of that moment, and the units from each candidate.

Example:
  apportion rules explain W-1001`,
		Flags: cmdline.ReportFlags(),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			var reply []byte
			order, err := server.Explain(ctx, args[0], client.Reply(&reply))
			if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
				fmt.Fprintf(stdout, "order %s\n", order.OrderID)
				printExplained(stdout, "  ", order.Items)
			}
			return err
		}, "ORDER-ID"),
	}
}

func printExplained(w io.Writer, margin string, items []api.ItemExplanation) {
	for i := range items {
		it := &items[i]
		fmt.Fprintf(w, "%sitem %s: %d of %s at %s, %s; %s\n", margin, it.ItemID, it.Requested, it.UPC, it.Location,
			tagText(it.Tags), decidedBy(it))
		printCandidates(w, margin+"  ", it.Candidates)
		if it.Pending > 0 {
			fmt.Fprintf(w, "%s  %d units wait for stock\n", margin, it.Pending)
		}
	}
}

// decidedBy tells which rule or path decided about an item, when, and with which outcome.
func decidedBy(it *api.ItemExplanation) string {
	text := "by its own segment (no rule)"
	switch it.Path {
	case "rule":
		text = fmt.Sprintf("by %s: %s", ruleName(it.Rule, it.Version), it.Outcome)
	case "expired":
		text = "the explanation has expired"
	}
	if it.Reason != "" {
		text += ", " + it.Reason
	}
	if it.Code != "" {
		text += ", " + it.Code
	}
	if it.Index > 0 {
		text += fmt.Sprintf("; log index %d", it.Index)
	}
	if it.Time != "" {
		text += ", " + it.Time
	}
	return text
}

func printCandidates(w io.Writer, margin string, candidates []api.Candidate) {
	if len(candidates) == 0 {
		return
	}
	rows := [][]string{{margin + "SEGMENT", "KEEP", "MAX", "AVAILABLE", "TAKEN", "WHY"}}
	bounded := false // by the rule
	for _, c := range candidates {
		var keep, most int64
		if c.Keep != nil && c.Max != nil {
			keep, most = *c.Keep, *c.Max
		}
		mostText := "-"
		if most > 0 {
			mostText = fmt.Sprint(most)
		}
		bounded = bounded || keep > 0 || most > 0
		rows = append(rows, []string{margin + tagText(c.Tags), fmt.Sprint(keep), mostText, fmt.Sprint(c.Available),
			fmt.Sprint(c.Taken), c.Why})
	}
	if !bounded {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 1, 3)
		}
	}
	printFigures(w, rows)
}
