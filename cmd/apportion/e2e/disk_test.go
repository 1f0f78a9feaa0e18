package e2e

import (
	"fmt"
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

// diskFailed reports whether a process has ended because its disk was full, with that message.
func diskFailed(n *node) bool {
	return n.ExitCode() > 0 && strings.Contains(n.Log.String(), "no space left on device")
}

// diskSilent reports whether a process made a forced stop because its disk did not answer, with that message.
func diskSilent(n *node) bool {
	return n.ExitCode() == raftstore.ExitDiskFailed &&
		strings.Contains(n.Log.String(), ": the disk does not answer.")
}

// A leader with a full disk ends with a message, and the others continue. Without space a start fails with a message.
// With space it succeeds.
func TestClusterFullDisk(t *testing.T) {
	c := newCluster(t, 3, impatient...)
	full := c.leader()
	c.load(func() {
		full.inject(faulty.Faults{Full: true})
		c.await("it ends", full.ended)
		if !diskFailed(full) || full.ExitCode() != raftstore.ExitDiskFailed {
			t.Errorf("it ended with %d", full.ExitCode())
		}
		c.await("another one leads", func() bool { return c.leaderNow() != nil })
		c.awaitOrders(50)
		full.start()
		c.await("it does not come up", full.ended)
		if code, log := full.ExitCode(), full.Log.String(); code == 0 ||
			!strings.Contains(log, "no space left on device") || servertest.Panicked(log) {
			t.Errorf("without space it ends with %d and\n%s", code, log)
		}
		full.inject(faulty.Faults{})
		full.start()
		c.await("it is ready", full.isReady)
	})
	c.finish()
}

// A leader whose disk stalls lets another node lead, and can be stopped. A leader with a slow disk answers more slowly,
// and loses nothing.
func TestClusterSlowDisk(t *testing.T) {
	c := newCluster(t, 3, append([]string{"--stall-timeout", "500ms"}, impatient...)...)
	c.load(func() {
		stalled := c.leader()
		stalled.inject(faulty.Faults{Stalled: true})
		c.await("another one leads", func() bool { return c.leaderAmong(c.others(stalled)) != nil })
		c.awaitOrders(50)
		// It still believes that it leads, and waits for its disk.
		for path, body := range map[string]string{"/v1/inventory/refresh": servertest.RefreshBody("W1", "A", 1),
			"/v1/cluster/transfer-leader": ""} {
			if got := stalled.Call("POST", path, body, http.StatusServiceUnavailable).
				Object(t)["code"]; got != "not-leader" {
				t.Errorf("%s: %v, want not-leader", path, got)
			}
		}
		stalled.inject(faulty.Faults{})
		c.awaitReady()
		told := c.leader()
		told.inject(faulty.Faults{Stalled: true})
		c.awaitOrders(50) // another node leads, while a write of this node is in flight
		told.Signal(syscall.SIGTERM)
		if _ = told.Wait(); !diskSilent(told) {
			t.Errorf("told to stop while its disk is silent, it ended with %d and\n%s",
				told.ExitCode(), told.Log)
		}
		told.inject(faulty.Faults{})
		told.start()
		c.awaitReady()
		slow := c.leader()
		slow.inject(faulty.Faults{SyncDelayMS: 50})
		c.awaitOrders(50)
		slow.inject(faulty.Faults{})
	})
	c.finish()
}

// A single server on a real full file system, if the test can mount one.
func TestFullFileSystem(t *testing.T) {
	dir := mountSmall(t, "size=24m")
	data := filepath.Join(dir, "data")
	s := servertest.Start(t, data)
	s.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 1_000_000), http.StatusOK)
	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast)
	acknowledged := int64(0)
	for ; ; acknowledged++ {
		body := fmt.Sprintf(`{"lines":[{"itemId":%q,"upc":"A","location":"W1","quantity":1}]}`, strings.Repeat("x", 64))
		r, err := servertest.Send(http.DefaultClient, http.MethodPost,
			fmt.Sprintf("%s/v1/orders/%d/allocate", s.URL, acknowledged), "", body)
		if err != nil {
			break // the server has ended
		}
		if r.Status != http.StatusOK && r.Status != http.StatusServiceUnavailable {
			t.Fatalf("on a full disk: status %d: %s", r.Status, r.Body)
		}
		if r.Status != http.StatusOK {
			break
		}
	}
	if err := s.Wait(); err == nil || s.ExitCode() != raftstore.ExitDiskFailed ||
		!strings.Contains(s.Log.String(), "no space left on device") {
		t.Errorf("it ended with %v\n%s", err, s.Log)
	}
	servertest.Remove(t, ballast)
	s = servertest.Start(t, data)
	// The order without an answer may be there.
	if _, allocated := s.Figures("W1", "A"); allocated != acknowledged && allocated != acknowledged+1 {
		t.Errorf("%d units are allocated, %d orders were acknowledged", allocated, acknowledged)
	}
	t.Logf("%d orders were acknowledged before the disk was full", acknowledged)
	s.Stop()
	servertest.Verify(t, data)
}

// A server that cannot create its next log file ends with the cause, without a stack trace. Here there is space, but no
// inode for one more file.
func TestNoNextLogFile(t *testing.T) {
	dir := mountSmall(t, "size=200m,nr_inodes=100")
	s := servertest.Start(t, filepath.Join(dir, "data"))
	for number := 0; ; number++ {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("ballast", number)), nil, 0o600); err != nil {
			break
		}
	}
	var err error
	for number := 0; err == nil; number++ {
		_, err = servertest.Send(http.DefaultClient, http.MethodPost, s.URL+"/v1/inventory/refresh", "",
			servertest.ManyItems(number))
	}
	err = s.Wait()
	if code, log := s.ExitCode(), s.Log.String(); code != raftstore.ExitDiskFailed ||
		!strings.Contains(log, "create the log file") ||
		!strings.Contains(log, "no space left on device") || servertest.Panicked(log) {
		t.Errorf("it ended with %v\n%s", err, log)
	}
}

// A start without space to move its log into a table waits, with one line in the log and no stack trace. It continues
// when there is space.
func TestStartWithoutSpace(t *testing.T) {
	dir := mountSmall(t, "size=40m")
	data, ballast := filepath.Join(dir, "data"), filepath.Join(dir, "ballast")
	s := servertest.Start(t, data)
	for number := range 20 {
		s.Call("POST", "/v1/inventory/refresh", servertest.ManyItems(number), http.StatusOK)
	}
	s.Kill()
	fillDisk(t, ballast)
	freeSpace(t, ballast, 20<<10)
	s = servertest.Launch(t, nil, "--data", data, "--listen", "127.0.0.1:0")
	servertest.Await(t, "it complains", func() bool { return strings.Contains(s.Log.String(), "is tried again") })
	servertest.Remove(t, ballast)
	s.AwaitReady()
	s.Stop()
	if log := s.Log.String(); strings.Count(log, "is tried again") > 1 || strings.Contains(log, "stack trace") {
		t.Errorf("it says\n%.5000s", log)
	}
	servertest.Verify(t, data)
}

// mountSmall mounts a file system with limits, or skips the test if it cannot.
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

// freeSpace frees some bytes of a disk that fillDisk has filled.
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
