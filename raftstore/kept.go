package raftstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
)

// keptState is a state that a replay can begin from: a directory with the files of a checkpoint, and the list of them.
//
// The list has the checksum of each file, and is looked at before the state is used: Pebble has checksums in its
// tables, and none that would notice a list of tables that was cut short.
type keptState struct {
	index  uint64            // of the last entry whose effect it has; 0: the empty state before the log
	term   uint64            // of that entry; 0: not known
	timeMS int64             // of that entry, Unix milliseconds
	files  *statedb.Manifest // of its directory; nil: the empty state, which has none

	// unlisted: it was kept by a version that wrote no list, and files has sizes alone. The cover row, and the
	// checksums that the tables have themselves, are all that can be looked at.
	unlisted bool

	// applied is the last entry with commands. Raft has entries of its own behind it after a start, which index may
	// count; what was refused meanwhile is recorded with applied.
	applied uint64
}

const (
	// newStateDir is the name under which a checkpoint is made.
	newStateDir = "new"

	// removedSuffix is that of a checkpoint that is being removed.
	removedSuffix = ".removed"
)

// name is that of the directory: index, time, and the last entry with commands if that is another one.
func (k *keptState) name() string {
	if k.applied != k.index {
		return fmt.Sprintf("%020d-%d-%d", k.index, k.timeMS, k.applied)
	}
	return fmt.Sprintf("%020d-%d", k.index, k.timeMS)
}

func parseKept(name string) (k keptState, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) < 2 || len(parts) > 3 {
		return k, false
	}
	var faults [3]error
	k.index, faults[0] = strconv.ParseUint(parts[0], 10, 64)
	k.timeMS, faults[1] = strconv.ParseInt(parts[1], 10, 64)
	k.applied = k.index
	if len(parts) == 3 {
		k.applied, faults[2] = strconv.ParseUint(parts[2], 10, 64)
	}
	return k, errors.Join(faults[:]...) == nil && k.name() == name
}

// continuedBy reports whether a log with these bounds goes on where the state ends.
func (k *keptState) continuedBy(first, last uint64) bool {
	return k.index+1 >= first && k.index <= last
}

// list gives the files.
func (k *keptState) list() []statedb.File {
	if k.files == nil {
		return nil
	}
	return k.files.Files
}

// addTables adds the sizes of the tables. Those of one name are one file in all checkpoints.
func (k *keptState) addTables(sizes map[string]int64) {
	for _, f := range k.list() {
		if statedb.IsTable(f.Name) {
			sizes[f.Name] = f.Bytes
		}
	}
}

// writeFiles lists the files in a directory, which become those of k, and writes the list beside them. A table that an
// earlier kept state has is not read again. step is called before each file.
func (k *keptState) writeFiles(fs vfs.FS, dir string, earlier keptState, step func() (end func())) error {
	sizes, err := durable.FileSizes(fs, dir)
	if err != nil {
		return err
	}
	known := map[string]uint32{}
	if !earlier.unlisted {
		for _, f := range earlier.list() {
			if statedb.IsTable(f.Name) && sizes[f.Name] == f.Bytes {
				known[f.Name] = f.Checksum
			}
		}
	}
	k.files = &statedb.Manifest{Index: k.index, Term: k.term}
	for name, bytes := range sizes {
		sum, ok := known[name]
		if !ok {
			step()
			if sum, err = durable.FileChecksum(fs, fs.PathJoin(dir, name)); err != nil {
				return err
			}
		}
		if err := k.files.Add(statedb.File{Name: name, Bytes: bytes, Checksum: sum}); err != nil {
			return err
		}
	}
	step()
	return statedb.WriteManifest(fs, dir, k.files)
}

// readFiles reads the list of the files.
func (k *keptState) readFiles(fs vfs.FS, dir string) (err error) {
	k.files, err = statedb.ReadManifest(fs, dir)
	if err != nil || k.files != nil {
		if err == nil && k.files.Index != k.index {
			err = fmt.Errorf("%w: the list of files of a checkpoint of index %d in %s", durable.ErrInconsistent,
				k.files.Index,
				dir)
		}
		return err
	}
	k.files, k.unlisted = &statedb.Manifest{Index: k.index}, true
	sizes, err := durable.FileSizes(fs, dir)
	for name, bytes := range sizes {
		k.files.Files = append(k.files.Files, statedb.File{Name: name, Bytes: bytes})
	}
	return err
}

// verify reads all files of the list. pace is called after each.
func (k *keptState) verify(ctx context.Context, fs vfs.FS, dir string, pace func()) error {
	if k.unlisted {
		return nil
	}
	for _, f := range k.list() {
		ok, err := f.IsIn(fs, dir)
		if err == nil && !ok {
			err = fmt.Errorf("%w: %s in %s is not what was written", durable.ErrCorrupt, f.Name, dir)
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		pace()
	}
	return nil
}

// open verifies the files and opens them as a database.
func (k *keptState) open(ctx context.Context, c statedb.Config, pace func()) (*statedb.DB, error) {
	if err := k.verify(ctx, c.FS, c.Dir, pace); err != nil {
		return nil, err
	}
	state, err := statedb.Open(c)
	if err != nil {
		return nil, err
	}
	meta, _, err := state.SnapshotMeta()
	if k.unlisted {
		k.files.Term = meta.Term
	}
	if err = errors.Join(err, k.files.Fits(meta)); err != nil {
		return nil, errors.Join(err, state.Close())
	}
	return state, nil
}
