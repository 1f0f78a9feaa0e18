package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"apportion/httpapi/api"
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
		Flags: remoteFlags(slices.Concat([]cli.Flag{versionFlag(), hookFlag(), authorFlag()}, scopeFlags(),
			fallbackFlags())...),
		Action: serverAction(func(ctx context.Context, cmd *cli.Command, server *remote, args []string) error {
			within, err := scopeOf(cmd)
			if err != nil {
				return err
			}
			var active api.Activation
			reply, err := server.post(ctx, rulePath(args[0], "activate"),
				api.ActivateRule{Version: given(int64(cmd.Int("version"))), Hook: given(cmd.String("hook")),
					Scope: within, OnError: given(cmd.String("on-error")),
					FailuresMax: given(int64(cmd.Int("failures-max"))),
					Author:      cmd.String("author")},
				&active)
			if err == nil && !printJSON(cmd, stdout, reply) {
				fmt.Fprintf(stdout, "%s version %d is active for %s, from log index %d on\n", args[0], active.Version,
					hookAndScope(&active), active.AsOf)
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
		Flags: remoteFlags(slices.Concat([]cli.Flag{hookFlag()}, scopeFlags())...),
		Action: serverAction(func(ctx context.Context, cmd *cli.Command, server *remote, args []string) error {
			body := api.DeactivateRule{Hook: given(cmd.String("hook"))}
			if within, err := scopeOf(cmd); err != nil {
				return err
			} else if body.Hook != nil {
				body.Scope = within
			} else if within.UPCPrefix != "" || len(within.Locations)+len(within.Tags) > 0 {
				return usageError{fmt.Errorf("a scope needs --hook select or --hook redistribute\nRun '%s --help' "+
					"for an example",
					cmd.FullName())}
			}
			var done api.ChangedRule
			reply, err := server.post(ctx, rulePath(args[0], "deactivate"), body, &done)
			if err == nil && !printJSON(cmd, stdout, reply) {
				fmt.Fprintf(stdout, "%s is not asked any more, from log index %d on\n", args[0], done.AsOf)
			}
			return err
		}, "NAME"),
	}
}
