package wal

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/hashicorp/raft"
)

// A key is the Raft group, the table, and the order within the table. The group comes first: if one database ever holds
// several logs, each is one range of keys.
const (
	groupOnly = uint16(0)

	tableMeta   = byte(1) // the format marker
	tableStable = byte(2) // the StableStore, by Raft's key
	tableLog    = byte(3) // the entries, by index

	keyPrefixBytes = 3
	logKeyBytes    = keyPrefixBytes + 8
)

// A small value, of the StableStore or the marker, is version, checksum and payload.
const (
	smallVersion     = byte(1)
	smallHeaderBytes = 1 + checksumBytes
	checksumBytes    = 4
)

// castagnoli is the table of CRC-32C, which amd64 and arm64 compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendPrefix(dst []byte, table byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, groupOnly)
	return append(dst, table)
}

// appendLogKey appends the key of an entry. It is big-endian, so that keys sort by index.
func appendLogKey(dst []byte, index uint64) []byte {
	return binary.BigEndian.AppendUint64(appendPrefix(dst, tableLog), index)
}

// logIndex is the inverse of appendLogKey.
func logIndex(key []byte) (uint64, error) {
	if len(key) != logKeyBytes || key[2] != tableLog {
		return 0, &CorruptError{Where: "log key", Reason: "not group, table and index"}
	}
	return binary.BigEndian.Uint64(key[keyPrefixBytes:]), nil
}

// logTableBounds returns the first key of the log table and the first key after it.
func logTableBounds() (lower, upper []byte) {
	return appendPrefix(nil, tableLog), appendPrefix(nil, tableLog+1)
}

func appendTableKey(dst []byte, table byte, key []byte) []byte {
	return append(appendPrefix(dst, table), key...)
}

// checksum covers the key too, so that a value under another entry's key is recognised. The key is a slice that the
// caller has anyway, because what is passed to crc32 moves to the heap.
func checksum(key, rest []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, rest)
}

// appendSmall appends a small value.
func appendSmall(dst, key, payload []byte) []byte {
	dst = append(dst, smallVersion)
	dst = binary.BigEndian.AppendUint32(dst, checksum(key, payload))
	return append(dst, payload...)
}

// decodeSmall returns a copy of the payload of a small value.
func decodeSmall(key, value []byte) ([]byte, error) {
	if len(value) < smallHeaderBytes {
		return nil, corruptSmall(key, "shorter than its header")
	}
	if value[0] != smallVersion {
		return nil, corruptSmall(key, "unknown version")
	}
	payload := value[smallHeaderBytes:]
	if binary.BigEndian.Uint32(value[1:]) != checksum(key, payload) {
		return nil, corruptSmall(key, "checksum mismatch")
	}
	return append(make([]byte, 0, len(payload)), payload...), nil
}

func corruptSmall(key []byte, reason string) *CorruptError {
	return &CorruptError{Where: "value of " + string(key), Reason: reason}
}

// The parts of an entry's value, by offset. docs/log-format.md has them as a table.
const (
	entryVersion = byte(1)

	offsetChecksum   = 1
	offsetType       = offsetChecksum + checksumBytes
	offsetTerm       = offsetType + 1
	offsetSeconds    = offsetTerm + 8
	offsetNanos      = offsetSeconds + 8
	offsetExtensions = offsetNanos + 4
	entryHeaderBytes = offsetExtensions + 4

	// entryOverheadBytes is the size of an entry without its extensions and data, with its key.
	entryOverheadBytes = entryHeaderBytes + logKeyBytes

	nanosPerSecond = 1_000_000_000
)

func entryBytes(e *raft.Log) int {
	return entryHeaderBytes + len(e.Extensions) + len(e.Data)
}

// appendEntry appends the value of an entry, for the given key. Its length is entryBytes. The caller has checked the
// limits.
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

// decodeEntry fills out from a key and its value. The slices are copies: Raft keeps them, and Pebble takes the value
// back. A length is used only after the checksum and the bounds are checked. Empty extensions and data come back as
// nil.
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

// copyParts copies the body once and splits it. The capacities are limited, so that an append to one part cannot reach
// the other.
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
