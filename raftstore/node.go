package raftstore

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/peernet"
	"apportion/wal"
)

// localAddress is that of a node that talks to nobody.
const localAddress = raft.ServerAddress("local")

// bootstrapTerm is the term of the log's first entry. Raft elects in terms after it.
const bootstrapTerm = 1

var (
	// keyCurrentTerm is where Raft keeps its term in the stable store.
	keyCurrentTerm = []byte("CurrentTerm")

	// keyCheckpoint is where we keep the index of the last checkpoint beside it.
	keyCheckpoint = []byte("ApportionCheckpoint")
)

// bootstrap makes a new directory a group of this node alone, by the first log entry. Raft's own BootstrapCluster does
// the same in two writes and refuses to go on if a crash came between them; this may be repeated. It comes after
// checkFit, which knows an empty log that is not new. A node with peers does it only if it is told to: two groups that
// were meant to be one are hard to unite.
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
		return fmt.Errorf("%w: this empty directory was taken into cluster %s before it got anything of it; start "+
			"it with --join, "+
			"or found another cluster in another directory", ErrMember, cluster)
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

// nameCluster gives the cluster that this node has founded a name, unless it has one. It comes after the first entry: a
// name without an entry is that of a cluster that has taken this node in.
func (s *Store) nameCluster() error {
	if s.peers == nil || s.identity.Cluster() != "" {
		return nil
	}
	return s.identity.Found(s.cfg.random)
}

// isNew reports whether nothing was ever stored in the directory.
func (s *Store) isNew() (bool, error) {
	_, last, err := logBounds(s.log)
	return last == 0 && s.checkpoints.checkpointIndex() == 0, err
}

// checkFit refuses a directory whose log and state do not belong together.
func (s *Store) checkFit(context.Context) error {
	meta, _, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	return checkFit(s.log, meta)
}

// checkFit refuses a log and a state, of which meta is the cover row, that do not belong together, as after a restore
// or a loss of only one of them: the log must begin no later than behind the state and must not end before it, or
// entries would be missing, or new ones would be taken for old ones. The bounds do not tell if the log is empty, so the
// state must not be older than the last checkpoint that the log knows of either. (A log that knows of none may be from
// before they were noted: if it is empty and Raft was ever elected, in a term after the bootstrap's, it was cut too.)
func checkFit(log *wal.Log, meta raft.SnapshotMeta) error {
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
		return fmt.Errorf("%w: the log begins at entry %d, but the state that holds the entries before it is missing",
			ErrInconsistent, first)
	case meta.Index == 0 && last == 0 && term > bootstrapTerm:
		return fmt.Errorf("%w: all entries of the log were moved into the state, but the state is missing",
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

// openRaftLog gives Raft its view of the log.
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

// startRaft starts the node. From here on, entries are applied.
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
	machine := &fsm{applier: s.applier, checkpoints: s.checkpoints, observe: s.cfg.observe, fatal: fatal}
	snaps := &snapshots{state: s.state, checkpoints: s.checkpoints, log: s.log, shipper: s.shipper, fetcher: s.fetcher}
	node, err := raft.NewRaft(s.raftConfig(notify), machine, watchedLog{s.raftLog, &s.disk},
		watchedStable{s.log, &s.disk}, snaps, transport)
	if err != nil {
		return errors.Join(fmt.Errorf("raftstore: start raft: %w", err), transport.Close())
	}
	s.raft = node
	s.checkpoints.raft = nodeSnapshotter{node, s.stop}
	s.leadership = &leadership{
		raft: node, notify: notify, logger: s.cfg.Logger, settled: make(chan struct{}), isAlone: s.peers == nil,
		notReady: s.Ready, fatal: fatal,
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

// closingTransport is what Raft talks to others by.
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

// knowSelf is the step of Open that finds out who this node is, or makes it somebody.
func (s *Store) knowSelf(context.Context) error {
	isNew, err := s.isNew()
	if err == nil {
		s.identity, err = peernet.LoadIdentity(s.cfg.NodeID, s.log, isNew, s.cfg.random)
	}
	return err
}

// keepSelf has a directory from before there were identities keep its node's name, once Raft has found that in its log.
// One of a group of one is its only member's, for certain.
func (s *Store) keepSelf(context.Context) error {
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
