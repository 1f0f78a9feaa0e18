package raftstore

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"apportion/raftstore/durable"
)

// makeEntry builds an entry the way the proposer does.
func makeEntry(stampMS int64, commands ...[]byte) []byte {
	data := appendEntryHeader(nil, stampMS, len(commands))
	for _, c := range commands {
		data = append(data, byte(len(c)), byte(len(c)>>8), byte(len(c)>>16), byte(len(c)>>24))
		data = append(data, c...)
	}
	durable.Seal(data)
	return data
}

func TestEntryRoundTrip(t *testing.T) {
	f := func(stampMS int64, commands ...string) {
		t.Helper()
		var raw [][]byte
		for _, c := range commands {
			raw = append(raw, []byte(c))
		}
		e, err := decodeEntry(makeEntry(stampMS, raw...))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if e.stampMS != stampMS || e.count != len(commands) {
			t.Fatalf("got stamp %d and %d commands, want %d and %d", e.stampMS, e.count, stampMS, len(commands))
		}
		for i, want := range commands {
			if got := string(e.next()); got != want {
				t.Fatalf("command %d is %q, want %q", i, got, want)
			}
		}
	}
	f(0)
	f(1, "")
	f(1700000000000, "a", "", "ccc")
	f(-1, strings.Repeat("x", 70_000), "y")
}

func TestEntryRefusesDamage(t *testing.T) {
	f := func(what string, wantFormat bool, damage func(data []byte) []byte) {
		t.Helper()
		data := damage(makeEntry(42, []byte("first"), []byte("second")))
		_, err := decodeEntry(data)
		if err == nil {
			t.Fatalf("%s: decoded without an error", what)
		}
		if errors.Is(err, ErrFormat) != wantFormat {
			t.Fatalf("%s: got %v, ErrFormat is %v", what, err, wantFormat)
		}
	}
	f("empty", false, func([]byte) []byte { return nil })
	f("half a header", false, func(d []byte) []byte { return d[:entryHeaderBytes-1] })
	f("a newer version", true, func(d []byte) []byte { d[0]++; return d })
	f("a flipped bit of the stamp", false, func(d []byte) []byte { d[entryStampAt] ^= 1; return d })
	f("a flipped bit of a command", false, func(d []byte) []byte { d[len(d)-1] ^= 1; return d })
	f("cut off", false, func(d []byte) []byte { return d[:len(d)-1] })
	f("one command too many", false, func(d []byte) []byte { d[entryCountAt]++; durable.Seal(d); return d })
	f("one command too few", false, func(d []byte) []byte { d[entryCountAt]--; durable.Seal(d); return d })
	f("a length past the end", false, func(d []byte) []byte { d[entryHeaderBytes+3] = 0xff; durable.Seal(d); return d })
}

// FuzzDecodeEntry: decoding never panics, and an accepted entry encodes to the same bytes.
func FuzzDecodeEntry(f *testing.F) {
	f.Add(makeEntry(42))
	f.Add(makeEntry(42, []byte("first"), nil, []byte("third")))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Without a valid checksum, nearly no mutation would reach the check of the lengths.
		if len(data) >= entryHeaderBytes {
			data = bytes.Clone(data)
			data[0] = entryVersion
			durable.Seal(data)
		}
		e, err := decodeEntry(data)
		if err != nil {
			return
		}
		var commands [][]byte
		stampMS, count := e.stampMS, e.count
		for range count {
			commands = append(commands, e.next())
		}
		if again := makeEntry(stampMS, commands...); !bytes.Equal(again, data) {
			t.Fatalf("encodes to %x, was %x", again, data)
		}
	})
}
