package transfer

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
)

// Metrics count checkpoints sent and downloaded, and their bytes.
type Metrics struct {
	Sends, SendRefusals, SendBytes           *metrics.Counter
	Downloads, DownloadErrors, DownloadBytes *metrics.Counter
}

// TransferLog is what a Sender needs of the Raft log.
type transferLog interface {
	Has(index uint64) bool // reports whether the log has an entry
	PinAll()               // keeps all entries from being truncated
	Pin(index uint64)      // keeps those behind an index
	Unpin()
	TableBytes(first uint64) int64 // what the entries from an index on take on disk
}

// SenderConfig is what a Sender needs.
type SenderConfig struct {
	FS      vfs.FS
	Dir     string // for exports; it is empty at first
	State   *statedb.DB
	Log     transferLog
	Logger  *slog.Logger
	Metrics Metrics
	OnFatal func(msg string)
	Leads   func() bool

	// LogBytesMax bounds the log that an export pins.
	LogBytesMax int64
}

// Sender sends checkpoints to nodes that are too far behind for the log, or new: a copy of the state database by hard
// links, so neither the writer nor the next checkpoint waits for it.
//
// Such a copy is an export. All nodes that come while it exists get the same one, and the log behind it stays pinned:
// once a node has loaded the export, Raft goes on with the entry after it. So Raft must install the exported checkpoint
// (see Exported), not the newest one: under load, a node would never finish the download of the newest.
type Sender struct {
	SenderConfig

	making sync.Mutex // held while an export is made, before mu

	mu struct {
		sync.Mutex
		connections int
		made        int     // names the next export's directory
		current     *export // nil: there is none

		// sums are checksums that are known, by name for tables, which never change, and by path for all else.
		sums map[string]uint32
	}
}

// export is a copy of the state. Its fields below files are guarded by the Sender's mu.
type export struct {
	Meta  raft.SnapshotMeta
	Dir   string
	files map[string]int64 // sizes

	users     int
	idleSince time.Time
}

// The refusals of a transfer.
var (
	errBusy = fmt.Errorf("raftstore: %d nodes are downloading a checkpoint already; try again later",
		sessionsMax)
	errNotLeading   = errors.New("raftstore: this node does not lead; ask the leader for the checkpoint")
	errNoCheckpoint = errors.New("raftstore: there is no checkpoint later than the other node's state")
	errNoSuchFile   = errors.New("raftstore: no such file or place in a file of the checkpoint")
)

// NewSender makes a Sender. It has nothing to send before the first Acquire.
func NewSender(c SenderConfig) *Sender {
	s := &Sender{SenderConfig: c}
	s.mu.sums = map[string]uint32{}
	return s
}

// Exported is the checkpoint that Raft has to install on other nodes. Nil means the newest one; so does a nil Sender.
func (s *Sender) Exported() *raft.SnapshotMeta {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	current := s.mu.current
	s.mu.Unlock()
	if current == nil || !s.Log.Has(current.Meta.Index) {
		return nil // without the entry at its end, Raft cannot go on after it
	}
	return &current.Meta
}

// Acquire returns an export that is later than the other node's state. Release gives it back.
func (s *Sender) Acquire(above uint64) (*export, error) {
	s.making.Lock()
	defer s.making.Unlock()
	if meta := s.Exported(); meta == nil || meta.Index <= above {
		newest, _, err := s.State.SnapshotMeta()
		if err == nil && newest.Index <= above {
			err = errNoCheckpoint
		}
		if err == nil {
			err = s.makeExport()
		}
		if err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.mu.current
	if o == nil || o.Meta.Index <= above {
		return nil, errNoCheckpoint
	}
	o.users++
	return o, nil
}

// makeExport makes a new current export. The whole log is pinned before the copy, and the log behind it afterwards.
func (s *Sender) makeExport() error {
	s.retire()
	s.mu.Lock()
	s.mu.made++
	o := &export{Dir: s.FS.PathJoin(s.Dir, fmt.Sprintf("%06d", s.mu.made)), idleSince: time.Now()}
	s.mu.Unlock()
	s.Log.PinAll()
	if err := s.fill(o); err != nil {
		s.Log.Unpin()
		return errors.Join(err, s.FS.RemoveAll(o.Dir))
	}
	s.Log.Pin(o.Meta.Index)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.current = o
	maps.DeleteFunc(s.mu.sums, func(name string, _ uint32) bool { return o.files[name] == 0 })
	return nil
}

// fill links the state. The index is read from the copy: the state itself may be ahead of it.
func (s *Sender) fill(o *export) error {
	if err := errors.Join(s.FS.MkdirAll(s.Dir, durable.DirPermissions), s.FS.RemoveAll(o.Dir)); err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", o.Dir, err)
	}
	if err := s.State.Link(o.Dir); err != nil {
		return err
	}
	sizes, err := durable.FileSizes(s.FS, o.Dir)
	if err != nil {
		return fmt.Errorf("raftstore: read %s: %w", o.Dir, err)
	}
	o.files = sizes
	meta, ok, err := statedb.ReadSnapshotMeta(statedb.Config{FS: s.FS, Dir: o.Dir, Logger: s.Logger, OnFatal: s.OnFatal,
		ReadOnly: true})
	if err == nil && !ok {
		err = errNoCheckpoint
	}
	o.Meta = meta
	return err
}

// retire ends the current export. Downloads of it may go on.
func (s *Sender) retire() {
	s.mu.Lock()
	o := s.mu.current
	s.mu.current = nil
	unused := o != nil && o.users == 0
	s.mu.Unlock()
	s.Log.Unpin()
	if unused {
		s.remove(o)
	}
}

// Release gives an export back.
func (s *Sender) Release(o *export) {
	s.mu.Lock()
	o.users--
	o.idleSince = time.Now()
	unused := o.users == 0 && o != s.mu.current
	s.mu.Unlock()
	if unused {
		s.remove(o)
	}
}

func (s *Sender) remove(o *export) {
	if err := s.FS.RemoveAll(o.Dir); err != nil {
		s.Logger.Error("transfer: an exported checkpoint was not removed; the next start tries again", "dir", o.Dir,
			"error", err)
	}
}

// Run ends exports that are old enough, until stop is closed.
func (s *Sender) Run(stop <-chan struct{}) {
	ticker := time.NewTicker(exportCheckInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			s.Look(now)
		}
	}
}

// Look ends the current export if no node has come for long, or if it pins too much log.
func (s *Sender) Look(now time.Time) {
	s.making.Lock()
	defer s.making.Unlock()
	s.mu.Lock()
	o := s.mu.current
	idle := o != nil && o.users == 0 && now.Sub(o.idleSince) >= ExportHold
	s.mu.Unlock()
	if o == nil {
		return
	}
	if kept := s.Log.TableBytes(o.Meta.Index); idle || kept > s.LogBytesMax {
		s.Logger.Info("transfer: an exported checkpoint is no longer kept", "index", o.Meta.Index, "logBytes", kept)
		s.retire()
	}
}

// enter admits one more node. False: there are too many.
func (s *Sender) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.connections == sessionsMax {
		return false
	}
	s.mu.connections++
	return true
}

func (s *Sender) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.connections--
}

// checksum reads a file once for all downloads.
func (s *Sender) checksum(o *export, name string) (uint32, error) {
	path := s.FS.PathJoin(o.Dir, name)
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
	sum, err := durable.FileChecksum(s.FS, path)
	if err != nil {
		return 0, fmt.Errorf("raftstore: read %s of a checkpoint: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.sums[key] = sum
	return sum, nil
}
