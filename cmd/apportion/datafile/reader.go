package datafile

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Reader reads a file.
type Reader struct {
	file  *os.File
	size  int64 // -1: not known
	taken atomic.Int64
	plain io.Reader
	end   func() error // of plain
}

// Open opens a file, or the standard input.
func Open(name string) (*Reader, error) {
	r := &Reader{file: os.Stdin, size: -1, end: func() error { return nil }}
	if name != Standard {
		var err error
		if r.file, err = os.Open(name); err != nil {
			return nil, err
		}
	}
	if info, err := r.file.Stat(); err == nil && info.Mode().IsRegular() {
		r.size = info.Size()
	}
	if err := r.unpack(name); err != nil {
		_ = r.file.Close()
		return nil, fmt.Errorf("%s cannot be unpacked: %w", name, err)
	}
	return r, nil
}

// unpack begins to unpack a compressed file.
func (r *Reader) unpack(name string) error {
	counted := &counter{r}
	switch how, _ := compressionOf(name); how {
	case gzipped:
		in, err := gzip.NewReader(counted)
		if err != nil {
			return err
		}
		r.plain, r.end = in, in.Close
	case zstandard:
		in, err := zstd.NewReader(counted)
		if err != nil {
			return err
		}
		r.plain, r.end = in, func() error { in.Close(); return nil }
	default:
		r.plain = counted
	}
	return nil
}

// counter counts what is read of the file itself.
type counter struct{ of *Reader }

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.of.file.Read(p)
	c.of.taken.Add(int64(n))
	return n, err
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) { return r.plain.Read(p) }

// Progress is how many bytes of the file were read, and how many it has; -1: not known. Any goroutine may ask.
func (r *Reader) Progress() (taken, size int64) { return r.taken.Load(), r.size }

// Close implements io.Closer.
func (r *Reader) Close() error {
	err := r.end()
	if closed := r.file.Close(); err == nil {
		err = closed
	}
	return err
}
