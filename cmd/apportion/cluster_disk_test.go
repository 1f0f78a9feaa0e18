package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"apportion/raftstore"
)

// diskFailed reports whether a process has ended because its disk had, and has said so.
func diskFailed(n *node) bool {
	return n.cmd.ProcessState.ExitCode() > 0 && strings.Contains(n.log.String(), "no space left on device")
}

// diskSilent reports whether a process that was told to stop has ended without waiting for its disk, and has said so.
func diskSilent(n *node) bool {
	return n.cmd.ProcessState.ExitCode() == raftstore.ExitDiskFailed &&
		strings.Contains(n.log.String(), "the disk has not answered for ")
}

// A leader whose disk is full ends with a message, and the others go on. It does not come up while there is no space,
// says so, and comes back when there is.
func TestClusterFullDisk(t *testing.T) {
	c := newCluster(t, 3, impatient...)
	full := c.leader()
	c.load(func() {
		full.inject(injected{Full: true})
		c.await("it ends", full.ended)
		if !diskFailed(full) || full.cmd.ProcessState.ExitCode() != raftstore.ExitDiskFailed {
			t.Errorf("it ended with %d", full.cmd.ProcessState.ExitCode())
		}
		c.await("another one leads", func() bool { return c.leaderNow() != nil })
		c.awaitOrders(50)
		full.start()
		c.await("it does not come up", full.ended)
		if code, log := full.cmd.ProcessState.ExitCode(), full.log.String(); code == 0 ||
			!strings.Contains(log, "no space left on device") || panicked(log) {
			t.Errorf("without space it ends with %d and\n%s", code, log)
		}
		full.inject(injected{})
		full.start()
		c.await("it is ready", full.isReady)
	})
	c.finish()
}

// A leader whose disk stalls lets another one lead, and ends when it is told to; one whose disk is slow answers more
// slowly, and loses nothing.
func TestClusterSlowDisk(t *testing.T) {
	c := newCluster(t, 3, append([]string{"--stall-timeout", "500ms"}, impatient...)...)
	c.load(func() {
		stalled := c.leader()
		stalled.inject(injected{Stalled: true})
		c.await("another one leads", func() bool { return c.leaderAmong(c.others(stalled)) != nil })
		c.awaitOrders(50)
		// It still thinks that it leads, and waits for its disk.
		for path, body := range map[string]string{"/v1/inventory/refresh": refreshBody("W1", "A", 1),
			"/v1/cluster/transfer-leader": ""} {
			if got := stalled.call("POST", path, body, http.StatusServiceUnavailable).
				object(t)["code"]; got != "not-leader" {
				t.Errorf("%s: %v, want not-leader", path, got)
			}
		}
		stalled.inject(injected{})
		c.awaitReady()
		told := c.leader()
		told.inject(injected{Stalled: true})
		c.awaitOrders(50) // led by another one: a write of its own is under way
		told.signal(syscall.SIGTERM)
		if _ = told.wait(); !diskSilent(told) {
			t.Errorf("told to stop while its disk is silent, it ended with %d and\n%s",
				told.cmd.ProcessState.ExitCode(), told.log)
		}
		told.inject(injected{})
		told.start()
		c.awaitReady()
		slow := c.leader()
		slow.inject(injected{SyncDelayMS: 50})
		c.awaitOrders(50)
		slow.inject(injected{})
	})
	c.finish()
}

// A file system that is really full, where one can be had: a server without others.
func TestFullFileSystem(t *testing.T) {
	dir := mountSmall(t, "size=24m")
	data := filepath.Join(dir, "data")
	s := startServer(t, data)
	s.call("POST", "/v1/inventory/refresh", refreshBody("W1", "A", 1_000_000), http.StatusOK)
	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast)
	acknowledged := int64(0)
	for ; ; acknowledged++ {
		body := fmt.Sprintf(`{"lines":[{"itemId":%q,"upc":"A","location":"W1","quantity":1}]}`, strings.Repeat("x", 64))
		r, err := send(http.DefaultClient, http.MethodPost,
			fmt.Sprintf("%s/v1/orders/%d/allocate", s.url, acknowledged), "", body)
		if err != nil {
			break // it has ended
		}
		if r.status != http.StatusOK && r.status != http.StatusServiceUnavailable {
			t.Fatalf("on a full disk: status %d: %s", r.status, r.body)
		}
		if r.status != http.StatusOK {
			break
		}
	}
	if err := s.wait(); err == nil || s.cmd.ProcessState.ExitCode() != raftstore.ExitDiskFailed ||
		!strings.Contains(s.log.String(), "no space left on device") {
		t.Errorf("it ended with %v\n%s", err, s.log)
	}
	remove(t, ballast)
	s = startServer(t, data)
	// The order whose answer did not come may be there.
	if _, allocated := s.figures("W1", "A"); allocated != acknowledged && allocated != acknowledged+1 {
		t.Errorf("%d units are allocated, %d orders were acknowledged", allocated, acknowledged)
	}
	t.Logf("%d orders were acknowledged before the disk was full", acknowledged)
	s.stop()
	mustVerify(t, data)
}

// A server that cannot create its next log file ends with the cause, and without a stack trace: here there is space,
// but no file may be added.
func TestNoNextLogFile(t *testing.T) {
	dir := mountSmall(t, "size=200m,nr_inodes=100")
	s := startServer(t, filepath.Join(dir, "data"))
	for number := 0; ; number++ {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("ballast", number)), nil, 0o600); err != nil {
			break
		}
	}
	var err error
	for number := 0; err == nil; number++ {
		_, err = send(http.DefaultClient, http.MethodPost, s.url+"/v1/inventory/refresh", "", manyItems(number))
	}
	err = s.wait()
	if code, log := s.cmd.ProcessState.ExitCode(), s.log.String(); code != raftstore.ExitDiskFailed ||
		!strings.Contains(log, "begin the log file") ||
		!strings.Contains(log, "no space left on device") || panicked(log) {
		t.Errorf("it ended with %v\n%s", err, log)
	}
}

// A start that finds too little space to move its log into a table waits for space. It says so in one line, without a
// stack trace, and goes on when there is space.
func TestStartWithoutSpace(t *testing.T) {
	dir := mountSmall(t, "size=40m")
	data, ballast := filepath.Join(dir, "data"), filepath.Join(dir, "ballast")
	s := startServer(t, data)
	for number := range 20 {
		s.call("POST", "/v1/inventory/refresh", manyItems(number), http.StatusOK)
	}
	s.kill()
	fillDisk(t, ballast)
	freeSpace(t, ballast, 20<<10)
	s = launchServer(t, nil, "--data", data, "--listen", "127.0.0.1:0")
	await(t, "it complains", func() bool { return strings.Contains(s.log.String(), "is tried again") })
	remove(t, ballast)
	select {
	case s.url = <-s.ready:
	case <-time.After(startTimeout):
		t.Fatalf("it does not go on when there is space:\n%.5000s", s.log.String())
	}
	s.stop()
	if log := s.log.String(); strings.Count(log, "is tried again") > 1 || strings.Contains(log, "stack trace") {
		t.Errorf("it says\n%.5000s", log)
	}
	mustVerify(t, data)
}

// mountSmall mounts a file system with the limits, or skips the test where none can be mounted.
func mountSmall(t *testing.T, limits string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, limits); err != nil {
		t.Skipf("SKIPPED, no small file system can be mounted here (%v); TestClusterFullDisk has the fault injected",
			err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// freeSpace gives some bytes of a disk back that fillDisk has filled.
func freeSpace(t *testing.T, ballast string, bytes int64) {
	t.Helper()
	info, err := os.Stat(ballast)
	if err == nil {
		err = os.Truncate(ballast, info.Size()-bytes)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fillDisk writes a file until nothing more fits.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for part := make([]byte, 4096); err == nil; {
		_, err = file.Write(part)
	}
	if !os.IsNotExist(err) && !strings.Contains(err.Error(), "no space left") {
		t.Fatal(err)
	}
}
