package wal

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func encode(e *raft.Log) (key, value []byte) {
	key = appendLogKey(nil, e.Index)
	return key, appendEntry(nil, key, e)
}

// Older nodes have these bytes on disk: another format needs a new version.
func TestEntryBytes(t *testing.T) {
	e := &raft.Log{Index: 0x0102, Term: 7, Type: raft.LogConfiguration, AppendedAt: time.Unix(9, 10),
		Extensions: []byte("ex"), Data: []byte("data")}
	key, value := encode(e)
	wantKey := []byte{0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 2}
	wantValue := []byte{1, 0xa9, 0x86, 0x87, 0x74, 5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0,
		0, 2,
		'e', 'x', 'd', 'a', 't', 'a'}
	if !bytes.Equal(key, wantKey) {
		t.Errorf("key %#v, want %#v", key, wantKey)
	}
	if !bytes.Equal(value, wantValue) {
		t.Errorf("value %#v, want %#v", value, wantValue)
	}
	if len(value) != entryBytes(e) {
		t.Errorf("%d bytes, entryBytes says %d", len(value), entryBytes(e))
	}
}

func TestDecodeRefuses(t *testing.T) {
	sealed := func(change func(value []byte)) []byte {
		key, value := encode(entry(99, 1))
		change(value)
		sum := checksum(key, value[offsetType:])
		copy(value[offsetChecksum:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
		return value
	}
	f := func(name string, value []byte, reason string) {
		t.Helper()
		out := raft.Log{Index: 12345}
		err := decodeEntry(appendLogKey(nil, 99), value, &out)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || !errors.Is(err, ErrCorrupt) || corrupt.Reason != reason {
			t.Fatalf("%s: %v, want %s", name, err, reason)
		}
		if out.Index != 12345 {
			t.Fatalf("%s: out was changed", name)
		}
	}
	_, other := encode(entry(98, 1))
	f("empty", nil, "shorter than its header")
	f("short", make([]byte, entryHeaderBytes-1), "shorter than its header")
	f("version", sealed(func(v []byte) { v[0] = 2 }), "unknown version")
	f("of another index", other, "checksum mismatch")
	f("nanoseconds", sealed(func(v []byte) { v[offsetNanos] = 0xff }), "nanoseconds beyond a second")
	f("extensions", sealed(func(v []byte) { v[offsetExtensions] = 0xff }), "extensions longer than the value")
	if err := decodeEntry([]byte("key"), other, new(raft.Log)); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("foreign key: %v", err)
	}
}

// Decoding detects each single changed byte of an entry, and each truncation.
func TestDamageIsNoticed(t *testing.T) {
	key, value := encode(entry(99, 1))
	for i := range value {
		for bit := range 8 {
			value[i] ^= 1 << bit
			if decodeEntry(key, value, new(raft.Log)) == nil {
				t.Fatalf("bit %d of byte %d flipped and not noticed", bit, i)
			}
			value[i] ^= 1 << bit
		}
		if decodeEntry(key, value[:i], new(raft.Log)) == nil {
			t.Fatalf("cut to %d bytes and not noticed", i)
		}
	}
}

// FuzzEntry encodes any entry and reads it back.
func FuzzEntry(f *testing.F) {
	f.Add(uint64(1), uint64(2), byte(3), int64(-62135596800), uint32(0), []byte("ex"), []byte("data"))
	f.Add(uint64(IndexMax), uint64(0), byte(255), int64(1<<62), uint32(999_999_999), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, index, term uint64, kind byte, seconds int64, nanos uint32, extensions, data []byte) {
		e := &raft.Log{Index: index, Term: term, Type: raft.LogType(kind), Extensions: extensions, Data: data,
			AppendedAt: time.Unix(seconds, int64(nanos%nanosPerSecond))}
		key, value := encode(e)
		var got raft.Log
		if err := decodeEntry(key, value, &got); err != nil {
			t.Fatal(err)
		}
		if !sameEntry(&got, e) {
			t.Fatalf("got %+v, want %+v", got, *e)
		}
	})
}

// FuzzDecodeEntry decodes any bytes: it never panics, and an accepted entry encodes to the same bytes. A second try has
// a correct checksum, because almost no random input passes without it.
func FuzzDecodeEntry(f *testing.F) {
	for i := range uint64(4) {
		_, value := encode(entry(i, i))
		f.Add(i, value)
	}
	f.Fuzz(func(t *testing.T, index uint64, value []byte) {
		key := appendLogKey(nil, index)
		checkDecode(t, key, value)
		if len(value) >= entryHeaderBytes {
			sum := checksum(key, value[offsetType:])
			copy(value[offsetChecksum:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
			checkDecode(t, key, value)
		}
	})
}

func checkDecode(t *testing.T, key, value []byte) {
	var got raft.Log
	err := decodeEntry(key, value, &got)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("untyped error %v", err)
		}
		return
	}
	if again := appendEntry(nil, key, &got); !bytes.Equal(again, value) {
		t.Fatalf("decoded %x, encoded %x", value, again)
	}
}

// FuzzDamage changes one byte of an entry: it must be refused.
func FuzzDamage(f *testing.F) {
	f.Add(uint64(7), []byte("data"), uint16(3), byte(1))
	f.Fuzz(func(t *testing.T, index uint64, data []byte, at uint16, change byte) {
		key, value := encode(&raft.Log{Index: index, Data: data})
		value[int(at)%len(value)] ^= change
		err := decodeEntry(key, value, new(raft.Log))
		if (change == 0) != (err == nil) {
			t.Fatalf("byte %d changed by %#x: %v", int(at)%len(value), change, err)
		}
	})
}

// FuzzDecodeSmall does the same for the values of the StableStore.
func FuzzDecodeSmall(f *testing.F) {
	f.Add([]byte("key"), appendSmall(nil, []byte("key"), []byte("value")))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		payload, err := decodeSmall(key, value)
		if err == nil && !bytes.Equal(appendSmall(nil, key, payload), value) {
			t.Fatalf("decoded %x to %x", value, payload)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("untyped error %v", err)
		}
		payload, err = decodeSmall(key, appendSmall(nil, key, value))
		if err != nil || !bytes.Equal(payload, value) {
			t.Fatalf("round trip of %x: %x and %v", value, payload, err)
		}
	})
}
