package wal

import (
	"sync/atomic"
	"time"
)

// Metrics are counts since Open.
type Metrics struct {
	// SyncedBatches and SyncedBytes count all synced writes: entries, deletions and the StableStore.
	SyncedBatches uint64
	SyncedBytes   uint64
	// Entries counts stored entries.
	Entries uint64
	// LastSync is the time of the last synced write, with the wait for the disk.
	LastSync time.Duration
	// WriteStalls counts the times that writes had to wait because flushes were behind.
	WriteStalls uint64
	// BackgroundErrors counts failed flushes and compactions; the database tries again.
	BackgroundErrors uint64
	// Corruptions counts reads whose bytes differ from those written.
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

// Metrics returns the counts. It is cheap. The fields may be from slightly different moments.
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

// DiskBytes returns the disk space of the log's files, with those that wait for their removal or reuse; 0 after Close.
// It takes Pebble's lock, so it is for a scrape and not for each write.
func (l *Log) DiskBytes() uint64 {
	if l.enter() != nil {
		return 0
	}
	defer l.leave()
	return l.db.Metrics().DiskSpaceUsage()
}
