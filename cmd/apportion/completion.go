package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
)

const completionDescription = `Prints a script that lets the shell complete commands and flags.

Examples:
  source <(apportion completion bash)                                              in ~/.bashrc
  source <(apportion completion zsh)                                               in ~/.zshrc, behind compinit
  apportion completion fish > ~/.config/fish/completions/apportion.fish`

// bashCompletion asks the program what may come next. The script of the library needs the package bash-completion,
// which not every machine has.
const bashCompletion = `_apportion() {
  local current=${COMP_WORDS[COMP_CWORD]} line
  local words=("${COMP_WORDS[@]:0:COMP_CWORD}")
  [[ $current == -* ]] && words+=("$current")
  COMPREPLY=()
  while IFS= read -r line; do
    line=${line%%:*}
    [[ -n $line && $line == "$current"* ]] && COMPREPLY+=("$line")
  done < <("${words[@]}" --generate-shell-completion 2>/dev/null)
}
complete -o bashdefault -o default -F _apportion apportion
`

// withCompletion adds the command completion. The library has the scripts of the other shells.
func withCompletion(app *cli.Command) {
	app.EnableShellCompletion = true
	app.ConfigureShellCompletionCommand = func(command *cli.Command) {
		command.Hidden = false
		command.Usage = "print a script for the completion of bash, zsh or fish"
		command.Description = completionDescription
		for _, shell := range command.Commands {
			shell.Usage = "print the script for " + shell.Name
			shell.Description = "Example:\n  apportion completion " + shell.Name
			if shell.Name == "bash" {
				shell.Action = func(_ context.Context, cmd *cli.Command) error {
					_, err := fmt.Fprint(cmd.Root().Writer, bashCompletion)
					return err
				}
			}
		}
		ownErrors(command)
	}
}
