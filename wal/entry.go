package wal

import (
	"encoding/binary"
	"time"

	"github.com/hashicorp/raft"
)

// The parts of an entry's value, by offset. doc.go shows them as a table.
const (
	entryVersion = byte(1)

	offsetChecksum   = 1
	offsetType       = offsetChecksum + checksumBytes
	offsetTerm       = offsetType + 1
	offsetSeconds    = offsetTerm + 8
	offsetNanos      = offsetSeconds + 8
	offsetExtensions = offsetNanos + 4
	entryHeaderBytes = offsetExtensions + 4

	// entryOverheadBytes is what an entry costs beside its extensions and data, key included.
	entryOverheadBytes = entryHeaderBytes + logKeyBytes

	nanosPerSecond = 1_000_000_000
)

func entryBytes(e *raft.Log) int {
	return entryHeaderBytes + len(e.Extensions) + len(e.Data)
}

// appendEntry appends the value of the entry that is stored under the key. Its length is entryBytes, and the caller has
// checked the limits.
func appendEntry(dst, key []byte, e *raft.Log) []byte {
	start := len(dst)
	dst = append(dst, entryVersion, 0, 0, 0, 0, byte(e.Type))
	dst = binary.BigEndian.AppendUint64(dst, e.Term)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.AppendedAt.Unix()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.AppendedAt.Nanosecond()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.Extensions)))
	dst = append(dst, e.Extensions...)
	dst = append(dst, e.Data...)
	value := dst[start:]
	binary.BigEndian.PutUint32(value[offsetChecksum:], checksum(key, value[offsetType:]))
	return dst
}

// decodeEntry fills out from the key and the value found under it. The slices are copies with their own memory: Raft
// keeps them, and Pebble takes the value back. A length is believed only after the checksum and the bounds agree. Empty
// extensions and data come back as nil.
func decodeEntry(key, value []byte, out *raft.Log) error {
	index, err := logIndex(key)
	if err != nil {
		return err
	}
	if len(value) < entryHeaderBytes {
		return corruptEntry(index, "shorter than its header")
	}
	if value[0] != entryVersion {
		return corruptEntry(index, "unknown version")
	}
	if binary.BigEndian.Uint32(value[offsetChecksum:]) != checksum(key, value[offsetType:]) {
		return corruptEntry(index, "checksum mismatch")
	}
	nanos := binary.BigEndian.Uint32(value[offsetNanos:])
	if nanos >= nanosPerSecond {
		return corruptEntry(index, "nanoseconds beyond a second")
	}
	extensionBytes := binary.BigEndian.Uint32(value[offsetExtensions:])
	if uint64(extensionBytes) > uint64(len(value)-entryHeaderBytes) {
		return corruptEntry(index, "extensions longer than the value")
	}
	extensions, data := copyParts(value[entryHeaderBytes:], int(extensionBytes))
	*out = raft.Log{
		Index:      index,
		Term:       binary.BigEndian.Uint64(value[offsetTerm:]),
		Type:       raft.LogType(value[offsetType]),
		AppendedAt: time.Unix(int64(binary.BigEndian.Uint64(value[offsetSeconds:])), int64(nanos)).UTC(),
		Extensions: extensions,
		Data:       data,
	}
	return nil
}

// copyParts copies the body once and splits it. The capacities are cut, so that an append to one cannot reach the
// other.
func copyParts(body []byte, extensionBytes int) (extensions, data []byte) {
	if len(body) == 0 {
		return nil, nil
	}
	body = append(make([]byte, 0, len(body)), body...)
	if extensionBytes > 0 {
		extensions = body[:extensionBytes:extensionBytes]
	}
	if extensionBytes < len(body) {
		data = body[extensionBytes:]
	}
	return extensions, data
}
