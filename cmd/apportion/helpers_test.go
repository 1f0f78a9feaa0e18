package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain makes the test binary double as the program: started under the name apportion it runs main. So the tests
// below start real processes, built with the race detector whenever the tests are.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "apportion" {
		injectFaults()
		main() // does not return
	}
	os.Exit(m.Run())
}

// program is the command that runs apportion with the arguments.
func program(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(fmt.Sprintf("BUG: the test binary cannot find itself: %v", err))
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"apportion"}, args...)
	return cmd
}

// startTimeout bounds the wait for a server to be ready, endTimeout the wait for its end.
const (
	startTimeout = 30 * time.Second
	endTimeout   = stopTimeout + 15*time.Second
)

// server is a running apportion process.
type server struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string
	log   *lockedBuffer
	ready chan string // receives the URL of the ready line, once
	done  chan error  // receives the process's end, once

	oneOfSeveral bool // nodes of a cluster
}

// lockedBuffer keeps the end of what is written, and whether the program has said that something is wrong with it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	alarm  bool
}

// lockedBufferMax is what is kept at least: a server may run for hours.
const lockedBufferMax = 1 << 20

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alarm = b.alarm || bytes.Contains(p, []byte("DATA RACE")) || bytes.Contains(p, []byte("BUG:")) ||
		bytes.Contains(p, []byte("panic:"))
	if b.buffer.Len() > 2*lockedBufferMax && !b.alarm {
		b.buffer.Next(b.buffer.Len() - lockedBufferMax)
	}
	return b.buffer.Write(p)
}

func (b *lockedBuffer) alarmed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.alarm
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// startServer starts `apportion serve` on a free port and waits for the line that says it is ready.
func startServer(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := launchServer(t, nil, append([]string{"--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.waitForReady()
	return s
}

// waitForReady waits for the line that says where the server is.
func (s *server) waitForReady() {
	s.t.Helper()
	select {
	case s.url = <-s.ready:
	case err := <-s.done:
		s.t.Fatalf("the server ended before it was ready: %v\n%s", err, s.log)
	case <-time.After(startTimeout):
		s.t.Fatalf("the server was not ready in %s\n%s", startTimeout, s.log)
	}
}

// launchServer starts `apportion serve` with more variables in its environment, and waits for nothing.
func launchServer(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	s := newServer(t)
	s.cmd = program(append([]string{"serve"}, args...)...)
	s.launch(env)
	return s
}

func newServer(t *testing.T) *server {
	return &server{t: t, log: &lockedBuffer{}, ready: make(chan string, 1), done: make(chan error, 1)}
}

// launch starts the command, with more variables in its environment.
func (s *server) launch(env []string) {
	s.t.Helper()
	s.cmd.Stderr, s.cmd.Env = s.log, append(os.Environ(), env...)
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // fails if the process has ended already, which is fine
	go s.watch(stdout)
}

// watch reads stdout until the process ends, and tells the URL of the ready line.
func (s *server) watch(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "is ready on "); ok {
			url, _, _ := strings.Cut(after, " ")
			select {
			case s.ready <- url:
			default: // a node that begins anew says so again
			}
		}
	}
	s.done <- s.cmd.Wait()
}

// stop sends SIGTERM and demands a clean end.
func (s *server) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if err := s.wait(); err != nil {
		s.t.Fatalf("the server did not end cleanly: %v\n%s", err, s.log)
	}
}

// kill is kill -9.
func (s *server) kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	_ = s.wait() // "signal: killed", as asked
}

func (s *server) signal(signal os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatalf("%s: %v\n%s", signal, err, s.log)
	}
}

func (s *server) wait() error {
	s.t.Helper()
	select {
	case err := <-s.done:
		return err
	case <-time.After(endTimeout):
		s.t.Fatalf("the server did not end in %s\n%s", endTimeout, s.log)
		return nil
	}
}

// reply is an HTTP reply, read whole.
type reply struct {
	status   int
	body     []byte
	replayed bool
}

// object decodes the body as a JSON object.
func (r *reply) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(r.body, &object); err != nil {
		t.Fatalf("status %d, no JSON object: %v: %s", r.status, err, r.body)
	}
	return object
}

// send sends one request over the shared client. key may be empty.
func send(client *http.Client, method, url, key, body string) (*reply, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	// what is sent again is for the caller to know: with a key, the transport would do it by itself
	request.GetBody = nil
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &reply{response.StatusCode, text, response.Header.Get("Idempotency-Replayed") == "true"}, nil
}

// call sends a request and demands a status. In a cluster, whose lead may change at any time, it sends again what could
// not be done, or whose outcome is unknown, with a key.
func (s *server) call(method, path, body string, wantStatus int) *reply {
	s.t.Helper()
	key := ""
	if s.oneOfSeveral && method != http.MethodGet {
		key = rand.Text()
	}
	var r *reply
	for deadline := time.Now().Add(clusterPatience); ; <-time.After(retryPause) {
		var err error
		if r, err = send(http.DefaultClient, method, s.url+path, key, body); err != nil {
			s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.log)
		}
		if !s.oneOfSeveral || r.status != http.StatusServiceUnavailable || wantStatus == r.status || time.Now().
			After(deadline) {
			break
		}
	}
	if r.status != wantStatus {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, wantStatus, r.body)
	}
	return r
}

// inventoryReply is the answer to a read of records.
type inventoryReply struct {
	AsOf    uint64       `json:"asOf"`
	Records []recordRead `json:"records"`
}

// figuresRead are the figures of a record or of a segment.
type figuresRead struct {
	OnHand      int64 `json:"onHand"`
	Allocated   int64 `json:"allocated"`
	Pending     int64 `json:"pending"`
	SafetyStock int64 `json:"safetyStock"`
	Available   int64 `json:"available"`
}

type recordRead struct {
	figuresRead
	Segments []struct {
		figuresRead
		Tags map[string]string `json:"tags"`
	} `json:"segments"`
}

// figures reads a record's own totals.
func (s *server) figures(location, upc string) (onHand, allocated int64) {
	s.t.Helper()
	var records inventoryReply
	r := s.call("GET", "/v1/inventory/"+location+"/"+upc, "", http.StatusOK)
	if err := json.Unmarshal(r.body, &records); err != nil || len(records.Records) != 1 {
		s.t.Fatalf("no single record in %s (%v)", r.body, err)
	}
	return records.Records[0].OnHand, records.Records[0].Allocated
}

// runCommand runs apportion to its end and gives its exit status and output.
func runCommand(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := program(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A server that should have refused to start, but did, would run for ever.
	timer := time.AfterFunc(startTimeout, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%q was still running after %s\n%s%s", args, startTimeout, out.String(), errs.String())
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// mustVerify demands that `apportion verify` finds nothing, and leaves everything as it was.
func mustVerify(t *testing.T, data string) {
	t.Helper()
	before := filesOf(t, data)
	defer func() {
		t.Helper()
		if after := filesOf(t, data); !maps.Equal(before, after) {
			t.Errorf("verify has changed files: before %v, after %v", before, after)
		}
	}()
	if status, stdout, stderr := runCommand(t, "verify", "--data", data); status != 0 {
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

func refreshBody(location, upc string, quantity int64) string {
	return fmt.Sprintf(`{"location":%q,"items":[{"upc":%q,"quantity":%d}]}`, location, upc, quantity)
}
