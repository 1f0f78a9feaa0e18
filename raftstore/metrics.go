package raftstore

import (
	"time"

	"github.com/VictoriaMetrics/metrics"

	"apportion/raftstore/transfer"
)

// storeMetrics are the figures of one Store. They are registered in the set of the Config, which therefore serves one
// Store only: a name can be registered once.
type storeMetrics struct {
	entryCommands *metrics.PrometheusHistogram
	entryBytes    *metrics.PrometheusHistogram
	logSync       *metrics.PrometheusHistogram
	logBytes      *metrics.Counter
	logEntries    *metrics.Counter
	commands      *metrics.Counter
	queueFull     *metrics.Counter

	checkpoints        *metrics.Counter
	checkpointErrors   *metrics.Counter
	checkpointDuration *metrics.PrometheusHistogram
	checkpointBytes    *metrics.Counter
	checkpointRows     *metrics.Counter
	checkpointHold     *metrics.PrometheusHistogram
	checkpointHoldMax  *metrics.Gauge

	stalls *metrics.Counter

	transfers transfer.Metrics
}

// The buckets of the histograms, in the form that every Prometheus reads.
var (
	entryCommandBounds = metrics.ExponentialBuckets(1, 2, 14)   // to 8,192
	entryByteBounds    = metrics.ExponentialBuckets(128, 4, 10) // to 32 MiB
	syncBounds         = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	checkpointBounds   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100}
)

func newStoreMetrics(set *metrics.Set) *storeMetrics {
	return &storeMetrics{
		entryCommands: set.GetOrCreatePrometheusHistogramExt("apportion_entry_commands", entryCommandBounds),
		entryBytes:    set.GetOrCreatePrometheusHistogramExt("apportion_entry_bytes", entryByteBounds),
		logSync:       set.GetOrCreatePrometheusHistogramExt("apportion_log_sync_seconds", syncBounds),
		logBytes:      set.GetOrCreateCounter("apportion_log_bytes_total"),
		logEntries:    set.GetOrCreateCounter("apportion_log_entries_applied_total"),
		commands:      set.GetOrCreateCounter("apportion_commands_total"),
		queueFull:     set.GetOrCreateCounter("apportion_queue_full_total"),

		checkpoints:      set.GetOrCreateCounter("apportion_checkpoints_total"),
		checkpointErrors: set.GetOrCreateCounter("apportion_checkpoint_errors_total"),
		checkpointDuration: set.GetOrCreatePrometheusHistogramExt("apportion_checkpoint_duration_seconds",
			checkpointBounds),
		checkpointBytes:   set.GetOrCreateCounter("apportion_checkpoint_bytes_total"),
		checkpointRows:    set.GetOrCreateCounter("apportion_checkpoint_rows_total"),
		checkpointHold:    set.GetOrCreatePrometheusHistogramExt("apportion_checkpoint_hold_seconds", syncBounds),
		checkpointHoldMax: set.GetOrCreateGauge("apportion_checkpoint_hold_seconds_max", nil),

		stalls: set.GetOrCreateCounter("apportion_log_stalls_total"),

		transfers: transfer.Metrics{
			Downloads:      set.GetOrCreateCounter("apportion_checkpoint_fetches_total"),
			DownloadErrors: set.GetOrCreateCounter("apportion_checkpoint_fetch_errors_total"),
			DownloadBytes:  set.GetOrCreateCounter("apportion_checkpoint_fetched_bytes_total"),
			Sends:          set.GetOrCreateCounter("apportion_checkpoint_transfers_total"),
			SendBytes:      set.GetOrCreateCounter("apportion_checkpoint_transferred_bytes_total"),
			SendRefusals:   set.GetOrCreateCounter("apportion_checkpoint_transfer_refusals_total"),
		},
	}
}

// registerGauges adds the gauges that read a Store.
func (s *Store) registerGauges(set *metrics.Set) {
	set.NewGauge("apportion_queue_length", func() float64 { return float64(s.proposer.queued.Load()) })
	set.NewGauge("apportion_records", func() float64 { return float64(s.engine.Stats().Records) })
	set.NewGauge("apportion_segments", func() float64 { return float64(s.engine.Stats().Segments) })
	set.NewGauge("apportion_orders", func() float64 { return float64(s.engine.Stats().Orders) })
	set.NewGauge("apportion_applied_index", func() float64 { return float64(s.AppliedIndex()) })
	set.NewGauge("apportion_checkpoint_index", func() float64 { return float64(s.checkpoints.checkpointIndex()) })
	set.NewGauge("apportion_checkpoint_failures_in_a_row", func() float64 {
		return float64(s.checkpoints.failures.count())
	})
	started := time.Now()
	set.NewGauge("apportion_checkpoint_age_seconds", func() float64 {
		if lastEnd := s.checkpoints.lastEnd.Load(); lastEnd != 0 {
			return time.Since(time.UnixMilli(lastEnd)).Seconds()
		}
		return time.Since(started).Seconds()
	})
	set.NewGauge("apportion_checkpoint_log_bytes", func() float64 { return float64(s.applier.logBytes.Load()) })
	set.NewGauge("apportion_clock_held_back_seconds", func() float64 {
		return float64(s.stamper.heldBackMS.Load()) / 1000
	})
	if s.peers != nil {
		set.NewGauge("apportion_raft_term", func() float64 { return float64(s.raft.CurrentTerm()) })
		set.NewGauge("apportion_commit_index", func() float64 { return float64(s.raft.CommitIndex()) })
		set.NewGauge("apportion_members", func() float64 { return float64(len(s.servers())) })
		set.NewGauge("apportion_lag_seconds", s.lagSeconds)
	}
	set.NewGauge("apportion_leader", func() float64 {
		if s.Leads() {
			return 1
		}
		return 0
	})
}

// lagSeconds is -1 while the lag is not known.
func (s *Store) lagSeconds() float64 {
	lag, known := s.Lag()
	if !known {
		return -1
	}
	return lag.Seconds()
}

// entry counts an entry that was handed to the log.
func (m *storeMetrics) entry(commands, entryBytes int) {
	m.entryCommands.Update(float64(commands))
	m.entryBytes.Update(float64(entryBytes))
}

// synced counts one synced write of the log.
func (m *storeMetrics) synced(took time.Duration, _ int, writtenBytes int) {
	m.logSync.Update(took.Seconds())
	m.logBytes.Add(writtenBytes)
}

// applied counts an entry that was applied.
func (m *storeMetrics) applied(commands int) {
	m.logEntries.Inc()
	m.commands.Add(commands)
}

// held notes one hold of the apply mutex by a checkpoint. One is made at a time.
func (m *storeMetrics) held(took time.Duration) {
	m.checkpointHold.Update(took.Seconds())
	if took.Seconds() > m.checkpointHoldMax.Get() {
		m.checkpointHoldMax.Set(took.Seconds())
	}
}
