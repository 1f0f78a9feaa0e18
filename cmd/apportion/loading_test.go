package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"apportion/bench/rig"
	"apportion/cmd/apportion/servertest"
)

// TestLoadingPage: while the store loads, /healthz is ok and everything else is 503. A connection that comes between
// the page's end and the real server gets its answer from the real server.
func TestLoadingPage(t *testing.T) {
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	page := startLoadingPage(listener, 8)
	f := func(path string, want int) {
		t.Helper()
		r, err := servertest.Send(http.DefaultClient, "GET", url+path, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != want {
			t.Fatalf("%s: status %d, want %d", path, r.Status, want)
		}
		if want == http.StatusServiceUnavailable && r.Object(t)["code"] != "not-ready" {
			t.Fatalf("%s: %s", path, r.Body)
		}
	}
	f("/healthz", http.StatusOK)
	f("/readyz", http.StatusServiceUnavailable)
	f("/v1/inventory/a/b", http.StatusServiceUnavailable)
	if err := page.stop(); err != nil {
		t.Fatal(err)
	}

	between, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer between.Close()
	real := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	})}
	go func() { _ = real.Serve(listener) }() // ends with Close below
	defer real.Close()
	f("/readyz", http.StatusTeapot)

	fmt.Fprintf(between, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	_ = between.SetReadDeadline(time.Now().Add(rig.StartTimeout))
	text, err := io.ReadAll(between)
	if err != nil || len(text) < 12 || string(text[9:12]) != "418" {
		t.Fatalf("the connection in between got %q, %v", text, err)
	}
}
