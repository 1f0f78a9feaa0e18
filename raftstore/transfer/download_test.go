package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/engine"
	"apportion/raftstore/durable"
	"apportion/raftstore/peernet"
	"apportion/raftstore/statedb"
)

// testLeader is a state database for downloads, without a store.
type testLeader struct {
	t      *testing.T
	fs     *vfs.MemFS
	engine *engine.Engine
	state  *statedb.DB
	sender *Sender
	index  uint64
}

// newTestLeader makes a leader with a checkpoint of several tables.
func newTestLeader(t *testing.T) *testLeader {
	t.Helper()
	l := &testLeader{t: t, fs: vfs.NewMem(), engine: engine.New()}
	var err error
	l.state, err = statedb.Open(statedb.Config{FS: l.fs, Dir: "state", IngestDir: "ingest",
		Logger: slog.New(slog.DiscardHandler), OnFatal: panicOnFatal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.state.Close(); err != nil {
			t.Error(err)
		}
	})
	l.sender = NewSender(SenderConfig{FS: l.fs, Dir: "transfer", State: l.state, Log: wholeLog{},
		Logger: slog.New(slog.DiscardHandler), Metrics: countNothing(), OnFatal: panicOnFatal,
		Leads: func() bool { return true }})
	l.stock("A")
	return l
}

func panicOnFatal(msg string) { panic("FATAL: " + msg) }

// wholeLog has all entries and never truncates.
type wholeLog struct{}

func (wholeLog) Has(uint64) bool         { return true }
func (wholeLog) PinAll()                 {}
func (wholeLog) Pin(uint64)              {}
func (wholeLog) Unpin()                  {}
func (wholeLog) TableBytes(uint64) int64 { return 0 }

func countNothing() Metrics {
	set := metrics.NewSet()
	return Metrics{Sends: set.NewCounter("sends"), SendRefusals: set.NewCounter("refusals"),
		SendBytes: set.NewCounter("sent"), Downloads: set.NewCounter("downloads"),
		DownloadErrors: set.NewCounter("errors"), DownloadBytes: set.NewCounter("downloaded")}
}

// stock adds new records to the state, and makes a checkpoint.
func (l *testLeader) stock(prefix string) {
	l.t.Helper()
	c := &engine.Refresh{Location: "L"}
	for i := range 300 {
		c.Items = append(c.Items, engine.StockItem{UPC: fmt.Sprintf("%s%d", prefix, i), Quantity: int64(i)})
	}
	l.index++
	l.engine.Apply(l.index, int64(l.index), engine.AppendCommand(nil, &engine.Envelope{}, c), nil)
	frozen := l.engine.Freeze()
	tables, err := l.state.NewTableWriter(raft.SnapshotMeta{Version: raft.SnapshotVersionMax,
		ID: fmt.Sprint("1-", l.index), Index: l.index, Term: 1}, 4000)
	if err != nil {
		l.t.Fatal(err)
	}
	var rows engine.Rows
	for more := true; more; {
		rows.Reset()
		more = frozen.Next(&rows, 500, new(sync.Mutex))
		if err := rows.Each(tables.Row); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := errors.Join(tables.Close(), l.state.Ingest(l.t.Context(), tables)); err != nil {
		l.t.Fatal(err)
	}
	frozen.Done()
}

// newTestReceiver makes a receiver with an empty directory.
func newTestReceiver(fs vfs.FS) *Receiver {
	return NewReceiver(ReceiverConfig{FS: fs, Parent: "/", Dir: "/incoming", Logger: slog.New(slog.DiscardHandler),
		Metrics: countNothing(), OnFatal: panicOnFatal, Applied: func() uint64 { return 0 }})
}

// fetchFrom makes one attempt. The wire may change or stop the bytes of the leader.
func fetchFrom(leader *Sender, f *Receiver, wire func(net.Conn) net.Conn) (*download, error) {
	here, there := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		leader.Serve(wire(there))
		_ = there.Close()
	}()
	t := &download{Receiver: f, conn: here, start: time.Now()}
	err := t.all("leader")
	_ = here.Close()
	<-served
	return t, err
}

func plainWire(conn net.Conn) net.Conn { return conn }

// brokenWire breaks after a number of bytes from the leader.
type brokenWire struct {
	net.Conn
	left int
}

func (w *brokenWire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p[:min(len(p), w.left)])
	w.left -= n
	if n < len(p) && err == nil {
		err = errors.Join(io.ErrClosedPipe, w.Close())
	}
	return n, err
}

// mustBeState demands that the download is the state of the leader, without other files.
func mustBeState(t *testing.T, f *Receiver, leader *testLeader) {
	t.Helper()
	m, err := statedb.ReadManifest(f.in.fs, f.in.dir)
	if err != nil || m == nil {
		t.Fatalf("the downloaded files are not complete: %v", err)
	}
	state, err := statedb.Open(statedb.Config{FS: f.in.fs, Dir: f.in.dir, Logger: f.Logger,
		OnFatal:  f.OnFatal,
		ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New()
	if err := errors.Join(state.Load(t.Context(), e, statedb.LogProgress(f.Logger)), state.Close()); err != nil {
		t.Fatal(err)
	}
	if e.Hash() != leader.engine.Hash() {
		t.Fatal("the downloaded state is another one")
	}
	names, err := f.in.fs.List(f.in.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := m.Find(name); !ok && name != statedb.ManifestName && name != statedb.LockName {
			t.Errorf("%s is left in the directory", name)
		}
	}
}

// TestDownloadResumes: bytes that arrived before the wire broke are not sent again.
func TestDownloadResumes(t *testing.T) {
	leader := newTestLeader(t)
	f := newTestReceiver(vfs.NewMem())
	var fetched, total int64
	attempts := 0
	for {
		attempts++
		got, err := fetchFrom(leader.sender, f, func(conn net.Conn) net.Conn { return &brokenWire{conn, 3000} })
		fetched += got.fetched
		if err == nil {
			total = got.manifest.TotalBytes()
			break
		}
		if m, _ := statedb.ReadManifest(f.in.fs, f.in.dir); m != nil {
			t.Fatal("the downloaded files are called complete, and are not")
		}
		if attempts == 100 {
			t.Fatalf("no end after %d attempts and %d bytes: %v", attempts, fetched, err)
		}
		if attempts == 3 { // a restart: the node knows only its files
			f.in.whole = map[string]statedb.File{}
		}
	}
	if attempts < 4 || fetched != total {
		t.Errorf("%d bytes were downloaded in %d attempts, the checkpoint has %d", fetched, attempts, total)
	}
	mustBeState(t, f, leader)
}

// TestDownloadOfLaterCheckpoint: tables that both checkpoints have are not sent again.
func TestDownloadOfLaterCheckpoint(t *testing.T) {
	leader := newTestLeader(t)
	f := newTestReceiver(vfs.NewMem())
	first, err := fetchFrom(leader.sender, f, plainWire)
	if err != nil {
		t.Fatal(err)
	}
	leader.stock("B")
	f.Applied = func() uint64 { return first.manifest.Index } // so that it needs a later one
	second, err := fetchFrom(leader.sender, f, plainWire)
	if err != nil {
		t.Fatal(err)
	}
	if second.manifest.Index <= first.manifest.Index || second.fetched == 0 ||
		second.fetched >= second.manifest.TotalBytes() {
		t.Errorf("downloaded %d bytes of %d, of index %d after %d", second.fetched, second.manifest.TotalBytes(),
			second.manifest.Index, first.manifest.Index)
	}
	mustBeState(t, f, leader)
}

// flippingWire damages one byte of a table, after the list.
type flippingWire struct {
	net.Conn
	tables int
}

func (w *flippingWire) Write(p []byte) (int, error) {
	if len(p) > 1000 && w.tables == 0 {
		w.tables++
		p = bytes.Clone(p)
		p[500] ^= 1
	}
	return w.Conn.Write(p)
}

// TestDownloadDamaged: only the file that was damaged on the way is downloaded again.
func TestDownloadDamaged(t *testing.T) {
	leader := newTestLeader(t)
	f := newTestReceiver(vfs.NewMem())
	first, err := fetchFrom(leader.sender, f, func(conn net.Conn) net.Conn { return &flippingWire{Conn: conn} })
	if !errors.Is(err, errDamaged) {
		t.Fatalf("got %v, want errDamaged", err)
	}
	second, err := fetchFrom(leader.sender, f, plainWire)
	if err != nil {
		t.Fatal(err)
	}
	if twice := first.fetched + second.fetched - second.manifest.TotalBytes(); twice <= 0 || twice > 2*4000 {
		t.Errorf("%d bytes were downloaded twice, want those of one table", twice)
	}
	mustBeState(t, f, leader)
}

// TestDownloadOfDamagedFiles: a byte is flipped on the leader's disk, before or after the leader has computed its
// checksum. For each byte, the download fails with the reason and makes no state. After a repair of the disk, the next
// attempt succeeds.
func TestDownloadOfDamagedFiles(t *testing.T) {
	leader := newTestLeader(t)
	// so that the leader knows all checksums
	if _, err := fetchFrom(leader.sender, newTestReceiver(vfs.NewMem()), plainWire); err != nil {
		t.Fatal(err)
	}
	fs, o := leader.fs, leader.sender.mu.current
	tried := 0
	for name, size := range o.files {
		if isOptions := strings.HasPrefix(name, "OPTIONS"); size == 0 || isOptions { // a reader ignores options
			continue
		}
		for at := int64(0); at < size; at += 1 + size/23 {
			path := fs.PathJoin(o.Dir, name)
			flip := func() { changeByte(t, fs, path, at) }
			flip()
			for _, want := range []error{errDamaged, nil} { // after the checksum, and before it
				f := newTestReceiver(vfs.NewMem())
				got, err := fetchFrom(leader.sender, f, plainWire)
				if err == nil || want != nil && !errors.Is(err, want) {
					t.Errorf("%s, byte %d of %d: the download gave %v", name, at, size, err)
				}
				if m, _ := statedb.ReadManifest(f.in.fs, f.in.dir); m != nil {
					t.Errorf("%s, byte %d of %d: the downloaded files are called complete", name, at, size)
				}
				if want == nil && got.fetched != 0 {
					t.Errorf("%s, byte %d of %d: a useless file counts as downloaded", name, at, size)
				}
				leader.sender.mu.sums = map[string]uint32{}
				tried++
			}
			flip()
			leader.sender.mu.sums = map[string]uint32{}
			if _, err := fetchFrom(leader.sender, newTestReceiver(vfs.NewMem()), plainWire); err != nil {
				t.Fatalf("%s is repaired, and the download gave %v", name, err)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d attempts were made", tried)
	}
}

// TestDownloadRefuses: lists that no correct leader sends are refused.
func TestDownloadRefuses(t *testing.T) {
	f := func(what string, want error, list []fileAnswer, more ...fileAnswer) {
		t.Helper()
		fs := vfs.NewMem()
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			var q fileQuestion
			if peernet.ReadMessage(there, &q) != nil {
				return
			}
			for _, a := range list {
				if peernet.WriteMessage(there, a) != nil {
					return
				}
			}
			for _, a := range more {
				if peernet.ReadMessage(there, &q) != nil || peernet.WriteMessage(there, a) != nil {
					return
				}
			}
		}()
		tr := &download{Receiver: newTestReceiver(fs), conn: here, start: time.Now()}
		err := tr.all("nobody")
		_ = here.Close()
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
		if m, _ := statedb.ReadManifest(fs, "/incoming"); m != nil {
			t.Errorf("%s: the downloaded files are called complete", what)
		}
	}
	file := func(name string, bytes int64) fileAnswer {
		return fileAnswer{File: &statedb.File{Name: name, Bytes: bytes}}
	}
	end := fileAnswer{Index: 9, Term: 1}
	f("a name outside", durable.ErrFormat, []fileAnswer{file("../state/000001.sst", 5), end})
	f("a file twice", durable.ErrFormat, []fileAnswer{file("a", 5), file("a", 5), end})
	f("no files", durable.ErrFormat, []fileAnswer{end})
	f("a list without an end", io.EOF, []fileAnswer{file("a", 5)})
	f("more bytes than the file has", peernet.ErrProtocol, []fileAnswer{file("a", 5), end}, fileAnswer{Bytes: 6})
	f("no bytes", peernet.ErrProtocol, []fileAnswer{file("a", 5), end}, fileAnswer{})
	f("fewer bytes than are said", io.EOF, []fileAnswer{file("a", 5), end}, fileAnswer{Bytes: 5})
	f("files that are no state", pebble.ErrDBDoesNotExist, []fileAnswer{file("a", 0), end})
}

// TestDownloadOfAnotherState: the files arrive without damage, but their state is not the one of the list. All of them
// are removed.
func TestDownloadOfAnotherState(t *testing.T) {
	leader := newTestLeader(t)
	f := newTestReceiver(vfs.NewMem())
	if _, err := fetchFrom(leader.sender, f, func(conn net.Conn) net.Conn {
		return &lyingWire{conn}
	}); !errors.Is(err, durable.ErrInconsistent) {
		t.Fatalf("got %v, want ErrInconsistent", err)
	}
	if _, err := f.in.fs.Stat(f.in.dir); err == nil {
		t.Error("what is of no use is still there")
	}
}

// lyingWire changes the index in the leader's list.
type lyingWire struct{ net.Conn }

func (w *lyingWire) Write(p []byte) (int, error) {
	if s := string(p); strings.Contains(s, `"index":`) {
		var a fileAnswer
		if err := peernet.ReadMessage(strings.NewReader(s), &a); err != nil {
			return 0, err
		}
		a.Index++
		return len(p), peernet.WriteMessage(w.Conn, a)
	}
	return w.Conn.Write(p)
}

// TestSenderRefuses: wrong requests, too many at a time, and requests for files that the leader does not have are
// refused.
func TestSenderRefuses(t *testing.T) {
	leader := newTestLeader(t)
	f := func(what string, want error, questions ...fileQuestion) {
		t.Helper()
		here, there := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			leader.sender.Serve(there)
			_ = there.Close()
		}()
		defer func() {
			_ = here.Close()
			<-served
		}()
		tr := &download{Receiver: newTestReceiver(vfs.NewMem()), conn: here}
		for i, q := range questions {
			var err error
			switch {
			case q.List && i == 0 && len(questions) > 1:
				err = tr.list()
			default:
				if err = tr.ask(q); err == nil {
					_, err = tr.hear()
				}
			}
			if i < len(questions)-1 && err != nil {
				t.Fatalf("%s: question %d: %v", what, i, err)
			}
			if i == len(questions)-1 && (err == nil || !strings.Contains(err.Error(), want.Error())) {
				t.Errorf("%s: got %v, want %v", what, err, want)
			}
		}
	}
	list := fileQuestion{List: true}
	f("a file before the list", peernet.ErrProtocol, fileQuestion{File: "000004.sst"})
	f("the list twice", peernet.ErrProtocol, list, list)
	f("a file outside", errNoSuchFile, list, fileQuestion{File: "../../state/LOCK"})
	f("a file that is not there", errNoSuchFile, list, fileQuestion{File: "000000.sst"})
	f("a place outside", errNoSuchFile, list, fileQuestion{File: "OPTIONS-000003", Offset: 1 << 40})
	f("a place before", errNoSuchFile, list, fileQuestion{File: "OPTIONS-000003", Offset: -1})
	f("later than all", errNoCheckpoint, fileQuestion{List: true, Above: 1 << 40})
	for range sessionsMax {
		if !leader.sender.enter() {
			t.Fatal("a place that should be free is not")
		}
	}
	f("too many", errBusy, list)
	for range sessionsMax {
		leader.sender.leave()
	}
	leader.sender.Leads = func() bool { return false }
	f("a follower", errNotLeading, list)
}

// changeByte changes one byte of a file.
func changeByte(t *testing.T, fs vfs.FS, path string, at int64) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	data[at] ^= 0x40
	out, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = out.Write(data)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// pinningLog records the pins, and whether an export existed at each.
type pinningLog struct {
	wholeLog
	fs    vfs.FS
	calls []string
}

func (l *pinningLog) note(call string) {
	if _, err := l.fs.Stat("transfer/000001"); err == nil {
		call += ", with an export"
	}
	l.calls = append(l.calls, call)
}

func (l *pinningLog) PinAll()          { l.note("pin all") }
func (l *pinningLog) Pin(index uint64) { l.note(fmt.Sprint("pin ", index)) }
func (l *pinningLog) Unpin()           { l.note("unpin") }

// TestExportPinsTheLog: before the copy of the state, the whole log is pinned, and afterwards the log after the copy,
// until the export ends. Without the first pin, the log could be truncated behind a checkpoint that is later than the
// copy.
func TestExportPinsTheLog(t *testing.T) {
	l := newTestLeader(t)
	log := &pinningLog{fs: l.fs}
	l.sender.Log = log
	export, err := l.sender.Acquire(0)
	if err != nil {
		t.Fatal(err)
	}
	l.sender.Release(export)
	l.sender.Look(time.Now().Add(2 * ExportHold))
	want := []string{"unpin", "pin all", "pin 1, with an export", "unpin, with an export"}
	if !slices.Equal(log.calls, want) {
		t.Errorf("got %q, want %q", log.calls, want)
	}
}
