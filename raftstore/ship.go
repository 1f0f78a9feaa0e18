package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
)

// shipper gives checkpoints to nodes that are too far behind for the log, or new. What it gives is a copy of the state
// database by hard links, so neither the writer nor the next checkpoint waits for it.
//
// Such a copy is an offer. Nodes that come while it stands get the same one, and the log behind it is kept for so long:
// once a node has loaded it, Raft goes on with the entry after it. Therefore Raft is told of this checkpoint as the
// snapshot to install (see snapshots.List), not of the newest one: a node that is fetching would never be through with
// that under load.
type shipper struct {
	fs       vfs.FS
	dir      string
	state    *statedb.DB
	log      *logStore
	logger   *slog.Logger
	metrics  *storeMetrics
	onFatal  func(msg string)
	bytesMax int64 // of log that an offer keeps
	leads    func() bool

	making sync.Mutex // held while an offer is made, before mu

	mu struct {
		sync.Mutex
		connections int
		made        int    // names the next offer's directory
		current     *offer // nil: there is none

		// sums are checksums that are known, by name for tables, which never change, and by path for all else.
		sums map[string]uint32
	}
}

// offer is a copy of the state. Its fields below files are guarded by the shipper's mu.
type offer struct {
	meta  raft.SnapshotMeta
	dir   string
	files map[string]int64 // sizes

	users     int
	idleSince time.Time
}

// The refusals of a transfer.
var (
	errShipBusy   = fmt.Errorf("raftstore: %d nodes are fetching a checkpoint already", shipConnectionsMax)
	errShipOther  = errors.New("raftstore: this node does not lead, the leader has the checkpoints")
	errShipNone   = errors.New("raftstore: there is no checkpoint that is later than what the other node has")
	errNoSuchFile = errors.New("raftstore: no such file or place in a file of the checkpoint")
)

// newShipper comes before Raft starts. What an earlier life has left is removed.
func (s *Store) newShipper(context.Context) error {
	if err := s.cfg.FS.RemoveAll(s.paths.Transfer); err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", s.paths.Transfer, err)
	}
	if s.peers == nil {
		return nil
	}
	s.shipper = &shipper{
		fs: s.cfg.FS, dir: s.paths.Transfer, state: s.state, log: s.raftLog, logger: s.cfg.Logger, metrics: s.metrics,
		onFatal: s.cfg.OnFatal, bytesMax: s.cfg.shippedLogBytes, leads: func() bool {
			return s.raft.State() == raft.Leader
		},
	}
	s.shipper.mu.sums = map[string]uint32{}
	s.peers.Handle(peernet.KindFiles, s.shipper.serve)
	return nil
}

// offered is the checkpoint that Raft is to have installed elsewhere; nil: the newest one.
func (s *shipper) offered() *raft.SnapshotMeta {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	current := s.mu.current
	s.mu.Unlock()
	if current == nil || !s.log.has(current.meta.Index) {
		return nil // without the entry at its end, Raft cannot go on behind it
	}
	return &current.meta
}

// acquire gives an offer that is later than what the other node has.
func (s *shipper) acquire(above uint64) (*offer, error) {
	s.making.Lock()
	defer s.making.Unlock()
	if meta := s.offered(); meta == nil || meta.Index <= above {
		newest, _, err := s.state.SnapshotMeta()
		if err == nil && newest.Index <= above {
			err = errShipNone
		}
		if err == nil {
			err = s.makeOffer()
		}
		if err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.mu.current
	if o == nil || o.meta.Index <= above {
		return nil, errShipNone
	}
	o.users++
	return o, nil
}

// makeOffer makes a new current offer. The log is held before the copy is made, and then what is behind it.
func (s *shipper) makeOffer() error {
	s.retire()
	s.mu.Lock()
	s.mu.made++
	o := &offer{dir: s.fs.PathJoin(s.dir, fmt.Sprintf("%06d", s.mu.made)), idleSince: time.Now()}
	s.mu.Unlock()
	s.log.pinAll()
	if err := s.fill(o); err != nil {
		s.log.unpin()
		return errors.Join(err, s.fs.RemoveAll(o.dir))
	}
	s.log.pin(o.meta.Index)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.current = o
	maps.DeleteFunc(s.mu.sums, func(name string, _ uint32) bool { return o.files[name] == 0 })
	return nil
}

// fill links the state. Its index is read from the copy: the state itself may be ahead by now.
func (s *shipper) fill(o *offer) error {
	if err := errors.Join(s.fs.MkdirAll(s.dir, durable.DirPermissions), s.fs.RemoveAll(o.dir)); err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", o.dir, err)
	}
	if err := s.state.Link(o.dir); err != nil {
		return err
	}
	sizes, err := durable.FileSizes(s.fs, o.dir)
	if err != nil {
		return fmt.Errorf("raftstore: read %s: %w", o.dir, err)
	}
	o.files = sizes
	meta, ok, err := statedb.ReadSnapshotMeta(statedb.Config{FS: s.fs, Dir: o.dir, Logger: s.logger, OnFatal: s.onFatal,
		ReadOnly: true})
	if err == nil && !ok {
		err = errShipNone
	}
	o.meta = meta
	return err
}

// retire takes the current offer back. Who is fetching it may go on.
func (s *shipper) retire() {
	s.mu.Lock()
	o := s.mu.current
	s.mu.current = nil
	unused := o != nil && o.users == 0
	s.mu.Unlock()
	s.log.unpin()
	if unused {
		s.remove(o)
	}
}

func (s *shipper) release(o *offer) {
	s.mu.Lock()
	o.users--
	o.idleSince = time.Now()
	unused := o.users == 0 && o != s.mu.current
	s.mu.Unlock()
	if unused {
		s.remove(o)
	}
}

func (s *shipper) remove(o *offer) {
	if err := s.fs.RemoveAll(o.dir); err != nil {
		s.logger.Error("peers: a checkpoint for other nodes was not removed; the next start tries again", "dir", o.dir,
			"error", err)
	}
}

// run takes back offers that have stood for long enough, until stop is closed.
func (s *shipper) run(stop <-chan struct{}) {
	ticker := time.NewTicker(shipLookInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			s.look(now)
		}
	}
}

// look takes the current offer back if nobody has come for it for long, or if the log that it keeps is too much.
func (s *shipper) look(now time.Time) {
	s.making.Lock()
	defer s.making.Unlock()
	s.mu.Lock()
	o := s.mu.current
	idle := o != nil && o.users == 0 && now.Sub(o.idleSince) >= shipHold
	s.mu.Unlock()
	if o == nil {
		return
	}
	if kept := s.log.TableBytes(o.meta.Index); idle || kept > s.bytesMax {
		s.logger.Info("peers: a checkpoint is no longer kept for other nodes", "index", o.meta.Index, "logBytes", kept)
		s.retire()
	}
}

// enter admits one more node.
func (s *shipper) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.connections == shipConnectionsMax {
		return false
	}
	s.mu.connections++
	return true
}

func (s *shipper) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.connections--
}

// checksum reads a file once for all who fetch it.
func (s *shipper) checksum(o *offer, name string) (uint32, error) {
	path := s.fs.PathJoin(o.dir, name)
	key := path
	if statedb.IsTable(name) {
		key = name
	}
	s.mu.Lock()
	sum, known := s.mu.sums[key]
	s.mu.Unlock()
	if known {
		return sum, nil
	}
	sum, err := durable.FileChecksum(s.fs, path)
	if err != nil {
		return 0, fmt.Errorf("raftstore: read %s of a checkpoint: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.sums[key] = sum
	return sum, nil
}
