package raftstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/durable"
	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
	"apportion/raftstore/transfer"
	"apportion/wal"
)

// localAddress is the address of a node without peers.
const localAddress = raft.ServerAddress("local")

// bootstrapTerm is the term of the log's first entry. Elections are in later terms.
const bootstrapTerm = 1

var (
	// keyCurrentTerm is where Raft keeps its term in the stable store.
	keyCurrentTerm = []byte("CurrentTerm")

	// keyCheckpoint is where we keep the index of the last checkpoint, in the same store.
	keyCheckpoint = []byte("ApportionCheckpoint")
)

// listenForPeers binds the address for other nodes.
func (s *Store) listenForPeers(context.Context) error {
	if s.cfg.Peers == nil {
		return nil
	}
	cfg := s.cfg.Peers
	p, err := peernet.Listen(peernet.Config{Listen: cfg.Listen, Address: cfg.Address, TLS: cfg.TLS,
		ForwardedMax: cmp.Or(cfg.ConnectionsMax, ForwardedConnectionsMax)}, s.identity, s.cfg.Logger)
	if err != nil {
		return err
	}
	s.onClose(p.Close)
	if err := p.CheckAddress(); err != nil {
		return err
	}
	s.peers = p
	p.Handle(peernet.KindJoin, s.answerJoin)
	p.Handle(peernet.KindGreet, func(net.Conn) {})
	return nil
}

// listenFirst listens, before a group is bootstrapped in an empty directory, whether a cluster calls this node. If one
// does, this node was a member and has lost its disk, and a second group under its name would be one too many.
func (s *Store) listenFirst(ctx context.Context) error {
	isNew, err := s.isNew()
	if err != nil || !isNew || s.peers == nil || !s.cfg.Peers.Bootstrap {
		return err
	}
	s.cfg.Logger.Info("an empty data directory: listening for a cluster that this node belonged to, before a new "+
		"one is "+
		"bootstrapped", "for", s.cfg.foundingSilence)
	caller, err := s.peers.Overhear(ctx, s.cfg.foundingSilence)
	if err != nil || caller == nil {
		return err
	}
	return fmt.Errorf("%w: %s of cluster %s calls node %s, so this node was a member and has lost its data directory; "+
		"this empty directory does not bootstrap a second cluster",
		ErrMember, peernet.NodeName(caller.From), caller.Cluster, s.cfg.NodeID)
}

// bootstrap makes a new directory a group of this node alone, by its first log entry. Raft's own BootstrapCluster needs
// two writes and fails after a crash between them; bootstrap may be repeated. It comes after checkLogMatchesState,
// which detects an empty log that is not new. A node with peers bootstraps only if it is told to: two groups that were
// meant to be one are hard to unite.
func (s *Store) bootstrap(context.Context) error {
	isNew, err := s.isNew()
	if err != nil {
		return err
	}
	if !isNew {
		return s.nameCluster()
	}
	if s.peers != nil && !s.cfg.Peers.Bootstrap {
		return nil
	}
	if cluster := s.identity.Cluster(); cluster != "" {
		return fmt.Errorf("%w: this empty directory has joined cluster %s and has no entry of it yet: start it with "+
			"--join, or bootstrap another cluster in another directory", ErrMember, cluster)
	}
	s.cfg.Logger.Info("a new data directory: bootstrapping a group of one", "dir", s.cfg.Dir, "node", s.cfg.NodeID)
	configuration := raft.Configuration{Servers: []raft.Server{
		{Suffrage: raft.Voter, ID: s.identity.Self, Address: s.address()},
	}}
	err = errors.Join(
		s.log.SetUint64(keyCurrentTerm, bootstrapTerm),
		s.log.StoreLog(&raft.Log{Index: 1, Term: bootstrapTerm, Type: raft.LogConfiguration,
			Data: raft.EncodeConfiguration(configuration)}))
	if err != nil {
		return fmt.Errorf("raftstore: bootstrap: %w", err)
	}
	return s.nameCluster()
}

// nameCluster names the cluster that this node has bootstrapped, unless it has a name. It comes after the first entry:
// a name without an entry means that this node has joined that cluster.
func (s *Store) nameCluster() error {
	if s.peers == nil || s.identity.Cluster() != "" {
		return nil
	}
	return s.identity.Found(s.cfg.random)
}

// isNew reports whether the directory has neither log nor state.
func (s *Store) isNew() (bool, error) {
	_, last, err := logBounds(s.log)
	return last == 0 && s.checkpoints.checkpointIndex() == 0, err
}

// checkLogMatchesState refuses a directory with a log and a state that do not belong together.
func (s *Store) checkLogMatchesState(context.Context) error {
	meta, _, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	return checkLogMatchesState(s.log, meta)
}

// checkLogMatchesState refuses a log and a state that do not belong together, as after a restore or a loss of only one
// of them; meta describes the state. The log must not begin after the entry behind the state, or entries would be
// missing. It must not end before the state, or new entries would be taken for old ones. An empty log has no bounds, so
// the state must not be older than the last checkpoint noted in the log either. (Old logs have no such note: a log that
// is empty although Raft was elected, in a term after the bootstrap's, was truncated too.)
func checkLogMatchesState(log *wal.Log, meta raft.SnapshotMeta) error {
	first, last, err := logBounds(log)
	if err != nil {
		return err
	}
	term, termErr := log.GetUint64(keyCurrentTerm)
	checkpoint, checkpointErr := log.GetUint64(keyCheckpoint)
	if err := errors.Join(termErr, checkpointErr); err != nil {
		return fmt.Errorf("raftstore: read the term and the last checkpoint: %w", err)
	}
	switch {
	case meta.Index == 0 && first > 1:
		return fmt.Errorf("%w: the log begins at entry %d, but the state with the entries before it is missing",
			ErrInconsistent, first)
	case meta.Index == 0 && last == 0 && term > bootstrapTerm:
		return fmt.Errorf("%w: the log was truncated behind a checkpoint, but the state is missing",
			ErrInconsistent)
	case meta.Index < checkpoint:
		return fmt.Errorf("%w: the state is of index %d, but the last checkpoint was at %d", ErrInconsistent,
			meta.Index, checkpoint)
	case last > 0 && first > meta.Index+1:
		return fmt.Errorf("%w: the state is of index %d, but the log begins at %d", ErrInconsistent, meta.Index, first)
	case last > 0 && last < meta.Index:
		return fmt.Errorf("%w: the state is of index %d, but the log ends at %d", ErrInconsistent, meta.Index, last)
	case term < meta.Term:
		return fmt.Errorf("%w: the state is of term %d, but the log knows term %d", ErrInconsistent, meta.Term, term)
	}
	return nil
}

// openRaftLog makes Raft's view of the log.
func (s *Store) openRaftLog(context.Context) error {
	meta, _, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	if s.raftLog, err = newLogStore(s.log, s.history, s.cfg.HistoryBytes, meta); err == nil {
		s.raftLog.trailing = s.cfg.TrailingEntries
	}
	return err
}

// startRaft starts the Raft node. From here on, entries are applied.
func (s *Store) startRaft(context.Context) error {
	s.ticker = &ticker{
		dueMS: s.applier.dueMS.Load, nowMS: s.stamper.nowMS, logger: s.cfg.Logger, wake: make(chan struct{}, 1),
		leads: func() bool { return s.leadership.valid() },
	}
	s.applier.onDue = s.ticker.wakeUp
	s.applier.logBytesMax, s.applier.onLogBytes = s.cfg.checkpointLogBytes, s.checkpoints.wakeUp
	s.applier.locked(func(*engine.Engine) { s.applier.lookAtDueLocked() })

	notify := make(chan bool, 16)
	transport := s.transport()
	fatal := func(msg string) {
		s.cfg.Logger.Error(msg)
		s.cfg.OnFatal(msg)
	}
	s.proposer = newProposer(s.stamper, s.engine.NowMS, s.metrics, proposerLimits{
		queueBatches: s.cfg.queueBatchesMax, queueBytes: s.cfg.queueBytesMax,
		entryBytesTarget: s.cfg.entryBytesTarget, entryBytes: entryBytesMax, entryCommands: entryCommandsMax,
		secondEntryBytes: secondEntryBytes,
	})
	machine := &fsm{
		applier: s.applier, checkpoints: s.checkpoints, observe: s.cfg.observe, handOut: s.proposer.handOut,
		fatal: fatal,
	}
	snaps := &snapshots{state: s.state, checkpoints: s.checkpoints, log: s.log, sender: s.sender, receiver: s.receiver}
	recent, err := raft.NewLogCache(recentEntries, watchedLog{s.raftLog, &s.disk})
	if err != nil {
		return errors.Join(err, transport.Close())
	}
	node, err := raft.NewRaft(s.raftConfig(notify), machine, recent,
		&risingTerm{StableStore: watchedStable{s.log, &s.disk}}, snaps, transport)
	if err != nil {
		return errors.Join(fmt.Errorf("raftstore: start raft: %w", err), transport.Close())
	}
	s.raft = node
	s.heard = func(raft.ServerID) (time.Time, bool) { return time.Time{}, false }
	if network, ok := transport.(peernet.Transport); ok {
		network.Follow(node)
		s.heard = network.Heard
	}
	s.checkpoints.raft = nodeSnapshotter{node, s.stop}
	s.leadership = &leadership{
		raft: node, notify: notify, logger: s.cfg.Logger, settled: make(chan struct{}), isAlone: s.peers == nil,
		notReady: s.Ready, fatal: fatal, begin: s.countChanges,
		check: func() error {
			return checkClockGap(s.cfg.Clock.NowMS(), s.engine.NowMS(), s.cfg.ClockGapMax)
		},
	}
	if s.peers != nil {
		s.reads = newReadIndex(s.peers, node, s.leadership, s.applier, s.voters, s.stop)
		s.peers.Handle(peernet.KindAsk, s.reads.answer)
	}
	s.onClose(func() error {
		err := node.Shutdown().Error()
		s.workers.Wait()
		return errors.Join(err, transport.Close())
	})
	return nil
}

// countChanges has the changes of records counted, unless they are. It is for a group of one: a larger one may have
// nodes that do not know the command yet, so there the first request for changes begins the counting.
func (s *Store) countChanges() {
	if _, err := s.LastChange(); err == nil || len(s.servers()) != 1 || s.cfg.uncounted {
		return
	}
	var b Batch
	b.Append(nil, &engine.StartChanges{})
	data := append(appendEntryHeader(nil, s.stamper.next(s.engine.NowMS()), b.Len()), b.queued.commands...)
	durable.Seal(data)
	if err := s.raft.Apply(data, 0).Error(); err != nil {
		s.cfg.Logger.Warn("changes of records are not counted yet; the next start, or the first request for them, "+
			"tries again", "error", err)
	}
}

// closingTransport is Raft's transport, with Close.
type closingTransport interface {
	raft.Transport
	raft.WithClose
}

func (s *Store) transport() closingTransport {
	if s.peers == nil {
		_, transport := raft.NewInmemTransport(localAddress)
		return transport
	}
	return peernet.NewTransport(s.peers, s.cfg.Logger)
}

func (s *Store) address() raft.ServerAddress {
	if s.peers == nil {
		return localAddress
	}
	return raft.ServerAddress(s.peers.Address)
}

func (s *Store) raftConfig(notify chan<- bool) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = s.identity.Self
	c.Logger = peernet.NewRaftLogger(s.cfg.Logger)
	c.NotifyCh = notify
	c.HeartbeatTimeout = s.cfg.ElectionTimeout
	c.ElectionTimeout = s.cfg.ElectionTimeout
	c.LeaderLeaseTimeout = s.cfg.ElectionTimeout
	c.MaxAppendEntries = raftEntriesPerApply
	c.TrailingLogs = 0         // see logStore
	c.ShutdownOnRemove = false // a node that was removed can say so
	c.SnapshotInterval = raftNever
	c.SnapshotThreshold = math.MaxUint64
	c.NoSnapshotRestoreOnStart = true // the state database is the snapshot, and it is loaded already
	c.NoLegacyTelemetry = true
	return c
}

// loadIdentity is the step of Open that finds out who this node is, or makes it somebody.
func (s *Store) loadIdentity(context.Context) error {
	isNew, err := s.isNew()
	if err == nil {
		s.identity, err = peernet.LoadIdentity(s.cfg.NodeID, s.log, isNew, s.cfg.random)
	}
	return err
}

// keepIdentity has a directory from before there were identities keep its node's name, once Raft has found that in its
// log. One of a group of one is its only member's, for certain.
func (s *Store) keepIdentity(context.Context) error {
	if s.identity.IsKept() {
		return nil
	}
	servers := s.servers()
	if len(servers) == 1 && servers[0].Address == localAddress && servers[0].ID != s.identity.Self {
		return fmt.Errorf("%w: it is that of node %s, and this is node %s", ErrOtherNode, servers[0].ID, s.cfg.NodeID)
	}
	if _, member := s.ownMember(); !member {
		return nil // it was removed, and may be anybody's
	}
	return s.identity.Keep()
}

// installDownload makes a downloaded checkpoint the state, before the state is opened. truncateLogToState is its last
// step.
func (s *Store) installDownload(context.Context) error {
	return transfer.Install(transfer.InstallConfig{FS: s.cfg.FS, Parent: s.paths.Dir, State: s.paths.State,
		Staging:  s.paths.Incoming,
		Replaced: s.paths.Replaced, Logger: s.cfg.Logger, OnFatal: s.cfg.OnFatal})
}

// truncateLogToState is the last step of an installation, when state and log are open. A log that has the entry of
// which the state is, of the same term, goes on behind it: this node has promised to keep what follows. Any other log
// ends before that entry, or is one that was never committed from somewhere before it on; nothing of it is needed. What
// was kept of the past is continued by no log, or mixes tables of two databases under one name.
func (s *Store) truncateLogToState(context.Context) error {
	adopted, err := statedb.ReadManifest(s.cfg.FS, s.paths.State)
	if err != nil || adopted == nil {
		return err
	}
	meta, _, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	if err := s.log.SetUint64(keyCheckpoint, meta.Index); err != nil {
		return fmt.Errorf("raftstore: note the checkpoint in the log: %w", err)
	}
	if err := s.enterTerm(meta.Term); err != nil {
		return err
	}
	first, last, err := logBounds(s.log)
	if err != nil {
		return err
	}
	var entry raft.Log
	err = s.log.GetLog(meta.Index, &entry)
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		return logError(err)
	}
	if continues := err == nil && entry.Term == meta.Term; !continues {
		if err := s.log.DeleteRange(first, last); err != nil {
			return fmt.Errorf("raftstore: truncate the log before a downloaded checkpoint: %w", err)
		}
	}
	if err := errors.Join(s.cfg.FS.RemoveAll(s.paths.History), durable.SyncDir(s.cfg.FS, s.paths.Dir)); err != nil {
		return fmt.Errorf("raftstore: remove %s: %w", s.paths.History, err)
	}
	path := s.cfg.FS.PathJoin(s.paths.State, statedb.ManifestName)
	if err := errors.Join(s.cfg.FS.Remove(path), durable.SyncDir(s.cfg.FS, s.paths.State)); err != nil {
		return fmt.Errorf("raftstore: take a fetched checkpoint over: %w", err)
	}
	return nil
}

// enterTerm has Raft begin in a term, or in the later one that it knows. The files come by another way than Raft's
// messages, and may be of a leader of whose term it has not heard. It has given no vote in that term.
func (s *Store) enterTerm(term uint64) error {
	known, err := s.log.GetUint64(keyCurrentTerm)
	if err == nil && known < term {
		err = s.log.SetUint64(keyCurrentTerm, term)
	}
	if err != nil {
		return fmt.Errorf("raftstore: enter term %d of a fetched checkpoint: %w", term, err)
	}
	return nil
}

// risingTerm is what Raft stores beside the log, without a way back to an earlier term: in that the node may have given
// its vote. Raft ends the process with the error. See peernet's heartbeat.go for how it could come to that.
type risingTerm struct {
	raft.StableStore
	mu sync.Mutex
}

// SetUint64 implements raft.StableStore.
func (s *risingTerm) SetUint64(key []byte, value uint64) error {
	if !bytes.Equal(key, keyCurrentTerm) {
		return s.StableStore.SetUint64(key, value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, err := s.GetUint64(key)
	if err == nil && value < stored {
		err = fmt.Errorf("raftstore: Raft would go back from term %d to %d: start this node again", stored, value)
	}
	if err != nil {
		return err
	}
	return s.StableStore.SetUint64(key, value)
}

// exists reports whether there is a file or directory. In doubt there is: opening it will say what is wrong.
func (s *Store) exists(path string) bool {
	_, err := s.cfg.FS.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
