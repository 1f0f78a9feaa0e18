package httpapi

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"apportion/rules"
)

// routeMetrics count the requests of one route. Looking them up by name for each request would cost more than the route's
// matching, so they hang on it.
type routeMetrics struct {
	classes [6]*metrics.Counter // by the first digit of the status
	seconds *metrics.PrometheusHistogram
}

// requestBounds are the buckets of a request's duration, in seconds: from a read of memory to the longest wait for the log.
var requestBounds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newRouteMetrics(set *metrics.Set, method, path string) (m routeMetrics) {
	for class := 1; class < len(m.classes); class++ {
		m.classes[class] = set.NewCounter(fmt.Sprintf(`apportion_http_requests_total{method=%q,path=%q,status="%dxx"}`, method, path, class))
	}
	m.seconds = set.NewPrometheusHistogramExt(
		fmt.Sprintf(`apportion_http_request_duration_seconds{method=%q,path=%q}`, method, path), requestBounds)
	return m
}

func (m *routeMetrics) count(status int, begin time.Time) {
	if class := status / 100; class < len(m.classes) && class > 0 {
		m.classes[class].Inc()
	}
	m.seconds.UpdateDuration(begin)
}

// serverMetrics are those that belong to no route.
type serverMetrics struct {
	unrouted  routeMetrics // no such path or method, and profiles
	unread    *metrics.Counter
	panics    *metrics.Counter
	refusals  *metrics.Counter
	bodyBytes *metrics.Counter
}

func (s *Server) initMetrics() {
	metrics.ExposeMetadata(true)
	set := s.config.Metrics
	for _, r := range s.routes {
		r.metrics = newRouteMetrics(set, methodWords[r.method], r.pattern)
	}
	s.metrics = serverMetrics{
		unrouted:  newRouteMetrics(set, "", "other"),
		unread:    set.NewCounter(`apportion_http_unreadable_requests_total`),
		panics:    set.NewCounter(`apportion_http_panics_total`),
		refusals:  set.NewCounter(`apportion_http_refusals_without_log_total`),
		bodyBytes: set.NewCounter(`apportion_http_request_body_bytes_total`),
	}
	set.RegisterMetricsWriter(s.writeRuleMetrics)
	set.NewGauge(`apportion_http_open_connections`, func() float64 { return float64(s.http.GetOpenConnectionsCount()) })
}

// writeRuleMetrics writes what the planner has counted.
func (s *Server) writeRuleMetrics(w io.Writer) {
	c := s.planner.Counters()
	for _, counter := range []struct {
		name  string
		value *atomic.Int64
	}{
		{"calls", &c.Calls}, {"refused_lines", &c.Refused}, {"suspended_lines", &c.Suspended}, {"over_budget_lines", &c.OverBudget}, {"steps", &c.Steps},
	} {
		metrics.WriteCounterUint64(w, fmt.Sprintf(`apportion_rule_%s_total{hook="select"}`, counter.name), uint64(counter.value.Load()))
	}
	metrics.WriteCounterFloat64(w, `apportion_rule_seconds_total{hook="select"}`, float64(c.Nanoseconds.Load())/1e9)
	metrics.WriteMetadataIfNeeded(w, "apportion_rule_failures_total", "counter") // once for all kinds
	for kind := range c.Failed {
		_, _ = fmt.Fprintf(w, "apportion_rule_failures_total{hook=\"select\",kind=%q} %d\n", rules.Failure(kind), c.Failed[kind].Load())
	}
}
