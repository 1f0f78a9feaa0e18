package mem

import (
	"testing"
	"unsafe"
)

// TestRegion: pieces are zero, whole, apart from each other, and within what MemoryBytes tells of.
func TestRegion(t *testing.T) {
	for _, bytes := range []int{8 << 10, 88 << 14, 5 << 20} {
		var r region
		var pieces [][]byte
		for range 12 {
			piece := unsafe.Slice((*byte)(r.take(bytes)), bytes)
			for i, b := range piece {
				if b != 0 {
					t.Fatalf("%d bytes a piece: byte %d of a new piece is %d", bytes, i, b)
				}
				piece[i] = byte(len(pieces) + 1)
			}
			pieces = append(pieces, piece)
		}
		for n, piece := range pieces {
			for i, b := range piece {
				if b != byte(n+1) {
					t.Fatalf("%d bytes a piece: byte %d of piece %d is %d", bytes, i, n, b)
				}
			}
		}
		if r.bytes < int64(12*bytes) || r.bytes > int64(16*bytes+4*2*hugePageBytes) {
			t.Errorf("%d bytes a piece: %d bytes for 12 of them", bytes, r.bytes)
		}
	}
}
