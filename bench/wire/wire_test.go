package wire

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// textConn is a connection that was sent a text and then closed.
type textConn struct {
	net.Conn
	*strings.Reader
}

func (c textConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func connOf(text string) *Conn { return NewConn(textConn{Reader: strings.NewReader(text)}) }

func TestReadReply(t *testing.T) {
	f := func(text string, wanted bool, wants ...Reply) {
		t.Helper()
		c := connOf(text)
		for i, want := range wants {
			got, err := c.ReadReply(wanted)
			if err != nil || got.Status != want.Status || !bytes.Equal(got.Body, want.Body) || got.Close != want.Close {
				t.Fatalf("reply %d is %d %q %v, %v; want %d %q %v", i, got.Status, got.Body, got.Close, err,
					want.Status, want.Body, want.Close)
			}
		}
		if r, err := c.ReadReply(wanted); err == nil {
			t.Fatalf("one reply too many: %v", r)
		}
	}
	two := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 409 Conflict\r\nX: y\r\ncontent-length: " +
		"3\r\nconnection: Close\r\n\r\nabc"
	f(two, false, Reply{Status: 200}, Reply{409, []byte("abc"), true})
	f(two, true, Reply{Status: 200, Body: []byte("{}")}, Reply{409, []byte("abc"), true})
	f("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, Reply{Status: 200})

	// what cannot be read is an error, not a guess
	f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false)
	f("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false)
	f("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true)
	f("SSH-2.0-OpenSSH_9\r\n\r\n", false)
	f("", false)
}

func TestRequests(t *testing.T) {
	request, mark := AppendBodyHead([]byte("POST /x"), &Target{Host: "h:1"})
	request = append(request, "{}"...)
	FillLength(request, mark)
	want := "POST /x HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\nContent-Length: 00000002\r\n\r\n{}"
	if string(request) != want {
		t.Errorf("got %q, want %q", request, want)
	}
	// into used memory, behind another request
	request, mark = AppendBodyHead(append(request, "POST /y"...), &Target{Host: "h"})
	request = append(request, strings.Repeat("x", 1_234_567)...)
	FillLength(request, mark)
	if !bytes.Contains(request, []byte("{}POST /y HTTP/1.1\r\nHost: h\r\nContent-Type: "+
		"application/json\r\nContent-Length: 01234567\r\n\r\nxxx")) {
		t.Errorf("got %q", request[:300])
	}
	if got := string(AppendGetEnd([]byte("GET /x"), &Target{Host: "h",
		Token: "t"})); got != "GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\n\r\n" {
		t.Errorf("got %q", got)
	}
	if got := string(AppendPadded([]byte("U"), 1234, 6)); got != "U001234" {
		t.Errorf("got %q", got)
	}
}

func TestParseTarget(t *testing.T) {
	f := func(text string, want Target) {
		t.Helper()
		got, err := ParseTarget(text)
		if got != want || (err == nil) != (want != Target{}) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	f("http://127.0.0.1:8080", Target{"127.0.0.1:8080", "127.0.0.1:8080", false, ""})
	f("http://stock.example/", Target{"stock.example:80", "stock.example", false, ""})
	f("https://[::1]", Target{"[::1]:443", "[::1]", true, ""})
	f("localhost:8080", Target{})
	f("http://", Target{})
	f("http://x/prefix", Target{})
	f("ftp://x", Target{})
	f("http://\x00", Target{})
}

func TestMetrics(t *testing.T) {
	text := Metrics("# TYPE a_sum counter\na_sum 1\na_sum_other 2\nb{c=\"d\"} 9\nb 3.5e3\n")
	for name, want := range map[string]float64{"a_sum": 1, "b": 3500, "c": 0} {
		if got, err := text.Value(name); got != want || err != nil {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
	if _, err := Metrics("a x\n").Value("a"); err == nil {
		t.Error("x is a number")
	}

	page := "apportion_entry_commands_sum 100\napportion_log_sync_seconds_count 10\napportion_log_bytes_total 5e3\n" +
		"process_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 1000\nprocess_resident_memory_peak_bytes 2000\n"
	before := Server{Commands: 40, Syncs: 4, LogBytes: 1000, CPUSeconds: 1, ResidentBytes: 7, ResidentPeakBytes: 8}
	got, err := Metrics(page).ReadServer()
	if want := (Server{60, 6, 4000, 0.5, 1000, 2000}); err != nil || got.Since(before) != want {
		t.Errorf("got %+v, %v; want %+v", got.Since(before), err, want)
	}
	if sum, want := before.Add(got), (Server{140, 14, 6000, 2.5, 1000, 2000}); sum != want {
		t.Errorf("sum %+v, want %+v", sum, want)
	}
	if _, err := Metrics("process_cpu_seconds_total much\n").ReadServer(); err == nil ||
		!strings.Contains(err.Error(), "process_cpu_seconds_total") {
		t.Errorf("error %v", err)
	}
}

// TestScrape: a server without figures is an error.
func TestScrape(t *testing.T) {
	page := "apportion_entry_commands_sum 100\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" || page == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, page)
	}))
	defer server.Close()
	target, err := ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Scrape(t.Context(), target); err != nil || got.Commands != 100 {
		t.Errorf("%+v, %v", got, err)
	}
	page = ""
	if got, err := Scrape(t.Context(), target); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("without the page: %+v, %v", got, err)
	}
}
