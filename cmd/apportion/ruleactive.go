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

func ruleActivateCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "activate",
		Usage:     "activate a version of a rule for a scope, from the next order on",
		ArgsUsage: "NAME",
		Description: `Without --location, --upc-prefix and --tag, the rule is active everywhere. If a line is in the scopes of several rules, the rule
with more tags decides, then the longer UPC prefix, then fewer locations. An activation replaces the rule's activation for the
same scope: to go back, activate an older version.

Examples:
  apportion rules activate vip-first
  apportion rules activate vip-first --version 2 --location Retailer2 --tag Channel=Amazon --on-error reject`,
		Flags: cmdline.ReportFlags(slices.Concat([]cli.Flag{versionFlag(), hookFlag(), authorFlag()}, scopeFlags(),
			fallbackFlags())...),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			within, err := scopeOf(cmd)
			if err != nil {
				return err
			}
			var reply []byte
			active, err := server.ActivateRule(ctx, args[0],
				api.ActivateRule{Version: cmdline.Given(int64(cmd.Int("version"))),
					Hook: cmdline.Given(cmd.String("hook")), Scope: within,
					OnError:     cmdline.Given(cmd.String("on-error")),
					FailuresMax: cmdline.Given(int64(cmd.Int("failures-max"))),
					Author:      cmd.String("author")},
				client.Reply(&reply))
			if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
				fmt.Fprintf(stdout, "%s version %d is active for %s, from log index %d on\n", args[0], active.Version,
					hookAndScope(active), active.AsOf)
			}
			return err
		}, "NAME"),
	}
}

func ruleDeactivateCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "deactivate",
		Usage:     "end one or all activations of a rule",
		ArgsUsage: "NAME",
		Description: `Without flags, all activations of the rule end. With --hook, only the activation for exactly the scope of the other flags ends.

Examples:
  apportion rules deactivate vip-first
  apportion rules deactivate vip-first --hook select --location Retailer2`,
		Flags: cmdline.ReportFlags(slices.Concat([]cli.Flag{hookFlag()}, scopeFlags())...),
		Action: cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			body := api.DeactivateRule{Hook: cmdline.Given(cmd.String("hook"))}
			if within, err := scopeOf(cmd); err != nil {
				return err
			} else if body.Hook != nil {
				body.Scope = within
			} else if within.UPCPrefix != "" || len(within.Locations)+len(within.Tags) > 0 {
				return cmdline.Usage(fmt.Errorf("a scope needs --hook select or --hook redistribute\nRun '%s --help' "+
					"for an example",
					cmd.FullName()))
			}
			var reply []byte
			done, err := server.DeactivateRule(ctx, args[0], body, client.Reply(&reply))
			if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
				fmt.Fprintf(stdout, "%s is not asked any more, from log index %d on\n", args[0], done.AsOf)
			}
			return err
		}, "NAME"),
	}
}
