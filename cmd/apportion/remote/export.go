package remote

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/cmd/apportion/datafile"
	"apportion/httpapi/client"
	"apportion/httpapi/stockfile"
)

// contents are what can be exported.
var contents = []string{stockfile.Stock, stockfile.Orders, stockfile.Events}

func exportCommand(stdout, stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write stock, orders or events into a file",
		ArgsUsage: strings.Join(contents, "|"),
		Description: `The rows are as of one moment, whatever changes meanwhile. A file whose name ends with .gz or .zst is compressed. It gets its
name when it is whole: until then, and after a failure, a file of this name stays as it was. 'apportion import' reads an export of stock.

Examples:
  apportion export stock --out stock.csv.zst
  apportion export stock --location Retailer2 --state sold-out --out sold-out.csv
  apportion export orders --out orders.ndjson
  apportion export events --format ndjson | jq -r .type | sort | uniq -c`,
		Flags: cmdline.ServerFlags(append([]cli.Flag{&cli.StringFlag{Name: "out", Value: datafile.Standard,
			Usage: "`FILE` to write; - is the standard output"}, formatFlag("that file's name"), staleFlag()},
			recordFlags()...)...),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			if !slices.Contains(contents, args[0]) {
				return cmdline.Usage(fmt.Errorf("%q cannot be exported: expected %s", args[0],
					strings.Join(contents, ", ")))
			}
			out := cmd.String("out")
			format, err := formatOf(cmd, out)
			if err != nil {
				return err
			}
			var options []client.Option
			if cmd.Bool("stale") {
				options = append(options, client.Stale(0))
			}
			from, err := openExport(ctx, cmd, server, args[0], format.String(), options)
			if err != nil {
				return err
			}
			defer from.Close()
			bytes, err := writeExport(from, out, stdout, stderr)
			if err == nil && out != datafile.Standard {
				fmt.Fprintf(stdout, "%s as of log index %d: %d bytes in %s\n", args[0], from.AsOf, bytes, out)
			}
			return err
		}, "CONTENT"),
	}
}

// openExport begins to read a content; the flags that pick records are for stock.
func openExport(ctx context.Context, cmd *cli.Command, server *client.Client, content, format string,
	options []client.Option) (*client.Exported, error) {
	filter, err := recordFilter(cmd)
	if err != nil {
		return nil, err
	}
	if content == stockfile.Stock {
		return server.ExportStock(ctx, format, filter, options...)
	}
	for _, flag := range recordFlags() {
		if name := flag.Names()[0]; cmd.IsSet(name) {
			return nil, cmdline.Usage(fmt.Errorf("--%s is for an export of stock", name))
		}
	}
	return server.Export(ctx, content, format, options...)
}

// writeExport writes what is read, and returns how many bytes that were, before compression.
func writeExport(from io.Reader, name string, stdout, stderr io.Writer) (bytes int64, err error) {
	if name == datafile.Standard {
		return io.Copy(stdout, from)
	}
	file, err := datafile.Create(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	bar := progress(stderr, -1, "exporting")
	bytes, err = io.CopyBuffer(io.MultiWriter(file, bar), from, make([]byte, 256<<10))
	_ = bar.Finish() // only shown
	if err != nil {
		return bytes, fmt.Errorf("the export broke off after %d bytes: %w", bytes, err)
	}
	return bytes, file.Commit()
}
