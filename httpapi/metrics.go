package httpapi

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
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
	rules := s.planner.Counters()
	for name, counter := range map[string]*atomic.Int64{
		"calls": &rules.Calls, "refused_lines": &rules.Refused, "failures": &rules.Failed, "fallback_lines": &rules.Fallback, "steps": &rules.Steps,
	} {
		set.NewGauge(fmt.Sprintf(`apportion_rule_%s_total`, name), func() float64 { return float64(counter.Load()) })
	}
	set.NewGauge(`apportion_http_open_connections`, func() float64 { return float64(s.http.GetOpenConnectionsCount()) })
}
