package mem

import (
	"testing"
	"unsafe"
)

// TestRegion: pieces are zero, whole, apart from each other, and within what MemoryBytes tells of.
func TestRegion(t *testing.T) { testRegion(t, 8<<10, 88<<14, 5<<20) }

// TestRegionBesideProvider: the same while another goroutine provides the pages.
func TestRegionBesideProvider(t *testing.T) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ProvidePages(stop)
	}()
	testRegion(t, 88<<14)
	close(stop)
	<-stopped
}

// TestSlabAsksAhead: while a chunk is filled, the pages of the next one are asked for, each once.
func TestSlabAsksAhead(t *testing.T) {
	providers.Add(1)
	defer providers.Add(-1)
	var s Slab[[100]byte]
	for chunk := range 20 {
		for s.Used() <= uint32(chunk*chunkRows+chunkRows/2) {
			s.Add()
		}
		if s.region.populated < s.chunkBytes() {
			t.Fatalf("chunk %d: %d of %d bytes of the next one are asked for", chunk, s.region.populated,
				s.chunkBytes())
		}
		for len(pagesWanted) > 0 {
			page := <-pagesWanted
			if len(page) != hugePageBytes || uintptr(unsafe.Pointer(&page[0]))%hugePageBytes != 0 {
				t.Fatalf("%d bytes at %p are asked for, want a page", len(page), &page[0])
			}
			if page[0] != 0 {
				t.Fatal("a page is asked for again")
			}
			page[0] = 1
		}
	}
}

func testRegion(t *testing.T, sizes ...int) {
	t.Helper()
	for _, bytes := range sizes {
		var r region
		var pieces [][]byte
		for range 12 {
			r.expect(bytes)
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
