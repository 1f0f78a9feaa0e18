package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/hashicorp/raft"

	"apportion/engine"
)

// fakeLog is an appender. The test answers its entries, one at a time.
type fakeLog struct {
	t       *testing.T
	handOut func(data []byte, results *entryResults) // the proposer's
	entries chan *fakeFuture
	ended   chan struct{} // fails the entries that a failed test has not answered
}

type fakeFuture struct {
	log   *fakeLog
	data  []byte
	entry entry
	err   error
	done  chan struct{}
	ended chan struct{}
}

func (l *fakeLog) Apply(data []byte, _ time.Duration) raft.ApplyFuture {
	e, err := decodeEntry(data)
	if err != nil {
		panic(err)
	}
	f := &fakeFuture{log: l, data: data, entry: e, done: make(chan struct{}), ended: l.ended}
	select {
	case l.entries <- f:
	case <-l.ended:
	}
	return f
}

// next waits for the next entry. If none comes, the test fails rather than hangs.
func (l *fakeLog) next() *fakeFuture {
	l.t.Helper()
	return receive(l.t, "an entry", l.entries)
}

func (f *fakeFuture) Error() error {
	select {
	case <-f.done:
		return f.err
	case <-f.ended:
		return raft.ErrRaftShutdown
	}
}

func (f *fakeFuture) Response() any { return nil }
func (f *fakeFuture) Index() uint64 { return 0 }

// succeed answers each command with its own bytes.
func (f *fakeFuture) succeed() {
	f.log.handOut(f.data, f.results())
	close(f.done)
}

func (f *fakeFuture) results() *entryResults {
	r := &entryResults{}
	e := f.entry
	for range e.count {
		r.results = append(r.results, e.next()...)
		r.ends = append(r.ends, len(r.results))
	}
	return r
}

func (f *fakeFuture) fail(err error) { f.err = err; close(f.done) }

var testLimits = proposerLimits{
	queueBatches: 8, queueBytes: 4096, entryBytesTarget: 512, entryBytes: 2048, entryCommands: 6,
	secondEntryBytes: 4096,
}

func startProposer(t *testing.T, limits proposerLimits) (*proposer, *fakeLog) {
	return startProposerIf(t, limits, func() bool { return true })
}

func startProposerIf(t *testing.T, limits proposerLimits, leads func() bool) (*proposer, *fakeLog) {
	log := &fakeLog{t: t, entries: make(chan *fakeFuture), ended: make(chan struct{})}
	stamper := newStamper(newFakeClock(), slog.New(slog.DiscardHandler))
	p := newProposer(stamper, func() int64 { return 0 }, newStoreMetrics(metrics.NewSet()), limits)
	log.handOut = p.handOut
	p.start(log, leads)
	t.Cleanup(func() {
		close(log.ended)
		p.close(time.Minute)
	})
	return p, log
}

// testBatch is a batch of commands for the given locations, each a valid command of about 20 bytes.
func testBatch(locations ...string) *Batch {
	b := &Batch{}
	for _, l := range locations {
		b.Append(nil, &engine.StartCount{Location: l, Count: "c"})
	}
	return b
}

// doAsync calls do on another goroutine.
func doAsync(p *proposer, deadline time.Time, b *Batch) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.do(deadline, b) }()
	return done
}

// awaitQueued waits for a number of batches in the queue.
func awaitQueued(t *testing.T, p *proposer, want int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d batches in the queue", want), func() bool { return p.queued.Load() == want })
}

// occupy puts one entry in flight, so that later batches wait in the queue.
func occupy(t *testing.T, p *proposer, log *fakeLog) (*fakeFuture, <-chan error) {
	t.Helper()
	done := doAsync(p, time.Time{}, testBatch("first"))
	return log.next(), done
}

func checkResults(t *testing.T, b *Batch) {
	t.Helper()
	for i := range b.Len() {
		if got, want := string(b.Result(i)), string(b.Command(i)); got != want {
			t.Fatalf("result %d is %q, want %q", i, got, want)
		}
	}
}

func TestProposerGathersWhatWaits(t *testing.T) {
	p, log := startProposer(t, testLimits)
	first, firstDone := occupy(t, p, log)
	if first.entry.count != 1 {
		t.Fatalf("an idle proposer made an entry of %d commands, want 1", first.entry.count)
	}
	var batches []*Batch
	var dones []<-chan error
	for i := range 3 {
		b := testBatch(fmt.Sprint("a", i), fmt.Sprint("b", i))
		batches = append(batches, b)
		dones = append(dones, doAsync(p, time.Now().Add(time.Minute), b))
		awaitQueued(t, p, int64(i+1))
	}
	first.succeed()
	second := log.next()
	if second.entry.count != 6 {
		t.Fatalf("the second entry has %d commands, want all 6 that waited", second.entry.count)
	}
	if err := receive(t, "an answer", firstDone); err != nil {
		t.Fatal(err)
	}
	second.succeed()
	for i, done := range dones {
		if err := receive(t, "an answer", done); err != nil {
			t.Fatal(err)
		}
		checkResults(t, batches[i])
	}
}

func TestProposerBoundsEntries(t *testing.T) {
	f := func(name string, batches []*Batch, wantCounts ...int) {
		t.Helper()
		p, log := startProposer(t, testLimits)
		first, firstDone := occupy(t, p, log)
		var dones []<-chan error
		for i, b := range batches {
			dones = append(dones, doAsync(p, time.Time{}, b))
			awaitQueued(t, p, int64(i+1))
		}
		first.succeed()
		for i, want := range wantCounts {
			next := log.next()
			if next.entry.count != want {
				t.Fatalf("%s: entry %d has %d commands, want %d", name, i, next.entry.count, want)
			}
			next.succeed()
		}
		for _, done := range append(dones, firstDone) {
			if err := receive(t, "an answer", done); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	long := string(make([]byte, 300))
	f("by count", []*Batch{testBatch("1", "2", "3"), testBatch("4", "5", "6"), testBatch("7")}, 6, 1)
	f("a batch is not torn apart", []*Batch{testBatch("1", "2", "3", "4"), testBatch("5", "6", "7")}, 4, 3)
	f("by bytes", []*Batch{testBatch(long), testBatch(long), testBatch("1")}, 1, 2)
	f("a large batch alone", []*Batch{testBatch("1"), testBatch(long, long, long), testBatch("2")}, 1, 3, 1)
}

func TestProposerRefusals(t *testing.T) {
	p, log := startProposer(t, testLimits)
	first, firstDone := occupy(t, p, log)
	long := string(make([]byte, 1000))
	f := func(what string, b *Batch, deadline time.Time, want error) {
		t.Helper()
		if err := p.do(deadline, b); !errors.Is(err, want) {
			t.Fatalf("%s: got %v, want %v", what, err, want)
		}
	}
	f("too many bytes", testBatch(long, long, long), time.Time{}, ErrTooLarge)
	f("too many commands", testBatch("1", "2", "3", "4", "5", "6", "7"), time.Time{}, ErrTooLarge)
	f("past its deadline", testBatch("1"), time.Now(), ErrTimeout)

	var dones []<-chan error
	for i := range testLimits.queueBatches {
		dones = append(dones, doAsync(p, time.Time{}, testBatch("x")))
		awaitQueued(t, p, int64(i+1))
	}
	full := testBatch("y")
	f("one batch too many", full, time.Time{}, ErrQueueFull)

	first.succeed()
	for range 2 { // 8 commands, 6 an entry
		log.next().succeed()
	}
	for _, done := range append(dones, firstDone) {
		if err := receive(t, "an answer", done); err != nil {
			t.Fatal(err)
		}
	}
	retried := doAsync(p, time.Time{}, full)
	log.next().succeed()
	if err := receive(t, "an answer", retried); err != nil {
		t.Fatalf("a batch that was refused could not be sent again: %v", err)
	}
	checkResults(t, full)
}

func TestProposerQueueBytes(t *testing.T) {
	p, log := startProposer(t, testLimits)
	long := string(make([]byte, 1500))
	for range 2 { // a batch that has left the queue no longer counts
		first, firstDone := occupy(t, p, log)
		var dones []<-chan error
		for i := range 2 {
			dones = append(dones, doAsync(p, time.Time{}, testBatch(long)))
			awaitQueued(t, p, int64(i+1))
		}
		if err := p.do(time.Time{}, testBatch(long)); !errors.Is(err, ErrQueueFull) {
			t.Fatalf("got %v, want ErrQueueFull", err)
		}
		first.succeed()
		for range 2 {
			log.next().succeed()
		}
		for _, done := range append(dones, firstDone) {
			if err := receive(t, "an answer", done); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Virtual time: on a busy machine, a deadline of a few milliseconds could pass before the batch is in flight.
func TestProposerDeadlines(t *testing.T) { synctest.Test(t, testProposerDeadlines) }

func testProposerDeadlines(t *testing.T) {
	p, log := startProposer(t, testLimits)

	// In flight at the deadline: the outcome is unknown. The Batch gets new memory, because the entry still uses the
	// old one.
	b := testBatch("flying")
	done := doAsync(p, time.Now().Add(5*time.Millisecond), b)
	flying := log.next()
	if err := receive(t, "an answer", done); !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("in flight: got %v, want ErrOutcomeUnknown", err)
	}
	if b.Len() != 0 {
		t.Fatalf("the batch still has %d commands of unknown outcome", b.Len())
	}

	// Still queued at the deadline: removed from the queue.
	queued := testBatch("queued")
	if err := p.do(time.Now().Add(time.Millisecond), queued); !errors.Is(err, ErrTimeout) {
		t.Fatalf("queued: got %v, want ErrTimeout", err)
	}
	if p.queued.Load() != 0 {
		t.Fatal("a batch that was given up is still in the queue")
	}
	last := doAsync(p, time.Time{}, queued)
	awaitQueued(t, p, 1)
	flying.succeed()
	next := log.next()
	if next.entry.count != 1 {
		t.Fatalf("the next entry has %d commands, want 1", next.entry.count)
	}
	next.succeed()
	if err := receive(t, "an answer", last); err != nil {
		t.Fatal(err)
	}
	checkResults(t, queued)
}

func TestProposerErrorsOfTheLog(t *testing.T) {
	p, log := startProposer(t, testLimits)
	f := func(fault, want error) {
		t.Helper()
		done := doAsync(p, time.Time{}, testBatch("x"))
		log.next().fail(fault)
		if err := receive(t, "an answer", done); !errors.Is(err, want) {
			t.Fatalf("%v became %v, want %v", fault, err, want)
		}
	}
	f(raft.ErrNotLeader, ErrNotLeader)
	f(raft.ErrLeadershipTransferInProgress, ErrNotLeader)
	f(raft.ErrLeadershipLost, ErrOutcomeUnknown)
	f(raft.ErrRaftShutdown, ErrOutcomeUnknown)
	f(errors.New("disk on fire"), ErrOutcomeUnknown)
}

// TestProposerDoesNotLead: a queued batch is refused if leadership is lost, or is won again before the node has caught
// up. Its stamp could be before that of an entry that the node has not applied.
func TestProposerDoesNotLead(t *testing.T) {
	var leads atomic.Bool
	leads.Store(true)
	p, log := startProposerIf(t, testLimits, leads.Load)
	first, firstDone := occupy(t, p, log)
	b := testBatch("queued")
	queued := doAsync(p, time.Time{}, b)
	awaitQueued(t, p, 1)
	leads.Store(false)
	first.fail(raft.ErrLeadershipLost)
	if err := receive(t, "an answer", firstDone); !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("in flight: got %v, want ErrOutcomeUnknown", err)
	}
	if err := receive(t, "an answer", queued); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("queued: got %v, want ErrNotLeader", err)
	}
	leads.Store(true)
	again := doAsync(p, time.Time{}, b)
	log.next().succeed()
	if err := receive(t, "an answer", again); err != nil {
		t.Fatal(err)
	}
	checkResults(t, b)
}

func TestProposerClose(t *testing.T) {
	p, log := startProposer(t, testLimits)
	first, firstDone := occupy(t, p, log)
	waiting := doAsync(p, time.Time{}, testBatch("waiting"))
	awaitQueued(t, p, 1)
	closed := make(chan struct{})
	go func() { defer close(closed); p.close(time.Minute) }()
	if err := receive(t, "an answer", waiting); !errors.Is(err, ErrClosed) {
		t.Fatalf("waiting: got %v, want ErrClosed", err)
	}
	first.succeed()
	if err := receive(t, "an answer", firstDone); err != nil {
		t.Fatalf("in flight: %v", err)
	}
	receive(t, "the end of the proposer", closed)
	if err := p.do(time.Time{}, testBatch("late")); !errors.Is(err, ErrClosed) {
		t.Fatalf("after close: got %v, want ErrClosed", err)
	}
}

// TestProposerUnderLoad: with many callers and short deadlines, each batch gets its own results or none, and stamps
// never fall.
func TestProposerUnderLoad(t *testing.T) {
	limits := testLimits
	limits.queueBatches = 64
	p, log := startProposer(t, limits)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		last := int64(0)
		for {
			select {
			case f := <-log.entries:
				if f.entry.stampMS < last {
					t.Errorf("stamp %d after %d", f.entry.stampMS, last)
				}
				last = f.entry.stampMS
				f.succeed()
			case <-stop:
				return
			}
		}
	}()
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			b := &Batch{}
			for i := range 200 {
				b.Reset()
				b.Append(nil, &engine.StartCount{Location: fmt.Sprint(c, "/", i), Count: "c"})
				b.Append(nil, &engine.CloseCount{Location: fmt.Sprint(c, "/", i), Count: "c"})
				err := p.do(time.Now().Add(time.Duration(i%5)*100*time.Microsecond), b)
				if err == nil {
					checkResults(t, b)
				}
			}
		})
	}
	callers.Wait()
	p.close(time.Minute)
	close(stop)
	<-stopped
}

// Callers get their results from the goroutine that applies, before Raft's future succeeds. They get them even if the
// future fails with an unknown outcome, because an applied entry stays applied.
func TestProposerHandsOutResultsBeforeTheFuture(t *testing.T) {
	for name, end := range map[string]error{"success": nil, "leadership lost": raft.ErrLeadershipLost} {
		t.Run(name, func(t *testing.T) {
			p, log := startProposer(t, testLimits)
			b := testBatch("a", "b")
			done := doAsync(p, time.Time{}, b)
			f := log.next()
			p.handOut(f.data, f.results())
			if err := receive(t, "an answer", done); err != nil {
				t.Fatal(err)
			}
			checkResults(t, b)
			f.fail(end)
			next := doAsync(p, time.Time{}, testBatch("c"))
			log.next().succeed()
			if err := receive(t, "the next answer", next); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// An entry is applied without a receiver if its callers already have an error, or if another node proposed it.
func TestProposerIgnoresResultsOfOtherEntries(t *testing.T) {
	p, log := startProposer(t, testLimits)
	done := doAsync(p, time.Time{}, testBatch("a"))
	f := log.next()
	p.handOut(append([]byte(nil), f.data...), f.results()) // the same bytes, from another node's entry
	f.fail(raft.ErrLeadershipLost)
	if err := receive(t, "an answer", done); !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("got %v, want ErrOutcomeUnknown", err)
	}
	b := testBatch("b")
	done = doAsync(p, time.Time{}, b)
	second := log.next()
	p.handOut(f.data, f.results())
	second.succeed()
	if err := receive(t, "an answer", done); err != nil {
		t.Fatal(err)
	}
	checkResults(t, b)
}

// expectNoEntry checks that the proposer waits.
func expectNoEntry(t *testing.T, log *fakeLog) {
	t.Helper()
	synctest.Wait()
	select {
	case f := <-log.entries:
		t.Fatalf("an entry of %d commands, want none yet", f.entry.count)
	default:
	}
}

// Much in the queue goes at once, while another entry is in flight; little does not, and never a third entry.
func TestProposerSecondEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := testLimits
		limits.secondEntryBytes = 300
		p, log := startProposer(t, limits)
		first, _ := occupy(t, p, log)
		doAsync(p, time.Time{}, testBatch("little"))
		expectNoEntry(t, log)
		long := string(make([]byte, 300))
		doAsync(p, time.Time{}, testBatch(long))
		second := log.next()
		if second.entry.count != 2 {
			t.Fatalf("the second entry has %d commands, want 2", second.entry.count)
		}
		doAsync(p, time.Time{}, testBatch(long))
		expectNoEntry(t, log)
		first.succeed()
		third := log.next()
		second.succeed()
		third.succeed()
	})
}

// Each entry gets its own end, in any order: the second one may be applied after the first has failed.
func TestProposerSecondEntryOutlivesTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := testLimits
		limits.secondEntryBytes = 1
		p, log := startProposer(t, limits)
		first, firstDone := occupy(t, p, log)
		b := testBatch("a")
		secondDone := doAsync(p, time.Time{}, b)
		second := log.next()
		first.fail(raft.ErrLeadershipLost)
		if err := receive(t, "an answer", firstDone); !errors.Is(err, ErrOutcomeUnknown) {
			t.Errorf("first: got %v, want ErrOutcomeUnknown", err)
		}
		second.succeed()
		if err := receive(t, "an answer", secondDone); err != nil {
			t.Errorf("second: %v", err)
		}
		checkResults(t, b)
	})
}
