package datafile

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Writer writes a file. Under its name the file appears with Commit; until then, what had the name keeps it. The
// standard output, and what is no regular file such as a pipe, is written to at once.
type Writer struct {
	name    string
	partial string // where it is written; empty: at its place
	file    *os.File
	buffer  *bufio.Writer
	packer  io.WriteCloser // nil: not compressed
	ended   bool
}

// Create begins to write a file, or to the standard output.
func Create(name string) (*Writer, error) {
	w := &Writer{name: name, file: os.Stdout}
	if err := w.open(); err != nil {
		return nil, err
	}
	w.buffer = bufio.NewWriterSize(w.file, 256<<10)
	var err error
	switch how, _ := compressionOf(name); how {
	case gzipped:
		w.packer = gzip.NewWriter(w.buffer)
	case zstandard:
		w.packer, err = zstd.NewWriter(w.buffer)
	}
	return w, err
}

// open opens the file that is written.
func (w *Writer) open() (err error) {
	if w.name == Standard {
		return nil
	}
	info, err := os.Stat(w.name)
	if err == nil && !info.Mode().IsRegular() {
		w.file, err = os.OpenFile(w.name, os.O_WRONLY, 0)
		return err
	}
	mode := os.FileMode(0o666) // less the umask
	if err == nil {
		mode = info.Mode().Perm()
		if w.name, err = filepath.EvalSymlinks(w.name); err != nil {
			return err
		}
	}
	w.partial = filepath.Join(filepath.Dir(w.name), "."+filepath.Base(w.name)+"."+rand.Text()[:8]+".partial")
	w.file, err = os.OpenFile(w.partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	return err
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if w.packer != nil {
		return w.packer.Write(p)
	}
	return w.buffer.Write(p)
}

// Commit ends the file and gives it its name. Without an error, it is whole and on the disk.
func (w *Writer) Commit() error {
	if w.packer != nil {
		if err := w.packer.Close(); err != nil {
			return err
		}
	}
	if err := w.buffer.Flush(); err != nil || w.partial == "" {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.partial, w.name); err != nil {
		return err
	}
	w.ended = true
	return syncDir(filepath.Dir(w.name))
}

// syncDir makes the names in a directory durable.
func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Close drops a file that was not committed.
func (w *Writer) Close() {
	if w.partial != "" && !w.ended {
		_ = w.file.Close()
		_ = os.Remove(w.partial) // what is left is hidden, and says that it is partial
	}
	w.ended = true
}
