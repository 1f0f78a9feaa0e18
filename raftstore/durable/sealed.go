package durable

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A sealed piece is a version byte, 4 bytes CRC-32C of the body (little-endian), and the body. The checksum does not
// cover the version, so that a newer version may also seal its body in another way.
const (
	SealBytes = 1 + 4 // what a seal adds to a body

	sealChecksumAt = 1
)

// AppendSealed appends a sealed body.
func AppendSealed(dst []byte, version byte, body []byte) []byte {
	dst = append(dst, version)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(body, Castagnoli))
	return append(dst, body...)
}

// AppendUnsealed begins a piece whose body the caller appends in place; Seal then completes it.
func AppendUnsealed(dst []byte, version byte) []byte { return append(dst, version, 0, 0, 0, 0) }

// Seal fills in the checksum of a piece that AppendUnsealed began.
func Seal(piece []byte) {
	binary.LittleEndian.PutUint32(piece[sealChecksumAt:], crc32.Checksum(piece[SealBytes:], Castagnoli))
}

// OpenSealed verifies a sealed piece and returns its body, which aliases it. The errors name the piece: ErrFormat for
// one that is too short or of another version, ErrInconsistent for a wrong checksum.
func OpenSealed(piece []byte, version byte, name string) (body []byte, err error) {
	if len(piece) < SealBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes, at least %d were expected", ErrFormat, name, len(piece), SealBytes)
	}
	if piece[0] != version {
		return nil, fmt.Errorf("%w: %s has version %d, this program reads version %d", ErrFormat, name, piece[0],
			version)
	}
	body = piece[SealBytes:]
	want := binary.LittleEndian.Uint32(piece[sealChecksumAt:])
	if got := crc32.Checksum(body, Castagnoli); got != want {
		return nil, fmt.Errorf("%w: %s has checksum %08x, but its header says %08x", ErrInconsistent, name, got, want)
	}
	return body, nil
}
