package transfer

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
)

// staging is the directory of a download that is not complete. A file is written under the name of a part, and gets its
// own name when it is whole, synced and of the right checksum. When all files are there and verified, a manifest is
// added; a start uses only a directory with a manifest (see Install). Files of an interrupted download are used by the
// next one, be it of the same checkpoint or of a later one.
type staging struct {
	fs     vfs.FS
	parent string
	dir    string
	whole  map[string]statedb.File // files whose checksum this process has found right, by name
}

// errDamaged means that a file did not arrive as it was sent.
var errDamaged = errors.New("raftstore: a downloaded file does not have the checksum that the leader named")

// begin prepares the directory for a checkpoint and returns the files that are missing. Other files are removed.
func (d *staging) begin(m *statedb.Manifest) (missing []statedb.File, err error) {
	if err := d.fs.MkdirAll(d.dir, durable.DirPermissions); err != nil {
		return nil, fmt.Errorf("raftstore: create %s: %w", d.dir, err)
	}
	if err := errors.Join(d.removeManifest(), durable.SyncDir(d.fs, d.parent)); err != nil {
		return nil, err
	}
	names, err := d.fs.List(d.dir)
	if err != nil {
		return nil, fmt.Errorf("raftstore: read %s: %w", d.dir, err)
	}
	there := map[string]bool{}
	for _, name := range names {
		keep, err := d.isOf(m, name)
		if err == nil && !keep {
			delete(d.whole, name)
			err = d.fs.RemoveAll(d.fs.PathJoin(d.dir, name))
		}
		if err != nil {
			return nil, fmt.Errorf("raftstore: clear %s: %w", d.dir, err)
		}
		there[name] = keep
	}
	for _, f := range m.Files {
		if !there[f.Name] {
			missing = append(missing, f)
		}
	}
	return missing, nil
}

// removeManifest comes before any change: the directory is not complete any more.
func (d *staging) removeManifest() error {
	path := d.fs.PathJoin(d.dir, statedb.ManifestName)
	if _, err := d.fs.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := errors.Join(d.fs.Remove(path), durable.SyncDir(d.fs, d.dir)); err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", d.dir, err)
	}
	return nil
}

// isOf reports whether a name is a file of the checkpoint, whole or in part.
func (d *staging) isOf(m *statedb.Manifest, name string) (bool, error) {
	if strings.HasSuffix(name, statedb.PartSuffix) {
		for _, f := range m.Files {
			if partName(&f) == name {
				return true, nil
			}
		}
		return false, nil
	}
	f, ok := m.Find(name)
	if !ok || d.whole[name] == f {
		return ok, nil
	}
	ok, err := f.IsIn(d.fs, d.dir)
	if ok {
		d.whole[name] = f
	}
	return ok, err
}

// partName contains the checksum of the whole file, so that a part is only continued with the same file.
func partName(f *statedb.File) string {
	return fmt.Sprintf("%s.%08x-%d%s", f.Name, f.Checksum, f.Bytes, statedb.PartSuffix)
}

// complete adds the manifest: all files are there.
func (d *staging) complete(m *statedb.Manifest) error {
	return statedb.WriteManifest(d.fs, d.dir, m)
}

// clear removes all of it.
func (d *staging) clear() error {
	d.whole = map[string]statedb.File{}
	if err := errors.Join(d.removeManifest(), d.fs.RemoveAll(d.dir)); err != nil {
		return fmt.Errorf("raftstore: clear %s: %w", d.dir, err)
	}
	return nil
}

// part is a file that is being downloaded.
type part struct {
	in     *staging
	want   statedb.File
	file   vfs.File
	path   string
	offset int64
	sum    hash.Hash32
}

// openPart opens an earlier part, or begins one.
func (d *staging) openPart(want statedb.File) (*part, error) {
	p := &part{in: d, want: want, path: d.fs.PathJoin(d.dir, partName(&want)), sum: crc32.New(durable.Castagnoli)}
	if err := p.resume(); err != nil {
		return nil, fmt.Errorf("raftstore: read %s: %w", p.path, err)
	}
	file, err := d.fs.OpenReadWrite(p.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("raftstore: write %s: %w", p.path, err)
	}
	p.file = file
	return p, nil
}

// resume finds the end of an earlier part. After a crash the part may hold anything; the checksum decides in the end.
func (p *part) resume() error {
	file, err := p.in.fs.Open(p.path, vfs.SequentialReadsOption)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p.offset, err = io.Copy(p.sum, file)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if p.offset > p.want.Bytes {
		p.offset = 0
		p.sum.Reset()
		return p.in.fs.Remove(p.path)
	}
	return nil
}

func (p *part) write(chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	if _, err := p.file.WriteAt(chunk, p.offset); err != nil {
		return fmt.Errorf("raftstore: write %s: %w", p.path, err)
	}
	p.offset += int64(len(chunk))
	_, _ = p.sum.Write(chunk) // a hash does not fail
	return nil
}

// close keeps the part for the next attempt.
func (p *part) close() error { return p.file.Close() }

// finish makes a whole part the file, and removes one with a wrong checksum.
func (p *part) finish() error {
	err := errors.Join(p.file.Sync(), p.file.Close())
	if err == nil && (p.offset != p.want.Bytes || p.sum.Sum32() != p.want.Checksum) {
		return errors.Join(fmt.Errorf("%w: %s", errDamaged, p.want.Name), p.in.fs.Remove(p.path))
	}
	if err == nil {
		err = p.in.fs.Rename(p.path, p.in.fs.PathJoin(p.in.dir, p.want.Name))
	}
	if err != nil {
		return fmt.Errorf("raftstore: write %s: %w", p.path, err)
	}
	p.in.whole[p.want.Name] = p.want
	return nil
}
