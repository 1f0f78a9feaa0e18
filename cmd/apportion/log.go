package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
)

func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "log-format", Value: "text", Usage: "`FORMAT` of the log on stderr: text or json",
			Sources: cmdline.Env("log-format")},
		&cli.StringFlag{Name: "log-level", Value: "info", Usage: "log from this `LEVEL` on: debug, info, warn or error",
			Sources: cmdline.Env("log-level")},
	}
}

// newLogger makes the one logger of the process.
func newLogger(cmd *cli.Command, stderr io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmd.String("log-level"))); err != nil {
		return nil, cmdline.Usage(fmt.Errorf("--log-level %q: expected debug, info, warn or error",
			cmd.String("log-level")))
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: errorText}
	switch format := strings.ToLower(cmd.String("log-format")); format {
	case "text":
		return slog.New(slog.NewTextHandler(stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(stderr, options)), nil
	default:
		return nil, cmdline.Usage(fmt.Errorf("--log-format %q: expected text or json", format))
	}
}

// errorText replaces an error by its text: the text format would also print the stack trace that some errors carry.
func errorText(_ []string, attr slog.Attr) slog.Attr {
	if attr.Value.Kind() == slog.KindAny {
		if err, ok := attr.Value.Any().(error); ok {
			attr.Value = slog.StringValue(err.Error())
		}
	}
	return attr
}
