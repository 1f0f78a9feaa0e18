package statedb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/durable"
)

// manifest is the list of the files that a checkpoint is. The log index and the term are those of its cover row.
type Manifest struct {
	Index uint64        `json:"index"`
	Term  uint64        `json:"term"`
	Files []ShippedFile `json:"files"`
}

// shippedFile is one file of a checkpoint. Tables never change, so a file of the same name, size and checksum is the
// same, whichever checkpoint it was fetched for.
type ShippedFile struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`
	Checksum uint32 `json:"crc32c"`
}

const (
	// manifestName is the file that says, in a directory of fetched or kept files, that all of them are there.
	ManifestName = "COMPLETE"

	// partSuffix marks a file of which only a part is there.
	PartSuffix = ".part"

	// lockName is Pebble's lock on a database's directory; it is no part of a checkpoint.
	LockName = "LOCK"
)

// check refuses what must not become the name of a file of ours: the list comes from another node.
func (f *ShippedFile) check() error {
	strange := strings.ContainsFunc(f.Name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	})
	switch {
	case f.Name == "" || len(f.Name) > fileNameBytesMax || strange || f.Name[0] == '.',
		f.Name == ManifestName, f.Name == LockName, strings.HasSuffix(f.Name, PartSuffix):
		return fmt.Errorf("%w: %q is no name of a checkpoint's file", durable.ErrFormat, f.Name)
	case f.Bytes < 0 || f.Bytes > fileBytesMax:
		return fmt.Errorf("%w: the file %s of %d bytes", durable.ErrFormat, f.Name, f.Bytes)
	}
	return nil
}

// add takes one more file into the list.
func (m *Manifest) Add(f ShippedFile) error {
	if err := f.check(); err != nil {
		return err
	}
	if len(m.Files) == checkpointFilesMax {
		return fmt.Errorf("%w: a checkpoint of more than %d files", durable.ErrFormat, checkpointFilesMax)
	}
	m.Files = append(m.Files, f)
	return nil
}

// check refuses a list that no checkpoint can have.
func (m *Manifest) Check() error {
	if m.Index == 0 || len(m.Files) == 0 {
		return fmt.Errorf("%w: a checkpoint of index %d and %d files", durable.ErrFormat, m.Index, len(m.Files))
	}
	names := make(map[string]bool, len(m.Files))
	for i := range m.Files {
		f := &m.Files[i]
		if err := f.check(); err != nil {
			return err
		}
		if names[f.Name] {
			return fmt.Errorf("%w: the file %s is there twice", durable.ErrFormat, f.Name)
		}
		names[f.Name] = true
	}
	if len(names) > checkpointFilesMax {
		return fmt.Errorf("%w: a checkpoint of %d files", durable.ErrFormat, len(names))
	}
	return nil
}

func (m *Manifest) TotalBytes() (bytes int64) {
	for i := range m.Files {
		bytes += m.Files[i].Bytes
	}
	return bytes
}

// file finds a file of the list.
func (m *Manifest) File(name string) (f ShippedFile, ok bool) {
	i := slices.IndexFunc(m.Files, func(f ShippedFile) bool { return f.Name == name })
	if i < 0 {
		return f, false
	}
	return m.Files[i], true
}

// fits refuses a state that is another one than the list says.
func (m *Manifest) Fits(meta raft.SnapshotMeta) error {
	if meta.Index != m.Index || meta.Term != m.Term {
		return fmt.Errorf("%w: a state of index %d and term %d, and its list of files is of %d and %d",
			durable.ErrInconsistent, meta.Index, meta.Term, m.Index, m.Term)
	}
	return nil
}

// isIn reports whether the file is in a directory, as it is to be.
func (f *ShippedFile) IsIn(fsys vfs.FS, dir string) (bool, error) {
	path := fsys.PathJoin(dir, f.Name)
	info, err := fsys.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || info.IsDir() || info.Size() != f.Bytes {
		return false, err
	}
	sum, err := durable.FileChecksum(fsys, path)
	return err == nil && sum == f.Checksum, err
}

// isTable reports whether a file is a table, which never changes.
func IsTable(name string) bool { return strings.HasSuffix(name, ".sst") }

// writeManifest declares a directory complete: all files are there, and on disk.
func WriteManifest(fs vfs.FS, dir string, m *Manifest) error {
	body, err := appendManifest(nil, m)
	if err != nil {
		return err
	}
	path := fs.PathJoin(dir, ManifestName)
	err = errors.Join(durable.SyncDir(fs, dir), durable.WriteSynced(fs, path+PartSuffix, body))
	if err == nil {
		err = errors.Join(fs.Rename(path+PartSuffix, path), durable.SyncDir(fs, dir))
	}
	if err != nil {
		return fmt.Errorf("raftstore: write the list of the files in %s: %w", dir, err)
	}
	return nil
}

// readManifest reads what declares a directory complete; nil: nothing does.
func ReadManifest(fsys vfs.FS, dir string) (*Manifest, error) {
	file, err := fsys.Open(fsys.PathJoin(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("raftstore: read the list of the files in %s: %w", dir, err)
	}
	body, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("raftstore: read the list of the files in %s: %w", dir, err)
	}
	return decodeManifest(body)
}

// manifestVersion is that of the manifest on disk, which is sealed JSON.
const ManifestVersion = 1

func appendManifest(dst []byte, m *Manifest) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("raftstore: encode a checkpoint's list of files: %w", err)
	}
	return durable.AppendSealed(dst, ManifestVersion, body), nil
}

func decodeManifest(data []byte) (*Manifest, error) {
	body, err := durable.OpenSealed(data, ManifestVersion, "a checkpoint's manifest")
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("%w: a checkpoint's list of files: %w", durable.ErrFormat, err)
	}
	return m, m.Check()
}
