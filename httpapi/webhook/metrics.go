package webhook

import "github.com/VictoriaMetrics/metrics"

// senderMetrics count what is sent from this node.
type senderMetrics struct {
	delivered, failed, disabled, missed *metrics.Counter
	seconds                             *metrics.PrometheusHistogram
}

var attemptBounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}

func (s *Sender) initMetrics() {
	set := s.Metrics
	s.metrics = senderMetrics{
		delivered: set.NewCounter(`apportion_webhook_attempts_total{outcome="delivered"}`),
		failed:    set.NewCounter(`apportion_webhook_attempts_total{outcome="failed"}`),
		disabled:  set.NewCounter(`apportion_webhook_disabled_total`),
		missed:    set.NewCounter(`apportion_webhook_missed_events_total`),
		seconds:   set.NewPrometheusHistogramExt(`apportion_webhook_attempt_duration_seconds`, attemptBounds),
	}
	set.NewGauge(`apportion_webhook_lag_events_max`, s.lagMax)
	set.NewGauge(`apportion_webhook_failing`, s.failing)
}

func (m *senderMetrics) count(o *Outcome) {
	m.seconds.Update(o.Duration.Seconds())
	if o.Delivered {
		m.delivered.Inc()
	} else {
		m.failed.Inc()
	}
}

// statuses gives those of all workers.
func (s *Sender) statuses() (all []Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.mu.workers {
		all = append(all, w.status())
	}
	return all
}

// lagMax is how many events the webhook that is furthest behind has before it; 0 on a node that does not lead.
func (s *Sender) lagMax() float64 {
	lag := uint64(0)
	for _, st := range s.statuses() {
		lag = max(lag, uint64(s.LastEvent()-min(st.Position, s.LastEvent())))
	}
	return float64(lag)
}

// failing is how many webhooks have a receiver whose last answer was a failure.
func (s *Sender) failing() float64 {
	n := 0
	for _, st := range s.statuses() {
		if st.Failures > 0 {
			n++
		}
	}
	return float64(n)
}
