package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// refusedReader reads refusals in the order in which they were recorded. It opens all files at once, so that it does
// not matter which of them are removed meanwhile.
type refusedReader struct {
	logger *slog.Logger
	since  engine.Moment
	after  uint64 // refusals before this index are skipped
	parts  []refusedPart
	in     *bufio.Reader // of the first part; nil: it is not begun yet
	last   engine.Moment // of what was read last
	data   []byte

	next engine.Entry // looked at, see peek
	has  bool
}

// refusedPart is a segment as it was when the reader was opened.
type refusedPart struct {
	name    string
	file    vfs.File
	bytes   int64
	from    engine.Moment
	until   engine.Moment // where the recording goes on, at the latest
	growing bool          // it may have no end frame yet
}

// read opens the segments that may have refusals of an index or a later one, up to now.
func (r *refusals) read(after uint64) *refusedReader {
	r.files.Lock()
	defer r.files.Unlock()
	r.flushLocked()
	reader := &refusedReader{logger: r.logger, after: after, since: r.began}
	segments := r.files.segments
	if len(segments) > 0 {
		reader.since = segments[0].from
	}
	for len(segments) > 1 && segments[1].from.Index < after {
		segments = segments[1:]
	}
	for i, s := range segments {
		p := refusedPart{name: s.name(), bytes: s.bytes, from: s.from,
			until: engine.Moment{Index: math.MaxUint64, TimeMS: math.MaxInt64}}
		last := i == len(segments)-1
		switch p.growing = last && r.files.open != nil; {
		case !last:
			p.until = segments[i+1].from
		case s.number < r.files.first:
			p.until = r.began
		}
		var err error
		if p.file, err = r.fs.Open(r.fs.PathJoin(r.dir, p.name)); err != nil {
			r.logger.Warn("history: refused orders cannot be read", "segment", p.name, "error", err)
			p.file = nil
		}
		reader.parts = append(reader.parts, p)
	}
	return reader
}

func (r *refusedReader) close() (err error) {
	for _, p := range r.parts {
		if p.file != nil {
			err = errors.Join(err, p.file.Close())
		}
	}
	r.parts = nil
	return err
}

// peek returns the next refusal without taking it; nil if there is none. It is valid until the next take.
func (r *refusedReader) peek() *engine.Entry {
	for !r.has && len(r.parts) > 0 {
		r.has = r.readPart()
	}
	if !r.has {
		return nil
	}
	return &r.next
}

// take moves the next refusal, which peek has shown, to e.
func (r *refusedReader) take(e *engine.Entry) {
	commands := append(e.Commands[:0], r.next.Commands...)
	*e, r.has = r.next, false
	e.Commands = commands
}

// readPart reads one frame of the first part into r.next, or ends that part. It reports whether r.next has something to
// tell.
func (r *refusedReader) readPart() bool {
	p := &r.parts[0]
	f, err := r.readFrame(p)
	switch {
	case errors.Is(err, io.EOF) && p.growing, err == nil && f.kind == frameEnd:
		r.endPart()
		return false
	case err != nil:
		r.logger.Warn("history: the recording of refused orders breaks off", "segment", p.name, "after", r.last.Index,
			"error", err)
		r.next = engine.Entry{Index: r.last.Index, TimeMS: r.last.TimeMS, Commands: r.next.Commands[:0],
			Refused: engine.Refused{Is: true, Gap: true, UntilIndex: p.until.Index, UntilMS: p.until.TimeMS}}
		r.endPart()
		return r.next.Refused.UntilIndex >= r.after
	}
	r.last = engine.Moment{Index: f.index, TimeMS: f.timeMS}
	r.next = engine.Entry{Index: f.index, TimeMS: f.timeMS, Commands: r.next.Commands[:0],
		Refused: engine.Refused{Is: true, Code: f.code}}
	if f.kind == frameLost {
		r.next.Refused.Lost = f.lost()
	} else {
		r.next.Commands = append(r.next.Commands, f.data)
	}
	return f.index >= r.after
}

func (r *refusedReader) endPart() {
	if file := r.parts[0].file; file != nil {
		if err := file.Close(); err != nil {
			r.logger.Warn("history: close a segment of refused orders", "segment", r.parts[0].name, "error", err)
		}
	}
	r.parts, r.in = r.parts[1:], nil
}

// readFrame reads the next frame of a part; io.EOF at its end. The frame is valid until the next call.
func (r *refusedReader) readFrame(p *refusedPart) (f frame, err error) {
	if r.in == nil {
		if p.file == nil {
			return f, errors.New("the file is not open")
		}
		r.in, r.last = bufio.NewReader(io.NewSectionReader(p.file, 0, p.bytes)), p.from
		version, err := r.in.ReadByte()
		if err != nil {
			return f, fmt.Errorf("%w: a segment without its version byte", durable.ErrFormat)
		}
		if version != refusedVersion {
			return f, fmt.Errorf("%w: a segment of version %d, this program reads version %d", durable.ErrFormat,
				version,
				refusedVersion)
		}
	}
	return readFrame(r.in, &r.data)
}

// readFrame reads one frame into a buffer; io.EOF if nothing is left.
func readFrame(in *bufio.Reader, buffer *[]byte) (f frame, err error) {
	header, err := in.Peek(frameHeaderBytes)
	if err != nil {
		if len(header) > 0 {
			return f, fmt.Errorf("%w: a frame is torn in its header: %d bytes", durable.ErrFormat, len(header))
		}
		return f, err
	}
	size, err := frameBytes(header)
	if err != nil {
		return f, err
	}
	if cap(*buffer) < size {
		*buffer = make([]byte, size)
	}
	*buffer = (*buffer)[:size]
	if _, err := io.ReadFull(in, *buffer); err != nil {
		return f, fmt.Errorf("%w: a frame of %d bytes is torn", durable.ErrFormat, size)
	}
	return decodeFrame(*buffer)
}
