package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

const rulesDescription = `A rule is a Lua source that chooses the segments of an order line (select), or how a record's available units are divided
(redistribute). An uploaded rule is not active: try it with test, dry-run and backtest, then activate it.

Examples:
  apportion rules put vip-first vip-first.lua
  apportion rules backtest vip-first --from 2h
  apportion rules activate vip-first --location Retailer2
  apportion rules explain W-1001

All commands except test talk to the server that --server or APPORTION_SERVER names. docs/rules.md describes the language.`

// rulesCommand holds the commands about rules.
func rulesCommand(stdout, stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "rules",
		Usage:       "test, upload, activate and explain Lua rules",
		Description: rulesDescription,
		Commands: []*cli.Command{
			ruleTestCommand(stdout), rulePutCommand(stdout), ruleListCommand(stdout), ruleShowCommand(stdout),
			ruleActivateCommand(stdout),
			ruleDeactivateCommand(stdout), ruleDeleteCommand(stdout), ruleDryRunCommand(stdout),
			ruleExplainCommand(stdout),
			historyCommand(stdout), backtestCommand(stdout, stderr), backtestsCommand(stdout),
		},
		Action: cmdline.GroupAction,
	}
}

func authorFlag() cli.Flag {
	return &cli.StringFlag{Name: "author", Value: os.Getenv("USER"),
		Usage:   "`NAME` of the author, stored with the rule",
		Sources: cmdline.Env("author")}
}

func versionFlag() cli.Flag {
	return &cli.IntFlag{Name: "version", Usage: "`NUMBER` of the version", DefaultText: "the newest"}
}

func hookFlag() cli.Flag {
	return &cli.StringFlag{Name: "hook", Usage: "`HOOK`, select or redistribute; default: the rule's hook, if it " +
		"has one only"}
}

// scopeFlags name the lines or records of a rule's scope.
func scopeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "location", Usage: "only stock at this `LOCATION`; may be repeated"},
		&cli.StringFlag{Name: "upc-prefix", Usage: "only UPCs that begin with this `TEXT`"},
		&cli.StringSliceFlag{Name: "tag", Usage: "only lines with this `CATEGORY=VALUE`; may be repeated"},
	}
}

// fallbackFlags say what happens if a rule fails.
func fallbackFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "on-error", Value: "default", Usage: "`WHAT` happens to a line if the rule fails: " +
			"default (decide " +
			"without the rule) or reject"},
		&cli.IntFlag{Name: "failures-max", Value: 10,
			Usage: "suspend the rule after this number of `FAILURES` in a row"},
	}
}

// scopeOf makes a scope from the flags.
func scopeOf(cmd *cli.Command) (*api.Scope, error) {
	tags, err := cmdline.Pairs(cmd, "tag")
	return &api.Scope{Locations: cmd.StringSlice("location"), UPCPrefix: cmd.String("upc-prefix"), Tags: tags}, err
}

func rulePutCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "put",
		Usage:     "upload a rule as a new version",
		ArgsUsage: "NAME FILE.lua",
		Description: `The server compiles the rule, runs the tests in its source, and stores it. The rule has no effect before its activation.
The file "-" is the standard input.

Example:
  apportion rules put vip-first vip-first.lua --author ann`,
		Flags: cmdline.ReportFlags(authorFlag()),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			source, err := cmdline.ReadFile("a rule", args[1])
			if err != nil {
				return err
			}
			var reply []byte
			body := api.PutRule{Source: api.Source(source), Author: cmd.String("author")}
			done, err := server.PutRule(ctx, args[0], body, client.Reply(&reply))
			if err != nil {
				return inSource(args[1], err)
			}
			if !cmdline.PrintJSON(cmd, stdout, reply) {
				printStored(stdout, args[1], done)
			}
			return nil
		}, "NAME", "FILE.lua"),
	}
}

// inSource adds the file, line and column of a fault in front of its message, so that editors can jump there.
func inSource(file string, err error) error {
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Line > 0 {
		place := file + ":" + strconv.Itoa(problem.Line)
		if problem.Column > 0 {
			place += ":" + strconv.Itoa(problem.Column)
		}
		return fmt.Errorf("%s: %w", place, err)
	}
	return err
}

func ruleListCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list all rules and their activations",
		Description: `Shows each rule with its newest version, its hooks, and the versions that are active or suspended.

Example:
  apportion rules list`,
		Flags: cmdline.ReportFlags(),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			_ []string) error {
			var reply []byte
			list, err := server.Rules(ctx, client.Reply(&reply))
			if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
				printRules(stdout, list.Rules)
			}
			return err
		}),
	}
}

func ruleShowCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show a rule's versions and activations, or its source",
		ArgsUsage: "NAME",
		Description: `Examples:
  apportion rules show vip-first
  apportion rules show vip-first --version 2 --source > vip-first.lua`,
		Flags: cmdline.ReportFlags(versionFlag(), &cli.BoolFlag{Name: "source", Usage: "print the Lua source only"}),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			var reply []byte
			rule, err := server.Rule(ctx, args[0], int64(cmd.Int("version")), client.Reply(&reply))
			switch {
			case err != nil:
				return err
			case cmdline.PrintJSON(cmd, stdout, reply):
			case cmd.Bool("source"):
				fmt.Fprint(stdout, rule.Source)
			default:
				printRule(stdout, rule)
			}
			return nil
		}, "NAME"),
	}
}

func ruleDeleteCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "delete an inactive rule with all its versions",
		ArgsUsage: "NAME",
		Description: `An active rule is not deleted: deactivate it first.

Example:
  apportion rules delete vip-first`,
		Flags: cmdline.ReportFlags(),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			var reply []byte
			done, err := server.DeleteRule(ctx, args[0], client.Reply(&reply))
			if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
				fmt.Fprintf(stdout, "%s is deleted, at log index %d\n", args[0], done.AsOf)
			}
			return err
		}, "NAME"),
	}
}
