package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// Commands are all commands of this package.
func Commands(stdout, stderr io.Writer) []*cli.Command {
	return []*cli.Command{
		getCommand(stdout), refreshCommand(stdout), adjustCommand(stdout), transferCommand(stdout),
		blockCommand(stdout),
		redistributeCommand(stdout), allocateCommand(stdout), orderCommand(stdout), ordersCommand(stdout),
		confirmCommand(stdout), deallocateCommand(stdout), fulfillCommand(stdout), returnCommand(stdout),
		tagsCommand(stdout), eventsCommand(stdout), importCommand(stdout, stderr), countCommand(stdout),
		exportCommand(stdout, stderr), listCommand(stdout), changesCommand(stdout), webhooksCommand(stdout),
	}
}

// session is one run of a command.
type session struct {
	cmd    *cli.Command
	server *client.Client
	out    *cmdline.Output
	args   []string
	reply  []byte // of the last request
}

// action makes the action of a command with exactly the named arguments.
func action(stdout io.Writer, do func(ctx context.Context, s *session) error, names ...string) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		out, err := cmdline.NewOutput(cmd, stdout)
		if err != nil {
			return err
		}
		return cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
			args []string) error {
			return do(ctx, &session{cmd: cmd, server: server, out: out, args: args})
		}, names...)(ctx, cmd)
	}
}

// readFlags gives the flags of a command that reads, writeFlags those of one that writes.
func readFlags(own ...cli.Flag) []cli.Flag {
	return cmdline.ServerFlags(append(own, cmdline.OutputFlag(), staleFlag())...)
}

func staleFlag() cli.Flag {
	return &cli.BoolFlag{Name: "stale", Usage: "take what the node has, also if others have acknowledged more"}
}

func writeFlags(own ...cli.Flag) []cli.Flag {
	return cmdline.ServerFlags(append(own, cmdline.OutputFlag(), &cli.StringFlag{Name: "key",
		Usage: "idempotency `KEY`: the same write with the same key takes effect once; default: a random one"})...)
}

// options are those of every request.
func (s *session) options() []client.Option {
	options := []client.Option{client.Reply(&s.reply)}
	if key := s.cmd.String("key"); key != "" {
		options = append(options, client.Key(key))
	}
	if s.cmd.Bool("stale") {
		options = append(options, client.Stale(0))
	}
	return options
}

// bodyFlag takes a whole body, for what the other flags cannot say.
func bodyFlag() cli.Flag {
	return &cli.StringFlag{Name: "body", Usage: "take the request from `FILE.json`, as docs/api.md has it, in " +
		"place of the other flags; - is the standard input"}
}

// body reads the file of --body, and reports whether there is one.
func (s *session) body(into any) (bool, error) {
	file := s.cmd.String("body")
	if file == "" {
		return false, nil
	}
	return true, cmdline.ReadJSON("a request", file, into)
}

// needs demands flags that only --body may replace.
func (s *session) needs(flags ...string) error {
	for _, flag := range flags {
		if !s.cmd.IsSet(flag) {
			return cmdline.Usage(fmt.Errorf("--%s is missing\nRun '%s --help' for an example", flag,
				s.cmd.FullName()))
		}
	}
	return nil
}

// placesFlag takes locations.
func placesFlag(usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: "location", Usage: usage + " this `LOCATION`; may be repeated"}
}

// tagFlag takes tags.
func tagFlag(name, usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage + ", `CATEGORY=VALUE`; may be repeated"}
}

func quantityFlag(usage string) cli.Flag {
	return &cli.Int64Flag{Name: "quantity", Usage: usage, HideDefault: true}
}

// given is a flag's figure, nil if it is not set.
func (s *session) given(flag string) *int64 {
	if !s.cmd.IsSet(flag) {
		return nil
	}
	value := s.cmd.Int64(flag)
	return &value
}

// pageMax is the most elements that the server gives at a time.
const pageMax = 1000

// limitFlags are those of a list.
func limitFlags(do, what string) []cli.Flag {
	return []cli.Flag{
		&cli.Int64Flag{Name: "limit", Value: 100, Usage: do + " `" + what + "` at most; 0: all"},
		&cli.StringFlag{Name: "cursor", Usage: "go on with the `TEXT` that an earlier list ended with"},
	}
}

// limitOf is the flag --limit, where 0 is all.
func limitOf(cmd *cli.Command) int64 {
	if limit := cmd.Int64("limit"); limit != 0 {
		return limit
	}
	return math.MaxInt64
}

// pages reads pages of a list until --limit is reached. page shows one, and returns how many elements it had.
func (s *session) pages(page func(cursor string, limit int64) (next *string, shown int, err error)) error {
	cursor := s.cmd.String("cursor")
	for left := limitOf(s.cmd); left > 0; {
		next, shown, err := page(cursor, min(left, pageMax))
		if err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		cursor, left = *next, left-int64(shown)
	}
	s.out.Say("There may be more: --cursor %s", cursor)
	return nil
}

// taggedRows become a table with a column for each category of their tags, behind the columns of head.
type taggedRows struct {
	head, tail []cmdline.Column
	rows       []taggedRow
}

type taggedRow struct {
	head []any
	tags api.Tags
	tail []any
}

// add adds a row. If it has no cells for the tail, they stay empty.
func (r *taggedRows) add(head []any, tags api.Tags, tail ...any) {
	if tail == nil {
		tail = make([]any, len(r.tail))
	}
	r.rows = append(r.rows, taggedRow{head, tags, tail})
}

func (r *taggedRows) table() *cmdline.Table {
	names := map[string]bool{}
	for _, row := range r.rows {
		for name := range row.tags {
			names[name] = true
		}
	}
	categories := slices.Sorted(maps.Keys(names))
	table := &cmdline.Table{Columns: slices.Concat(r.head, cmdline.Text(categories...), r.tail)}
	for _, row := range r.rows {
		cells := slices.Clone(row.head)
		for _, category := range categories {
			cells = append(cells, row.tags[category])
		}
		table.Add(append(cells, row.tail...)...)
	}
	return table
}

// tagText is tags in one cell.
func tagText(tags api.Tags) string {
	var all []string
	for _, category := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, category+"="+tags[category])
	}
	return strings.Join(all, ",")
}

// partsText is what segments gave, in one cell.
func partsText(parts []api.Part) string {
	var all []string
	for _, part := range parts {
		text := fmt.Sprint(part.Quantity)
		if part.Pending > 0 {
			text += fmt.Sprintf("+%d pending", part.Pending)
		}
		if tags := tagText(part.Tags); tags != "" {
			text += " " + tags
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// figure is an optional figure as a cell.
func figure(value *int64) any {
	if value == nil {
		return nil
	}
	return *value
}

// text is an optional text as a cell.
func text(value *string) any {
	if value == nil {
		return nil
	}
	return *value
}

// problemOf finds the problem document in an error.
func problemOf(err error) (problem *api.Problem, ok bool) {
	ok = errors.As(err, &problem)
	return problem, ok
}
