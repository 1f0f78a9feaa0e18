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

// Config configures a Store. Only Dir must be set; zero values mean defaults.
type Config struct {
	// Dir is the data directory. It is created if it does not exist, and belongs to one store at a time.
	Dir string

	// NodeID names this node in its Raft group. It is kept in the log, so it must not change.
	NodeID string

	// Peers configures the connections to other nodes; nil for a group of one.
	Peers *PeersConfig

	// FS is the file system; vfs.Default by default. Tests inject crashes and faults here.
	FS vfs.FS

	// Logger is slog.Default() by default.
	Logger *slog.Logger

	// Metrics is the set of the store's metrics, for one store only; metrics.NewSet() by default.
	Metrics *metrics.Set

	// OnFatal is called, after the message was logged, when the store cannot go on: a write or a sync of log or state
	// failed, or the log is damaged. (Damage to the state is an error of the read that meets it.) It must not return.
	// By default it ends the process with code 74. It may run on a goroutine that holds locks, so it must not call the
	// Store.
	OnFatal func(msg string)

	// Clock gives the stamps of entries; the system's clock by default.
	Clock Clock

	// ClockGapMax is how far the clock may be ahead of the last log entry when the node starts to lead.
	ClockGapMax time.Duration

	// ElectionTimeout: a node that hears no leader for one to two times as long asks for votes.
	ElectionTimeout time.Duration

	// StallTimeout is how long a write of the log may take before a leader isolates itself, so that another node leads.
	StallTimeout time.Duration

	// CheckpointInterval is the time between two checkpoints while something changes. A negative interval leaves
	// checkpoints to the size of the log (checkpointLogBytes).
	CheckpointInterval time.Duration

	// OpenFilesMax is about how many files each database keeps open: the log's, the state's, and for a while those of a
	// backtest and of a download.
	OpenFilesMax int

	// HistoryAge and HistoryBytes bound the history for backtests: checkpoints, the log behind the oldest of them, and
	// early refusals. The first limit reached counts. A negative age keeps no history. HistoryBytes also bounds the log
	// that is kept for other nodes, which is the same log.
	HistoryAge   time.Duration
	HistoryBytes int64

	// TrailingEntries is how many log entries stay behind a checkpoint, for nodes that were away for a moment; a node
	// that was away for longer downloads a checkpoint. Fewer stay if they would take more than HistoryBytes.
	TrailingEntries uint64

	// What follows is for tests: a server needs no other values than the defaults.

	// checkpointLogBytes is the size of the log after which a checkpoint is made.
	checkpointLogBytes int64

	// checkpointSliceBytes bounds a slice of a checkpoint: rows that are encoded, and then written, at a time.
	checkpointSliceBytes int

	// stateTableBytes is the size of the SSTables that a checkpoint writes.
	stateTableBytes int

	// queueBatchesMax and queueBytesMax bound the proposer's queue; beyond them, Do returns ErrQueueFull.
	queueBatchesMax int
	queueBytesMax   int

	// entryBytesTarget is the size at which an entry takes no further batch. A single batch may be larger.
	entryBytesTarget int

	// shippedLogBytes bounds the log that is pinned for a node that downloads a checkpoint.
	shippedLogBytes int64

	// logMemTableBytes is about the size of a file of the log's database.
	logMemTableBytes int

	// refusedSegmentBytes is the size of a file of refused orders.
	refusedSegmentBytes int64

	// random is the source of directory identities and cluster names. foundingSilence is how long a node listens before
	// it bootstraps a group.
	random          io.Reader
	foundingSilence time.Duration

	// uncounted leaves changes of records uncounted, as programs did that did not know StartChanges.
	uncounted bool

	// observe is called with every entry of commands before it is applied, also in a replay.
	observe func(log *raft.Log)
}

// withDefaults replaces every zero value by its default. No other code knows defaults.
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
	setDefault(&c.checkpointLogBytes, checkpointLogBytes)
	setDefault(&c.CheckpointInterval, CheckpointIntervalDefault)
	setDefault(&c.checkpointSliceBytes, checkpointSliceBytes)
	setDefault(&c.stateTableBytes, stateTableBytes)
	setDefault(&c.OpenFilesMax, OpenFilesDefault)
	setDefault(&c.HistoryAge, HistoryAgeDefault)
	setDefault(&c.HistoryBytes, HistoryBytesDefault)
	setDefault(&c.shippedLogBytes, max(c.HistoryBytes, shippedLogBytes))
	setDefault(&c.random, rand.Reader)
	setDefault(&c.foundingSilence, max(foundingSilence, c.ElectionTimeout))
	setDefault(&c.queueBatchesMax, queueBatchesMax)
	setDefault(&c.queueBytesMax, queueBytesMax)
	setDefault(&c.entryBytesTarget, entryBytesTarget)
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

// Validate returns all faults of the configuration, joined.
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
	fault(c.Peers != nil && c.Peers.Bootstrap && len(c.Peers.Join) > 0, "Peers: Bootstrap and Join exclude each other")
	fault(c.Peers != nil && c.Peers.TLS != nil && c.Peers.TLS.ClientAuth != tls.RequireAndVerifyClientCert,
		"Peers.TLS must require and verify client certificates")
	fault(c.ClockGapMax < 0, "ClockGapMax is negative")
	fault(c.ElectionTimeout < electionTimeoutMin, "ElectionTimeout is %s, at least %s", c.ElectionTimeout,
		electionTimeoutMin)
	fault(c.StallTimeout < 0, "StallTimeout is negative")
	fault(c.checkpointLogBytes < 0, "checkpointLogBytes is negative")
	fault(c.checkpointSliceBytes < 0, "checkpointSliceBytes is negative")
	fault(c.stateTableBytes < 0, "stateTableBytes is negative")
	fault(c.OpenFilesMax < 0, "OpenFilesMax is negative")
	fault(c.Peers != nil && c.Peers.ConnectionsMax < 0, "Peers.ConnectionsMax is negative")
	fault(c.HistoryBytes < 0, "HistoryBytes is negative")
	fault(c.queueBatchesMax < 0, "queueBatchesMax is negative")
	fault(c.queueBytesMax < 0, "queueBytesMax is negative")
	fault(c.entryBytesTarget < 0 || c.entryBytesTarget > entryBytesMax,
		"entryBytesTarget is %d, outside 0 to %d", c.entryBytesTarget, entryBytesMax)
	return errors.Join(faults...)
}

// PeersConfig says how a node meets the others of its group.
type PeersConfig struct {
	// Listen is the address at which this node hears the others, for all that they have to say: Raft, forwarded
	// requests and checkpoints. Address is what it tells them to call; Listen by default, with the port that was bound.
	Listen  string
	Address string

	// TLS is used on both ends of each connection if it is set. It must require the other node's certificate.
	TLS *tls.Config

	// Bootstrap makes a new directory a new group of this node alone. If a group calls that has this node as a member,
	// its disk was lost, and Open returns ErrMember. In a directory with a group it does nothing.
	Bootstrap bool

	// Join lists addresses of cluster members. A node that is not yet a member keeps asking them to add it until they
	// do. Without Join, a new node that does not bootstrap waits until it is added.
	Join []string

	// NonVoter: the node joins as a read replica. It gets all entries and does not count for a quorum.
	NonVoter bool

	// ConnectionsMax bounds the connections of forwarded requests; ForwardedConnectionsMax by default.
	ConnectionsMax int
}
