package servertest

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// StartTimeout bounds the wait until a server is ready, endTimeout the wait until it has ended: it ends within a minute
// by itself.
const (
	StartTimeout = 30 * time.Second
	endTimeout   = 75 * time.Second
)

// Server is a running apportion process.
type Server struct {
	T     *testing.T
	Cmd   *exec.Cmd
	URL   string
	Log   *Log
	Ready chan string // receives the URL of the ready line, once
	Done  chan error  // receives the end of the process, once

	OneOfSeveral bool // a node of a cluster
}

// Log keeps the end of what a program writes, and notes alarms: a data race, a bug or a panic.
type Log struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	alarm  bool
}

// logBytesMin is kept at least: a server may run for hours.
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

// String is what is kept.
func (b *Log) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// Start starts `apportion serve` on a free port and waits until it is ready.
func Start(t *testing.T, data string, args ...string) *Server {
	t.Helper()
	s := Launch(t, nil, append([]string{"--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.WaitForReady()
	return s
}

// WaitForReady waits for the line with the address of the server.
func (s *Server) WaitForReady() {
	s.T.Helper()
	select {
	case s.URL = <-s.Ready:
	case err := <-s.Done:
		s.T.Fatalf("the server ended before it was ready: %v\n%s", err, s.Log)
	case <-time.After(StartTimeout):
		s.T.Fatalf("the server was not ready in %s\n%s", StartTimeout, s.Log)
	}
}

// Launch starts `apportion serve` with more variables in its environment, and waits for nothing.
func Launch(t *testing.T, env []string, args ...string) *Server {
	t.Helper()
	s := New(t)
	s.Cmd = Command(append([]string{"serve"}, args...)...)
	s.Launch(env)
	return s
}

// New is a server that has not started: its Cmd has to be set before Launch.
func New(t *testing.T) *Server {
	return &Server{T: t, Log: &Log{}, Ready: make(chan string, 1), Done: make(chan error, 1)}
}

// Launch starts the command, with more variables in its environment.
func (s *Server) Launch(env []string) {
	s.T.Helper()
	s.Cmd.Stderr, s.Cmd.Env = s.Log, append(os.Environ(), env...)
	stdout, err := s.Cmd.StdoutPipe()
	if err != nil {
		s.T.Fatal(err)
	}
	if err := s.Cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = s.Cmd.Process.Kill() }) // fails if the process has ended
	go s.watch(stdout)
}

// watch reads stdout until the process ends, and passes on the URL of the ready line.
func (s *Server) watch(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "is ready on "); ok {
			url, _, _ := strings.Cut(after, " ")
			select {
			case s.Ready <- url:
			default: // a node that opens again prints it again
			}
		}
	}
	s.Done <- s.Cmd.Wait()
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
	_ = s.Wait() // "signal: killed", as asked
}

// Signal sends the process a signal.
func (s *Server) Signal(signal os.Signal) {
	s.T.Helper()
	if err := s.Cmd.Process.Signal(signal); err != nil {
		s.T.Fatalf("%s: %v\n%s", signal, err, s.Log)
	}
}

// Wait waits until the process has ended.
func (s *Server) Wait() error {
	s.T.Helper()
	select {
	case err := <-s.Done:
		return err
	case <-time.After(endTimeout):
		s.T.Fatalf("the server did not end in %s\n%s", endTimeout, s.Log)
		return nil
	}
}

// ClusterPatience bounds every wait for a cluster: the machine may be busy, and the race detector is slow.
const ClusterPatience = 2 * time.Minute

// lookInterval is the pause between two looks.
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
