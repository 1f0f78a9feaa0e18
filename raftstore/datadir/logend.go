package datadir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
)

// LogEnd notes, in a file beside the log, an entry that the log must have. The log itself cannot tell: a truncated or
// damaged last file looks like a torn tail, as a crash leaves it in the middle of a write. With the note, a start and
// Verify tell them apart.
//
// The note is the last applied entry, not the last entry of the log. An applied entry is committed, so no leader
// deletes it, and no deletion has to be noted first. It is synced in the log, so the note never claims too much, even
// if the note itself is not synced. A goroutine writes it after the entries and costs them no sync. Only entries that
// were applied since the last note can be lost without a trace.
//
// The file has two blocks. Only one of them changes between two syncs, so a torn block leaves the other. A missing
// file, as in a directory of an older version, claims nothing.
type LogEnd struct {
	c    LogEndConfig
	wake chan struct{} // capacity 1: an entry was applied

	file    vfs.File // nil until the first write
	written uint64   // the entry in the file
	noted   uint64   // the entry on disk, synced
	slot    int64    // the next block to write
	block   [logEndBlockBytes]byte
}

// LogEndConfig says where a note is, and what it notes.
type LogEndConfig struct {
	FS      vfs.FS
	Path    string
	Logger  *slog.Logger
	Applied func() uint64       // the last applied entry
	Step    func() (end func()) // marks the start of a write to the disk
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

// ReadLogEnd reads the note, 0 if there is none, and the block to write next. It fails if the file cannot be read, or
// if both blocks are damaged.
func ReadLogEnd(disk vfs.FS, path string) (noted uint64, slot int64, err error) {
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
	// zeros: a crash came before the first note
	blank := !slices.ContainsFunc(text, func(b byte) bool { return b != 0 })
	if !valid && !blank {
		return 0, 0, fmt.Errorf("%w: both notes of the log's end in %s are damaged", durable.ErrCorrupt, path)
	}
	return noted, slot, nil
}

// OpenLogEnd reads the note. damaged is the error of a file without a valid note: a start may go on from there, and the
// next note replaces it.
func OpenLogEnd(c LogEndConfig) (end *LogEnd, damaged, err error) {
	end = &LogEnd{c: c, wake: make(chan struct{}, 1)}
	end.noted, end.slot, err = ReadLogEnd(c.FS, c.Path)
	if errors.Is(err, durable.ErrCorrupt) {
		damaged, err = err, nil
	}
	end.written = end.noted
	return end, damaged, err
}

// CheckLogEnd compares the last entry of the log and of the state with the noted one.
func CheckLogEnd(last, state, noted uint64) error {
	if max(last, state) >= noted {
		return nil
	}
	return fmt.Errorf("%w: the log ends at entry %d, but entry %d was acknowledged: the entries between them are "+
		"lost. Restore a "+
		"backup, or, in a cluster, remove this node and let a new one join", durable.ErrCorrupt, last, noted)
}

// LastNoted is the noted entry, synced.
func (n *LogEnd) LastNoted() uint64 { return n.noted }

// WakeUp is called for each entry that was applied; it does not block.
func (n *LogEnd) WakeUp() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run writes and syncs notes until stop is closed. On a slow disk it pauses for most of the time.
func (n *LogEnd) Run(stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	syncAt := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-n.wake:
		}
		begin, pause, err := time.Now(), logEndPause, n.Write()
		if err == nil && n.written > n.noted {
			if begin.Before(syncAt) {
				n.WakeUp()
			} else {
				err = n.Sync()
				syncAt = time.Now().Add(min(max(logEndSyncPause, logEndSyncParts*time.Since(begin)), logEndSyncMax))
			}
		}
		if err != nil {
			pause = logEndRetryPause
			n.c.Logger.Error("the end of the log was not noted, so its loss would not be seen; it will be tried again",
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

// Write notes the last applied entry, unless it is noted already. Sync brings it to the disk.
func (n *LogEnd) Write() error {
	index := n.c.Applied()
	if index <= n.written {
		return nil
	}
	defer n.c.Step()()
	if n.file == nil {
		if err := n.open(); err != nil {
			return err
		}
	}
	clear(n.block[:])
	appendLogEnd(n.block[:0], index)
	if _, err := n.file.WriteAt(n.block[:], n.slot*logEndBlockBytes); err != nil {
		return fmt.Errorf("raftstore: write %s: %w", n.c.Path, err)
	}
	n.written = index
	return nil
}

// Sync brings the written note to the disk. The next note goes to the other block, so that this one cannot be torn.
func (n *LogEnd) Sync() error {
	if n.written == n.noted {
		return nil
	}
	defer n.c.Step()()
	if err := n.file.SyncData(); err != nil {
		return fmt.Errorf("raftstore: sync %s: %w", n.c.Path, err)
	}
	n.noted, n.slot = n.written, 1-n.slot
	return nil
}

// open opens or creates the file. It gives it its whole length, so that no later write changes its size.
func (n *LogEnd) open() error {
	_, statErr := n.c.FS.Stat(n.c.Path)
	file, err := n.c.FS.OpenReadWrite(n.c.Path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("raftstore: open %s: %w", n.c.Path, err)
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		_, err = file.WriteAt(make([]byte, logEndBlocks*logEndBlockBytes), 0)
		if err = errors.Join(err, file.Sync(), durable.SyncDir(n.c.FS, n.c.FS.PathDir(n.c.Path))); err != nil {
			return errors.Join(fmt.Errorf("raftstore: create %s: %w", n.c.Path, err), file.Close())
		}
	}
	n.file = file
	return nil
}

// Close writes the last note of a run.
func (n *LogEnd) Close() error {
	err := n.Write()
	if err == nil {
		err = n.Sync()
	}
	if err != nil {
		n.c.Logger.Error("the end of the log was not noted, so its loss would not be seen", "error", err)
	}
	if n.file == nil {
		return nil
	}
	return n.file.Close()
}
