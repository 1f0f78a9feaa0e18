package transfer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
)

// The questions and answers of a transfer, each a message in the handshake's form.
type (
	// fileQuestion asks for the list of a checkpoint's files, once and first, or for a part of a file.
	fileQuestion struct {
		List   bool   `json:"list,omitempty"`
		Above  uint64 `json:"above,omitempty"` // List: the checkpoint has to be later than this index
		File   string `json:"file,omitempty"`
		Offset int64  `json:"offset,omitempty"`
	}

	// fileAnswer is one file of the list, or its end with the checkpoint's index and term; or the number of bytes that
	// follow the message. The list comes file by file since the checksums take their time.
	fileAnswer struct {
		Error string        `json:"error,omitempty"`
		File  *statedb.File `json:"file,omitempty"`
		Index uint64        `json:"index,omitempty"`
		Term  uint64        `json:"term,omitempty"`
		Bytes int           `json:"bytes,omitempty"`
	}
)

// session is one node's download, at the sender.
type session struct {
	*Sender
	conn     io.ReadWriter
	renew    func() error // moves the deadline
	admitted bool         // counted among the nodes that download
	export   *export
	name     string // of the file that is open
	file     vfs.File
	chunk    [chunkBytes]byte
}

// Serve answers one node's questions until it closes the connection.
func (s *Sender) Serve(conn net.Conn) {
	t := &session{Sender: s, conn: conn, renew: func() error { return conn.SetDeadline(time.Now().Add(answerTimeout)) }}
	err := t.answerAll()
	if closeErr := t.close(); closeErr != nil {
		err = errors.Join(err, closeErr)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.Logger.Warn("transfer: the download of a checkpoint ended early", "to", conn.RemoteAddr().String(), "error",
			err)
	}
}

// answerAll returns the error of the connection, io.EOF if the other end closed it.
func (t *session) answerAll() error {
	for {
		var q fileQuestion
		if err := errors.Join(t.renew(), peernet.ReadMessage(t.conn, &q)); err != nil {
			return err
		}
		if err := t.answer(&q); err != nil {
			return errors.Join(err, t.refuse(err))
		}
	}
}

func (t *session) answer(q *fileQuestion) error {
	switch {
	case !t.admit(): // after the question was read, or the refusal might be lost
		t.Metrics.SendRefusals.Inc()
		return errBusy
	case q.List && t.export == nil:
		return t.list(q.Above)
	case t.export != nil && !q.List:
		return t.part(q)
	default:
		return fmt.Errorf("%w: the list of files comes first, and once", peernet.ErrProtocol)
	}
}

// admit counts this node among those that download, if there are not too many.
func (t *session) admit() bool {
	t.admitted = t.admitted || t.enter()
	return t.admitted
}

// refuse sends the reason in place of an answer.
func (t *session) refuse(why error) error {
	return errors.Join(t.renew(), peernet.WriteMessage(t.conn, fileAnswer{Error: why.Error()}))
}

func (t *session) close() error {
	err := t.closeFile()
	if t.admitted {
		t.leave()
	}
	if t.export != nil {
		t.Release(t.export)
	}
	return err
}

// list answers with the files and their checksums.
func (t *session) list(above uint64) error {
	if !t.Leads() {
		return errNotLeading
	}
	o, err := t.Acquire(above)
	if err != nil {
		return err
	}
	t.export = o
	t.Metrics.Sends.Inc()
	for name, bytes := range o.files {
		sum, err := t.checksum(o, name)
		if err != nil {
			return err
		}
		file := &statedb.File{Name: name, Bytes: bytes, Checksum: sum}
		if err := errors.Join(t.renew(), peernet.WriteMessage(t.conn, fileAnswer{File: file})); err != nil {
			return err
		}
	}
	return peernet.WriteMessage(t.conn, fileAnswer{Index: o.Meta.Index, Term: o.Meta.Term})
}

// part answers with one chunk of a file.
func (t *session) part(q *fileQuestion) error {
	size, ok := t.export.files[q.File]
	if !ok || strings.ContainsAny(q.File, `/\`) || q.Offset < 0 || q.Offset >= size {
		return fmt.Errorf("%w: %q at %d", errNoSuchFile, q.File, q.Offset)
	}
	if err := t.open(q.File); err != nil {
		return fmt.Errorf("raftstore: open %s of a checkpoint: %w", q.File, err)
	}
	chunk := t.chunk[:min(size-q.Offset, chunkBytes)]
	if n, err := t.file.ReadAt(chunk, q.Offset); n < len(chunk) {
		return fmt.Errorf("raftstore: read %s of a checkpoint: %w", q.File, err)
	}
	if err := peernet.WriteMessage(t.conn, fileAnswer{Bytes: len(chunk)}); err != nil {
		return err
	}
	n, err := t.conn.Write(chunk)
	t.Metrics.SendBytes.Add(n)
	return err
}

// open opens a file, unless it is the one that is open.
func (t *session) open(name string) (err error) {
	if t.file != nil && t.name == name {
		return nil
	}
	if err := t.closeFile(); err != nil {
		return err
	}
	t.name = name
	t.file, err = t.FS.Open(t.FS.PathJoin(t.export.Dir, name), vfs.SequentialReadsOption)
	return err
}

func (t *session) closeFile() error {
	if t.file == nil {
		return nil
	}
	file := t.file
	t.file = nil
	return file.Close()
}
