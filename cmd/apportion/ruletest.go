package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/rules"
)

const ruleTestDescription = `Compiles Lua rules as the server does at an upload, prints warnings, and runs the tests in their sources. Needs no server.
The exit status is 0 if every file compiles and every test passes.

Examples:
  apportion rules test vip-first.lua
  apportion rules test rules/examples/*.lua`

func ruleTestCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "test",
		Usage:       "compile Lua rules and run their tests, offline",
		ArgsUsage:   "FILE.lua...",
		Description: ruleTestDescription,
		Action: func(ctx context.Context, cmd *cli.Command) error {
			files := cmd.Args().Slice()
			if len(files) == 0 {
				return cmdline.Usage(fmt.Errorf("expected FILE.lua..., got no arguments\nRun '%s --help' for an "+
					"example", cmd.FullName()))
			}
			bad := 0
			for _, file := range files {
				ok, err := testRule(ctx, stdout, file)
				if err != nil {
					return err
				}
				if !ok {
					bad++
				}
			}
			if bad > 0 {
				return fmt.Errorf("%d of %d rules do not compile or fail their tests: mend them before the upload", bad,
					len(files))
			}
			return nil
		},
	}
}

// testRule compiles and tests one file and prints the result. The error means that the file cannot be read.
func testRule(ctx context.Context, stdout io.Writer, file string) (ok bool, err error) {
	source, err := cmdline.ReadFile("a rule", file)
	if err != nil {
		return false, err
	}
	name := strings.TrimSuffix(filepath.Base(file), ".lua")
	program, warnings, err := rules.Compile(name, string(source), rules.Limits{})
	if err != nil {
		fmt.Fprintf(stdout, "%s%s: %v\n", file, place(err), err)
		return false, nil
	}
	for _, w := range warnings {
		fmt.Fprintf(stdout, "%s:%d: warning: %s\n", file, w.Line, w.Message)
	}
	results, err := program.Test(ctx)
	if err != nil {
		fmt.Fprintf(stdout, "%s: %v\n", file, err)
		return false, nil
	}
	passed := 0
	for _, t := range results {
		if t.Passed {
			passed++
			continue
		}
		fmt.Fprintf(stdout, "%s: test %q fails:\n%s\n", file, t.Name, indent(t.Diff+t.Output))
	}
	switch {
	case len(results) == 0:
		fmt.Fprintf(stdout, "%s: ok, no tests\n", file)
	case passed == len(results):
		fmt.Fprintf(stdout, "%s: ok, %d tests\n", file, passed)
	}
	return passed == len(results), nil
}

// place is the line and column of a fault in a source, in the form that editors jump to.
func place(err error) string {
	var syntax *rules.SyntaxError
	if errors.As(err, &syntax) && syntax.Line > 0 {
		return fmt.Sprintf(":%d:%d", syntax.Line, syntax.Column)
	}
	return ""
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}
