package durable

import (
	"errors"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// DirPermissions are those of directories that we create.
const DirPermissions = 0o755

// Castagnoli is the polynomial of all our checksums; processors compute it in hardware.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SyncDir makes the names in a directory durable: of files that were created, renamed or removed there.
func SyncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// WriteSynced creates a file with the given content and syncs it. The caller makes its name durable (SyncDir).
func WriteSynced(fs vfs.FS, path string, content []byte) error {
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// FileChecksum reads a file and returns its CRC-32C.
func FileChecksum(fs vfs.FS, path string) (uint32, error) {
	file, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return 0, err
	}
	sum := crc32.New(Castagnoli)
	_, err = io.Copy(sum, file)
	return sum.Sum32(), errors.Join(err, file.Close())
}

// FileSizes returns the size of each file in a directory, by name.
func FileSizes(fs vfs.FS, dir string) (map[string]int64, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	sizes := make(map[string]int64, len(names))
	for _, name := range names {
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			return nil, err
		}
		sizes[name] = info.Size()
	}
	return sizes, nil
}
