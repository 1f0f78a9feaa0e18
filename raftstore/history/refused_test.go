package history

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// newTestRefusals opens only the recording of refused orders, for a log that ends at an index.
func newTestRefusals(t testing.TB, fs vfs.FS, last uint64) *refusals {
	t.Helper()
	if err := fs.MkdirAll("/history", durable.DirPermissions); err != nil {
		t.Fatal(err)
	}
	c := Config{
		FS: fs, Dir: "/history", BytesMax: 4 << 30, NowMS: place(0).TimeMS, Logger: slog.New(slog.DiscardHandler),
	}
	return newRefusals(c, newCounters(metrics.NewSet()), last)
}

// order returns an order of one line.
func order(orderID, upc string, units int64) *engine.Allocate {
	return &engine.Allocate{OrderID: orderID, Lines: []engine.AllocateLine{{ItemID: "1", UPC: upc, Location: "L",
		Quantity: units}}}
}

// place returns the moment of index i in a log with an entry a second.
func place(i uint64) engine.Moment {
	return engine.Moment{Index: i, TimeMS: 1_700_000_000_000 + int64(i)*1000}
}

func (r *refusals) refuse(i uint64, orderID string) {
	r.record(place(i), engine.CodeInsufficient, order(orderID, "U", 1))
}

// told returns the output of a reader in short: order@index, lost:number@index, gap@index-until.
func told(t testing.TB, r *refusals, after uint64) (all []string) {
	t.Helper()
	reader := r.read(after)
	var e engine.Entry
	for next := reader.peek(); next != nil; next = reader.peek() {
		reader.take(&e)
		switch f := e.Refused; {
		case f.Gap:
			all = append(all, fmt.Sprintf("gap@%d-%d", e.Index, f.UntilIndex))
		case f.Lost > 0:
			all = append(all, fmt.Sprintf("lost:%d@%d", f.Lost, e.Index))
		default:
			_, c, err := engine.DecodeCommand(e.Commands[0])
			if err != nil || f.Code != engine.CodeInsufficient || e.TimeMS != place(e.Index).TimeMS {
				t.Fatalf("%+v: %v", e, err)
			}
			all = append(all, fmt.Sprintf("%s@%d", c.(*engine.Allocate).OrderID, e.Index))
		}
	}
	if err := reader.close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func wantTold(t testing.TB, r *refusals, after uint64, want string) {
	t.Helper()
	if got := strings.Join(told(t, r, after), " "); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestRefusals: a reader gets the recorded refusals after a given index, in the same run and in later ones.
func TestRefusals(t *testing.T) {
	fs := vfs.NewMem()
	r := newTestRefusals(t, fs, 5)
	wantTold(t, r, 0, "")
	if since := r.since(); since.Index != 5 {
		t.Errorf("recorded since %v", since)
	}
	r.refuse(5, "a")
	r.refuse(7, "b")
	wantTold(t, r, 0, "a@5 b@7")
	r.refuse(7, "c")
	wantTold(t, r, 6, "b@7 c@7")
	r.close()
	r.refuse(8, "late")
	wantTold(t, r, 0, "a@5 b@7 c@7")

	r = newTestRefusals(t, fs, 9)
	wantTold(t, r, 0, "a@5 b@7 c@7")
	r.refuse(9, "d")
	r.refuse(11, "e")
	wantTold(t, r, 0, "a@5 b@7 c@7 d@9 e@11")
	wantTold(t, r, 9, "d@9 e@11")
	wantTold(t, r, 12, "")
	if since := r.since(); since.Index != 5 {
		t.Errorf("recorded since %v", since)
	}
	r.close()
	// The log now ends earlier: refusals after its end belong to a lost log.
	r = newTestRefusals(t, fs, 8)
	wantTold(t, r, 0, "a@5 b@7 c@7")
	r.close()
}

// TestRefusalsRepeated: the same order at the same index is recorded once. Another order, or another index, is another
// refusal.
func TestRefusalsRepeated(t *testing.T) {
	r := newTestRefusals(t, vfs.NewMem(), 0)
	for range 5 {
		r.refuse(1, "a")
	}
	r.record(place(1), engine.CodeInsufficient, order("a", "U", 2))
	r.refuse(2, "a")
	r.refuse(1, "b")
	wantTold(t, r, 0, "a@1 a@1 a@2 b@1")
	if got := r.metrics.refusalsRepeated.Get(); got != 4 {
		t.Errorf("%d were repeated", got)
	}
	r.close()
}

// TestRefusalsTooMany: refusals above the rate are only counted. After some time, refusals are recorded again.
func TestRefusalsTooMany(t *testing.T) {
	r := newTestRefusals(t, vfs.NewMem(), 0)
	r.mu.budget, r.mu.paidMS = 80, place(1).TimeMS
	for i := range 100 {
		r.refuse(1, fmt.Sprint("a", i))
	}
	wantTold(t, r, 0, "a0@1 a1@1 lost:98@1")
	r.refuse(2, "b") // a second later
	r.mu.budget = 0
	r.refuse(2, "c")
	r.refuse(1, "overtaken") // the same second does not count twice
	r.refuse(2, "d")
	wantTold(t, r, 0, "a0@1 a1@1 lost:98@1 b@2 lost:3@2")
	r.mu.budget = refusedBurstBytes / 2
	r.refuse(1_000_000, "e")
	if r.mu.budget > refusedBurstBytes {
		t.Errorf("%d bytes may be recorded after a long pause", r.mu.budget)
	}
	r.mu.budget = 0
	r.refuse(3, "f") // the clock has jumped back
	r.refuse(4, "g")
	wantTold(t, r, 3, "e@1000000 g@4 lost:1@3")
	if lost, recorded := r.metrics.refusalsLost.Get(), r.metrics.refusalsRecorded.Get(); lost != 102 || recorded != 5 {
		t.Errorf("%d lost, %d recorded", lost, recorded)
	}
	r.close()
}

// TestRefusalsBufferFull: a request does not wait for the disk, and an order that is too large uses no space.
func TestRefusalsBufferFull(t *testing.T) {
	r := newTestRefusals(t, vfs.NewMem(), 0)
	r.record(place(1), engine.CodeInsufficient, order(strings.Repeat("x", refusedFrameBytesMax), "U", 1))
	r.mu.frames = appendFrame(r.mu.frames, &frame{kind: frameRefusal, data: make([]byte, 1000)})
	n := 0
	for ; len(r.mu.frames) < refusedBufferBytes; n++ {
		if len(r.early) > 0 && len(r.mu.frames) < refusedBufferBytes/2 {
			t.Fatal("the writer was woken up early")
		}
		r.refuse(1, fmt.Sprint("a", n))
	}
	if len(r.early) != 1 {
		t.Error("the writer was not woken up")
	}
	for i := range 7 {
		r.refuse(1, fmt.Sprint("b", i))
	}
	r.flush()
	if lost, recorded := r.metrics.refusalsLost.Get(), r.metrics.refusalsRecorded.Get(); lost != 8 ||
		recorded != uint64(n+1) {
		t.Errorf("%d lost, %d of %d recorded", lost, recorded, n+1)
	}
	r.close()
}

// TestRefusalsSegments: files have a size. The oldest are removed by bytes, by number, and when no kept checkpoint
// needs them.
func TestRefusalsSegments(t *testing.T) {
	fs := vfs.NewMem()
	r := newTestRefusals(t, fs, 0)
	r.segmentBytes = 200
	name := func(i int) string { return fmt.Sprintf("order%04d", i) }
	files := func() int {
		names, err := fs.List("/history")
		if err != nil || len(names) != len(r.files.segments) {
			t.Fatalf("%d files for %d segments, %v", len(names), len(r.files.segments), err)
		}
		sum := int64(0)
		for _, s := range r.files.segments {
			info, err := fs.Stat("/history/" + s.name())
			if err != nil || info.Size() != s.bytes {
				t.Fatal(s, info, err)
			}
			sum += s.bytes
		}
		if sum != r.bytes.Load() {
			t.Fatalf("%d bytes, counted %d", sum, r.bytes.Load())
		}
		return len(names)
	}
	record := func(from, to int) {
		for i := from; i < to; i++ {
			r.refuse(uint64(i), name(i))
			r.flush()
		}
	}
	record(0, 100)
	count := files()
	if got := told(t, r, 0); count < 20 || len(got) != 100 {
		t.Fatalf("%d segments, %d told", count, len(got))
	}
	if errors := r.metrics.errors.Get(); errors != 0 {
		t.Fatalf("%d errors are counted of segments that ended well", errors)
	}
	reader := r.read(0)
	r.release(&Checkpoint{Index: 60, Applied: 50}, 0) // Raft's own entries are between them
	if since := r.since(); since.Index > 50 || since.Index < 45 || files() >= count {
		t.Errorf("kept since %v, %d files", since, files())
	}
	if got := told(t, r, 50); len(got) != 50 {
		t.Errorf("%d told of 50", len(got))
	}
	read := 0 // files that are being read are not removed
	for e := (engine.Entry{}); reader.peek() != nil; read++ {
		reader.take(&e)
	}
	if err := reader.close(); read != 100 || err != nil {
		t.Errorf("%d of 100 read, %v", read, err)
	}
	r.release(nil, place(70).TimeMS)
	if since := r.since(); since.Index > 70 || since.Index < 65 {
		t.Errorf("kept since %v, want a little before 70", since)
	}
	r.bytesMax = 1000
	record(100, 200)
	if files(); r.bytes.Load() > r.bytesMax+2*r.segmentBytes {
		t.Errorf("%d bytes kept, %d are allowed", r.bytes.Load(), r.bytesMax)
	}
	if got := told(t, r, 0); got[len(got)-1] != "order0199@199" || len(got) < 5 ||
		strings.Contains(strings.Join(got, " "), "gap") {
		t.Errorf("told %v", got)
	}
	r.bytesMax = refusedBytes
	record(200, 2000)
	if n := files(); n != refusedSegmentsMax {
		t.Errorf("%d files, at most %d are allowed", n, refusedSegmentsMax)
	}
	r.release(&Checkpoint{Applied: 5000}, 0)
	if n := files(); n != 1 {
		t.Errorf("%d files, none is needed", n)
	}
	r.close()
}

// TestRefusalsDamage: after damage or a torn tail, the rest of the file is lost, and a reader reports a gap.
func TestRefusalsDamage(t *testing.T) {
	frameLen := frameHeaderBytes + len(engine.AppendCommand(nil, &engine.Envelope{}, order("a", "U", 1)))
	for _, test := range []struct {
		name   string
		change func(data []byte) []byte
		want   string
	}{
		{"none", func(data []byte) []byte { return data }, "a@1 b@2 c@3 d@5"},
		{"no end", func(data []byte) []byte { return data[:1+3*frameLen] }, "a@1 b@2 c@3 gap@3-5 d@5"},
		{"torn in a header", func(data []byte) []byte { return data[:1+2*frameLen+9] }, "a@1 b@2 gap@2-5 d@5"},
		{"torn in a command", func(data []byte) []byte { return data[:1+3*frameLen-1] }, "a@1 b@2 gap@2-5 d@5"},
		{"zeros behind", func(data []byte) []byte {
			return append(data[:1+frameLen], make([]byte, 100)...)
		}, "a@1 gap@1-5 d@5"},
		{"a bit of a command", flipBit(1 + 2*frameLen - 1), "a@1 gap@1-5 d@5"},
		{"a bit of an index", flipBit(1 + frameLen + frameIndexAt), "a@1 gap@1-5 d@5"},
		{"a bit of a length", flipBit(1 + frameLen), "a@1 gap@1-5 d@5"},
		{"a length of nearly everything", flipBit(1 + frameLen + 3), "a@1 gap@1-5 d@5"},
		{"the version", flipBit(0), "gap@1-5 d@5"},
		{"empty", func([]byte) []byte { return nil }, "gap@1-5 d@5"},
	} {
		fs := vfs.NewMem()
		r := newTestRefusals(t, fs, 0)
		r.close()
		r = newTestRefusals(t, fs, 0)
		r.refuse(1, "a")
		r.refuse(2, "b")
		r.refuse(3, "c")
		r.close()
		path := "/history/" + r.files.segments[1].name()
		rewriteFile(t, fs, path, test.change)
		r = newTestRefusals(t, fs, 4)
		before := told(t, r, 0)
		wantTold(t, r, 5, "")
		r.refuse(5, "d")
		if got := strings.Join(told(t, r, 0), " "); got != test.want {
			t.Errorf("%s: told %q, want %q", test.name, got, test.want)
		}
		// Before the next refusal is recorded, the gap ends at the begin of this run.
		if want := strings.TrimSuffix(strings.ReplaceAll(test.want, "-5", "-4"), " d@5"); strings.Join(
			before, " ") != want {
			t.Errorf("%s: told %q before, want %q", test.name, before, want)
		}
		if test.name != "none" {
			wantTold(t, r, 5, "gap@"+test.want[strings.Index(test.want, "gap@")+4:])
		}
		r.close()
	}
}

func flipBit(at int) func(data []byte) []byte {
	return func(data []byte) []byte {
		data[at] ^= 0x40
		return data
	}
}

func rewriteFile(t testing.TB, fs vfs.FS, path string, change func(data []byte) []byte) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close(), durable.WriteSynced(fs, path, change(data))); err != nil {
		t.Fatal(err)
	}
}

// TestRefusalsFault: while the disk is full, refusals are lost. No empty files are left, and a reader reports the loss.
func TestRefusalsFault(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileClose,
		errorfs.OpRemove} {
		broken := false
		mem := vfs.NewMem()
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if broken && (op.Kind == kind || kind == errorfs.OpFileWrite && op.Kind == errorfs.OpRemove) {
				return errorfs.ErrInjected
			}
			return nil
		}))
		r := newTestRefusals(t, fs, 0)
		r.segmentBytes = 1 // a segment for each flush
		r.refuse(1, "a")
		r.flush()
		broken = true
		for i := range 5 {
			r.refuse(2, fmt.Sprint("b", i))
			r.flush()
		}
		r.release(&Checkpoint{Applied: 1}, 0)
		broken = false
		r.refuse(3, "c")
		r.refuse(2, "b4") // repeated, but it was not recorded then
		want := "a@1 c@3 b4@2 lost:5@2"
		if kind == errorfs.OpFileClose || kind == errorfs.OpRemove { // it was written
			want = "a@1 b0@2 b1@2 b2@2 b3@2 b4@2 c@3"
		}
		if got := strings.Join(told(t, r, 1), " "); got != want {
			t.Errorf("kind %v: told %q, want %q", kind, got, want)
		}
		r.close()
	}
}

// TestRefusalsFullFromTheStart: a store starts on a full disk, and reports the begin of its recording.
func TestRefusalsFullFromTheStart(t *testing.T) {
	broken := true
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpList) {
			return errorfs.ErrInjected
		}
		return nil
	}))
	r := newTestRefusals(t, fs, 5)
	r.refuse(6, "a")
	wantTold(t, r, 0, "")
	if since := r.since(); since.Index != 5 {
		t.Errorf("since %v", since)
	}
	broken = false
	r.refuse(7, "b")
	wantTold(t, r, 0, "b@7 lost:1@6")
	if since := r.since(); since.Index != 7 {
		t.Errorf("since %v, what came before is not known", since)
	}
	r.close()
}

// TestRefusalsConcurrently: requests record while segments are written, read and removed. A reader gets each refusal,
// or it counts as lost.
func TestRefusalsConcurrently(t *testing.T) {
	r := newTestRefusals(t, vfs.NewMem(), 0)
	r.segmentBytes = 10_000
	const clients, each = 8, 500
	stop := make(chan struct{})
	var writers, requests sync.WaitGroup
	writers.Go(func() { r.run(stop) })
	writers.Go(func() {
		for range 50 {
			r.flush()
			_ = told(t, r, 100)
			r.since()
		}
	})
	for c := range clients {
		requests.Go(func() {
			for i := range each {
				r.refuse(uint64(i), fmt.Sprintf("%d-%d", c, i))
			}
		})
	}
	requests.Wait()
	close(stop)
	writers.Wait()
	if got := told(t, r, 0); len(got) != clients*each {
		t.Errorf("%d of %d told", len(got), clients*each)
	}
	r.close()
}

// TestRefusalsAreWrittenInTime: the buffer is written after an interval, and earlier when it is half full.
func TestRefusalsAreWrittenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRefusals(t, vfs.NewMem(), 0)
		stop := make(chan struct{})
		go r.run(stop)
		r.refuse(1, "a")
		time.Sleep(refusedFlushInterval)
		synctest.Wait()
		if got := r.metrics.refusalsRecorded.Get(); got != 1 {
			t.Errorf("%d recorded after %v", got, refusedFlushInterval)
		}
		r.mu.budget = 4 * refusedBufferBytes
		for i := 0; len(r.early) == 0; i++ {
			r.refuse(1, fmt.Sprint("b", i))
			synctest.Wait()
			if r.metrics.refusalsRecorded.Get() > 1 {
				break
			}
		}
		if got := r.bytes.Load(); got < refusedBufferBytes/2 {
			t.Errorf("%d bytes written, though there was much to write", got)
		}
		close(stop)
		synctest.Wait()
		r.close()
	})
}
