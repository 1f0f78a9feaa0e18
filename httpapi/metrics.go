package httpapi

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"apportion/engine"
	"apportion/rules"
)

// routeMetrics count the requests of one route. A look-up by name would cost more than matching the route.
type routeMetrics struct {
	classes [6]*metrics.Counter // by the first digit of the status
	seconds *metrics.PrometheusHistogram
}

// requestBounds are the buckets of a request's duration in seconds: from a read of memory to the longest wait for the
// log.
var requestBounds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newRouteMetrics(set *metrics.Set, method, path string) (m routeMetrics) {
	for class := 1; class < len(m.classes); class++ {
		m.classes[class] = set.NewCounter(fmt.Sprintf(`apportion_http_requests_total{method=%q,path=%q,status="%dxx"}`,
			method, path, class))
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

// serverMetrics are the metrics that belong to no route.
type serverMetrics struct {
	unrouted  routeMetrics // no such path or method, and profiles
	unread    *metrics.Counter
	panics    *metrics.Counter
	bodyBytes *metrics.Counter
	forwarded *metrics.Counter

	turnedAway *metrics.Counter // connections
	streamsCut *metrics.Counter // whose readers stopped reading
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
		forwarded: set.NewCounter(`apportion_http_forwarded_total`),
		bodyBytes: set.NewCounter(`apportion_http_request_body_bytes_total`),

		turnedAway: set.NewCounter(`apportion_http_connections_turned_away_total`),
		streamsCut: set.NewCounter(`apportion_http_streams_cut_total`),
	}
	set.NewGauge(`apportion_http_open_streams`, func() float64 { return float64(s.streams.Taken()) })
	set.RegisterMetricsWriter(s.writeRunnerMetrics)
	set.NewGauge(`apportion_records_waiting_for_plan`, func() float64 { return float64(s.reader.PlansWaiting()) })
	set.NewGauge(`apportion_http_open_connections`, func() float64 {
		return float64(max(0, s.http.GetOpenConnectionsCount()) + max(0, s.long.GetOpenConnectionsCount()))
	})
	set.NewGauge(`apportion_http_body_bytes_in_flight`, func() float64 { return float64(s.bodies.taken.Load()) })
	set.NewGauge(`apportion_http_body_bytes_in_flight_max`, func() float64 { return float64(s.bodies.max) })
	set.NewGauge(`apportion_http_connections_max`, func() float64 { return float64(s.config.ConnectionsMax) })
}

// writeRunnerMetrics writes the runner's counters. All figures of one name come together.
func (s *Server) writeRunnerMetrics(w io.Writer) {
	const refusals = "apportion_http_refusals_without_log_total"
	metrics.WriteMetadataIfNeeded(w, refusals, "counter")
	_, _ = fmt.Fprintf(w, "%s %d\n", refusals, s.runner.EarlyRefusals.Load())
	of := map[engine.RuleHook]*rules.Counters{}
	for _, hook := range ruleHooks {
		of[hook] = s.runner.Counters(hook)
	}
	counters := func(name string, value func(c *rules.Counters) *atomic.Int64, hooks ...engine.RuleHook) {
		name = "apportion_rule_" + name + "_total"
		metrics.WriteMetadataIfNeeded(w, name, "counter")
		for _, hook := range hooks {
			_, _ = fmt.Fprintf(w, "%s{hook=%q} %d\n", name, hook, value(of[hook]).Load())
		}
	}
	lines, records := engine.HookSelect, engine.HookRedistribute
	counters("calls", func(c *rules.Counters) *atomic.Int64 { return &c.Calls }, ruleHooks...)
	counters("refused_lines", func(c *rules.Counters) *atomic.Int64 { return &c.Refused }, lines)
	counters("unchanged_records", func(c *rules.Counters) *atomic.Int64 { return &c.Refused }, records)
	counters("suspended_lines", func(c *rules.Counters) *atomic.Int64 { return &c.Suspended }, lines)
	counters("suspended_records", func(c *rules.Counters) *atomic.Int64 { return &c.Suspended }, records)
	counters("over_budget_lines", func(c *rules.Counters) *atomic.Int64 { return &c.OverBudget }, lines)
	counters("steps", func(c *rules.Counters) *atomic.Int64 { return &c.Steps }, ruleHooks...)
	counters("memory_bytes", func(c *rules.Counters) *atomic.Int64 { return &c.MemoryBytes }, ruleHooks...)
	metrics.WriteMetadataIfNeeded(w, "apportion_rule_seconds_total", "counter")
	for _, hook := range ruleHooks {
		_, _ = fmt.Fprintf(w, "apportion_rule_seconds_total{hook=%q} %g\n", hook,
			float64(of[hook].Nanoseconds.Load())/1e9)
	}
	metrics.WriteMetadataIfNeeded(w, "apportion_rule_failures_total", "counter")
	for _, hook := range ruleHooks {
		for kind := range of[hook].Failed {
			_, _ = fmt.Fprintf(w, "apportion_rule_failures_total{hook=%q,kind=%q} %d\n", hook, rules.Failure(kind),
				of[hook].Failed[kind].Load())
		}
	}
}

var ruleHooks = []engine.RuleHook{engine.HookSelect, engine.HookRedistribute}
