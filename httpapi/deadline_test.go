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

// Whoever sends half a request, or nothing more, does not keep the connection for ever.
func TestDeadlines(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Log: slog.New(slog.DiscardHandler), ReadTimeout: 20 * time.Millisecond, IdleTimeout: 20 * time.Millisecond}
	server, err := New(config, newTestStore())
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	for name, sent := range map[string]string{
		"nothing":             "",
		"half a request":      "GET /v1/tag-categories HTTP/1.1\r\nHo",
		"half a body":         "POST /v1/inventory/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"a request, no other": "GET /v1/tag-categories HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
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
			} else if whole := name == "a request, no other"; whole != (reply.StatusCode == http.StatusOK) {
				t.Errorf("%s is answered with %s", name, reply.Status)
			} else if _, err := io.Copy(io.Discard, reply.Body); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Errorf("%s: the connection was not closed: %v", name, err)
		}
		conn.Close()
	}
	if err := server.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A reply that nobody takes is given up.
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
