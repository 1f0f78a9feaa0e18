package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// TestVerifyFindsDamage: after one changed byte in a file of the server, verify reports it with exit status 1, and
// serve does not start.
func TestVerifyFindsDamage(t *testing.T) {
	f := func(name string, orderly bool, corrupt func(t *testing.T, data string)) {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			s := servertest.Start(t, data)
			for i := range 20 {
				s.Call("POST", "/v1/inventory/refresh", servertest.ManyItems(i), http.StatusOK)
			}
			if orderly {
				s.Stop()
			} else {
				s.Kill()
			}
			corrupt(t, data)
			status, stdout, stderr := servertest.Run(t, "verify", "--data", data)
			if status != 1 || !strings.Contains(stdout, "PROBLEM") || servertest.Panicked(stderr) {
				t.Errorf("verify: status %d\n%s%s", status, stdout, stderr)
			}
			status, _, stderr = servertest.Run(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
			if status == 0 || stderr == "" || servertest.Panicked(stderr) {
				t.Errorf("serve: status %d\n%s", status, stderr)
			}
		})
	}
	// After an orderly stop the state is in tables, after a crash it is in the log.
	f("log", false, func(t *testing.T, data string) { flip(t, largest(t, data, "log", ".log"), 0.3) })
	f("table of the log", false, func(t *testing.T, data string) {
		servertest.Start(t, data).Kill() // a start moves the log file of a crash into a table
		flip(t, largest(t, data, "log", ".sst"), 0.1)
	})
	f("state", true, func(t *testing.T, data string) { flip(t, largest(t, data, "state", ".sst"), 0.1) })
	f("state lost", true, func(t *testing.T, data string) { servertest.Remove(t, filepath.Join(data, "state")) })
	f("log lost", true, func(t *testing.T, data string) { servertest.Remove(t, filepath.Join(data, "log")) })
}

// verify also reads the kept checkpoints.
func TestVerifyReadsHistory(t *testing.T) {
	data := servertest.DataWithHistory(t, filepath.Join(t.TempDir(), "data"))
	servertest.Verify(t, data)
	// its tables are also tables of the state
	manifests, err := filepath.Glob(filepath.Join(data, "history", "*", "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no kept checkpoint: %v", err)
	}
	flip(t, manifests[0], 0.5)
	status, stdout, _ := servertest.Run(t, "verify", "--data", data)
	if status != 1 || !strings.Contains(stdout, "PROBLEM  history: the kept checkpoint of index ") {
		t.Errorf("status %d\n%s", status, stdout)
	}
}

// A signal ends verify during any wait: here, for a disk that does not answer.
func TestVerifyIsInterrupted(t *testing.T) {
	data := servertest.DataWithHistory(t, filepath.Join(t.TempDir(), "data"))
	silent := largest(t, data, "log", ".log")
	servertest.Remove(t, silent)
	if err := syscall.Mkfifo(silent, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr servertest.Log
	cmd := servertest.Command("verify", "--data", data)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	servertest.Await(t, "it reads the log", func() bool {
		writer, err := os.OpenFile(silent, os.O_WRONLY|syscall.O_NONBLOCK, 0) // fails until there is a reader
		if err == nil {
			t.Cleanup(func() { _ = writer.Close() })
		}
		return err == nil
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	servertest.Await(t, "it ends", func() bool { return len(ended) > 0 })
	<-ended // the result of Wait can be read now
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("it ended with %s\n%s", cmd.ProcessState, stderr.String())
	}
}

// largest returns the largest file with a suffix.
func largest(t *testing.T, data, dir, suffix string) (path string) {
	t.Helper()
	most := int64(-1)
	err := filepath.WalkDir(filepath.Join(data, dir), func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(at, suffix) {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > most {
			path, most = at, info.Size()
		}
		return err
	})
	if err != nil || path == "" {
		t.Fatalf("no %s file in %s/%s: %v", suffix, data, dir, err)
	}
	return path
}

// flip changes one byte, at a part of the file's length. The zeros at the end of a log file do not count.
func flip(t *testing.T, path string, at float64) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[int(float64(len(bytes.TrimRight(text, "\x00")))*at)] ^= 0x40
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
