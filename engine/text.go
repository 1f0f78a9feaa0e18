package engine

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// textRef names a text in a texts store: three bits of size class, then the row. 0 is the empty text.
type textRef uint32

const textClassShift = 29

// texts keeps short strings without zero bytes in pointer-free rows of 8, 16, ... 64 bytes. The length is not stored: a
// row is filled up with zero bytes, which no text contains.
type texts struct {
	c0 slab[[8]byte]
	c1 slab[[16]byte]
	c2 slab[[24]byte]
	c3 slab[[32]byte]
	c4 slab[[40]byte]
	c5 slab[[48]byte]
	c6 slab[[56]byte]
	c7 slab[[64]byte]
}

// add stores a copy of s.
func (t *texts) add(s string) textRef {
	if s == "" {
		return 0
	}
	assert(len(s) <= 64, "text longer than 64 bytes")
	class := uint32(len(s)-1) / 8
	var row uint32
	switch class {
	case 0:
		row = t.c0.add()
	case 1:
		row = t.c1.add()
	case 2:
		row = t.c2.add()
	case 3:
		row = t.c3.add()
	case 4:
		row = t.c4.add()
	case 5:
		row = t.c5.add()
	case 6:
		row = t.c6.add()
	default:
		row = t.c7.add()
	}
	assert(row < 1<<textClassShift, "too many texts of one size")
	ref := textRef(class<<textClassShift | row)
	bytes := t.row(ref)
	clear(bytes[len(bytes)-8:]) // no other part can be left over: a shorter text is of another class
	copy(bytes, s)
	return ref
}

// get gives the text without copying it. It stays valid until the text is dropped.
func (t *texts) get(ref textRef) string {
	if ref == 0 {
		return ""
	}
	bytes := t.row(ref)
	padding := bits.LeadingZeros64(binary.LittleEndian.Uint64(bytes[len(bytes)-8:])) / 8
	return unsafe.String(&bytes[0], len(bytes)-padding)
}

func (t *texts) drop(ref textRef) {
	row := uint32(ref) & (1<<textClassShift - 1)
	switch {
	case ref == 0:
	case ref>>textClassShift == 0:
		t.c0.drop(row)
	case ref>>textClassShift == 1:
		t.c1.drop(row)
	case ref>>textClassShift == 2:
		t.c2.drop(row)
	case ref>>textClassShift == 3:
		t.c3.drop(row)
	case ref>>textClassShift == 4:
		t.c4.drop(row)
	case ref>>textClassShift == 5:
		t.c5.drop(row)
	case ref>>textClassShift == 6:
		t.c6.drop(row)
	default:
		t.c7.drop(row)
	}
}

func (t *texts) row(ref textRef) []byte {
	row := uint32(ref) & (1<<textClassShift - 1)
	switch ref >> textClassShift {
	case 0:
		return t.c0.at(row)[:]
	case 1:
		return t.c1.at(row)[:]
	case 2:
		return t.c2.at(row)[:]
	case 3:
		return t.c3.at(row)[:]
	case 4:
		return t.c4.at(row)[:]
	case 5:
		return t.c5.at(row)[:]
	case 6:
		return t.c6.at(row)[:]
	}
	return t.c7.at(row)[:]
}

func (t *texts) memoryBytes() int64 {
	return t.c0.memoryBytes() + t.c1.memoryBytes() + t.c2.memoryBytes() + t.c3.memoryBytes() +
		t.c4.memoryBytes() + t.c5.memoryBytes() + t.c6.memoryBytes() + t.c7.memoryBytes()
}
