package durable

import (
	"bytes"
	"errors"
	"testing"
)

// TestSealed: both ways to seal give the same bytes, and every changed bit is found.
func TestSealed(t *testing.T) {
	body := []byte("the body")
	piece := AppendSealed([]byte("before"), 3, body)[len("before"):]
	if piece[0] != 3 || !bytes.Equal(piece[SealBytes:], body) {
		t.Fatalf("sealed: %x", piece)
	}
	inPlace := append(AppendUnsealed(nil, 3), body...)
	Seal(inPlace)
	if !bytes.Equal(inPlace, piece) {
		t.Fatalf("sealed in place: %x, want %x", inPlace, piece)
	}
	if got, err := OpenSealed(piece, 3, "a test"); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("opened: %q, %v", got, err)
	}
	for bit := range len(piece) * 8 {
		damaged := bytes.Clone(piece)
		damaged[bit/8] ^= 1 << (bit % 8)
		want := ErrInconsistent
		if bit < 8 {
			want = ErrFormat
		}
		if _, err := OpenSealed(damaged, 3, "a test"); !errors.Is(err, want) {
			t.Errorf("bit %d changed: %v, want %v", bit, err, want)
		}
	}
	for size := range SealBytes {
		if _, err := OpenSealed(piece[:size], 3, "a test"); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v, want ErrFormat", size, err)
		}
	}
}
