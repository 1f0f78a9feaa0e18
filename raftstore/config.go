package raftstore

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// Config says where a store lives, whom it tells what, and where its limits are. Only Dir must be set.
type Config struct {
	// Dir is the data directory. It is created if it does not exist, and belongs to one store at a time.
	Dir string

	// NodeID names this node in its Raft group. It is kept in the log, so it must not change.
	NodeID string

	// Peers has the node meet others; nil for a group of one that talks to nobody.
	Peers *PeersConfig

	// FS is the file system; vfs.Default by default. Tests inject crashes and faults here.
	FS vfs.FS

	// Logger is slog.Default() by default.
	Logger *slog.Logger

	// Metrics gets the store's figures. It serves one store only; metrics.NewSet() by default.
	Metrics *metrics.Set

	// OnFatal is called, after the message was logged, when nothing can be promised any more: a write or a sync of log
	// or state failed, or the log was found to be damaged. (Damage to the state is an error of whoever reads it.) It
	// must not return. By default it ends the process with code 74. It may run on a goroutine that holds locks, so it
	// must not call the Store.
	OnFatal func(msg string)

	// Clock stamps the entries; the system's by default.
	Clock Clock

	// ClockGapMax is how far the clock may be ahead of the last log entry when the node starts to lead.
	ClockGapMax time.Duration

	// ElectionTimeout is how long the node waits for a leader, at most twice, before it asks to be elected.
	ElectionTimeout time.Duration

	// StallTimeout is how long a write of the log may take before a leader isolates itself, so that another node leads.
	StallTimeout time.Duration

	// CheckpointLogBytes and CheckpointInterval say when a checkpoint is made: after so many bytes of log, and after so
	// long if anything has changed. A negative interval leaves only the bytes.
	CheckpointLogBytes int64
	CheckpointInterval time.Duration

	// CheckpointSliceBytes bounds the rows that are encoded, and then written, at a time.
	CheckpointSliceBytes int

	// StateTableBytes is the size of the SSTables that a checkpoint writes.
	StateTableBytes int

	// OpenFilesMax is how many files each database keeps open, about: that of the log, that of the state, and for a
	// while the one that a backtest reads and the one that was fetched from another node.
	OpenFilesMax int

	// HistoryAge and HistoryBytes say how much of the past is kept for backtests: checkpoints, the log behind the
	// oldest of them, and the orders that were refused before the log. The limit that is reached first counts. A
	// negative age keeps none. HistoryBytes also bounds the log that is kept for other nodes, which is the same log.
	HistoryAge   time.Duration
	HistoryBytes int64

	// QueueBatchesMax and QueueBytesMax bound what waits for the log; beyond them, Do answers ErrQueueFull.
	QueueBatchesMax int
	QueueBytesMax   int

	// EntryBytesTarget is where an entry is closed, though a single batch may be larger.
	EntryBytesTarget int

	// TrailingEntries is how many entries of the log stay behind a checkpoint for nodes that were away for a moment;
	// who was away for longer fetches a checkpoint. They are fewer if they would take more than HistoryBytes.
	TrailingEntries uint64

	// shippedLogBytes bounds the log that is held for a node that fetches a checkpoint; for tests too.
	shippedLogBytes int64

	// logMemTableBytes is that of the log's database, which writes and removes files in pieces of about this size; for
	// tests.
	logMemTableBytes int

	// refusedSegmentBytes is the size of a file of refused orders; for tests.
	refusedSegmentBytes int64

	// random is what the identities of directories and the names of clusters are drawn from, foundingSilence how long a
	// node that is to found a group listens first; for tests.
	random          io.Reader
	foundingSilence time.Duration

	// observe sees every entry with commands before it is applied, replayed ones too; for tests.
	observe func(log *raft.Log)
}

// withDefaults fills in every zero value. It is the only place that knows defaults.
func (c Config) withDefaults() Config {
	setDefault(&c.NodeID, "node1")
	setDefault(&c.FS, vfs.FS(vfs.Default))
	setDefault(&c.Logger, slog.Default())
	setDefault(&c.Clock, Clock(systemClock{start: time.Now()}))
	setDefault(&c.ClockGapMax, ClockGapMaxDefault)
	if c.Peers != nil {
		setDefault(&c.ElectionTimeout, PeerElectionTimeoutDefault)
		setDefault(&c.TrailingEntries, peerTrailingLogs)
	}
	setDefault(&c.TrailingEntries, trailingLogs)
	setDefault(&c.ElectionTimeout, electionTimeout)
	setDefault(&c.StallTimeout, StallTimeoutDefault)
	setDefault(&c.CheckpointLogBytes, checkpointLogBytes)
	setDefault(&c.CheckpointInterval, CheckpointIntervalDefault)
	setDefault(&c.CheckpointSliceBytes, checkpointSliceBytes)
	setDefault(&c.StateTableBytes, stateTableBytes)
	setDefault(&c.OpenFilesMax, OpenFilesDefault)
	setDefault(&c.HistoryAge, HistoryAgeDefault)
	setDefault(&c.HistoryBytes, HistoryBytesDefault)
	setDefault(&c.shippedLogBytes, max(c.HistoryBytes, shippedLogBytes))
	setDefault(&c.random, rand.Reader)
	setDefault(&c.foundingSilence, max(foundingSilence, c.ElectionTimeout))
	setDefault(&c.QueueBatchesMax, queueBatchesMax)
	setDefault(&c.QueueBytesMax, queueBytesMax)
	setDefault(&c.EntryBytesTarget, entryBytesTarget)
	if c.Metrics == nil {
		c.Metrics = metrics.NewSet()
	}
	if c.observe == nil {
		c.observe = func(*raft.Log) {}
	}
	if c.OnFatal == nil {
		c.OnFatal = func(string) { os.Exit(ExitDiskFailed) }
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports every fault of the configuration, joined. Zero values stand for their defaults.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("raftstore: "+format, args...))
		}
	}
	fault(c.Dir == "", "Dir is empty")
	fault(len(c.NodeID) > nodeNameBytesMax, "NodeID has %d bytes, at most %d", len(c.NodeID), nodeNameBytesMax)
	fault(c.Peers != nil && c.Peers.Listen == "", "Peers.Listen is empty")
	fault(c.Peers != nil && c.Peers.Bootstrap && len(c.Peers.Join) > 0, "Peers: either Bootstrap or Join")
	fault(c.Peers != nil && c.Peers.TLS != nil && c.Peers.TLS.ClientAuth != tls.RequireAndVerifyClientCert,
		"Peers.TLS does not ask the others for a certificate")
	fault(c.ClockGapMax < 0, "ClockGapMax is negative")
	fault(c.ElectionTimeout < electionTimeoutMin, "ElectionTimeout is %s, at least %s", c.ElectionTimeout,
		electionTimeoutMin)
	fault(c.StallTimeout < 0, "StallTimeout is negative")
	fault(c.CheckpointLogBytes < 0, "CheckpointLogBytes is negative")
	fault(c.CheckpointSliceBytes < 0, "CheckpointSliceBytes is negative")
	fault(c.StateTableBytes < 0, "StateTableBytes is negative")
	fault(c.OpenFilesMax < 0, "OpenFilesMax is negative")
	fault(c.Peers != nil && c.Peers.ConnectionsMax < 0, "Peers.ConnectionsMax is negative")
	fault(c.HistoryBytes < 0, "HistoryBytes is negative")
	fault(c.QueueBatchesMax < 0, "QueueBatchesMax is negative")
	fault(c.QueueBytesMax < 0, "QueueBytesMax is negative")
	fault(c.EntryBytesTarget < 0 || c.EntryBytesTarget > entryBytesMax,
		"EntryBytesTarget is %d, outside 0 to %d", c.EntryBytesTarget, entryBytesMax)
	return errors.Join(faults...)
}
