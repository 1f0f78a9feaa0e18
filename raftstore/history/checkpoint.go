package history

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

// Checkpoint is a kept checkpoint, where a replay can begin: a directory with its files and their manifest.
//
// The manifest has the checksum of each file, and they are compared before the checkpoint is used. Pebble has checksums
// in its tables, but none that would notice a truncated list of tables.
type Checkpoint struct {
	Index  uint64            // of the last entry whose effect it has; 0: the empty state before the log
	Term   uint64            // of that entry; 0: not known
	TimeMS int64             // of that entry, Unix milliseconds
	files  *statedb.Manifest // of its directory; nil: the empty state, which has none

	// unlisted: an old version kept it without a manifest, so files has only sizes. Then only the applied row and the
	// checksums inside the tables can be checked.
	unlisted bool

	// Applied is the last entry with commands. After a start, Raft adds entries of its own, which Index may count. What
	// is refused meanwhile is recorded with Applied.
	Applied uint64
}

const (
	// newDir is the name of a checkpoint's directory until it is complete.
	newDir = "new"

	// removedSuffix ends the name of a checkpoint that is being removed.
	removedSuffix = ".removed"
)

// name is the name of the directory: index, time, and the last entry with commands if it is another one.
func (k *Checkpoint) name() string {
	if k.Applied != k.Index {
		return fmt.Sprintf("%020d-%d-%d", k.Index, k.TimeMS, k.Applied)
	}
	return fmt.Sprintf("%020d-%d", k.Index, k.TimeMS)
}

// ParseName reads the name of a checkpoint's directory; ok is false for any other name.
func ParseName(name string) (k Checkpoint, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) < 2 || len(parts) > 3 {
		return k, false
	}
	var faults [3]error
	k.Index, faults[0] = strconv.ParseUint(parts[0], 10, 64)
	k.TimeMS, faults[1] = strconv.ParseInt(parts[1], 10, 64)
	k.Applied = k.Index
	if len(parts) == 3 {
		k.Applied, faults[2] = strconv.ParseUint(parts[2], 10, 64)
	}
	return k, errors.Join(faults[:]...) == nil && k.name() == name
}

// continuedBy reports whether a log with these bounds goes on where the checkpoint ends.
func (k *Checkpoint) continuedBy(first, last uint64) bool {
	return k.Index+1 >= first && k.Index <= last
}

// list returns the files.
func (k *Checkpoint) list() []statedb.File {
	if k.files == nil {
		return nil
	}
	return k.files.Files
}

// addTables adds the sizes of the tables. A table of the same name is the same file in all checkpoints.
func (k *Checkpoint) addTables(sizes map[string]int64) {
	for _, f := range k.list() {
		if statedb.IsTable(f.Name) {
			sizes[f.Name] = f.Bytes
		}
	}
}

// writeFiles lists the files in a directory as those of k, and writes the manifest beside them. A table of an earlier
// kept checkpoint is not read again. step is called before each file.
func (k *Checkpoint) writeFiles(fs vfs.FS, dir string, earlier Checkpoint, step func() (end func())) error {
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
	k.files = &statedb.Manifest{Index: k.Index, Term: k.Term}
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

// readFiles reads the manifest.
func (k *Checkpoint) readFiles(fs vfs.FS, dir string) (err error) {
	k.files, err = statedb.ReadManifest(fs, dir)
	if err != nil || k.files != nil {
		if err == nil && k.files.Index != k.Index {
			err = fmt.Errorf("%w: a manifest of index %d in %s", durable.ErrInconsistent,
				k.files.Index,
				dir)
		}
		return err
	}
	k.files, k.unlisted = &statedb.Manifest{Index: k.Index}, true
	sizes, err := durable.FileSizes(fs, dir)
	for name, bytes := range sizes {
		k.files.Files = append(k.files.Files, statedb.File{Name: name, Bytes: bytes})
	}
	return err
}

// verify compares all files with the manifest. pace is called after each.
func (k *Checkpoint) verify(ctx context.Context, fs vfs.FS, dir string, pace func()) error {
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
func (k *Checkpoint) open(ctx context.Context, c statedb.Config, pace func()) (*statedb.DB, error) {
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
