package raftstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
)

// fetcher gets a checkpoint from the leader, on a goroutine of its own, when Raft says that there is no other way to
// catch up (see snapshots). This node goes on as it is meanwhile. When the checkpoint is there as a whole, the store
// has to be opened anew: see Replaced.
type fetcher struct {
	in      *incoming
	peers   *peernet.Network
	logger  *slog.Logger
	metrics *storeMetrics
	onFatal func(msg string)
	files   int                                       // Config.OpenFilesMax
	leader  func() (address string, id raft.ServerID) // empty: nobody is known to lead, or this node does
	applied func() uint64                             // the last entry that was applied here

	wanted   atomic.Uint64 // a checkpoint of this index or a later one
	complete atomic.Uint64 // the one that is there; 0: none
	replaced chan struct{} // closed when there is one
	wake     chan struct{} // capacity 1
}

// The answers to Raft, none of which is a fault.
var (
	errFetching  = errors.New("raftstore: a checkpoint is being fetched")
	errNotWanted = errors.New("raftstore: the state here is later than the snapshot")
)

// newFetcher comes before Raft starts.
func (s *Store) newFetcher(context.Context) error {
	if s.peers == nil {
		return nil
	}
	s.fetcher = &fetcher{
		in: &incoming{
			fs: s.cfg.FS, parent: s.paths.Dir, dir: s.paths.Incoming, whole: map[string]statedb.File{},
		},
		peers: s.peers, logger: s.cfg.Logger, metrics: s.metrics, onFatal: s.cfg.OnFatal, files: s.cfg.OpenFilesMax,
		applied: func() uint64 { return s.raft.AppliedIndex() },
		leader: func() (address string, id raft.ServerID) {
			leader, id := s.raft.LeaderWithID()
			if id == s.identity.Self {
				return "", ""
			}
			return string(leader), id
		},
		replaced: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	return nil
}

// Replaced is closed when this node was too far behind for the leader's log and has fetched a checkpoint instead. It
// lies ready in the directory; the running store knows nothing of it and does not catch up any more. The caller then
// calls Close, and Open with the same configuration, which takes the checkpoint over: a node that serves should watch
// this channel for as long as it has the store, end what it answers from it, and begin again with the new one.
// (Config.Metrics needs a new set, and Peers.Listen the port that the store had, Status().Address.) A crash instead of
// the Close is as good. In a group of one it is never closed.
func (s *Store) Replaced() <-chan struct{} {
	if s.fetcher == nil {
		return nil
	}
	return s.fetcher.replaced
}

// want is called on Raft's main goroutine when the leader has sent a snapshot, and does not wait. It never returns nil:
// the snapshot is not installed in this life of the store.
func (f *fetcher) want(index uint64) error {
	switch complete := f.complete.Load(); {
	case complete > 0:
		return fmt.Errorf("%w: it is of index %d", ErrReplaced, complete)
	case f.applied() >= index:
		return fmt.Errorf("%w, which is of index %d", errNotWanted, index)
	}
	f.wanted.Store(max(f.wanted.Load(), index))
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return fmt.Errorf("%w: of index %d or a later one", errFetching, index)
}

// run fetches what is wanted until stop is closed, or a checkpoint is there.
func (f *fetcher) run(stop <-chan struct{}) {
	leftover := time.NewTimer(fetchLeftoverAge)
	defer leftover.Stop()
	for f.complete.Load() == 0 {
		select {
		case <-stop:
			return
		case <-f.wake:
			f.fetch(stop)
			leftover.Reset(fetchLeftoverAge)
		case <-leftover.C:
			f.clear()
		}
	}
}

// fetch tries until it is done, or until there is no need any more: a new leader may have had the log.
func (f *fetcher) fetch(stop <-chan struct{}) {
	for f.applied() < f.wanted.Load() {
		t := &transfer{fetcher: f, stop: stop, start: time.Now()}
		err := t.run()
		if isClosed(stop) {
			return
		}
		if err == nil {
			f.metrics.fetches.Inc()
			f.complete.Store(t.manifest.Index)
			close(f.replaced)
			return
		}
		f.metrics.fetchErrors.Inc()
		f.logger.Error("fetching a checkpoint: broken off, it goes on where it was", "bytes", t.fetched, "error", err)
		if t.fetched > 0 && !errors.Is(err, errDamaged) {
			continue
		}
		select {
		case <-stop:
			return
		case <-time.After(fetchRetryInterval):
		}
	}
	f.clear()
}

func (f *fetcher) clear() {
	if err := f.in.clear(); err != nil {
		f.logger.Error("fetching a checkpoint: what is left of it was not removed", "error", err)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// transfer is one attempt, on one connection.
type transfer struct {
	*fetcher
	stop     <-chan struct{}
	conn     net.Conn
	manifest *statedb.Manifest
	chunk    []byte

	start   time.Time
	logged  time.Time
	there   int64 // bytes that were there when the attempt began
	fetched int64
}

func (t *transfer) run() error {
	address, id := t.leader()
	if address == "" {
		return errNoLeader
	}
	conn, _, err := t.peers.Dial(address, id, peernet.KindFiles, peernet.DialTimeout)
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

// all fetches what is missing, and looks at the whole.
func (t *transfer) all(from string) error {
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
	t.logger.Info("fetching a checkpoint", "from", from, "index", t.manifest.Index, "files", len(t.manifest.Files),
		"bytes", t.manifest.TotalBytes(), "here", t.there)
	for _, f := range missing {
		if t.applied() >= t.manifest.Index {
			return fmt.Errorf("%w, which is of index %d", errNotWanted, t.manifest.Index)
		}
		if err := t.get(f); err != nil {
			return err
		}
	}
	if err := t.verify(); err != nil {
		t.clear() // all of it arrived as it was sent, so it is of no use
		t.fetched = 0
		return err
	}
	if err := t.in.complete(t.manifest); err != nil {
		return err
	}
	t.logger.Info("fetching a checkpoint: done, the store has to be opened anew", "index", t.manifest.Index,
		"bytes", t.fetched, "took", time.Since(t.start).Round(time.Millisecond))
	return nil
}

// ask puts a question.
func (t *transfer) ask(q fileQuestion) error {
	return errors.Join(t.conn.SetDeadline(time.Now().Add(shipTimeout)), peernet.WriteMessage(t.conn, q))
}

// hear reads an answer.
func (t *transfer) hear() (a fileAnswer, err error) {
	if err := errors.Join(t.conn.SetDeadline(time.Now().Add(shipTimeout)),
		peernet.ReadMessage(t.conn, &a)); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, fmt.Errorf("raftstore: the leader sends no checkpoint: %s", a.Error)
	}
	return a, nil
}

// list asks for the newest checkpoint.
func (t *transfer) list() error {
	if err := t.ask(fileQuestion{List: true, Above: t.applied()}); err != nil {
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

// get fetches one file, or the rest of it.
func (t *transfer) get(f statedb.File) error {
	p, err := t.in.openPart(f)
	if err != nil {
		return err
	}
	t.there += p.offset
	for p.offset < f.Bytes {
		chunk, err := t.part(&f, p.offset)
		t.fetched += int64(len(chunk))
		t.metrics.fetchBytes.Add(len(chunk))
		if err = errors.Join(err, p.write(chunk)); err != nil {
			return errors.Join(err, p.close())
		}
		t.progress()
	}
	return p.finish()
}

// part fetches the next bytes of a file. They are valid until the next call. Those that came before an error are good,
// too.
func (t *transfer) part(f *statedb.File, offset int64) ([]byte, error) {
	if err := t.ask(fileQuestion{File: f.Name, Offset: offset}); err != nil {
		return nil, err
	}
	a, err := t.hear()
	if err != nil {
		return nil, err
	}
	if a.Bytes <= 0 || a.Bytes > shipChunkBytes || int64(a.Bytes) > f.Bytes-offset {
		return nil, fmt.Errorf("%w: %d bytes of %s at %d, which has %d", peernet.ErrProtocol, a.Bytes, f.Name, offset,
			f.Bytes)
	}
	if t.chunk == nil {
		t.chunk = make([]byte, shipChunkBytes)
	}
	chunk := t.chunk[:a.Bytes]
	n, err := io.ReadFull(t.conn, chunk)
	return chunk[:n], err
}

// progress writes a line each second.
func (t *transfer) progress() {
	now := time.Now()
	if t.logged.IsZero() {
		t.logged = t.start
	}
	if now.Sub(t.logged) < progressInterval {
		return
	}
	t.logged = now
	total := t.manifest.TotalBytes()
	t.logger.Info("fetching a checkpoint", "index", t.manifest.Index, "bytes", t.there+t.fetched, "of", total,
		"percent", 100*(t.there+t.fetched)/max(total, 1),
		"bytesPerSecond", int64(float64(t.fetched)/now.Sub(t.start).Seconds()))
}

// verify opens what was fetched and reads all of it, with its checksums, before the state that is here is given up for
// it.
func (t *transfer) verify() error {
	state, err := statedb.Open(statedb.Config{FS: t.in.fs, Dir: t.in.dir, Logger: t.logger,
		OnFatal:  t.onFatal,
		ReadOnly: true, OpenFiles: t.files})
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
func (t *transfer) readAll(state *statedb.DB) error {
	rows := 0
	return state.EachRow(func(_, _ []byte) error {
		if rows++; rows%rowsBetweenLooks == 0 && isClosed(t.stop) {
			return ErrClosed
		}
		return nil
	})
}

// rowsBetweenLooks is some milliseconds of reading.
const rowsBetweenLooks = 4096
