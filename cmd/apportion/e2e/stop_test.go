package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"apportion/cmd/apportion/e2e/faulty"
	"apportion/cmd/apportion/servertest"
	"apportion/raftstore"
)

// A server whose disk does not answer makes a forced stop, even if it has nothing to write.
func TestStopWithSilentDisk(t *testing.T) {
	for _, test := range []struct {
		name, interval string
		starting       bool
		want           string
	}{
		{"a checkpoint is due", "1h", false, ": the disk does not answer."},
		{"nothing to write", "10ms", false, ": the disk does not answer."},
		{"it is starting", "1h", true, ": the data directory is not open yet."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			faults := filepath.Join(dir, "faults")
			stall := func(on bool) {
				if err := (faulty.Faults{Stalled: on}).Write(faults); err != nil {
					t.Fatal(err)
				}
			}
			stall(test.starting)
			s := servertest.Launch(t, []string{faulty.Variable + "=" + faults}, "--data", filepath.Join(dir, "data"),
				"--listen", "127.0.0.1:0",
				"--checkpoint-interval", test.interval)
			if !test.starting {
				s.AwaitReady()
				s.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 10), http.StatusOK)
				if test.interval != "1h" {
					servertest.AwaitLog(t, s, "msg=checkpoint")
				}
				stall(true)
			} else {
				// From here to the first sync, which makes the name of the directory durable, the program does not
				// check for signals.
				servertest.Await(t, "the data directory", func() bool {
					_, err := os.Stat(filepath.Join(dir, "data"))
					return err == nil
				})
			}
			s.Signal(syscall.SIGTERM)
			if err := s.Wait(); s.ExitCode() != raftstore.ExitDiskFailed ||
				!strings.Contains(s.Log.String(), test.want) {
				t.Errorf("it ended with %v and\n%s", err, s.Log)
			}
		})
	}
}

// A signal during the start is not an error.
func TestStopWhileLoading(t *testing.T) {
	dir := t.TempDir()
	faults := filepath.Join(dir, "faults")
	if err := (faulty.Faults{SyncDelayMS: 300}).Write(faults); err != nil {
		t.Fatal(err)
	}
	s := servertest.Launch(t, []string{faulty.Variable + "=" + faults}, "--data", filepath.Join(dir, "data"),
		"--listen",
		"127.0.0.1:0")
	servertest.AwaitLog(t, s, "msg=loading")
	s.Signal(syscall.SIGTERM)
	if err := s.Wait(); err != nil {
		t.Errorf("it ended with %v and\n%s", err, s.Log)
	}
}
