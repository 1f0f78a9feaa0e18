package servertest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"apportion/bench/rig"
)

// Binary is the program that the tests start. A TestMain sets it.
var Binary string

// Command is the program with arguments.
func Command(args ...string) *exec.Cmd {
	cmd := exec.Command(Binary)
	cmd.Args = append([]string{"apportion"}, args...)
	return cmd
}

// Run runs the program to its end and returns its exit status and output.
func Run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := Command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A server that must refuse to start, but does not, would run for ever.
	timer := time.AfterFunc(rig.StartTimeout, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%q was still running after %s\n%s%s", args, rig.StartTimeout, out.String(), errs.String())
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// Verify demands that `apportion verify` finds no problem and changes no file.
func Verify(t *testing.T, data string) {
	t.Helper()
	before := filesOf(t, data)
	defer func() {
		t.Helper()
		if after := filesOf(t, data); !maps.Equal(before, after) {
			t.Errorf("verify has changed files: before %v, after %v", before, after)
		}
	}()
	if status, stdout, stderr := Run(t, "verify", "--data", data); status != 0 {
		t.Fatalf("verify ended with %d\n%s\n%s", status, stdout, stderr)
	}
}

// filesOf describes all files below a directory: size, time of the last change, checksum.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			files[path] = "directory"
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = fmt.Sprintf("%d %s %x", info.Size(), info.ModTime(), sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Panicked reports whether a program has crashed, and not refused with a message.
func Panicked(stderr string) bool { return strings.Contains(stderr, "goroutine ") }

// DataWithHistory makes a data directory with a log, a state and a kept checkpoint, as a crash leaves it.
func DataWithHistory(t *testing.T, data string) string {
	t.Helper()
	s := Start(t, data)
	for i := range 20 {
		s.Call("POST", "/v1/inventory/refresh", ManyItems(i), http.StatusOK)
		if i == 10 {
			s.Call("POST", "/v1/cluster/snapshot", "", http.StatusOK)
		}
	}
	s.Kill()
	return data
}

// ManyItems is a refresh of some tens of kilobytes: a few of them make files of more than one block.
func ManyItems(number int) string {
	items := make([]string, 500)
	for i := range items {
		items[i] = fmt.Sprintf(`{"upc":"UPC-%d-%d","quantity":10}`, number, i)
	}
	return `{"location":"W1","items":[` + strings.Join(items, ",") + `]}`
}

// Remove removes a file or a directory.
func Remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
