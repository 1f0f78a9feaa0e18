package engine

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// FuzzDecodeCommand decodes garbage: it never panics, and what decodes is exactly what encoding writes.
func FuzzDecodeCommand(f *testing.F) {
	for i, kind := range commandKinds {
		example := rapid.Custom(func(t *rapid.T) []byte {
			env := genEnvelope(t)
			return AppendCommand(nil, &env, genCommand(t, kind))
		})
		f.Add(example.Example(i))
		f.Add(example.Example(i + 100))
	}
	f.Add(AppendCommand(nil, &Envelope{Key: "k"}, &oneAllocate))
	var scratch commandScratch
	f.Fuzz(func(t *testing.T, b []byte) {
		c, env, err := scratch.decode(b)
		if err != nil {
			if c != nil || !errors.Is(err, ErrBadCommand) && !errors.Is(err, ErrNewerVersion) {
				t.Fatalf("untyped refusal: %v, %v", c, err)
			}
			return
		}
		if again := AppendCommand(nil, env, c); !bytes.Equal(again[1:], b[1:]) {
			t.Fatalf("%x decodes to what encodes as %x", b, again)
		}
		CheckCommand(c)
		if d := firstDifference(c, c); d != "" {
			t.Fatalf("a command differs from itself in %s", d)
		}
		if d := digestDifference(appendDigest(nil, c), c); d != "" {
			t.Fatalf("a command differs from its digest in %s", d)
		}
	})
}

// FuzzDecodeResult is FuzzDecodeCommand for results.
func FuzzDecodeResult(f *testing.F) {
	example := rapid.Custom(func(t *rapid.T) []byte {
		r := genResult(t)
		return AppendResult(nil, &r)
	})
	for i := range 20 {
		f.Add(example.Example(i))
	}
	f.Add(AppendResult(nil, &oneResult))
	var r Result
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := DecodeResult(b, &r); err != nil {
			if !errors.Is(err, ErrBadResult) && !errors.Is(err, ErrNewerVersion) {
				t.Fatalf("untyped refusal: %v", err)
			}
			return
		}
		if again := AppendResult(nil, &r); !bytes.Equal(again[1:], b[1:]) {
			t.Fatalf("%x decodes to what encodes as %x", b, again)
		}
	})
}

// FuzzDigestDifference compares a command with bytes that are not a digest.
func FuzzDigestDifference(f *testing.F) {
	digest := appendDigest(nil, &oneAllocate)
	f.Add(digest)
	f.Add(append(bytes.Clone(digest), 0))
	f.Add(digest[:len(digest)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		if d := digestDifference(b, &oneAllocate); (d == "") != bytes.Equal(b, digest) {
			t.Fatalf("difference %q for %x", d, b)
		}
	})
}
