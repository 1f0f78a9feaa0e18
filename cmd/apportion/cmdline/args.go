package cmdline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
)

// Env names the environment variable of a flag: APPORTION_ and the flag's name.
func Env(flag string) cli.ValueSourceChain {
	return cli.EnvVars("APPORTION_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_")))
}

// UnknownCommand is the error for a word that is no command.
func UnknownCommand(cmd *cli.Command, word string) error {
	text := fmt.Sprintf("unknown command %q", word)
	// With so few commands the nearest one may be far off. One with the same first letter is probably meant.
	if suggestion := cli.SuggestCommand(cmd.Commands, word); suggestion != "" && suggestion[0] == word[0] {
		text += fmt.Sprintf(". Did you mean %q?", suggestion)
	}
	text += fmt.Sprintf("\nRun '%s --help' for the commands.", cmd.FullName())
	return Usage(errors.New(text))
}

// GroupAction is the action of a command that only has commands below it.
func GroupAction(_ context.Context, cmd *cli.Command) error {
	if word := cmd.Args().First(); word != "" {
		return UnknownCommand(cmd, word)
	}
	return cli.ShowSubcommandHelp(cmd)
}

// NoArguments refuses arguments after the flags, which would otherwise be ignored silently.
func NoArguments(cmd *cli.Command) error {
	if cmd.Args().Present() {
		return Usage(fmt.Errorf("unexpected argument %q\nRun '%s --help' for the flags", cmd.Args().First(),
			cmd.FullName()))
	}
	return nil
}

// Arguments returns a command's arguments. It fails unless there is one for each name. A last name in brackets may be
// missing.
func Arguments(cmd *cli.Command, names ...string) ([]string, error) {
	args := cmd.Args().Slice()
	if len(names) == 0 {
		return nil, NoArguments(cmd)
	}
	optional := 0
	if strings.HasPrefix(names[len(names)-1], "[") {
		optional = 1
	}
	if len(args) > len(names) || len(args) < len(names)-optional {
		noun := "arguments"
		if len(args) == 1 {
			noun = "argument"
		}
		return nil, Usage(fmt.Errorf("expected %s, got %d %s\nRun '%s --help' for an example",
			strings.Join(names, " "), len(args), noun, cmd.FullName()))
	}
	return args, nil
}

// Pairs reads a flag of NAME=VALUE that may be repeated.
func Pairs(cmd *cli.Command, flag string) (map[string]string, error) {
	var all map[string]string
	for _, pair := range cmd.StringSlice(flag) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, Usage(fmt.Errorf("--%s %q: expected NAME=VALUE", flag, pair))
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all, nil
}

// Given gives a pointer to a value for an optional field of a body, nil for the zero value.
func Given[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// ReadFile reads a file; "-" is the standard input. what names it in errors.
func ReadFile(what, file string) ([]byte, error) {
	if file == "-" {
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, fmt.Errorf("read %s from the standard input: %w", what, err)
		}
		return text, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return text, nil
}

// ReadJSON reads one JSON value from a file. A field that is not known is an error: it is a mistake, and the server
// would never see it.
func ReadJSON(what, file string, into any) error {
	text, err := ReadFile(what, file)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read %s: %s: %w", what, file, err)
	}
	if decoder.More() {
		return fmt.Errorf("read %s: %s has more than one JSON value", what, file)
	}
	return nil
}
