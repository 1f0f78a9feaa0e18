package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// completions are command lines and words that the shell offers for them.
var completions = []struct{ line, want string }{
	{"apportion al", "allocate"},
	{"apportion tags ", "list put delete"},
	{"apportion allocate W-1 --quan", "--quantity"},
	{"apportion rules activate --upc-p", "--upc-prefix"},
}

// TestCompletion: real shells complete commands and flags with the scripts that the program prints.
func TestCompletion(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "apportion")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	f := func(shell string, args ...string) {
		t.Helper()
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("%s is not installed", shell)
			}
			_, script, _ := runHere(t, "completion", shell)
			path := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, c := range completions {
				cmd := exec.Command(shell, args...)
				cmd.Env = append(os.Environ(), "LINE="+c.line, "SCRIPT="+path)
				var output bytes.Buffer
				cmd.Stdout, cmd.Stderr = &output, &output
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v: %s", err, &output)
				}
				for _, word := range strings.Fields(c.want) {
					if !strings.Contains(" "+strings.Join(strings.Fields(output.String()), " ")+" ", " "+word+" ") {
						t.Errorf("%q: got %q, want %s", c.line, output.String(), word)
					}
				}
			}
		})
	}
	f("bash", "--norc", "-c", `source $SCRIPT
		read -ra COMP_WORDS <<< "$LINE"
		[[ $LINE == *" " ]] && COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_apportion
		echo "${COMPREPLY[*]}"`)
	// Outside its editor, zsh has no completion: what the script hands to it is printed in place of it.
	f("zsh", "-f", "-c", `compdef() { :; }
		_describe() { print -l -- ${opts%%:*}; }
		source $SCRIPT
		words=(${(z)LINE}); [[ $LINE == *" " ]] && words+=("")
		_apportion`)
	f("fish", "--no-config", "-c", `source $SCRIPT
		complete -C "$LINE" | string split -f1 \t`)
}

// TestCompletionHasNoEffect: a shell that asks what may come next runs no command, also behind "--".
func TestCompletionHasNoEffect(t *testing.T) {
	s := servertest.Start(t, filepath.Join(t.TempDir(), "data"))
	defer s.Stop()
	for _, line := range []string{"adjust W1 U --quantity 3", "adjust W1 U --quantity", "adjust --quantity 3 -- W1",
		"refresh --quantity 3 W1 U --"} {
		args := append(strings.Fields(line), "--server", s.URL, "--generate-shell-completion")
		if status, stdout, stderr := runHere(t, args...); strings.Contains(stdout+stderr, "AS OF") {
			t.Errorf("%q: status %d, %s%s", args, status, stdout, stderr)
		}
	}
	if r := s.Call("POST", "/v1/inventory/query", `{"locations":["W1"]}`, 200); !strings.Contains(string(r.Body),
		`"records":[]`) {
		t.Errorf("a completion has changed stock: %s", r.Body)
	}
}
