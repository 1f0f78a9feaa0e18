package remote

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

func webhooksCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "webhooks",
		Usage: "show, change and test the URLs that get events",
		Description: `Examples:
  apportion webhooks put shop --url https://shop.example/hooks/stock --type floor-crossed --secret whsec_...
  apportion webhooks test shop
  apportion webhooks list`,
		Commands: []*cli.Command{webhooksListCommand(stdout), webhooksGetCommand(stdout), webhooksPutCommand(stdout),
			webhooksDeleteCommand(stdout), webhooksTestCommand(stdout), webhooksReplayCommand(stdout)},
		Action: cmdline.GroupAction,
	}
}

func webhooksListCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "show all webhooks with their status",
		Description: `Shows where each sends what, how many events wait for it (lag), and how it fares.

Example:
  apportion webhooks list`,
		Flags: readFlags(),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			all, err := s.server.Webhooks(ctx, s.options()...)
			if err != nil {
				return err
			}
			if len(all.Webhooks) == 0 {
				s.out.Say("There are no webhooks. 'apportion webhooks put NAME --url URL --secret SECRET' makes one.")
			}
			return cmdline.Show(s.out, s.reply, all.Webhooks, webhookTable(all.Webhooks))
		}),
	}
}

func webhooksGetCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "get",
		Usage:     "show a webhook with its status",
		ArgsUsage: "NAME",
		Description: `Example:
  apportion webhooks get shop --output json`,
		Flags: readFlags(),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			one, err := s.server.Webhook(ctx, s.args[0], s.options()...)
			if err != nil {
				return err
			}
			list := []api.Webhook{*one}
			return cmdline.Show(s.out, s.reply, list, webhookTable(list))
		}, "NAME"),
	}
}

// webhookTable has a row for each webhook.
func webhookTable(webhooks []api.Webhook) *cmdline.Table {
	table := &cmdline.Table{Columns: slices.Concat(
		cmdline.Text("name", "url", "types", "locations", "tags", "disabled"),
		cmdline.Figures("position", "lag", "sent", "missed", "failures"),
		cmdline.Text("disabledReason", "lastError", "lastSuccessAt", "nextTryAt"))}
	for i := range webhooks {
		w := &webhooks[i]
		table.Add(w.Name, w.URL, strings.Join(w.Types, ","), strings.Join(w.Locations, ","), tagText(w.Tags),
			w.Disabled, w.Position, w.Lag, w.Sent, w.Missed, w.Failures, w.DisabledReason, w.LastError, w.LastSuccessAt,
			w.NextTryAt)
	}
	return table
}

func webhooksPutCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "put",
		Usage:     "make a webhook, or replace its definition",
		ArgsUsage: "NAME",
		Description: `Without --type, --location and --tag it gets all events. A new one needs a secret, whsec_ and the base64 form of 24 to 64 random
bytes; one that is put again keeps the secret that it has.

Examples:
  export APPORTION_SECRET=whsec_$(openssl rand -base64 32)
  apportion webhooks put shop --url https://shop.example/hooks/stock --type floor-crossed --tag Channel=Amazon
  apportion webhooks put shop --url https://shop.example/hooks/stock --disabled`,
		Flags: writeFlags(&cli.StringFlag{Name: "url", Usage: "`URL` that gets the events"},
			&cli.StringSliceFlag{Name: "type", Usage: "only events of this `TYPE`; may be repeated"},
			placesFlag("only events at"), tagFlag("tag", "only events of segments with this tag"),
			&cli.StringFlag{Name: "secret", Usage: "`SECRET` that signs what is sent", Sources: cmdline.Env("secret")},
			&cli.BoolFlag{Name: "disabled", Usage: "send nothing for the time being"}, bodyFlag()),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			body, err := s.webhook()
			if err != nil {
				return err
			}
			return s.changedWebhook(s.server.PutWebhook(ctx, s.args[0], *body, s.options()...))
		}, "NAME"),
	}
}

// webhook makes the body of a webhook.
func (s *session) webhook() (*api.PutWebhook, error) {
	body := new(api.PutWebhook)
	if whole, err := s.body(body); whole || err != nil {
		return body, err
	}
	if err := s.needs("url"); err != nil {
		return nil, err
	}
	tags, err := cmdline.Pairs(s.cmd, "tag")
	*body = api.PutWebhook{URL: s.cmd.String("url"), Types: s.cmd.StringSlice("type"),
		Locations: s.cmd.StringSlice("location"), Tags: tags, Secret: s.cmd.String("secret"),
		Disabled: s.cmd.Bool("disabled")}
	return body, err
}

func webhooksDeleteCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "take a webhook away",
		ArgsUsage: "NAME",
		Description: `Example:
  apportion webhooks delete shop`,
		Flags: writeFlags(),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			return s.changedWebhook(s.server.DeleteWebhook(ctx, s.args[0], s.options()...))
		}, "NAME"),
	}
}

// changedWebhook shows the reply to a change of a webhook.
func (s *session) changedWebhook(done *api.ChangedWebhook, err error) error {
	if err != nil {
		return err
	}
	table := &cmdline.Table{Columns: append(cmdline.Text("name"), cmdline.Figures("asOf")...)}
	table.Add(done.Name, done.AsOf)
	return cmdline.Show(s.out, s.reply, []*api.ChangedWebhook{done}, table)
}

func webhooksTestCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "test",
		Usage:     "have the server send a test message, once",
		ArgsUsage: "NAME",
		Description: `Shows what became of it. The exit status is 1 if it was not delivered.

Example:
  apportion webhooks test shop`,
		Flags: cmdline.ServerFlags(cmdline.OutputFlag()),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			done, err := s.server.TestWebhook(ctx, s.args[0], s.options()...)
			if err != nil {
				return err
			}
			table := &cmdline.Table{Columns: slices.Concat(cmdline.Text("name", "delivered"), cmdline.Figures("status",
				"durationSeconds"), cmdline.Text("error"))}
			table.Add(done.Name, done.Delivered, done.Status, fmt.Sprintf("%.3f", done.DurationSeconds), done.Error)
			err = cmdline.Show(s.out, s.reply, []*api.TestedWebhook{done}, table)
			if err == nil && !done.Delivered {
				err = cmdline.ErrReported
			}
			return err
		}, "NAME"),
	}
}

func webhooksReplayCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "send events again, or leave some out",
		ArgsUsage: "NAME",
		Description: `Sends the events from --from on again. A number one more than that of the last event leaves out what is waiting.

Example:
  apportion webhooks replay shop --from 4711`,
		Flags: writeFlags(&cli.Uint64Flag{Name: "from", Usage: "`NUMBER` of the first event to send",
			HideDefault: true}),
		Action: action(stdout, func(ctx context.Context, s *session) error {
			if err := s.needs("from"); err != nil {
				return err
			}
			done, err := s.server.ReplayWebhook(ctx, s.args[0], s.cmd.Uint64("from"), s.options()...)
			if err != nil {
				return err
			}
			table := &cmdline.Table{Columns: append(cmdline.Text("name"), cmdline.Figures("from", "asOf")...)}
			table.Add(done.Name, done.From, done.AsOf)
			return cmdline.Show(s.out, s.reply, []*api.ReplayedWebhook{done}, table)
		}, "NAME"),
	}
}
