package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"apportion/httpapi/client"
)

// ServerFlags gives a command's own flags and the flags of every command that asks a server.
func ServerFlags(own ...cli.Flag) []cli.Flag {
	return append(own,
		&cli.StringFlag{Name: "server", Value: "http://127.0.0.1:8080",
			Usage: "`URL` of the server; several nodes of a cluster, separated by commas", Sources: Env("server")},
		TokenFlag(),
		&cli.DurationFlag{Name: "patience", Value: patienceDefault,
			Usage: "`TIME` to send a request again while the server is busy or has no leader; 0: send it once"},
	)
}

// patienceDefault is longer than a cluster takes for a new leader.
const patienceDefault = 10 * time.Second

// TokenFlag gives the flag --token of all commands that ask a server.
func TokenFlag() cli.Flag {
	return &cli.StringFlag{Name: "token", Usage: "`SECRET` of a token, if the server has tokens",
		Sources: Env("token")}
}

// ReportFlags are ServerFlags and --json, for commands whose reports for people are no tables.
func ReportFlags(own ...cli.Flag) []cli.Flag {
	return append(ServerFlags(own...), &cli.BoolFlag{Name: "json", Usage: "print the server's reply as JSON"})
}

// PrintJSON prints a reply unchanged if --json is set, and reports whether it did.
func PrintJSON(cmd *cli.Command, stdout io.Writer, reply []byte) bool {
	if cmd.Bool("json") {
		fmt.Fprintf(stdout, "%s\n", reply)
		return true
	}
	return false
}

// Client makes the client for the server that the flags name.
func Client(cmd *cli.Command) (*client.Client, error) {
	patience := cmd.Duration("patience")
	if patience <= 0 {
		patience = -1
	}
	c, err := client.New(client.Config{Servers: strings.Split(cmd.String("server"), ","), Token: cmd.String("token"),
		Patience: patience, MustListen: true})
	if err != nil {
		return nil, Usage(fmt.Errorf("--server %q: expected a URL such as http://127.0.0.1:8080",
			cmd.String("server")))
	}
	return c, nil
}

// ServerAction makes the action of a command that asks a server and takes exactly the named arguments.
func ServerAction(do func(ctx context.Context, cmd *cli.Command, server *client.Client, args []string) error,
	names ...string) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		args, err := Arguments(cmd, names...)
		if err != nil {
			return err
		}
		server, err := Client(cmd)
		if err != nil {
			return err
		}
		defer server.Close()
		return withRemedy(do(ctx, cmd, server, args))
	}
}

// withRemedy adds to the error about a server that is not there what to do.
func withRemedy(err error) error {
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "dial" {
		return fmt.Errorf("%w: start one with 'apportion serve', or name another with --server", err)
	}
	return err
}
