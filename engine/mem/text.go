package mem

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// TextRef names a text in a texts store: three bits of size class, then the row. 0 is the empty text.
type TextRef uint32

const textClassShift = 29

// Texts keeps short strings without zero bytes in pointer-free rows of 8, 16, ... 64 bytes. The length is not stored: a
// row is filled up with zero bytes, which no text contains.
type Texts struct {
	c0 Slab[[8]byte]
	c1 Slab[[16]byte]
	c2 Slab[[24]byte]
	c3 Slab[[32]byte]
	c4 Slab[[40]byte]
	c5 Slab[[48]byte]
	c6 Slab[[56]byte]
	c7 Slab[[64]byte]
}

// Add stores a copy of s.
func (t *Texts) Add(s string) TextRef {
	if s == "" {
		return 0
	}
	assert(len(s) <= 64, "text longer than 64 bytes")
	class := uint32(len(s)-1) / 8
	var row uint32
	switch class {
	case 0:
		row = t.c0.Add()
	case 1:
		row = t.c1.Add()
	case 2:
		row = t.c2.Add()
	case 3:
		row = t.c3.Add()
	case 4:
		row = t.c4.Add()
	case 5:
		row = t.c5.Add()
	case 6:
		row = t.c6.Add()
	default:
		row = t.c7.Add()
	}
	assert(row < 1<<textClassShift, "too many texts of one size")
	ref := TextRef(class<<textClassShift | row)
	bytes := t.row(ref)
	clear(bytes[len(bytes)-8:]) // no other part can be left over: a shorter text is of another class
	copy(bytes, s)
	return ref
}

// Get gives the text without copying it. It stays valid until the text is dropped.
func (t *Texts) Get(ref TextRef) string {
	if ref == 0 {
		return ""
	}
	bytes := t.row(ref)
	padding := bits.LeadingZeros64(binary.LittleEndian.Uint64(bytes[len(bytes)-8:])) / 8
	return unsafe.String(&bytes[0], len(bytes)-padding)
}

// Drop takes a text back.
func (t *Texts) Drop(ref TextRef) {
	row := uint32(ref) & (1<<textClassShift - 1)
	switch {
	case ref == 0:
	case ref>>textClassShift == 0:
		t.c0.Drop(row)
	case ref>>textClassShift == 1:
		t.c1.Drop(row)
	case ref>>textClassShift == 2:
		t.c2.Drop(row)
	case ref>>textClassShift == 3:
		t.c3.Drop(row)
	case ref>>textClassShift == 4:
		t.c4.Drop(row)
	case ref>>textClassShift == 5:
		t.c5.Drop(row)
	case ref>>textClassShift == 6:
		t.c6.Drop(row)
	default:
		t.c7.Drop(row)
	}
}

func (t *Texts) row(ref TextRef) []byte {
	row := uint32(ref) & (1<<textClassShift - 1)
	switch ref >> textClassShift {
	case 0:
		return t.c0.At(row)[:]
	case 1:
		return t.c1.At(row)[:]
	case 2:
		return t.c2.At(row)[:]
	case 3:
		return t.c3.At(row)[:]
	case 4:
		return t.c4.At(row)[:]
	case 5:
		return t.c5.At(row)[:]
	case 6:
		return t.c6.At(row)[:]
	}
	return t.c7.At(row)[:]
}

// MemoryBytes is the memory that it takes.
func (t *Texts) MemoryBytes() int64 {
	return t.c0.MemoryBytes() + t.c1.MemoryBytes() + t.c2.MemoryBytes() + t.c3.MemoryBytes() +
		t.c4.MemoryBytes() + t.c5.MemoryBytes() + t.c6.MemoryBytes() + t.c7.MemoryBytes()
}
