package transfer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
)

// ReceiverConfig is what a Receiver needs.
type ReceiverConfig struct {
	FS        vfs.FS
	Parent    string // the data directory
	Dir       string // the staging directory in it
	Peers     *peernet.Network
	Logger    *slog.Logger
	Metrics   Metrics
	OnFatal   func(msg string)
	OpenFiles int // for the check of a download

	Leader  func() (address string, id raft.ServerID) // empty: no leader is known, or it is this node
	Applied func() uint64                             // the last entry that is applied here
}

// Receiver downloads a checkpoint from the leader, on a goroutine of its own, when Raft has no other way to catch up
// (see Want). The node goes on meanwhile. When the whole checkpoint is there, the store has to be opened again: see
// Replaced.
type Receiver struct {
	ReceiverConfig
	in *staging

	wanted   atomic.Uint64 // a checkpoint of this index or later
	complete atomic.Uint64 // the index of the one that is there; 0: none
	replaced chan struct{} // closed when there is one
	wake     chan struct{} // capacity 1
}

// The answers to Raft; none is a fault.
var (
	ErrReplaced = errors.New("raftstore: a checkpoint of the leader was downloaded; reopen the store to install it")

	errFetching  = errors.New("raftstore: a checkpoint is being downloaded")
	ErrNotWanted = errors.New("raftstore: the state here is later than the snapshot")
)

// NewReceiver makes a receiver, which downloads nothing before Want.
func NewReceiver(c ReceiverConfig) *Receiver {
	return &Receiver{ReceiverConfig: c,
		in:       &staging{fs: c.FS, parent: c.Parent, dir: c.Dir, whole: map[string]statedb.File{}},
		replaced: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

// Replaced is closed when a checkpoint lies ready to be installed.
func (f *Receiver) Replaced() <-chan struct{} { return f.replaced }

// The ends of a download that are no fault of the leader's.
var (
	errStopped    = errors.New("raftstore: the node is stopping")
	errLeaderless = errors.New("raftstore: no leader is known to download a checkpoint from")
)

// Want is called on Raft's main goroutine when the leader has sent a snapshot, and does not wait. It never returns nil:
// the snapshot is installed by the next start.
func (f *Receiver) Want(index uint64) error {
	switch complete := f.complete.Load(); {
	case complete > 0:
		return fmt.Errorf("%w: it is of index %d", ErrReplaced, complete)
	case f.Applied() >= index:
		return fmt.Errorf("%w, which is of index %d", ErrNotWanted, index)
	}
	f.wanted.Store(max(f.wanted.Load(), index))
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return fmt.Errorf("%w: of index %d or a later one", errFetching, index)
}

// Run downloads what is wanted, until stop is closed or a checkpoint is there.
func (f *Receiver) Run(stop <-chan struct{}) {
	leftover := time.NewTimer(leftoverAge)
	defer leftover.Stop()
	for f.complete.Load() == 0 {
		select {
		case <-stop:
			return
		case <-f.wake:
			f.fetch(stop)
			leftover.Reset(leftoverAge)
		case <-leftover.C:
			f.clear()
		}
	}
}

// fetch tries until a checkpoint is there, or is not needed any more: a new leader may have the log.
func (f *Receiver) fetch(stop <-chan struct{}) {
	for f.Applied() < f.wanted.Load() {
		t := &download{Receiver: f, stop: stop, start: time.Now()}
		err := t.run()
		if closed(stop) {
			return
		}
		if err == nil {
			f.Metrics.Downloads.Inc()
			f.complete.Store(t.manifest.Index)
			close(f.replaced)
			return
		}
		f.Metrics.DownloadErrors.Inc()
		f.Logger.Error("the download of a checkpoint was interrupted; it goes on where it was", "bytes", t.fetched,
			"error", err)
		if t.fetched > 0 && !errors.Is(err, errDamaged) {
			continue
		}
		select {
		case <-stop:
			return
		case <-time.After(retryInterval):
		}
	}
	f.clear()
}

func (f *Receiver) clear() {
	if err := f.in.clear(); err != nil {
		f.Logger.Error("the files of a download that is not needed were not removed", "error", err)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// download is one attempt on one connection.
type download struct {
	*Receiver
	stop     <-chan struct{}
	conn     net.Conn
	manifest *statedb.Manifest
	chunk    []byte

	start   time.Time
	logged  time.Time
	there   int64 // bytes that were there when the attempt began
	fetched int64
}

func (t *download) run() error {
	address, id := t.Leader()
	if address == "" {
		return errLeaderless
	}
	conn, _, err := t.Peers.Dial(address, id, peernet.KindFiles, peernet.DialTimeout)
	if err != nil {
		return err
	}
	t.conn = conn
	err = t.all(peernet.NodeName(id))
	if closeErr := conn.Close(); err != nil {
		return errors.Join(err, closeErr)
	}
	return nil
}

// Attempt makes one attempt to download a checkpoint, on a connection to a Sender, and leaves the connection open. It
// ends early when stop is closed; nil means never.
func (f *Receiver) Attempt(conn net.Conn, from string, stop <-chan struct{}) error {
	t := &download{Receiver: f, conn: conn, stop: stop, start: time.Now()}
	return t.all(from)
}

// all downloads what is missing, and verifies the whole.
func (t *download) all(from string) error {
	if err := t.list(); err != nil {
		return err
	}
	missing, err := t.in.begin(t.manifest)
	if err != nil {
		return err
	}
	t.there = t.manifest.TotalBytes()
	for i := range missing {
		t.there -= missing[i].Bytes
	}
	t.Logger.Info("downloading a checkpoint", "from", from, "index", t.manifest.Index, "files", len(t.manifest.Files),
		"bytes", t.manifest.TotalBytes(), "here", t.there)
	for _, f := range missing {
		if t.Applied() >= t.manifest.Index {
			return fmt.Errorf("%w, which is of index %d", ErrNotWanted, t.manifest.Index)
		}
		if err := t.get(f); err != nil {
			return err
		}
	}
	if err := t.verify(); err != nil {
		t.clear() // it arrived as it was sent, so the leader's copy is bad
		t.fetched = 0
		return err
	}
	if err := t.in.complete(t.manifest); err != nil {
		return err
	}
	t.Logger.Info("downloaded a checkpoint; the store has to be opened again", "index", t.manifest.Index,
		"bytes", t.fetched, "took", time.Since(t.start).Round(time.Millisecond))
	return nil
}

// ask puts a question.
func (t *download) ask(q fileQuestion) error {
	return errors.Join(t.conn.SetDeadline(time.Now().Add(answerTimeout)), peernet.WriteMessage(t.conn, q))
}

// hear reads an answer.
func (t *download) hear() (a fileAnswer, err error) {
	if err := errors.Join(t.conn.SetDeadline(time.Now().Add(answerTimeout)),
		peernet.ReadMessage(t.conn, &a)); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, fmt.Errorf("raftstore: the leader refuses to send a checkpoint: %s", a.Error)
	}
	return a, nil
}

// list asks for the newest checkpoint.
func (t *download) list() error {
	if err := t.ask(fileQuestion{List: true, Above: t.Applied()}); err != nil {
		return err
	}
	m := new(statedb.Manifest)
	for {
		a, err := t.hear()
		if err != nil {
			return err
		}
		if a.File == nil {
			m.Index, m.Term = a.Index, a.Term
			t.manifest = m
			return m.Check()
		}
		if err := m.Add(*a.File); err != nil {
			return err
		}
	}
}

// get downloads one file, or the rest of it.
func (t *download) get(f statedb.File) error {
	p, err := t.in.openPart(f)
	if err != nil {
		return err
	}
	t.there += p.offset
	for p.offset < f.Bytes {
		chunk, err := t.part(&f, p.offset)
		t.fetched += int64(len(chunk))
		t.Metrics.DownloadBytes.Add(len(chunk))
		if err = errors.Join(err, p.write(chunk)); err != nil {
			return errors.Join(err, p.close())
		}
		t.progress()
	}
	return p.finish()
}

// part downloads the next bytes of a file, valid until the next call. Bytes returned beside an error are good, too.
func (t *download) part(f *statedb.File, offset int64) ([]byte, error) {
	if err := t.ask(fileQuestion{File: f.Name, Offset: offset}); err != nil {
		return nil, err
	}
	a, err := t.hear()
	if err != nil {
		return nil, err
	}
	if a.Bytes <= 0 || a.Bytes > chunkBytes || int64(a.Bytes) > f.Bytes-offset {
		return nil, fmt.Errorf("%w: %d bytes of %s at %d, which has %d", peernet.ErrProtocol, a.Bytes, f.Name, offset,
			f.Bytes)
	}
	if t.chunk == nil {
		t.chunk = make([]byte, chunkBytes)
	}
	chunk := t.chunk[:a.Bytes]
	n, err := io.ReadFull(t.conn, chunk)
	return chunk[:n], err
}

// progress writes a line each second.
func (t *download) progress() {
	now := time.Now()
	if t.logged.IsZero() {
		t.logged = t.start
	}
	if now.Sub(t.logged) < progressPause {
		return
	}
	t.logged = now
	total := t.manifest.TotalBytes()
	t.Logger.Info("downloading a checkpoint", "index", t.manifest.Index, "bytes", t.there+t.fetched, "of", total,
		"percent", 100*(t.there+t.fetched)/max(total, 1),
		"bytesPerSecond", int64(float64(t.fetched)/now.Sub(t.start).Seconds()))
}

// verify opens the download and reads all of it, with its checksums, before it may replace the state.
func (t *download) verify() error {
	state, err := statedb.Open(statedb.Config{FS: t.in.fs, Dir: t.in.dir, Logger: t.Logger,
		OnFatal:  t.OnFatal,
		ReadOnly: true, OpenFiles: t.OpenFiles})
	if err != nil {
		return err
	}
	meta, _, err := state.SnapshotMeta()
	if err == nil {
		err = t.manifest.Fits(meta)
	}
	if err == nil {
		err = t.readAll(state)
	}
	for _, f := range t.manifest.Files {
		if err == nil && statedb.IsTable(f.Name) {
			err = state.CheckTable(t.in.fs.PathJoin(t.in.dir, f.Name))
		}
	}
	return errors.Join(err, state.Close())
}

// readAll reads every row, until it is stopped.
func (t *download) readAll(state *statedb.DB) error {
	rows := 0
	return state.EachRow(func(_, _ []byte) error {
		if rows++; rows%rowsBetweenLooks == 0 && closed(t.stop) {
			return errStopped
		}
		return nil
	})
}

// rowsBetweenLooks is some milliseconds of reading.
const rowsBetweenLooks = 4096
