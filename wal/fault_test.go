package wal

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

// faultFS fails operations of one kind on WAL files after it is armed.
func faultFS(fs vfs.FS, kind errorfs.OpKind) (faulty vfs.FS, armed *atomic.Bool) {
	armed = new(atomic.Bool)
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if armed.Load() && op.Kind == kind && strings.HasSuffix(op.Path, ".log") {
			return errorfs.ErrInjected
		}
		return nil
	})), armed
}

// fatalCall runs the call and returns the message that OnFatal got, "" if the call returned.
func fatalCall(t *testing.T, call func() error) (msg string) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			msg = r.(string)
		}
	}()
	err := call()
	t.Errorf("the call returned %v although the disk failed", err)
	return ""
}

// A failed write or sync of the WAL is never acknowledged: OnFatal is called, the call does not return, and later calls
// are refused. The disk has what was acknowledged before.
func TestFailedSyncIsNotAcknowledged(t *testing.T) {
	calls := map[string]func(*Log) error{
		"StoreLogs":   func(l *Log) error { return l.StoreLogs(run(11, 20, 2)) },
		"DeleteRange": func(l *Log) error { return l.DeleteRange(9, 10) },
		"Set":         func(l *Log) error { return l.SetUint64([]byte("CurrentTerm"), 2) },
	}
	for name, call := range calls {
		for _, kind := range []errorfs.OpKind{errorfs.OpFileSyncData, errorfs.OpFileWrite} {
			t.Run(name, func(t *testing.T) { failOne(t, kind, call) })
		}
	}
}

func failOne(t *testing.T, kind errorfs.OpKind, call func(*Log) error) {
	disk := vfs.NewCrashableMem()
	faulty, armed := faultFS(disk, kind)
	synced := 0
	l := mustOpen(t, Config{FS: faulty, OnSync: countSyncs(&synced)})
	mustStore(t, l, run(1, 10, 1))
	armed.Store(true)
	if msg := fatalCall(t, func() error { return call(l) }); !strings.Contains(msg, "injected error") {
		t.Fatalf("OnFatal got %q", msg)
	}
	if synced != 1 {
		t.Fatalf("OnSync was called %d times, want once", synced)
	}
	armed.Store(false)
	for _, err := range []error{call(l), l.GetLog(1, new(raft.Log)), l.Close()} {
		if !errors.Is(err, ErrFailed) {
			t.Fatalf("after the failure: %v, want ErrFailed", err)
		}
	}
	l = mustOpen(t, Config{FS: disk.CrashClone(vfs.CrashCloneCfg{})})
	checkLog(t, l, run(1, 10, 1))
	mustStore(t, l, run(11, 12, 3))
	checkLog(t, l, append(run(1, 10, 1), run(11, 12, 3)...))
	mustClose(t, l)
}

// If OnFatal returns, against its contract, the goroutine panics.
func TestOnFatalMustNotReturn(t *testing.T) {
	faulty, armed := faultFS(vfs.NewMem(), errorfs.OpFileSyncData)
	called := false
	l := mustOpen(t, Config{FS: faulty, OnFatal: func(string) { called = true }})
	armed.Store(true)
	msg := fatalCall(t, func() error { return l.StoreLog(entry(1, 1)) })
	if !called || !strings.HasPrefix(msg, "FATAL: ") {
		t.Fatalf("OnFatal called: %v, panic %q", called, msg)
	}
	if last, _ := l.LastIndex(); last != 0 {
		t.Fatalf("the entry counts as stored, LastIndex is %d", last)
	}
}

// A failed disk ends the process through the default OnFatal, with its exit status and the cause. This holds for each
// operation on disk, also between two WAL files, where Pebble panics with an unlocked mutex. For each operation the
// test runs itself as another process, and the disk fails from that operation on.
func TestFailedDiskEndsTheProcess(t *testing.T) {
	const env, entries = "APPORTION_WAL_FAIL_FROM", 8 // enough for two WAL files, without a wait for a flush
	if from, err := strconv.ParseInt(os.Getenv(env), 10, 64); err == nil {
		storeOnDiskFailingFrom(t, from, entries)
		return
	}
	ends := 0
	for from := 1; ; from++ {
		child := exec.Command(os.Args[0], "-test.run=^TestFailedDiskEndsTheProcess$")
		child.Env = append(os.Environ(), fmt.Sprint(env, "=", from))
		output, err := child.CombinedOutput()
		if err == nil {
			break // all were stored before the fault
		}
		ends++
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != ExitDiskFailed {
			t.Fatalf("from operation %d on, the process ended with %v, want code %d:\n%s", from, err, ExitDiskFailed,
				output)
		}
		if text := string(output); !strings.Contains(text, "injected error") || strings.Contains(text, "goroutine ") ||
			strings.Contains(text, "stack trace") {
			t.Fatalf("from operation %d on, the message is not the cause alone:\n%s", from, text)
		}
	}
	t.Logf("%d operations", ends)
	if ends < 2*entries {
		t.Fatalf("%d faults for %d entries: expected a write and a sync for each", ends, entries)
	}
}

// storeOnDiskFailingFrom stores entries in small WAL files. From one operation on, every operation fails.
func storeOnDiskFailingFrom(t *testing.T, from int64, entries uint64) {
	var ops atomic.Int64
	ops.Store(math.MinInt64)
	l, err := Open(Config{Dir: "log", MemTableBytes: MemTableBytesMin,
		FS: errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			ofLog := op.Path == "log" || strings.HasSuffix(op.Path, ".log")
			if ofLog && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && ops.Add(1) >= from {
				return errorfs.ErrInjected
			}
			return nil
		}))})
	if err != nil {
		t.Fatal(err)
	}
	ops.Store(0)
	for index := uint64(1); index <= entries; index++ {
		if err := l.StoreLog(&raft.Log{Index: index, Term: 1, Data: make([]byte, MemTableBytesMin/4)}); err != nil {
			t.Fatal(err)
		}
	}
	os.Exit(0) // before the fault can affect anything else
}

// If one of its reads fails, Open returns the error. The next Open succeeds.
func TestOpenFaults(t *testing.T) {
	refused := 0
	for k := int64(0); ; k++ {
		disk := vfs.NewMem()
		l := mustOpen(t, Config{FS: disk})
		mustStore(t, l, run(1, 10, 1))
		mustClose(t, l)
		reads, err := openFailingAt(t, disk, k)
		if err != nil {
			refused++
		}
		if reads <= k {
			break
		}
		l = mustOpen(t, Config{FS: disk})
		checkLog(t, l, run(1, 10, 1))
		mustClose(t, l)
	}
	if refused == 0 {
		t.Fatal("no fault was reported")
	}
}

// openFailingAt fails the k-th read of an Open. It returns the number of reads, and the error of Open. Pebble tolerates
// some faults: then there is no error.
func openFailingAt(t *testing.T, disk vfs.FS, k int64) (reads int64, err error) {
	var count atomic.Int64
	faulty := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead && op.Kind != errorfs.OpOpenDir && count.Add(1) == k+1 {
			return errorfs.ErrInjected
		}
		return nil
	}))
	l, err := Open(testConfig(Config{FS: faulty}))
	if err == nil {
		mustClose(t, l)
	} else if !errors.Is(err, errorfs.ErrInjected) {
		t.Fatalf("read %d failed: %v", k, err)
	}
	return count.Load(), err
}

// lockFS fails the first attempt to lock the database, or to unlock it.
type lockFS struct {
	vfs.FS
	take, giveUp error
}

func (fs *lockFS) Lock(name string) (io.Closer, error) {
	take, giveUp := fs.take, fs.giveUp
	fs.take, fs.giveUp = nil, nil
	if take != nil {
		return nil, take
	}
	lock, err := fs.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	return closer(func() error { return errors.Join(lock.Close(), giveUp) }), nil
}

type closer func() error

func (c closer) Close() error { return c() }

// Open opens a new database once more to raise its format. A failure there fails Open. The next Open succeeds.
func TestNewDatabaseFaults(t *testing.T) {
	for _, fs := range []*lockFS{{take: errorfs.ErrInjected}, {giveUp: errorfs.ErrInjected}} {
		fs.FS = vfs.NewMem()
		if l, err := Open(testConfig(Config{FS: fs})); !errors.Is(err, errorfs.ErrInjected) {
			t.Errorf("Open gives %v, %v", l, err)
		}
		l := mustOpen(t, Config{FS: fs})
		mustStore(t, l, run(1, 10, 1))
		mustClose(t, l)
	}
}
