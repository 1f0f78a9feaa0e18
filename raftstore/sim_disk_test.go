package raftstore

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"apportion/raftstore/durable"
	"apportion/raftstore/history"
)

// simDisk is the disk of one simulated node, while one process uses it. It counts the changes by the node's own steps,
// so that a crash or a fault can be at the k-th change.
//
// Pebble makes the changes of a step on its own goroutines, but the step waits for them, in one order. Pebble's
// background work (removal of unused files, compactions of the log's database) is not counted: its time depends on the
// scheduler. A crash with or without it must give the same result in the simulation.
type simDisk struct {
	vfs.FS
	mem *vfs.MemFS

	mu      sync.Mutex // Pebble's goroutines use the disk too
	changes int64
	crashAt int64 // change with the crash; 0: none
	faultAt int64 // first change with a fault; 0: none
	fault   simFault
	synced  *vfs.MemFS // certain to be left by the crash; nil: no crash yet
	current *vfs.MemFS // left by a crash without loss
}

// simFault is the kind of a fault.
type simFault struct {
	log  bool // the log's writes and syncs, permanently; else one operation on a table of a checkpoint
	sync bool // syncs fail, not writes
}

func newSimDisk(mem *vfs.MemFS) *simDisk {
	d := &simDisk{mem: mem}
	d.FS = errorfs.Wrap(mem, errorfs.InjectorFunc(d.inject))
	return d
}

func (d *simDisk) inject(op errorfs.Op) error {
	if !isStepChange(op) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	if d.changes == d.crashAt && d.synced == nil {
		d.crashLocked()
	}
	return d.faultLocked(op)
}

// isStepChange reports whether the operation is a change that one of the node's own steps waits for.
func isStepChange(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo,
		errorfs.OpLink,
		errorfs.OpRename:
	default:
		return false
	}
	if strings.Contains(op.Path, "/store/log/") {
		return strings.HasSuffix(op.Path, ".log")
	}
	return true
}

func (d *simDisk) faultLocked(op errorfs.Op) error {
	if d.faultAt == 0 || d.changes < d.faultAt {
		return nil
	}
	isSync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	switch {
	case d.fault.log && strings.HasSuffix(op.Path, ".log") &&
		(op.Kind == errorfs.OpFileWrite || isSync && d.fault.sync):
		if d.fault.sync && !isSync {
			return nil
		}
	case !d.fault.log && strings.Contains(op.Path, "/ingest/") && isSync == d.fault.sync:
		d.faultAt = 0
	default:
		return nil
	}
	return errorfs.ErrInjected
}

// crashLocked records the present disk. The interrupted step goes on, but without an effect.
func (d *simDisk) crashLocked() {
	d.synced = d.mem.CrashClone(vfs.CrashCloneCfg{})
	d.current = d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))})
}

// crash crashes the node now, unless it has crashed already.
func (d *simDisk) crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.synced == nil {
		d.crashLocked()
	}
}

func (d *simDisk) crashed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.synced != nil
}

// crashAfter crashes the node at the n-th change from now. faultAfter makes its disk fail from then on.
func (d *simDisk) crashAfter(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashAt = d.changes + n
}

func (d *simDisk) faultAfter(n int64, fault simFault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faultAt, d.fault = d.changes+n, fault
}

// remainder is what a crash leaves: all synced data, and each other name and block with a probability. MemFS has the
// same, but draws in the order of a Go map. Here, the draws for a file depend on its name and the seed.
func (d *simDisk) remainder(percent int, seed uint64) *vfs.MemFS {
	switch percent {
	case 0:
		return d.synced
	case 100:
		return d.current
	}
	t := tearing{to: d.synced, from: d.current, percent: percent, seed: seed}
	t.dir("/")
	if t.err != nil {
		panic(fmt.Sprintf("BUG: simulation: tear a disk: %v", t.err))
	}
	return d.synced
}

// tearing adds missing parts of one file system to another.
type tearing struct {
	to, from *vfs.MemFS
	percent  int
	seed     uint64
	err      error
}

func (t *tearing) dice(path string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, path)
	return rand.New(rand.NewPCG(t.seed, h.Sum64()))
}

func (t *tearing) check(err error) bool {
	if err != nil && t.err == nil {
		t.err = err
	}
	return err == nil
}

func (t *tearing) dir(path string) {
	names, err := t.from.List(path)
	if !t.check(err) {
		return
	}
	slices.Sort(names)
	for _, name := range names {
		t.entry(t.from.PathJoin(path, name))
	}
	t.check(durable.SyncDir(t.to, path))
}

func (t *tearing) entry(path string) {
	dice := t.dice(path)
	info, err := t.from.Stat(path)
	if !t.check(err) {
		return
	}
	_, err = t.to.Stat(path)
	known := err == nil
	if !known && dice.IntN(100) >= t.percent {
		return
	}
	if !info.IsDir() {
		t.file(path, known, dice)
		return
	}
	if known {
		t.dir(path)
		return
	}
	t.check(t.to.MkdirAll(path, durable.DirPermissions))
	if _, renamed := history.ParseName(t.to.PathBase(path)); renamed {
		// The content was synced before the directory got this name. So with the name, all content is there.
		defer func(percent int) { t.percent = percent }(t.percent)
		t.percent = 100
	}
	t.dir(path)
}

func (t *tearing) file(path string, known bool, dice *rand.Rand) {
	var have []byte
	if known {
		have = t.read(t.to, path)
	}
	want := t.read(t.from, path)
	if known && bytes.Equal(have, want) {
		return
	}
	const blockBytes = 4096
	for i := 0; i < len(want); i += blockBytes {
		if dice.IntN(100) >= t.percent {
			continue
		}
		block := want[i:min(i+blockBytes, len(want))]
		if grow := i + len(block) - len(have); grow > 0 {
			have = append(have, make([]byte, grow)...)
		}
		copy(have[i:], block)
	}
	f, err := t.to.Create(path, vfs.WriteCategoryUnspecified)
	if !t.check(err) {
		return
	}
	_, err = f.Write(have)
	t.check(err)
	t.check(f.Sync())
	t.check(f.Close())
}

func (t *tearing) read(fs *vfs.MemFS, path string) []byte {
	f, err := fs.Open(path)
	if !t.check(err) {
		return nil
	}
	data, err := io.ReadAll(f)
	t.check(err)
	t.check(f.Close())
	return data
}
