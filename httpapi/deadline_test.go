package httpapi

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// The connection of a client that stops within a request, or between requests, is closed after a time.
func TestDeadlines(t *testing.T) {
	const soon = 20 * time.Millisecond
	f := func(name, sent string, readTimeout time.Duration) {
		t.Helper()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server, err := newServer(Config{Log: slog.New(slog.DiscardHandler), ReadTimeout: readTimeout,
			IdleTimeout: soon},
			newTestStore())
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		in := bufio.NewReader(conn)
		if sent != "" {
			reply, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if whole := readTimeout != soon; whole != (reply.StatusCode == http.StatusOK) {
				t.Errorf("%s is answered with %s", name, reply.Status)
			} else if _, err := io.Copy(io.Discard, reply.Body); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Errorf("%s: the connection was not closed: %v", name, err)
		}
		conn.Close()
		if err := server.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	f("nothing", "", soon)
	f("half a request", "GET /v1/tag-categories HTTP/1.1\r\nHo", soon)
	f("half a body", "POST /v1/inventory/query HTTP/1.1\r\nHost: x\r\nContent-Type: "+
		"application/json\r\nContent-Length: 100\r\n\r\n{", soon)
	// a busy machine may be slow
	f("a request, no other", "GET /v1/tag-categories HTTP/1.1\r\nHost: x\r\n\r\n", time.Minute)
}

// A deadline that passes between two calls does not fail the second. A client may be silent for longer than the limit
// of a reply, and the work on a request may take longer than the limit of its sending.
func TestDeadlinePassesBetween(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	timed := newDeadlines(listener)
	defer timed.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := timed.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		later := time.Now().Add(time.Hour)
		_ = conn.SetDeadline(later)
		if _, err := conn.Write([]byte("reply")); err != nil {
			t.Fatalf("write: %v", err)
		}
		if _, err := client.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, len("request"))); err != nil {
			t.Fatalf("read: %v", err)
		}
		timed.look(later.Add(time.Hour))
	}
}

// A connection that is accepted while the listener closes is closed, and Close does not wait for it.
func TestDeadlinesClosed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	late := &lateListener{Listener: listener, accepted: make(chan struct{}), proceed: make(chan struct{})}
	timed := newDeadlines(late)
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	failed := make(chan error, 1)
	go func() {
		_, err := timed.Accept()
		failed <- err
	}()
	<-late.accepted
	if err := timed.Close(); err != nil {
		t.Error(err)
	}
	<-timed.ended
	close(late.proceed)
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepted after the end: %v", err)
	}
	_ = timed.Close() // again
}

// lateListener accepts a connection, but returns it only after a signal.
type lateListener struct {
	net.Listener
	accepted, proceed chan struct{}
}

func (l *lateListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	close(l.accepted)
	<-l.proceed
	return conn, err
}

// A reply that the client does not read is given up.
func TestWriteDeadline(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	timed := newDeadlines(listener)
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := timed.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Time{})
	_ = conn.SetWriteDeadline(time.Now().Add(time.Millisecond))
	for err == nil {
		_, err = conn.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write ended with %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := timed.Close(); err != nil {
		t.Error(err)
	}
	<-timed.ended
}
