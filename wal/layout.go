package wal

import (
	"encoding/binary"
	"hash/crc32"
)

// A key is the group, the table and what the table is ordered by. The group comes first, so that the log of one Raft
// group is one range of keys, should one database ever hold several.
const (
	groupOnly = uint16(0)

	tableMeta   = byte(1) // the format marker
	tableStable = byte(2) // the StableStore, by Raft's key
	tableLog    = byte(3) // the entries, by index

	keyPrefixBytes = 3
	logKeyBytes    = keyPrefixBytes + 8
)

// A small value, of the StableStore and the marker, is version, checksum and payload.
const (
	smallVersion     = byte(1)
	smallHeaderBytes = 1 + checksumBytes
	checksumBytes    = 4
)

// castagnoli is the CRC-32C table, which both amd64 and arm64 compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendPrefix(dst []byte, table byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, groupOnly)
	return append(dst, table)
}

// appendLogKey appends the key of the entry, big-endian so that keys sort by index.
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

// logTableBounds returns the first key of the log table and the first key behind it.
func logTableBounds() (lower, upper []byte) {
	return appendPrefix(nil, tableLog), appendPrefix(nil, tableLog+1)
}

func appendTableKey(dst []byte, table byte, key []byte) []byte {
	return append(appendPrefix(dst, table), key...)
}

// checksum covers the key too, so that a value found under another's key is recognised. The key is a slice that its
// user has anyway, since what is passed to crc32 moves to the heap.
func checksum(key, rest []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, rest)
}

// appendSmall appends the payload with version and checksum.
func appendSmall(dst, key, payload []byte) []byte {
	dst = append(dst, smallVersion)
	dst = binary.BigEndian.AppendUint32(dst, checksum(key, payload))
	return append(dst, payload...)
}

// decodeSmall returns a copy of the payload.
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
