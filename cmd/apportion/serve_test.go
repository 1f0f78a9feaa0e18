package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"apportion/cmd/apportion/servertest"
	"apportion/raftstore"
)

// TestServeKeepsData: after an orderly stop and a new start, all writes are there, and the directory verifies.
func TestServeKeepsData(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data)
	s.Call("GET", "/healthz", "", http.StatusOK)
	s.Call("GET", "/readyz", "", http.StatusOK)
	s.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", "A", 10), http.StatusOK)
	s.Call("POST", "/v1/orders/1/allocate", `{"lines":[{"itemId":"1","upc":"A","location":"W1","quantity":3}]}`,
		http.StatusOK)
	before := s.Call("GET", "/v1/orders/1", "", http.StatusOK)
	s.Stop()
	servertest.Verify(t, data)

	s = servertest.Start(t, data)
	if onHand, allocated := s.Figures("W1", "A"); onHand != 10 || allocated != 3 {
		t.Fatalf("on hand %d, allocated %d; want 10, 3", onHand, allocated)
	}
	after := s.Call("GET", "/v1/orders/1", "", http.StatusOK)
	if string(before.Body) != string(after.Body) {
		t.Fatalf("the order was\n%s\nand is\n%s", before.Body, after.Body)
	}
	s.Call("POST", "/v1/orders/1/fulfill", `{}`, http.StatusOK)
	if onHand, allocated := s.Figures("W1", "A"); onHand != 7 || allocated != 0 {
		t.Fatalf("on hand %d, allocated %d; want 7, 0", onHand, allocated)
	}
	s.Stop()
	servertest.Verify(t, data)
}

// TestServeOneAtATime: a second server on the same directory ends with the reason, and the first continues.
func TestServeOneAtATime(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data)
	status, _, stderr := servertest.Run(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	if status != 1 || !strings.Contains(stderr, "is in use by another process") {
		t.Fatalf("second server: status %d\n%s", status, stderr)
	}
	status, _, stderr = servertest.Run(t, "verify", "--data", data)
	if status != 1 || !strings.Contains(stderr, "is in use: stop its server first") {
		t.Fatalf("verify beside a server: status %d\n%s", status, stderr)
	}
	s.Call("GET", "/readyz", "", http.StatusOK)
	s.Stop()
}

// TestServeOptions: JSON logs, the admin token, the body limit.
func TestServeOptions(t *testing.T) {
	t.Setenv("APPORTION_BODY_BYTES_MAX", "1000")
	s := servertest.Start(t, filepath.Join(t.TempDir(), "data"), "--log-format", "json", "--admin-token", "sesame")
	s.Call("GET", "/debug/pprof/cmdline", "", http.StatusUnauthorized)
	s.Call("POST", "/v1/inventory/refresh", servertest.RefreshBody("W1", strings.Repeat("A", 2000), 10),
		http.StatusRequestEntityTooLarge)
	s.Stop()
	for _, line := range strings.Split(strings.TrimSpace(s.Log.String()), "\n") {
		if !regexp.MustCompile(`^\{"time":.*"level":"[A-Z]+","msg":.*\}$`).MatchString(line) {
			t.Errorf("not a JSON log line: %s", line)
		}
	}
}

// TestDemo: the catalogue is loaded only into an empty directory.
func TestDemo(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data, "--demo")
	record := s.Call("GET", "/v1/inventory/"+demoLocation+"/"+demoUPC, "", http.StatusOK)
	want := []string{`"onHand":75`, `"onHand":20`, `"onHand":20`, `"onHand":15`, `"onHand":15`, `"onHand":5`}
	if got := regexp.MustCompile(`"onHand":\d+`).FindAllString(string(record.Body), -1); strings.Join(
		got, " ") != strings.Join(want, " ") {
		t.Fatalf("on hand of the record and its segments: %q, want %q", got, want)
	}
	s.Call("POST", "/v1/inventory/adjust",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":-3}]}`, http.StatusOK)
	s.Stop()

	s = servertest.Start(t, data, "--demo")
	if onHand, _ := s.Figures(demoLocation, demoUPC); onHand != 72 {
		t.Fatalf("on hand %d after a restart, want 72: the catalogue was loaded twice", onHand)
	}
	s.Stop()
	servertest.Verify(t, data)
}

// TestDemoLeavesASchemaAlone: a directory with tag categories, but without records, is not empty.
func TestDemoLeavesASchemaAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data)
	s.Call("PUT", "/v1/tag-categories/Channel", `{"values":[{"value":"Mine","default":true}]}`, http.StatusOK)
	s.Stop()
	s = servertest.Start(t, data, "--demo")
	if r := s.Call("GET", "/v1/tag-categories", "", http.StatusOK); strings.Count(string(r.Body), `"value"`) != 1 {
		t.Errorf("the schema is now %s", r.Body)
	}
	s.Stop()
}

// TestDemoDeleted: after its deletion, the catalogue is not loaded by a restart, and the log does not say that it was.
func TestDemoDeleted(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data, "--demo")
	s.Call("POST", "/v1/inventory/delete", `{"all":true,"force":true}`, http.StatusOK)
	for _, category := range []string{"Channel", "OrderType", "Defective"} {
		s.Call("DELETE", "/v1/tag-categories/"+category, "", http.StatusOK)
	}
	s.Stop()
	s = servertest.Start(t, data, "--demo")
	s.Stop()
	if log := s.Log.String(); strings.Contains(log, "demo catalogue loaded") ||
		!strings.Contains(log, "loaded into this directory before and deleted") {
		t.Errorf("the log says\n%s", log)
	}
}

// TestReplayOrders runs the real command against a real server: twice on one server, beside the demo catalogue, and on
// a server that already has the category.
func TestReplayOrders(t *testing.T) {
	const sample = "../../bench/testdata/sample-orders.csv"
	data := filepath.Join(t.TempDir(), "data")
	s := servertest.Start(t, data)
	replayOrders(s, 0, replayAgrees, sample)
	replayOrders(s, 0, replayAgrees, "--opening", "95", sample)
	s.Stop()
	servertest.Verify(t, data)

	s = servertest.Start(t, filepath.Join(t.TempDir(), "demo"), "--demo")
	replayOrders(s, 3, `in-use(.|\n)*--category Country`, sample)
	replayOrders(s, 0, replayAgrees, "--category", "Country", sample)
	s.Stop()
}

// TestReplayRealOrders uses the data set beside a development checkout.
func TestReplayRealOrders(t *testing.T) {
	const real = "../../../shared/data/online-retail.csv"
	if _, err := os.Stat(real); err != nil {
		t.Skipf("no real orders to replay: %v", err)
	}
	s := servertest.Start(t, filepath.Join(t.TempDir(), "real"))
	replayOrders(s, 0, replayAgrees, real)
	s.Stop()
}

const replayAgrees = `agrees with the independent count of the file: \d+ UPCs, \d+ segments, [1-9]\d* refusals`

func replayOrders(s *servertest.Server, wantStatus int, want string, args ...string) {
	s.T.Helper()
	status, stdout, stderr := servertest.Run(s.T, append([]string{"replay-orders", "--target", s.URL}, args...)...)
	if status != wantStatus || !regexp.MustCompile(want).MatchString(stdout+stderr) {
		s.T.Fatalf("%q: status %d, want %d and %q\n%s%s", args, status, wantStatus, want, stdout, stderr)
	}
}

// TestExplainClock: the message says what the operator can do.
func TestExplainClock(t *testing.T) {
	err := explainOpen("n", "d", fmt.Errorf("%w: it says 2030", raftstore.ErrClock))
	if text := err.Error(); !strings.Contains(text, "it says 2030") || !strings.Contains(text, "Set the clock right") ||
		!strings.Contains(text, "--clock-gap-max") {
		t.Error(text)
	}
}
