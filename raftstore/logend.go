package raftstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
	"apportion/wal"
)

// logEnd notes, in a file beside the log, an entry that is in the log: what the log itself cannot tell. A log file that
// is cut off, or damaged up to its end, looks like one that a crash has left in the middle of a write. With the note, a
// start and Verify know better.
//
// The last applied entry is noted, and not the last one of the log: it is committed, so no other leader has it deleted,
// and no deletion has to be noted before it is made. It is synced in the log, so the note never claims more than there
// is, be it synced or not itself. It is written behind the writes, by a goroutine of its own, and costs them no sync;
// what was applied since the last note is what can still be lost unseen.
//
// The file has two blocks, of which one changes between two syncs, so that one that is torn leaves the other. A file
// that is missing, as in a directory of an older version, claims nothing.
type logEnd struct {
	fs      vfs.FS
	path    string
	logger  *slog.Logger
	applied func() uint64
	step    func() (end func()) // a write that waits for the disk begins
	wake    chan struct{}       // capacity 1: an entry was applied

	file    vfs.File // nil until the first write
	written uint64   // the entry in the file
	noted   uint64   // the entry on disk
	slot    int64    // the block that is written next
	block   [logEndBlockBytes]byte
}

// A block: a sealed index of 8 bytes, then zeros. It fills a page, because the kernel first reads a page that is
// written in part.
const (
	logEndVersion    = 1
	logEndBytes      = durable.SealBytes + 8
	logEndBlockBytes = 4096
	logEndBlocks     = 2
)

func appendLogEnd(dst []byte, index uint64) []byte {
	return durable.AppendSealed(dst, logEndVersion, binary.LittleEndian.AppendUint64(nil, index))
}

func decodeLogEnd(block []byte) (index uint64, ok bool) {
	body, err := durable.OpenSealed(block[:min(len(block), logEndBytes)], logEndVersion, "a note of the log's end")
	if err != nil || len(body) < logEndBytes-durable.SealBytes {
		return 0, false
	}
	return binary.LittleEndian.Uint64(body), true
}

// readLogEnd reads the note: 0 if there is none. The error is of a file that cannot be read, or of which neither block
// can be.
func readLogEnd(disk vfs.FS, path string) (noted uint64, slot int64, err error) {
	f, err := disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("raftstore: read the note of the log's end: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, logEndBlocks*logEndBlockBytes))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, 0, fmt.Errorf("raftstore: read the note of the log's end: %w", err)
	}
	valid := false
	for i, block := range slices.Collect(slices.Chunk(text, logEndBlockBytes)) {
		if index, ok := decodeLogEnd(block); ok && index >= noted {
			noted, slot, valid = index, int64(1-i), true
		}
	}
	// a crash came before the first note was written
	blank := !slices.ContainsFunc(text, func(b byte) bool { return b != 0 })
	if !valid && !blank {
		return 0, 0, fmt.Errorf("%w: the note of the log's end in %s", ErrCorrupt, path)
	}
	return noted, slot, nil
}

// checkLogEnd refuses a log that ends before the entry that was noted, unless the state has that entry's effect: then,
// the log may have been cut behind it. Nothing of the log is changed before that: Pebble removes what it could not
// read.
func (s *Store) checkLogEnd(context.Context) error {
	meta, _, err := s.state.SnapshotMeta()
	if err != nil {
		return err
	}
	end := &logEnd{
		fs: s.cfg.FS, path: s.paths.logEnd, logger: s.cfg.Logger, applied: s.applier.visibleIndex.Load,
		wake: make(chan struct{}, 1),
		step: func() (end func()) { return s.disk.begin(diskLogEnd) },
	}
	if end.noted, end.slot, err = readLogEnd(s.cfg.FS, s.paths.logEnd); errors.Is(err, ErrCorrupt) {
		s.cfg.Logger.Error("whether the end of the log is there cannot be told; it can again from the next note on",
			"error", err)
	} else if err != nil {
		return err
	}
	end.written = end.noted
	if end.noted > meta.Index && !s.exists(s.paths.log) {
		return fmt.Errorf("%w: the log is missing, but entry %d of it was acknowledged", ErrInconsistent, end.noted)
	}
	if end.noted > meta.Index {
		if err := s.checkLogHas(end.noted, meta); err != nil {
			return err
		}
	}
	s.logEnd = end
	s.applier.onApplied = end.wakeUp
	s.onClose(end.close)
	return nil
}

// checkLogHas opens the log to look for the entry that was noted. What else may be wrong with it is said first, unless
// the state is another node's, with which the log is still to be brought in line.
func (s *Store) checkLogHas(noted uint64, meta raft.SnapshotMeta) error {
	adopted, err := statedb.ReadManifest(s.cfg.FS, s.paths.state)
	if err != nil {
		return err
	}
	log, err := wal.Open(wal.Config{
		Dir: s.paths.log, FS: s.cfg.FS, ReadOnly: true, Logger: s.cfg.Logger, OnFatal: s.cfg.OnFatal,
		OnCorruption: func(error) {},
	})
	if err != nil {
		return logError(err)
	}
	_, last, err := logBounds(log)
	if err == nil && adopted == nil {
		err = checkFit(log, meta)
	}
	if err == nil {
		err = fitsLogEnd(last, meta.Index, noted)
	}
	return errors.Join(err, log.Close())
}

// fitsLogEnd compares the last entry of a log, and that of the state, with the one that was noted.
func fitsLogEnd(last, state, noted uint64) error {
	if max(last, state) >= noted {
		return nil
	}
	return fmt.Errorf("%w: the log ends at entry %d, but entry %d was acknowledged: what is between them is lost. "+
		"Restore a backup, "+
		"or, in a cluster, remove this node and let a new one join", ErrCorrupt, last, noted)
}

// wakeUp is called for each entry that was applied; it does not block.
func (n *logEnd) wakeUp() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// run notes what was applied until stop is closed, and syncs it now and then. A disk that is slow is left alone for
// most of the time.
func (n *logEnd) run(stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	syncAt := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-n.wake:
		}
		begin, pause, err := time.Now(), logEndPause, n.write()
		if err == nil && n.written > n.noted {
			if begin.Before(syncAt) {
				n.wakeUp()
			} else {
				err = n.sync()
				syncAt = time.Now().Add(min(max(logEndSyncPause, logEndSyncParts*time.Since(begin)), logEndSyncMax))
			}
		}
		if err != nil {
			pause = checkpointRetryInterval
			n.logger.Error("the end of the log was not noted, so its loss would not be seen; it is tried again",
				"error", err)
		}
		timer.Reset(pause)
		select {
		case <-stop:
			return
		case <-timer.C:
		}
	}
}

// write notes the last applied entry, unless it is noted. It is in no hurry to reach the disk, see sync.
func (n *logEnd) write() error {
	index := n.applied()
	if index <= n.written {
		return nil
	}
	defer n.step()()
	if n.file == nil {
		if err := n.open(); err != nil {
			return err
		}
	}
	clear(n.block[:])
	appendLogEnd(n.block[:0], index)
	if _, err := n.file.WriteAt(n.block[:], n.slot*logEndBlockBytes); err != nil {
		return fmt.Errorf("raftstore: write %s: %w", n.path, err)
	}
	n.written = index
	return nil
}

// sync brings what was written to the disk. From then on the other block is written: this one is not to be torn any
// more.
func (n *logEnd) sync() error {
	if n.written == n.noted {
		return nil
	}
	defer n.step()()
	if err := n.file.SyncData(); err != nil {
		return fmt.Errorf("raftstore: sync %s: %w", n.path, err)
	}
	n.noted, n.slot = n.written, 1-n.slot
	return nil
}

// open opens the file, or makes it, with its whole length, so that no later write has to lengthen it.
func (n *logEnd) open() error {
	_, statErr := n.fs.Stat(n.path)
	file, err := n.fs.OpenReadWrite(n.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("raftstore: open %s: %w", n.path, err)
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		_, err = file.WriteAt(make([]byte, logEndBlocks*logEndBlockBytes), 0)
		if err = errors.Join(err, file.Sync(), durable.SyncDir(n.fs, n.fs.PathDir(n.path))); err != nil {
			return errors.Join(fmt.Errorf("raftstore: create %s: %w", n.path, err), file.Close())
		}
	}
	n.file = file
	return nil
}

// close notes the end of an orderly life.
func (n *logEnd) close() error {
	err := n.write()
	if err == nil {
		err = n.sync()
	}
	if err != nil {
		n.logger.Error("the end of the log was not noted, so its loss would not be seen", "error", err)
	}
	if n.file == nil {
		return nil
	}
	return n.file.Close()
}
