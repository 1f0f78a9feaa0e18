package httpapi

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wire is a client's connection to a server.
type wire struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// serveWire starts a server on a real network. dial opens a connection to it.
func serveWire(t *testing.T, config Config) (server *Server, dial func() *wire) {
	t.Helper()
	return serveWireOf(t, config, newTestStore())
}

func serveWireOf(t *testing.T, config Config, store testBackend) (server *Server, dial func() *wire) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config.Log = slog.New(slog.DiscardHandler)
	if server, err = newServer(config, store); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(t.Context()), <-served); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
	})
	return server, func() *wire {
		t.Helper()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		return &wire{conn, t, bufio.NewReader(conn)}
	}
}

func (w *wire) send(text string) *wire {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// get sends a request without a body.
func (w *wire) get(path string) *wire {
	return w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
}

// read reads a reply, and demands a status and the code of a problem, "" for none.
func (w *wire) read(status int, code string) *http.Response {
	w.t.Helper()
	reply, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var problem struct{ Code, ErrorCode string }
	text, err := io.ReadAll(reply.Body)
	if err == nil && code != "" {
		err = json.Unmarshal(text, &problem)
	}
	if err != nil || reply.StatusCode != status || problem.Code != code {
		w.t.Fatalf("%s, %v: %s", reply.Status, err, text)
	}
	if status == http.StatusServiceUnavailable && reply.Header.Get("Retry-After") == "" {
		w.t.Errorf("%s without Retry-After", reply.Status)
	}
	return reply
}

// ended demands that the server has closed the connection.
func (w *wire) ended() {
	w.t.Helper()
	if text, err := io.ReadAll(w.in); err != nil || len(text) > 0 {
		w.t.Errorf("the connection is not at its end: %q, %v", text, err)
	}
}

// If all connections are in use, a server answers with a problem of its API, but still answers health checks. A waiting
// connection gets the next free place.
func TestConnectionsMax(t *testing.T) {
	server, dial := serveWire(t, Config{ConnectionsMax: 1})
	first := dial().get("/v1/tag-categories")
	first.read(http.StatusOK, "")

	spare := func(path string, status int, code string) *http.Response {
		t.Helper()
		w := dial().get(path)
		reply := w.read(status, code)
		if !reply.Close {
			t.Errorf("%s: the connection would stay", path)
		}
		w.ended()
		return reply
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		spare(path, http.StatusOK, "")
	}
	if media := spare("/v1/tag-categories", http.StatusServiceUnavailable, codeBusy).
		Header.Get("Content-Type"); media != contentProblem {
		t.Errorf("the media type is %q", media)
	}
	spare("/api/commerce/nothing", http.StatusNotFound, codeNotFound)
	post := dial().send("POST /api" + kiboV5 + "/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	if media := post.read(http.StatusServiceUnavailable, codeBusy).Header.Get("Content-Type"); media != contentJSON {
		t.Errorf("the media type for Kibo's clients is %q", media)
	}
	post.ended()

	waiting, away := dial(), dial()
	reply := away.read(http.StatusServiceUnavailable, codeBusy)
	if media := reply.Header.Get("Content-Type"); media != contentProblem || !reply.Close {
		t.Errorf("turned away with %v", reply.Header)
	}
	away.ended()
	if n := server.metrics.turnedAway.Get(); n != 1 {
		t.Errorf("%d turned away", n)
	}

	first.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").read(http.StatusOK, "")
	first.ended()
	for range 2 {
		waiting.get("/v1/tag-categories").read(http.StatusOK, "")
	}
}

// Accept continues after temporary errors, and returns all others.
func TestAcceptErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		err    error
		passes bool
	}{
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}, true},
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENFILE)}, true},
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENOBUFS)}, true},
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ECONNABORTED)}, true},
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EINVAL)}, false},
		{&net.OpError{Op: "accept", Err: net.ErrClosed}, false},
		{broken, false},
	} {
		one, other := net.Pipe()
		listener := &scriptedListener{errs: []error{test.err, nil, net.ErrClosed}, conn: one}
		var log strings.Builder
		l := &connections{Listener: listener, log: slog.New(slog.NewTextHandler(&log, nil)), max: 1}
		conn, err := l.Accept()
		if test.passes != (err == nil) || !test.passes && !errors.Is(err, test.err) {
			t.Errorf("%v: %v", test.err, err)
		}
		if test.passes && (conn.Close() != nil || !strings.Contains(log.String(), test.err.Error())) {
			t.Errorf("%v: the log is %q", test.err, log.String())
		}
		one.Close()
		other.Close()
	}
}

// scriptedListener returns errors in their order, and a connection for nil.
type scriptedListener struct {
	net.Listener
	errs []error
	conn net.Conn
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	err := l.errs[0]
	l.errs = l.errs[1:]
	if err != nil {
		return nil, err
	}
	return l.conn, nil
}
