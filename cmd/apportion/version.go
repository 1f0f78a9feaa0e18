package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/console"
)

// release is the version that this source is, or becomes with the next release: the newest heading of CHANGELOG.md.
const release = "0.1.0"

const versionUsage = "print version, commit, Go version, and whether the console is built in"

func versionCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: versionUsage,
		Description: `Example:
  apportion version`,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := cmdline.NoArguments(cmd); err != nil {
				return err
			}
			fmt.Fprintln(stdout, versionText())
			return nil
		},
	}
}

// versionText is the release, with the commit and the Go version that the build left in the binary, and whether it has
// the console.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "apportion " + release + " (unknown build)"
	}
	settings := make(map[string]string, len(info.Settings))
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	text := "apportion " + release
	if revision := settings["vcs.revision"]; revision != "" {
		text += ", commit " + revision[:min(12, len(revision))]
		if settings["vcs.modified"] == "true" {
			text += " with local changes"
		}
	}
	hasConsole := "no"
	if console.Built() {
		hasConsole = "yes"
	}
	return fmt.Sprintf("%s, %s %s/%s, console: %s", text, info.GoVersion, settings["GOOS"], settings["GOARCH"],
		hasConsole)
}
