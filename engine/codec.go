package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"
)

// The binary form of commands and results: the parts that all share.
//
// Integers are varints: unsigned as they are, signed ones in zigzag. A text is its length in bytes, then its bytes. A
// list is its count, then its elements. Options that are usually absent have a bit in a flags byte and cost nothing
// else.
//
// The form is canonical: varints are as short as possible, a flag is set only when what it announces is not empty,
// unused bits are zero, nothing follows the end. So two commands are equal exactly when their bodies are equal byte for
// byte, and decoding refuses everything that encoding would not have written.

const (
	// commandVersion and resultVersion are the first byte of a command and of a result. Any change of the form, a new
	// kind included, is a new version. Version 2 has the rules, version 3 of a command RedistributePlan, version 4
	// Transition, PutLocation, Block and the jobs, version 5 PutLocationGroup, DeleteSegments, conditions, and lines of
	// a Deallocate that say more; what older versions say they say in the same way. Commands that version 4 can say are
	// written in it. Version 6 has no new form but a new meaning, see Envelope.Version. Version 7 has webhooks,
	// stock items that depend on a version, order changes that depend on what their sender saw, and StartChanges.
	// Version 8 has a CloseCount that is complete; since then a count notes what it has named, so StartCount has a new
	// meaning. Version 9 has no new form: since then the result of a Redistribute has totals by segment.
	// Version 10 has a Block with a reason or a reference; since then each mark that changes is an event.
	//
	// Version 4 of a result has shortfalls, version 5 records, version 6 totals by segment; one without them is written
	// in an older version.
	commandVersion       = 10
	commandVersionBlocks = 10
	commandVersionTotals = 9
	commandVersionNamed  = 8
	commandVersionHooks  = 7
	commandVersionNoted  = 7
	commandVersionFeed   = 7
	commandVersionStrict = 6
	commandVersionMore   = 5
	commandVersionCommon = 4
	resultVersion        = 6
	resultVersionRecords = 5
	resultVersionShort   = 4
	resultVersionCommon  = 3

	formVersionOldest = 1
)

var (
	// ErrBadCommand means that the bytes are no command. The same bytes will fail again.
	ErrBadCommand = errors.New("engine: bad command")

	// ErrBadResult means that the bytes are no result. The same bytes will fail again.
	ErrBadResult = errors.New("engine: bad result")

	// ErrNewerVersion means that the bytes were written by a newer program, which this one must not guess about. They
	// can be read after an upgrade.
	ErrNewerVersion = errors.New("engine: written in a newer format")
)

// checkForm is checkVersion for commands and results, which are also read in older versions.
func checkForm(version, known byte, bad error) error {
	if version >= formVersionOldest && version <= known {
		return nil
	}
	return checkVersion(version, known, bad)
}

// checkVersion compares a form's first byte with the version this program writes; bad is the form's own error.
func checkVersion(version, known byte, bad error) error {
	switch {
	case version == known:
		return nil
	case version > known:
		return fmt.Errorf("%w: version %d, this program knows %d", ErrNewerVersion, version, known)
	default:
		return fmt.Errorf("%w: version %d", bad, version)
	}
}

// aliasText gives b's bytes as a string without copying them. The caller guarantees that b does not change for as long
// as the string is in use: Apply's callers leave a command alone until Apply returns, and Apply keeps no such string.
func aliasText(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

const textBytesMin = 1

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendTexts(dst []byte, texts []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(texts)))
	for _, s := range texts {
		dst = appendText(dst, s)
	}
	return dst
}

// flagBit is bit if on, or else 0.
func flagBit(on bool, bit byte) byte {
	if on {
		return bit
	}
	return 0
}

// reader reads a binary form. After the first fault it stands at the end and gives zero values, so a decoder checks for
// faults once.
type reader struct {
	b       []byte
	at      int // next byte
	fault   string
	faultAt int
}

func (r *reader) fail(fault string) {
	if r.fault == "" {
		r.fault, r.faultAt = fault, r.at
	}
	r.at = len(r.b)
}

// end gives the error of the whole form, wrapping bad: the first fault, or bytes that are left over.
func (r *reader) end(bad error) error {
	if r.fault == "" && r.at < len(r.b) {
		r.fail("bytes behind the end")
	}
	if r.fault != "" {
		return fmt.Errorf("%w: %s at byte %d of %d", bad, r.fault, r.faultAt, len(r.b))
	}
	return nil
}

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) byte() byte {
	if r.at >= len(r.b) {
		r.fail("cut short")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

// flags reads a flags byte. Bits outside known are a fault.
func (r *reader) flags(known byte) byte {
	f := r.byte()
	if f&^known != 0 {
		r.fail("unknown flag")
		return 0
	}
	return f
}

func (r *reader) uvarint() uint64 {
	if at := r.at; at < len(r.b) && r.b[at] < 0x80 {
		r.at = at + 1
		return uint64(r.b[at])
	}
	return r.longUvarint()
}

// longUvarint reads a varint of more than one byte and refuses one that a shorter form could say.
func (r *reader) longUvarint() uint64 {
	var v uint64
	for i, b := range r.b[r.at:] {
		if i == binary.MaxVarintLen64-1 && b > 1 {
			r.fail("varint overflows")
			return 0
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b >= 0x80 {
			continue
		}
		if b == 0 && i > 0 {
			r.fail("varint not in its shortest form")
			return 0
		}
		r.at += i + 1
		return v
	}
	r.fail("cut short")
	return 0
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// bytes reads length-prefixed bytes; they alias the input.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(r.left()) {
		r.fail("length beyond the end")
		return nil
	}
	start := r.at
	r.at += int(n)
	return r.b[start:r.at:r.at]
}

// text reads a string; it aliases the input. Most are short, and whole.
func (r *reader) text() string {
	if b, at := r.b, r.at; at < len(b) && b[at] < 0x80 {
		if end := at + 1 + int(b[at]); end <= len(b) {
			r.at = end
			return aliasText(b[at+1 : end])
		}
	}
	return aliasText(r.bytes())
}

// count reads the count of a list whose elements take at least bytesMin bytes each. A count that the remaining bytes
// cannot hold is a fault, so that no memory is allocated for elements that are not there.
func (r *reader) count(bytesMin int) int {
	n := r.uvarint()
	if n > uint64(r.left()/bytesMin) {
		r.fail("count beyond the end")
		return 0
	}
	return int(n)
}

// resize gives s the length n, keeping its memory if that is enough. The elements keep their old values.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		s = append(s[:cap(s)], make([]T, n-cap(s))...)
	}
	return s[:n]
}

// uint32 reads a number of 32 bits.
func (r *reader) uint32() uint32 {
	n := r.uvarint()
	if n >= 1<<32 {
		r.fail("number out of range")
		return 0
	}
	return uint32(n)
}

// take reads a fixed number of bytes; they alias the input.
func (r *reader) take(n int) []byte {
	if n > r.left() {
		r.fail("cut short")
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

// bodyReader is a reader with memory for the lists inside the elements of a command's list.
type bodyReader struct {
	reader

	// tags has the tags of all lines of one command. Each line has a sub-slice, capped so that an append cannot reach
	// the next line's tags. When tags grows, earlier lines keep the old memory, which stays valid.
	tags []Tag

	// lists, unless nil, remembers tag lists. known has the remembered list of each line of an Allocate, nil for
	// others.
	lists *tagLists
	known []*tagList

	attributes []Attribute // of all lines, in the same way
}

// start begins to read other bytes.
func (r *bodyReader) start(b []byte) {
	r.reader = reader{b: b}
	r.tags, r.attributes = r.tags[:0], r.attributes[:0]
}

func (r *bodyReader) readTexts(texts []string) []string {
	texts = resize(texts, r.count(textBytesMin))
	for i := range texts {
		texts[i] = r.text()
	}
	return texts
}
