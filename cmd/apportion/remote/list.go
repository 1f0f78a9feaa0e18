package remote

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/client"
)

func listCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list records with their segments",
		Description: `Shows the records that all flags pick, by location and UPC, or by UPC where a part of one is searched for.

Examples:
  apportion list --location Retailer2 --limit 0
  apportion list --search 768 --tag Channel=Amazon
  apportion list --state below-floor --limit 0 --output csv`,
		Flags: readFlags(append(append(recordFlags(),
			&cli.StringFlag{Name: "sort", Usage: "`ORDER` of the records: location or upc"}),
			limitFlags("show", "RECORDS")...)...),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			filter, err := recordFilter(s.cmd)
			if err != nil {
				return err
			}
			filter.Sort = s.cmd.String("sort")
			return s.pages(func(cursor string, limit int64) (*string, int, error) {
				page, err := s.server.ListRecords(ctx, filter, cursor, limit, s.options()...)
				if err != nil {
					return nil, 0, err
				}
				records := page.Records
				return page.Next, len(records), cmdline.Show(s.out, s.reply, records, recordTable(records))
			})
		}),
	}
}

// recordFlags pick records.
func recordFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "location", Usage: "only records at this `LOCATION`"},
		&cli.StringFlag{Name: "upc", Usage: "only records of this `UPC`"},
		&cli.StringFlag{Name: "search", Usage: "only records whose UPC contains this `TEXT`"},
		tagFlag("tag", "only segments with this tag"),
		&cli.StringFlag{Name: "state", Usage: "only records in this `STATE`: sold-out, below-floor, " +
			"below-safety, negative, due or blocked"},
	}
}

// recordFilter is what those flags pick.
func recordFilter(cmd *cli.Command) (client.RecordFilter, error) {
	tags, err := cmdline.Pairs(cmd, "tag")
	return client.RecordFilter{Location: cmd.String("location"), UPC: cmd.String("upc"), Search: cmd.String("search"),
		State: cmd.String("state"), Tags: tags}, err
}
