package raftstore

import (
	"encoding/binary"
	"fmt"

	"apportion/raftstore/durable"
)

// An entry is the data of one Raft log entry: commands, and the time at which they take effect.
//
//	offset  bytes  what
//	0       5      version and checksum (durable.Seal); all numbers are little-endian
//	5       8      stamp: Unix milliseconds, never before the last entry's
//	13      4      number of commands
//	17      ...    each command: 4 bytes of length, then its binary form (engine.AppendCommand)
const (
	entryVersion     = 1
	entryHeaderBytes = durable.SealBytes + 8 + 4

	entryStampAt = durable.SealBytes
	entryCountAt = entryStampAt + 8
)

// entry is a decoded entry; commands aliases the log's bytes.
type entry struct {
	stampMS  int64
	count    int
	commands []byte // with their lengths
}

// appendEntryHeader begins an entry; the caller appends count commands with their lengths and calls durable.Seal.
func appendEntryHeader(dst []byte, stampMS int64, count int) []byte {
	dst = durable.AppendUnsealed(dst, entryVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(stampMS))
	return binary.LittleEndian.AppendUint32(dst, uint32(count))
}

// decodeEntry checks a whole entry, so that next needs no further checks.
func decodeEntry(data []byte) (entry, error) {
	if len(data) < entryHeaderBytes {
		return entry{}, fmt.Errorf("an entry of %d bytes is shorter than its header", len(data))
	}
	if _, err := durable.OpenSealed(data, entryVersion, "the entry"); err != nil {
		return entry{}, err
	}
	e := entry{
		stampMS:  int64(binary.LittleEndian.Uint64(data[entryStampAt:])),
		count:    int(binary.LittleEndian.Uint32(data[entryCountAt:])),
		commands: data[entryHeaderBytes:],
	}
	return e, e.check()
}

// check verifies all lengths.
func (e *entry) check() error {
	rest := e.commands
	for i := range e.count {
		if len(rest) < commandPrefixBytes {
			return fmt.Errorf("command %d of %d: the entry ends before its length", i, e.count)
		}
		commandBytes := uint64(binary.LittleEndian.Uint32(rest))
		if commandBytes > uint64(len(rest)-commandPrefixBytes) {
			return fmt.Errorf("command %d of %d: %d bytes, the entry has %d left",
				i, e.count, commandBytes, len(rest)-commandPrefixBytes)
		}
		rest = rest[commandPrefixBytes+commandBytes:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the last command", len(rest))
	}
	return nil
}

// next removes and returns the first command. It may be called count times, on an entry from decodeEntry.
func (e *entry) next() []byte {
	commandBytes := binary.LittleEndian.Uint32(e.commands)
	end := commandPrefixBytes + int(commandBytes)
	command := e.commands[commandPrefixBytes:end:end]
	e.commands = e.commands[end:]
	return command
}
