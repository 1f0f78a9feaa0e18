package main

import (
	"context"
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"

	"apportion/bench/replay"
	"apportion/cmd/apportion/cmdline"
	"apportion/engine"
	"apportion/httpapi"
)

const replayDescription = `Drives a running server with a file of order lines, and checks the stock at the end against an independent count of the
file. The file is CSV with the columns InvoiceNo, StockCode, Quantity, CustomerID and Country, such as the UCI "Online Retail"
data set.

Countries become the values of a tag category, with percents from the file. Each stock code gets opening stock at one location.
Then each invoice is allocated and shipped, and each cancellation is returned into the segment that the goods came from. Exit
status 1 if the stock differs from the count.

Examples:
  apportion replay-orders bench/testdata/sample-orders.csv
  apportion replay-orders --target http://stock.example:8080 --opening 150 orders.csv
  apportion replay-orders --category Country orders.csv      beside the demo catalogue, which has Channel`

// The load generators know the server only by HTTP. Their requests have to keep to its limits.
const (
	_ = uint(engine.OrderLinesMax - replay.OrderLinesMax)
	_ = uint(engine.RefreshItemsMax - replay.RefreshItemsMax)
	_ = uint(httpapi.QueryItemsMax - replay.QueryItemsMax)
)

func replayCommand(stdout, stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "replay-orders",
		Usage:       "drive a running server with a file of orders, and check the sums",
		ArgsUsage:   "FILE.csv",
		Description: replayDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "target", Value: "http://127.0.0.1:8080", Usage: "`URL` of the server",
				Sources: cmdline.Env("target")},
			cmdline.TokenFlag(),
			&cli.StringFlag{Name: "location", Value: "WAREHOUSE", Usage: "`LOCATION` of all stock",
				Sources: cmdline.Env("location")},
			&cli.StringFlag{Name: "category", Value: "Channel", Usage: "tag `CATEGORY` that stands for the country",
				Sources: cmdline.Env("category")},
			&cli.IntFlag{Name: "opening", Value: replay.DefaultOpeningPercent,
				Usage:   "opening stock of each stock code, in `PERCENT` of the units ordered, rounded up",
				Sources: cmdline.Env("opening")},
			&cli.StringFlag{Name: "run", Usage: "`PREFIX` of order ids and idempotency keys; by default a new one " +
				"each time", Sources: cmdline.Env("run")},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Len() != 1 {
				return cmdline.Usage(fmt.Errorf("expected one file of orders, got %d\nRun '%s --help' for an example",
					cmd.Args().Len(), cmd.FullName()))
			}
			return replayFile(ctx, cmd.Args().First(), replay.Options{
				Target:         cmd.String("target"),
				Token:          cmd.String("token"),
				Location:       cmd.String("location"),
				Category:       cmd.String("category"),
				OpeningPercent: cmd.Int("opening"),
				Run:            cmd.String("run"),
			}, stdout, stderr)
		},
	}
}

func replayFile(ctx context.Context, path string, options replay.Options, stdout, stderr io.Writer) error {
	if err := options.Validate(); err != nil {
		return cmdline.Usage(err)
	}
	rows, err := readOrders(path)
	if err != nil {
		return err
	}
	if cmdline.IsTerminal(stderr) {
		bar := progressbar.NewOptions(len(rows), progressbar.OptionSetWriter(stderr),
			progressbar.OptionSetDescription("orders"),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		options.Progress = func(done int) { _ = bar.Add(done) } // only shown; nothing depends on it
	}
	summary, err := replay.Run(ctx, rows, options)
	if err != nil {
		return err
	}
	summary.Print(stdout)
	if !summary.OK() {
		return fmt.Errorf("%d differences from the independent count", len(summary.Differences))
	}
	return nil
}
