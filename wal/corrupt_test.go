package wal

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// damage overwrites or deletes the row without the log's knowledge.
func damage(t *testing.T, l *Log, key, value []byte) {
	t.Helper()
	err := l.db.Set(key, value, pebble.Sync)
	if value == nil {
		err = l.db.Delete(key, pebble.Sync)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func flipped(value []byte) []byte {
	value[len(value)-1] ^= 1
	return value
}

// Each case damages the row of one entry of ten, and names what readers, Verify and the next Open must find.
func TestCorruptEntry(t *testing.T) {
	key, value := encode(entry(5, 1))
	_, other := encode(entry(6, 1))
	for _, c := range []struct {
		name, reason string
		index        uint64
		value        []byte
		openFails    bool
	}{
		{"flipped bit", "checksum mismatch", 5, flipped(append([]byte{}, value...)), false},
		{"cut", "checksum mismatch", 5, value[:len(value)-1], false},
		{"empty", "shorter than its header", 5, []byte{}, false},
		{"another entry", "checksum mismatch", 5, other, false},
		{"hole", "missing", 5, nil, false},
		{"first", "shorter than its header", 1, []byte{}, true},
		{"last", "shorter than its header", 10, []byte{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := vfs.NewMem()
			var reported error
			l := mustOpen(t, Config{FS: fs, OnCorruption: func(err error) { reported = err }})
			mustStore(t, l, run(1, 10, 1))
			damage(t, l, appendLogKey(key[:0:0], c.index), c.value)
			err := l.GetLog(c.index, new(raft.Log))
			if !corruptBecause(err, c.reason) || reported == nil || l.Metrics().Corruptions != 1 {
				t.Errorf("GetLog: %v, reported %v, want %s", err, reported, c.reason)
			}
			if _, err := l.Verify(context.Background()); !corruptBecause(err, c.reason) {
				t.Errorf("Verify: %v, want %s", err, c.reason)
			}
			if err := l.GetLog(7, new(raft.Log)); err != nil {
				t.Errorf("an intact entry: %v", err)
			}
			mustClose(t, l)
			l, err = Open(testConfig(Config{FS: fs}))
			if c.openFails {
				if !corruptBecause(err, c.reason) {
					t.Errorf("Open: %v, want %s", err, c.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			mustClose(t, l)
		})
	}
}

func corruptBecause(err error, reason string) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt) && corrupt.Reason == reason
}

func TestCorruptStableValue(t *testing.T) {
	reports := 0
	l := mustOpen(t, Config{FS: vfs.NewMem(), OnCorruption: func(error) { reports++ }})
	defer mustClose(t, l)
	if err := l.SetUint64([]byte("CurrentTerm"), 3); err != nil {
		t.Fatal(err)
	}
	key := appendTableKey(nil, tableStable, []byte("CurrentTerm"))
	damage(t, l, key, flipped(appendSmall(nil, key, make([]byte, uint64Bytes))))
	if _, err := l.GetUint64([]byte("CurrentTerm")); !errors.Is(err, ErrCorrupt) || reports != 1 {
		t.Fatalf("GetUint64: %v, %d reports", err, reports)
	}
}

// Without OnCorruption, damage ends the process.
func TestCorruptionIsFatalByDefault(t *testing.T) {
	cfg := testConfig(Config{FS: vfs.NewMem()})
	cfg.OnCorruption = nil
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mustStore(t, l, run(1, 3, 1))
	damage(t, l, appendLogKey(nil, 2), []byte{})
	msg := fatalCall(t, func() error { return l.GetLog(2, new(raft.Log)) })
	if !strings.Contains(msg, "entry 2") {
		t.Fatalf("OnFatal got %q", msg)
	}
}

// Damage to the files themselves: a byte of a table or of a WAL that was synced and closed. In any case, no entry may
// come back changed, and none may be missing without an error.
func TestDamagedFiles(t *testing.T) {
	pristine := vfs.NewCrashableMem()
	want := run(1, 400, 1)
	l := mustOpen(t, Config{FS: pristine, MemTableBytes: 16 << 10})
	mustStore(t, l, want[:200])
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	mustStore(t, l, want[200:])
	mustClose(t, l)
	damaged, noticed := 0, 0
	for _, name := range mustList(t, pristine) {
		if !strings.HasSuffix(name, ".sst") && !strings.HasSuffix(name, ".log") {
			continue
		}
		for _, percent := range []int{1, 50} {
			fs := pristine.CrashClone(vfs.CrashCloneCfg{})
			if flipFileByte(t, fs, "log/"+name, percent) {
				damaged++
				if readDamaged(t, fs, want) {
					noticed++
				}
			}
		}
	}
	t.Logf("%d damaged, %d noticed", damaged, noticed)
	if noticed == 0 {
		t.Fatal("no damage was noticed")
	}
}

func mustList(t *testing.T, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List("log")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// flipFileByte flips the byte at a percentage of the file's size, and reports whether the file has any.
func flipFileByte(t *testing.T, fs vfs.FS, path string, percent int) bool {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == 0 {
		return false
	}
	var b [1]byte
	at := info.Size() * int64(percent) / 100
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	return true
}

// readDamaged reads the whole log and reports whether the damage was noticed. It fails the test if the log differs from
// what was stored and no error says so.
func readDamaged(t *testing.T, fs vfs.FS, want []*raft.Log) (noticed bool) {
	t.Helper()
	l, err := Open(testConfig(Config{FS: fs}))
	if err != nil {
		return true
	}
	defer l.Close()
	last, _ := l.LastIndex()
	if last != uint64(len(want)) {
		t.Errorf("the log ends at %d of %d without an error", last, len(want))
	}
	for _, w := range want {
		var got raft.Log
		err := l.GetLog(w.Index, &got)
		if err == nil && !sameEntry(&got, w) {
			t.Errorf("entry %d came back as %+v", w.Index, got)
		}
		noticed = noticed || err != nil
	}
	return noticed
}

// After a crash, the first WAL file of a new directory is the log's only copy. Damage to it must fail Open. Open must
// not end the log at the damage.
func TestDamagedFirstWAL(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l := mustOpen(t, Config{FS: fs})
	for i := range uint64(180) { // fewer than fill the first memtable, so that there is one file
		e := entry(i+1, 1)
		e.Data = bytes.Repeat([]byte{byte(i)}, 1<<10)
		mustStore(t, l, []*raft.Log{e})
	}
	pristine := fs.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, l)
	path := "log/" + newestWAL(t, pristine)
	for percent := 0; percent <= 65; percent += 5 { // the rest is in the last two blocks of 32 KB
		left := pristine.CrashClone(vfs.CrashCloneCfg{})
		flipFileByte(t, left, path, percent)
		l, err := Open(testConfig(Config{FS: left}))
		if err == nil {
			last, _ := l.LastIndex()
			t.Errorf("a flipped byte at %d %%: the log ends at %d of 180 without an error", percent, last)
			mustClose(t, l)
		} else if !errors.Is(err, ErrCorrupt) {
			t.Errorf("a flipped byte at %d %%: %v, want ErrCorrupt", percent, err)
		}
	}
}

// newestWAL returns the name of the WAL file in use.
func newestWAL(t *testing.T, fs vfs.FS) (newest string) {
	t.Helper()
	for _, name := range mustList(t, fs) {
		if strings.HasSuffix(name, ".log") && name > newest {
			newest = name
		}
	}
	if newest == "" {
		t.Fatal("there is no WAL file")
	}
	return newest
}

// checkWALFormat demands that the chunks of the WAL in use carry sync offsets: types 9 to 12 in Pebble's package
// record.
func checkWALFormat(t *testing.T, fs vfs.FS) {
	t.Helper()
	const typeAt = 4 + 2 // after a chunk's checksum and length
	name := newestWAL(t, fs)
	f, err := fs.Open("log/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var chunkType [1]byte
	if _, err := f.ReadAt(chunkType[:], typeAt); err != nil {
		t.Fatal(err)
	}
	if chunkType[0] < 9 || chunkType[0] > 12 {
		t.Errorf("the WAL in use, %s, has a chunk of type %d and so no sync offsets", name, chunkType[0])
	}
}
