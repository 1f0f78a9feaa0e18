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

// Manifest lists the files of a checkpoint. Index and Term are those of its applied row.
type Manifest struct {
	Index uint64 `json:"index"`
	Term  uint64 `json:"term"`
	Files []File `json:"files"`
}

// File is one file of a checkpoint. Tables never change: a table of the same name, size and checksum is the same table,
// whichever checkpoint it was fetched for.
type File struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`
	Checksum uint32 `json:"crc32c"`
}

const (
	// ManifestName is the manifest's own file. It is written last: a directory that has it is complete.
	ManifestName = "COMPLETE"

	// PartSuffix ends the name of a file that is not complete yet.
	PartSuffix = ".part"

	// LockName is Pebble's lock on a database's directory, which is no part of a checkpoint.
	LockName = "LOCK"
)

// check refuses names that must not become a file of ours: the manifest may come from another node.
func (f *File) check() error {
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

// Add adds one file to the list.
func (m *Manifest) Add(f File) error {
	if err := f.check(); err != nil {
		return err
	}
	if len(m.Files) == checkpointFilesMax {
		return fmt.Errorf("%w: a checkpoint of more than %d files", durable.ErrFormat, checkpointFilesMax)
	}
	m.Files = append(m.Files, f)
	return nil
}

// Check refuses a list that no checkpoint can have.
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

// TotalBytes returns the size of all files.
func (m *Manifest) TotalBytes() (bytes int64) {
	for i := range m.Files {
		bytes += m.Files[i].Bytes
	}
	return bytes
}

// Find returns the file of a name.
func (m *Manifest) Find(name string) (f File, ok bool) {
	i := slices.IndexFunc(m.Files, func(f File) bool { return f.Name == name })
	if i < 0 {
		return f, false
	}
	return m.Files[i], true
}

// Fits refuses a state that is not the one that the manifest lists.
func (m *Manifest) Fits(meta raft.SnapshotMeta) error {
	if meta.Index != m.Index || meta.Term != m.Term {
		return fmt.Errorf("%w: the state is of index %d and term %d, its manifest of index %d and term %d",
			durable.ErrInconsistent, meta.Index, meta.Term, m.Index, m.Term)
	}
	return nil
}

// IsIn reports whether a directory has the file with the right content.
func (f *File) IsIn(fsys vfs.FS, dir string) (bool, error) {
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

// IsTable reports whether a file is an SSTable, which never changes.
func IsTable(name string) bool { return strings.HasSuffix(name, ".sst") }

// WriteManifest declares a directory complete: the caller has synced all files of the manifest.
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
		return fmt.Errorf("raftstore: write the manifest in %s: %w", dir, err)
	}
	return nil
}

// ReadManifest reads the manifest of a directory. nil: there is none, so the directory may not be complete.
func ReadManifest(fsys vfs.FS, dir string) (*Manifest, error) {
	file, err := fsys.Open(fsys.PathJoin(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("raftstore: read the manifest in %s: %w", dir, err)
	}
	body, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("raftstore: read the manifest in %s: %w", dir, err)
	}
	return decodeManifest(body)
}

// ManifestVersion is the version of the manifest on disk, which is sealed JSON.
const ManifestVersion = 1

func appendManifest(dst []byte, m *Manifest) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("raftstore: encode a checkpoint's manifest: %w", err)
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
		return nil, fmt.Errorf("%w: a checkpoint's manifest: %w", durable.ErrFormat, err)
	}
	return m, m.Check()
}
