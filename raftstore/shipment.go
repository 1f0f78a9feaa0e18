package raftstore

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

// The questions and answers of a transfer, each a message of hello's form.
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

// shipment is one node's transfer.
type shipment struct {
	*shipper
	conn     io.ReadWriter
	renew    func() error // moves the deadline on
	admitted bool         // among the nodes that may fetch at a time
	offer    *offer
	name     string // of the file that is open
	file     vfs.File
	chunk    [shipChunkBytes]byte
}

// serve answers one node's questions until it hangs up.
func (s *shipper) serve(conn net.Conn) {
	t := &shipment{shipper: s, conn: conn, renew: func() error { return conn.SetDeadline(time.Now().Add(shipTimeout)) }}
	err := t.answerAll()
	if closeErr := t.close(); closeErr != nil {
		err = errors.Join(err, closeErr)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.logger.Warn("peers: a checkpoint was not sent to its end", "to", conn.RemoteAddr().String(), "error", err)
	}
}

// answerAll ends with the error of the connection, io.EOF for one that was closed by the other end.
func (t *shipment) answerAll() error {
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

func (t *shipment) answer(q *fileQuestion) error {
	switch {
	case !t.admit(): // after the question was read, or the refusal might get lost with it
		t.metrics.shipRefusals.Inc()
		return errShipBusy
	case q.List && t.offer == nil:
		return t.list(q.Above)
	case t.offer != nil && !q.List:
		return t.part(q)
	default:
		return fmt.Errorf("%w: the list of files comes first, and once", peernet.ErrProtocol)
	}
}

// admit makes this node one of those that fetch, if there are not too many.
func (t *shipment) admit() bool {
	t.admitted = t.admitted || t.enter()
	return t.admitted
}

// refuse tells the other end why there is no answer.
func (t *shipment) refuse(why error) error {
	return errors.Join(t.renew(), peernet.WriteMessage(t.conn, fileAnswer{Error: why.Error()}))
}

func (t *shipment) close() error {
	err := t.closeFile()
	if t.admitted {
		t.leave()
	}
	if t.offer != nil {
		t.release(t.offer)
	}
	return err
}

// list answers with the files, their checksums among them.
func (t *shipment) list(above uint64) error {
	if !t.leads() {
		return errShipOther
	}
	o, err := t.acquire(above)
	if err != nil {
		return err
	}
	t.offer = o
	t.metrics.ships.Inc()
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
	return peernet.WriteMessage(t.conn, fileAnswer{Index: o.meta.Index, Term: o.meta.Term})
}

// part answers with the bytes of a file from an offset on, as many as go into a chunk.
func (t *shipment) part(q *fileQuestion) error {
	size, ok := t.offer.files[q.File]
	if !ok || strings.ContainsAny(q.File, `/\`) || q.Offset < 0 || q.Offset >= size {
		return fmt.Errorf("%w: %q at %d", errNoSuchFile, q.File, q.Offset)
	}
	if err := t.open(q.File); err != nil {
		return fmt.Errorf("raftstore: open %s of a checkpoint: %w", q.File, err)
	}
	chunk := t.chunk[:min(size-q.Offset, shipChunkBytes)]
	if n, err := t.file.ReadAt(chunk, q.Offset); n < len(chunk) {
		return fmt.Errorf("raftstore: read %s of a checkpoint: %w", q.File, err)
	}
	if err := peernet.WriteMessage(t.conn, fileAnswer{Bytes: len(chunk)}); err != nil {
		return err
	}
	n, err := t.conn.Write(chunk)
	t.metrics.shipBytes.Add(n)
	return err
}

// open opens a file, unless it is the one that is open.
func (t *shipment) open(name string) (err error) {
	if t.file != nil && t.name == name {
		return nil
	}
	if err := t.closeFile(); err != nil {
		return err
	}
	t.name = name
	t.file, err = t.fs.Open(t.fs.PathJoin(t.offer.dir, name), vfs.SequentialReadsOption)
	return err
}

func (t *shipment) closeFile() error {
	if t.file == nil {
		return nil
	}
	file := t.file
	t.file = nil
	return file.Close()
}
