package servertest

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"apportion/bench/rig"
)

// endTimeout bounds the wait until a server has ended: it ends within a minute by itself.
const endTimeout = 75 * time.Second

// Server is a running apportion process.
type Server struct {
	T   *testing.T
	URL string
	Log *Log

	OneOfSeveral bool // a node of a cluster

	process *rig.Process
}

// Log keeps the end of a program's output, and detects alarms: a data race, a bug or a panic.
type Log struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	alarm  bool
}

// logBytesMin is the least that Log keeps. It does not keep all, because a server may run for hours.
const logBytesMin = 1 << 20

// Write implements io.Writer.
func (b *Log) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alarm = b.alarm || bytes.Contains(p, []byte("DATA RACE")) || bytes.Contains(p, []byte("BUG:")) ||
		bytes.Contains(p, []byte("panic:"))
	if b.buffer.Len() > 2*logBytesMin && !b.alarm {
		b.buffer.Next(b.buffer.Len() - logBytesMin)
	}
	return b.buffer.Write(p)
}

// Alarmed reports whether the program has reported a data race, a bug or a panic.
func (b *Log) Alarmed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.alarm
}

// String returns the kept output.
func (b *Log) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// Start starts `apportion serve` on a free port and waits until it is ready.
func Start(t *testing.T, data string, args ...string) *Server {
	t.Helper()
	s := Launch(t, nil, append([]string{"--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.AwaitReady()
	return s
}

// Launch starts `apportion serve` with additional environment variables, and does not wait.
func Launch(t *testing.T, env []string, args ...string) *Server {
	t.Helper()
	return LaunchCommand(t, Command(append([]string{"serve"}, args...)...), env)
}

// LaunchCommand is Launch with a given command.
func LaunchCommand(t *testing.T, cmd *exec.Cmd, env []string) *Server {
	t.Helper()
	s := &Server{T: t, Log: &Log{}}
	cmd.Stderr, cmd.Env = s.Log, append(os.Environ(), env...)
	var err error
	if s.process, err = rig.Launch(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Signal(syscall.SIGKILL) }) // fails if the process has ended
	return s
}

// AwaitReady waits for the line with the address of the server.
func (s *Server) AwaitReady() {
	s.T.Helper()
	if err := s.process.AwaitReady(); err != nil {
		s.T.Fatalf("%v\n%s", err, s.Log)
	}
	s.URL = s.process.URL()
}

// Stop sends SIGTERM and demands exit status 0.
func (s *Server) Stop() {
	s.T.Helper()
	s.Signal(syscall.SIGTERM)
	if err := s.Wait(); err != nil {
		s.T.Fatalf("the server did not end cleanly: %v\n%s", err, s.Log)
	}
}

// Kill is kill -9.
func (s *Server) Kill() {
	s.T.Helper()
	s.Signal(syscall.SIGKILL)
	_ = s.Wait() // the expected error is "signal: killed"
}

// Signal sends the process a signal.
func (s *Server) Signal(signal os.Signal) {
	s.T.Helper()
	if err := s.TrySignal(signal); err != nil {
		s.T.Fatalf("%s: %v\n%s", signal, err, s.Log)
	}
}

// TrySignal is Signal for a process that may have ended. Then it returns an error.
func (s *Server) TrySignal(signal os.Signal) error { return s.process.Signal(signal) }

// Wait waits until the process has ended. It returns an error unless the exit status is 0.
func (s *Server) Wait() error {
	s.T.Helper()
	select {
	case <-s.process.Ended():
		return s.process.Wait()
	case <-time.After(endTimeout):
		s.T.Fatalf("the server did not end in %s\n%s", endTimeout, s.Log)
		return nil
	}
}

// Ended reports whether the process has ended.
func (s *Server) Ended() bool {
	select {
	case <-s.process.Ended():
		return true
	default:
		return false
	}
}

// ExitCode is the exit status of a process that has ended, -1 after a signal.
func (s *Server) ExitCode() int { return s.process.ExitCode() }

// ClusterPatience is the longest wait for a cluster: the machine may be busy, and the race detector is slow.
const ClusterPatience = 2 * time.Minute

// lookInterval is the pause between two checks of a condition.
const lookInterval = 25 * time.Millisecond

// Await waits until is reports true. what names it.
func Await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(ClusterPatience)
	defer deadline.Stop()
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for !is() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatalf("waited %s until %s", ClusterPatience, what)
		}
	}
}

// AwaitLog waits until the log of a server has a text.
func AwaitLog(t *testing.T, s *Server, what string) {
	t.Helper()
	Await(t, what, func() bool { return strings.Contains(s.Log.String(), what) })
}
