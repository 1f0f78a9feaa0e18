package top

import (
	"math"
	"strings"
	"testing"
	"time"

	"apportion/httpapi/api"
)

const first = `# HELP apportion_records so many
apportion_http_requests_total{method="GET",path="/v1/orders/{orderId}",status="2xx"} 7
apportion_http_requests_total{method="POST",path="/v1/orders/{orderId}/allocate",status="2xx"} 100
`

const second = `apportion_records 300
apportion_entry_commands_sum 40
process_cpu_seconds_total 3
process_resident_memory_bytes 512000000
apportion_http_requests_total{method="GET",path="/v1/orders/{orderId}",status="2xx"} 7
apportion_http_requests_total{method="GET",path="/healthz",status="2xx"} 1
apportion_http_requests_total{method="POST",path="/v1/orders/{orderId}/allocate",status="2xx"} 140
apportion_http_requests_total{method="POST",path="/v1/orders/{orderId}/allocate",status="4xx"} 20
apportion_http_request_duration_seconds_bucket{method="POST",path="/v1/orders/{orderId}/allocate",le="0.001"} 30
apportion_http_request_duration_seconds_bucket{method="POST",path="/v1/orders/{orderId}/allocate",le="0.002"} 60
apportion_http_request_duration_seconds_bucket{method="POST",path="/v1/orders/{orderId}/allocate",le="+Inf"} 60
`

func samples(t *testing.T) (before, now *sample) {
	t.Helper()
	at := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	before, err := parse(first, at)
	if err != nil {
		t.Fatal(err)
	}
	if now, err = parse(second, at.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	return before, now
}

// TestPicture: rates are what grew between two readings, the busiest route first. A route without requests is not
// shown.
func TestPicture(t *testing.T) {
	before, now := samples(t)
	lag := 0.25
	var out strings.Builder
	s := screen{w: &out, server: "http://x"}
	s.draw(before, now, &api.Cluster{Node: "a", State: "follower", Ready: true, AsOf: 9, LagSeconds: &lag, Cluster: "c",
		Leader: "b", Term: 3, Members: make([]api.Member, 3)},
		&hot{seen: map[recordKey]sighting{{"A", "L"}: {at: now.at, perSecond: 20.4, available: -3}}})
	want := `http://x  09:00:02
node a: follower, ready, log index 9, lag 0.250 s
cluster c: 3 members, led by b in term 3
log: 20 commands/s in 0 entries/s, sync p50 - ms p99 - ms, queue 0
state: 300 records, 0 segments, 0 orders; 0 connections, 1.50 cores, 512 MB

ROUTE                               REQUESTS/S  REFUSED/S  FAILED/S  P50 MS  P99 MS
POST /v1/orders/{orderId}/allocate          30         10         0    1.00    1.98
GET /healthz                               0.5          0         0       -       -

UPC  LOCATION  CHANGES/S  AVAILABLE
A    L                20         -3
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestQuantile: quantiles lie inside their bucket, and at the last bound beyond all bounds.
func TestQuantile(t *testing.T) {
	empty := &sample{figures: map[string]float64{}}
	f := func(want float64, q float64, figures map[string]float64) {
		t.Helper()
		got := quantile(empty, &sample{figures: figures}, "h", "", q)
		if math.Abs(got-want) > 1e-9 && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("got %g, want %g", got, want)
		}
	}
	f(math.NaN(), 0.5, nil)
	f(math.NaN(), 0.5, map[string]float64{`h_bucket{le="1"}`: 0, `h_bucket{le="+Inf"}`: 0})
	f(0.5, 0.5, map[string]float64{`h_bucket{le="1"}`: 4, `h_bucket{le="+Inf"}`: 4})
	f(2, 0.99, map[string]float64{`h_bucket{le="2"}`: 4, `h_bucket{le="+Inf"}`: 8})
	f(1.5, 0.75, map[string]float64{`h_bucket{le="1"}`: 4, `h_bucket{le="2"}`: 8, `h_bucket{le="+Inf"}`: 8})
}

// TestRestart: a counter that begins again is no negative rate.
func TestRestart(t *testing.T) {
	at := time.Now()
	before := &sample{at: at, figures: map[string]float64{"c": 100}}
	now := &sample{at: at.Add(time.Second), figures: map[string]float64{"c": 5}}
	if got := rate(before, now, "c"); got != 5 {
		t.Errorf("got %g", got)
	}
	for _, text := range []string{"name\n", "name value\n"} {
		if _, err := parse(text, at); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
