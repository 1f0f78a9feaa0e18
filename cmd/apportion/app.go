package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/cmd/apportion/remote"
	"apportion/cmd/apportion/top"
)

const rootDescription = `Apportion splits the stock of one product at one location (a record) into segments named by tags, allocates order items
from the right segment, and puts returns back into the segment that they came from. All state is in memory, and every acknowledged
write is on disk.

Examples:
  apportion serve --data ./data --demo                 serve on 127.0.0.1:8080, with a demo catalogue in an empty directory
  apportion verify --data ./data                       check a data directory that no server has open
  apportion get Retailer2 BC76845                      show the stock of a product at a location
  apportion allocate W-1 --upc BC76845 --location Retailer2 --quantity 2
  apportion cluster status                             show the nodes of the cluster, as the server on 127.0.0.1:8080 knows them
  apportion rules test vip-first.lua                   compile a Lua rule and run its tests, without a server
  apportion rules backtest vip-first --from 2h         show what the rule would have done to the orders of the last two hours
  apportion bench --workload allocate                  measure that server, and check that it lost nothing
  apportion replay-orders orders.csv                   drive that server with a file of orders

Each flag can also be set by the environment variable beside it. docs/api.md describes the HTTP API, docs/cli.md the command line.

Exit status: 0 done, 1 failed, 2 a mistake in the command line, 3 refused (stock, orders or rules do not allow it; nothing was
changed), 4 not known (the write may have taken effect: repeat it with the same --key).`

// newApp builds the tree of commands.
func newApp(stdout, stderr io.Writer) *cli.Command {
	app := &cli.Command{
		Name:        "apportion",
		Usage:       "in-memory inventory segmentation engine",
		Description: rootDescription,
		Writer:      stdout,
		ErrWriter:   stderr,
		HideVersion: true, // there is a command for it
		Commands: slices.Concat([]*cli.Command{serveCommand(stdout, stderr), verifyCommand(stdout, stderr)},
			remote.Commands(stdout, stderr), []*cli.Command{
				rulesCommand(stdout, stderr), clusterCommand(stdout), top.Command(stdout),
				replayCommand(stdout, stderr),
				benchCommand(stdout, stderr), versionCommand(stdout),
			}),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "version", Usage: versionUsage, Local: true}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Bool("version") {
				fmt.Fprintln(stdout, versionText())
				return nil
			}
			return withoutCommand(ctx, cmd)
		},
	}
	// main alone prints errors, and a mistake gets one line, not a page of help.
	ownErrors(app)
	withCompletion(app)
	return app
}

func ownErrors(command *cli.Command) {
	command.OnUsageError = usageFault
	command.ExitErrHandler = func(context.Context, *cli.Command, error) {}
	command.HideHelpCommand = true
	for _, below := range command.Commands {
		ownErrors(below)
	}
}

// withoutCommand runs without a command, or with a first argument that is none.
func withoutCommand(ctx context.Context, cmd *cli.Command) error {
	switch first := cmd.Args().First(); {
	case first == "", first == "help" && cmd.Args().Len() == 1:
		return cli.ShowRootCommandHelp(cmd)
	case first == "help" && cmd.Command(cmd.Args().Get(1)) != nil:
		return cli.ShowCommandHelp(ctx, cmd, cmd.Args().Get(1))
	case first == "help":
		return cmdline.UnknownCommand(cmd, cmd.Args().Get(1))
	default:
		return cmdline.UnknownCommand(cmd, first)
	}
}

// usageFault explains a flag that does not exist or has a bad value.
func usageFault(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	text := err.Error()
	const undefined = "flag provided but not defined: "
	if flag, ok := strings.CutPrefix(text, undefined); ok {
		name := strings.TrimLeft(flag, "-")
		text = fmt.Sprintf("unknown flag --%s", name)
		if suggestion := cli.SuggestFlag(cmd.Flags, name, true); suggestion != "" {
			text += fmt.Sprintf(". Did you mean %s?", suggestion)
		}
	}
	return cmdline.Usage(fmt.Errorf("%s\nRun '%s --help' for the flags", text, cmd.FullName()))
}

// dataFlag is shared by the commands that open a data directory.
func dataFlag() cli.Flag {
	return &cli.StringFlag{Name: "data", Value: "./data", Sources: cmdline.Env("data"),
		Usage: "`DIR` of the data"}
}
