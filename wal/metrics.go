package wal

import (
	"sync/atomic"
	"time"
)

// Metrics are the counts since Open.
type Metrics struct {
	// SyncedBatches and SyncedBytes count all synced writes: entries, deletions and the StableStore.
	SyncedBatches uint64
	SyncedBytes   uint64
	// Entries counts stored entries.
	Entries uint64
	// LastSync is how long the latest synced write took, the wait for the disk included.
	LastSync time.Duration
	// WriteStalls counts how often writes were held back because the disk was behind with flushes.
	WriteStalls uint64
	// BackgroundErrors counts failed flushes and compactions; the database tries again.
	BackgroundErrors uint64
	// Corruptions counts reads that found something else than what was written.
	Corruptions uint64
}

type counters struct {
	syncedBatches, syncedBytes, entries        atomic.Uint64
	lastSyncNanos                              atomic.Int64
	writeStalls, backgroundErrors, corruptions atomic.Uint64
}

func (c *counters) synced(took time.Duration, batchBytes int) {
	c.syncedBatches.Add(1)
	c.syncedBytes.Add(uint64(batchBytes))
	c.lastSyncNanos.Store(int64(took))
}

// Metrics returns the counts. It is cheap, but the fields may be from slightly different moments.
func (l *Log) Metrics() Metrics {
	c := &l.counters
	return Metrics{
		SyncedBatches:    c.syncedBatches.Load(),
		SyncedBytes:      c.syncedBytes.Load(),
		Entries:          c.entries.Load(),
		LastSync:         time.Duration(c.lastSyncNanos.Load()),
		WriteStalls:      c.writeStalls.Load(),
		BackgroundErrors: c.backgroundErrors.Load(),
		Corruptions:      c.corruptions.Load(),
	}
}

// DiskBytes returns what the log's files take, those included that wait for their removal or reuse; 0 after Close. It
// takes Pebble's lock, so it is for a scrape and not for each write.
func (l *Log) DiskBytes() uint64 {
	if l.enter() != nil {
		return 0
	}
	defer l.leave()
	return l.db.Metrics().DiskSpaceUsage()
}
