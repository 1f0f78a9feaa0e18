package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/cmd/apportion/servertest"
	"apportion/raftstore"
)

// A stop waits for some work. After a limit it ends with an exit status.
func TestStuck(t *testing.T) {
	store, err := raftstore.Open(t.Context(), raftstore.Config{Dir: "data", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, test := range []struct {
		name      string
		waited    time.Duration
		opened    *raftstore.Store
		unwritten bool
		status    int // 0: the stop still waits
	}{
		{"a start that may yet end", stopSilenceMax, nil, false, 0},
		{"a start that does not end", stopSilenceMax + stopLook, nil, false, raftstore.ExitDiskFailed},
		{"a disk that has not taken the last checkpoint may still do so", stopTimeout, store, true, 0},
		{"it has not", stopTimeout + stopLook, store, true, raftstore.ExitDiskFailed},
		{"what ends late", stopTimeout, store, false, 0},
		{"what does not end", stopTimeout + stopLook, store, false, 1},
	} {
		var s service
		s.opened.Store(test.opened)
		s.unwritten.Store(test.unwritten)
		err := s.stuck(test.waited)
		status := 0
		var forced forcedStop
		if errors.As(err, &forced) {
			status = forced.status
		}
		if status != test.status || (err == nil) != (status == 0) {
			t.Errorf("%s: %v, exit status %d, want %d", test.name, err, status, test.status)
		}
	}
}

// A server that cannot write its state continues to serve. It reports this in its log, in a check and in a metric, and
// its stop is a forced stop.
func TestFailingCheckpoints(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data, "--checkpoint-interval", "50ms")
	servertest.Remove(t, filepath.Join(data, "state"))
	s.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 10), http.StatusOK)
	servertest.Await(t, "a checkpoint fails", func() bool {
		return strings.Contains(string(s.Call("GET", "/readyz?verbose", "", http.StatusOK).Body),
			`"name":"checkpoints","status":"failed"`)
	})
	s.Call("GET", "/readyz", "", http.StatusOK)
	s.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 11), http.StatusOK)
	if text := string(s.Call("GET", "/metrics", "", http.StatusOK).Body); !strings.Contains(
		text, "apportion_checkpoint_failures_in_a_row ") ||
		strings.Contains(text, "apportion_checkpoint_failures_in_a_row 0\n") {
		t.Errorf("the metrics know of no failure")
	}
	s.Signal(syscall.SIGTERM)
	if err, log := s.Wait(), s.Log.String(); s.ExitCode() != raftstore.ExitDiskFailed ||
		!strings.Contains(log, "free disk space") ||
		!strings.Contains(log, "forced stop: the last checkpoint failed") ||
		strings.Contains(log, "msg=stopped") {
		t.Errorf("it ended with %v\n%s", err, log)
	}
}
