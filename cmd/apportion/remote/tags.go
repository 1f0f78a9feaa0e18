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
)

func tagsCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "tags",
		Usage: "show and change the tag categories",
		Description: `Examples:
  apportion tags list
  apportion tags put Channel --value Kibo=80 --value Amazon=10.5 --value eBay=9.5
  apportion tags put Season --value Summer --value Winter
  apportion tags delete Season --move-to Summer`,
		Commands: []*cli.Command{tagsListCommand(stdout), tagsPutCommand(stdout), tagsDeleteCommand(stdout)},
		Action:   cmdline.GroupAction,
	}
}

func tagsListCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "show all tag categories with their values",
		Description: `Shows each category with its values by rank.

Example:
  apportion tags list`,
		Flags: readFlags(),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			all, err := s.server.TagCategories(ctx, s.options()...)
			if err != nil {
				return err
			}
			if len(all.Categories) == 0 {
				s.out.Say("There are no tag categories. 'apportion tags put NAME --value VALUE' makes one.")
			}
			table := &cmdline.Table{Columns: append(append(cmdline.Text("category", "value"),
				cmdline.Figures("percent", "min", "max")...), cmdline.Text("default", "rounding")...)}
			for _, c := range all.Categories {
				for _, v := range c.Values {
					var percent any
					if v.Percent != nil {
						percent = *v.Percent
					}
					table.Add(c.Name, v.Value, percent, v.Min, figure(v.Max), v.Default, c.Rounding)
				}
			}
			return cmdline.Show(s.out, s.reply, all.Categories, table)
		}),
	}
}

func tagsPutCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "put",
		Usage:     "make a tag category, or replace its definition",
		ArgsUsage: "NAME",
		Description: `The values come by rank. Either all have a percent, 100 in sum, or none has. What has min and max is put with --body.

Examples:
  apportion tags put Channel --value Kibo=80 --value Amazon=10.5 --value eBay=9.5 --default Kibo
  apportion tags put Channel --value Kibo=90 --value Amazon=10 --move-to eBay=Amazon
  apportion tags put Channel --value Kibo=70 --value Amazon=30 --dry-run
  apportion tags put Channel --body channel.json`,
		Flags: writeFlags(
			&cli.StringSliceFlag{Name: "value", Usage: "`VALUE` or VALUE=PERCENT; repeated, by rank"},
			&cli.StringFlag{Name: "default", Usage: "`VALUE` that counts where none is named; default: the first one"},
			&cli.StringFlag{Name: "rounding", Usage: "`HOW` fractions become whole units: largest-remainder or " +
				"unbiased"},
			&cli.StringSliceFlag{Name: "move-to", Usage: "what the stock of a value that leaves goes to, " +
				"`OLD=NEW`; may be repeated"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what it, and a redistribution after it, would move"},
			bodyFlag()),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			body, err := s.category()
			if err != nil {
				return err
			}
			body.DryRun = body.DryRun || s.cmd.Bool("dry-run")
			return s.changedSchema(s.server.PutTagCategory(ctx, s.args[0], *body, s.options()...))
		}, "NAME"),
	}
}

// category makes the body of a tag category.
func (s *session) category() (*api.PutTagCategory, error) {
	body := new(api.PutTagCategory)
	if whole, err := s.body(body); whole || err != nil {
		return body, err
	}
	if err := s.needs("value"); err != nil {
		return nil, err
	}
	moveTo, err := cmdline.Pairs(s.cmd, "move-to")
	if err != nil {
		return nil, err
	}
	*body = api.PutTagCategory{Rounding: s.cmd.String("rounding"), MoveTo: moveTo}
	for i, value := range s.cmd.StringSlice("value") {
		name, percent, hasPercent := strings.Cut(value, "=")
		v := api.TagValue{Value: name, Default: i == 0}
		if preset := s.cmd.String("default"); preset != "" {
			v.Default = name == preset
		}
		if hasPercent {
			share, err := strconv.ParseFloat(percent, 64)
			if err != nil {
				return nil, cmdline.Usage(fmt.Errorf("--value %q: expected VALUE or VALUE=PERCENT", value))
			}
			v.Percent = &share
		}
		body.Values = append(body.Values, v)
	}
	return body, nil
}

func tagsDeleteCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "remove a tag category",
		ArgsUsage: "NAME",
		Description: `Segments that differ in this category alone become one. --move-to names the value whose segments take the stock of the others.

Example:
  apportion tags delete Season --move-to Summer`,
		Flags: writeFlags(&cli.StringFlag{Name: "move-to",
			Usage: "`VALUE` that keeps its stock, and takes the others'"}),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			moveTo := s.cmd.String("move-to")
			return s.changedSchema(s.server.DeleteTagCategory(ctx, s.args[0], moveTo, s.options()...))
		}, "NAME"),
	}
}

// changedSchema shows what moved because of a change of a category.
func (s *session) changedSchema(done *api.ChangedSchema, err error) error {
	if err != nil {
		return err
	}
	table := &cmdline.Table{Columns: append(cmdline.Text("name"), cmdline.Figures("asOf", "records", "units",
		"promised")...)}
	table.Add(done.Name, done.AsOf, done.Records, done.Units, done.Promised)
	if err := cmdline.Show(s.out, s.reply, []*api.ChangedSchema{done}, table); err != nil || !done.DryRun {
		return err
	}
	r := done.Redistribution
	s.out.Say("a dry run: nothing was changed. A redistribution after it would move %s in %d of %s",
		figureText(r.Units, "unit"), r.Changed, figureText(r.Records, "record"))
	if r.ByRule > 0 {
		s.out.Say("%s of a redistribute rule not counted", figureText(r.ByRule, "record"))
	}
	return nil
}

// figureText is a figure with its noun.
func figureText(figure int64, noun string) string {
	if figure != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", figure, noun)
}
