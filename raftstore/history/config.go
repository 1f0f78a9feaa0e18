package history

import (
	"log/slog"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// Config says what is kept, and where.
type Config struct {
	FS              vfs.FS
	Dir             string
	State           *statedb.DB
	CheckpointIndex uint64 // index of the state on disk
	Log             *wal.Log
	First           uint64 // of the log's entries
	Last            uint64 // of the log's entries; 0: the log is empty

	AgeMS    int64 // 0: no history is kept
	BytesMax int64 // of kept checkpoints, their log and refused orders

	NowMS        int64 // by the clock, Unix milliseconds
	SegmentBytes int64 // of a file of refused orders; 0: refusedSegmentBytes

	Logger    *slog.Logger
	Metrics   *metrics.Set
	OnFatal   func(msg string)
	OpenFiles int // of a checkpoint that is replayed, see statedb.Config

	// Decode reads the time and the commands of a log entry.
	Decode func(data []byte, e *engine.Entry) error
}

// counters are the counters of a history.
type counters struct {
	errors           *metrics.Counter
	refusalsRecorded *metrics.Counter
	refusalsRepeated *metrics.Counter
	refusalsLost     *metrics.Counter
}

func newCounters(set *metrics.Set) *counters {
	return &counters{
		errors:           set.GetOrCreateCounter("apportion_history_errors_total"),
		refusalsRecorded: set.GetOrCreateCounter("apportion_history_refusals_recorded_total"),
		refusalsRepeated: set.GetOrCreateCounter("apportion_history_refusals_repeated_total"),
		refusalsLost:     set.GetOrCreateCounter("apportion_history_refusals_lost_total"),
	}
}
