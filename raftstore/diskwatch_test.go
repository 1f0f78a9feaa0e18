package raftstore

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// The age is that of the oldest operation in flight, of any kind. The end of younger operations does not change it.
func TestDiskWatchAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := diskWatch{start: time.Now()}
		expect := func(when string, want time.Duration) {
			t.Helper()
			if got := s.age(); got != want {
				t.Errorf("%s: the oldest is %s old, want %s", when, got, want)
			}
		}
		time.Sleep(time.Second)
		expect("nothing is in flight", 0)
		vote := s.begin(diskVote)
		time.Sleep(time.Second)
		store := s.begin(diskStore)
		time.Sleep(time.Second)
		expect("two are in flight", 2*time.Second)
		store()
		expect("the younger one has ended", 2*time.Second)
		store = s.begin(diskStore)
		vote()
		time.Sleep(time.Second)
		expect("the older one has ended", time.Second)
		store()
		expect("both have ended", 0)
	})
}

// failingLog fails all writes, and calls look first.
type failingLog struct {
	look func()
}

var errFailing = errors.New("failing")

func (f failingLog) Set(_, _ []byte) error              { f.look(); return errFailing }
func (f failingLog) Get(_ []byte) ([]byte, error)       { return nil, nil }
func (f failingLog) SetUint64(_ []byte, _ uint64) error { f.look(); return errFailing }
func (f failingLog) GetUint64(_ []byte) (uint64, error) { return 0, nil }

// A failed write is not in flight any more.
func TestWatchedStable(t *testing.T) {
	s := &diskWatch{start: time.Now()}
	looks := 0
	stable := watchedStable{failingLog{func() {
		looks++
		if s.since[diskVote].Load() == 0 {
			t.Error("a write is not counted")
		}
	}}, s}
	for _, err := range []error{stable.Set(nil, nil), stable.SetUint64(nil, 1)} {
		if !errors.Is(err, errFailing) {
			t.Error(err)
		}
		if age := s.age(); age != 0 {
			t.Errorf("a write that has failed is in flight for %s", age)
		}
	}
	if looks != 2 {
		t.Errorf("%d writes, want 2", looks)
	}
}

// A term that was stored never falls, whatever Raft asks for.
func TestTermNeverFalls(t *testing.T) {
	memory := raft.NewInmemStore()
	stable := &risingTerm{StableStore: memory}
	if err := errors.Join(stable.SetUint64(keyCurrentTerm, 7), stable.SetUint64(keyCurrentTerm, 7),
		stable.SetUint64([]byte("LastVoteTerm"), 6)); err != nil {
		t.Fatal(err)
	}
	if err := stable.SetUint64(keyCurrentTerm, 6); err == nil {
		t.Error("Raft may go back to term 6")
	}
	if term, err := memory.GetUint64(keyCurrentTerm); term != 7 || err != nil {
		t.Errorf("term %d is stored, %v", term, err)
	}
}

// Every kind of operation that waits for the disk is noticed.
func TestStallIsNoticed(t *testing.T) {
	notices := func(t *testing.T, s *Store, age func() time.Duration) {
		t.Helper()
		deadline := time.After(patience)
		for age() == 0 {
			select {
			case <-time.After(time.Millisecond):
			case <-deadline:
				t.Fatal("a disk that does not answer is not noticed")
			}
		}
	}
	t.Run("a vote", func(t *testing.T) {
		stalled, answer := newStallingFS(t, "")
		g := newGroupOf(t, 3, func(cfg *Config) {
			calm(cfg)
			if cfg.NodeID == "n2" {
				cfg.FS = stalled
			}
		})
		n := g.nodes[1]
		t.Cleanup(answer) // runs before the group is closed
		g.await("it can vote", func() bool { return len(n.voters()) == 3 })
		g.await("the first one leads", func() bool { return transferTo(g, g.nodes[0]) && g.nodes[0].Leads() })
		g.agree()
		stalled.on.Store(true)
		mustClose(t, g.nodes[0].Store) // no node can be elected, and write an entry, without this node's vote
		notices(t, n.Store, n.disk.logAge)
		answer()
	})
	t.Run("the note of a checkpoint", func(t *testing.T) {
		stalled, answer := newStallingFS(t, "log")
		s, done := checkpointOn(t, stalled)
		notices(t, s, s.disk.logAge)
		answer()
		if err := <-done; err != nil {
			t.Error(err)
		}
		mustClose(t, s)
	})
	t.Run("a table of a checkpoint", func(t *testing.T) {
		stalled, answer := newStallingFS(t, "ingest")
		s, done := checkpointOn(t, stalled)
		notices(t, s, s.DiskAge)
		if age := s.disk.logAge(); age != 0 {
			t.Errorf("an operation of the log is in flight for %s", age)
		}
		answer()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if age := s.DiskAge(); age != 0 {
			t.Errorf("after the checkpoint, a disk operation is in flight for %s", age)
		}
		mustClose(t, s)
	})
}

// checkpointOn starts a checkpoint of a store on a disk that does not answer.
func checkpointOn(t *testing.T, stalled *stallingFS) (*Store, <-chan error) {
	t.Helper()
	s := openReady(t, testConfig(stalled))
	mustDo(t, s, refresh("A", 1))
	stalled.on.Store(true)
	done := make(chan error, 1)
	go func() { done <- s.Checkpoint(t.Context()) }()
	return s, done
}

// While on, stallingFS stops syncs of files with a given part in their paths until a channel is closed.
type stallingFS struct {
	vfs.FS
	part  string
	on    atomic.Bool
	until chan struct{}
}

// newStallingFS makes a disk that stalls until answer is called, at the latest at the end of the test.
func newStallingFS(t *testing.T, part string) (fs *stallingFS, answer func()) {
	fs = &stallingFS{FS: vfs.NewMem(), part: part, until: make(chan struct{})}
	answer = sync.OnceFunc(func() { close(fs.until) })
	t.Cleanup(answer)
	return fs, answer
}

func (s *stallingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, category)
	return &stallingFile{f, s, strings.Contains(name, s.part)}, err
}

func (s *stallingFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(oldname, newname, category)
	return &stallingFile{f, s, strings.Contains(newname, s.part)}, err
}

type stallingFile struct {
	vfs.File
	fs     *stallingFS
	stalls bool
}

func (f *stallingFile) wait() {
	if f.stalls && f.fs.on.Load() {
		<-f.fs.until
	}
}

func (f *stallingFile) Sync() error {
	f.wait()
	return f.File.Sync()
}

func (f *stallingFile) SyncData() error {
	f.wait()
	return f.File.SyncData()
}

func (f *stallingFile) SyncTo(length int64) (bool, error) {
	f.wait()
	return f.File.SyncTo(length)
}
