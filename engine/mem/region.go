package mem

import (
	"sync/atomic"
	"unsafe"
)

// hugePageBytes is the size of a huge page on amd64 and, with pages of 4 KB, on arm64.
const hugePageBytes = 2 << 20

// region hands out pieces of memory that lie in huge pages. The garbage collector knows the memory as one object, in
// which it finds nothing to walk, and frees it when no piece is used any more.
type region struct {
	rest      []byte // not handed out yet; begins in the last page that is there, or behind it
	populated int    // bytes of rest that are there, or asked for
	bytes     int64  // of all that was asked for
}

// take gives a piece of memory, which is zero. Pieces of one region have one size.
func (r *region) take(bytes int) unsafe.Pointer {
	if len(r.rest) < bytes {
		r.grow(bytes)
	}
	for r.populated < bytes {
		populate(r.rest[r.populated : r.populated+hugePageBytes])
		r.populated += hugePageBytes
	}
	piece := unsafe.Pointer(unsafe.SliceData(r.rest))
	r.rest = r.rest[bytes:]
	r.populated -= bytes
	return piece
}

// expect asks ProvidePages, if it runs, for the pages of the piece that will be taken next.
func (r *region) expect(bytes int) {
	if providers.Load() == 0 {
		return
	}
	if len(r.rest) < bytes {
		r.grow(bytes)
	}
	for r.populated < bytes && askFor(r.rest[r.populated:r.populated+hugePageBytes]) {
		r.populated += hugePageBytes
	}
}

// growBytesMax bounds what is asked for at once: if it is not fresh from the kernel, the runtime clears it.
const growBytesMax = 16 << 20

// grow begins with new pages. They have room for half of what there is: so a small region has little left over, and a
// large one loses little to the alignment, which takes up to one page each time.
func (r *region) grow(piece int) {
	pieces := max(4, (int(min(r.bytes/2, growBytesMax))+piece-1)/piece)
	size := (pieces*piece + hugePageBytes - 1) / hugePageBytes * hugePageBytes
	memory := make([]byte, size+hugePageBytes)
	begin := -uintptr(unsafe.Pointer(unsafe.SliceData(memory))) % hugePageBytes
	r.rest, r.populated = memory[begin:begin+uintptr(size)], 0
	r.bytes += int64(len(memory))
	useHugePages(r.rest)
}

// Pages that regions will use next, for ProvidePages. A page that it has not provided in time is there when the writer
// first writes to it.
var (
	pagesWanted = make(chan []byte, 32)
	providers   atomic.Int32
)

// askFor hands a page to ProvidePages, and reports whether it could.
func askFor(page []byte) bool {
	select {
	case pagesWanted <- page:
		return true
	default:
		return false
	}
}

// ProvidePages has the kernel provide the pages that regions of any state will use next, until stop is closed. The
// writers need not wait for them then: a page of 2 MB takes 0.1 ms, but 5 ms on a virtual machine whose host has to
// find the memory first.
func ProvidePages(stop <-chan struct{}) {
	providers.Add(1)
	defer providers.Add(-1)
	for {
		select {
		case <-stop:
			return
		case page := <-pagesWanted:
			populateBeside(page)
		}
	}
}
