package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrKeyNotFound is the answer of Get for a key that was never set. Raft compares this text, so it has no prefix.
	ErrKeyNotFound = errors.New("not found")

	// ErrGap means that entries do not continue the log directly. Nothing was stored; a retry cannot help.
	ErrGap = errors.New("wal: entries do not continue the log")

	// ErrMiddle means that a range to delete is neither a prefix nor a suffix of the log. Nothing was deleted.
	ErrMiddle = errors.New("wal: deleting this range would leave a gap")

	// ErrTooLarge means that an entry, a batch, a key or a value is over its limit. Nothing was stored.
	ErrTooLarge = errors.New("wal: over the size limit")

	// ErrInvalid means that an argument is never right, such as an entry with the index 0. Nothing was stored.
	ErrInvalid = errors.New("wal: invalid argument")

	// ErrClosed means that the log was closed before the call.
	ErrClosed = errors.New("wal: closed")

	// ErrFailed means that a write to disk failed earlier, and that OnFatal unwound the goroutine and did not end the
	// process. What is on disk is unknown until the log is opened again.
	ErrFailed = errors.New("wal: a write failed earlier: restart the process")

	// ErrNotALog means that the directory holds another database, or a log of a format that this build cannot read.
	ErrNotALog = errors.New("wal: not a raft log of this format")

	// ErrCorrupt is wrapped by every CorruptError, for errors.Is.
	ErrCorrupt = errors.New("wal: corrupt")
)

// CorruptError names the part of the log that does not read back as it was written. A retry cannot help: the node has
// to be rebuilt from other nodes.
type CorruptError struct {
	// Where names the entry, key or file.
	Where string
	// Reason tells what is wrong with it.
	Reason string
	// Cause is the error of the layer below, if it found the fault.
	Cause error
}

// Error names the part and the fault.
func (e *CorruptError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("wal: corrupt %s: %s: %v", e.Where, e.Reason, e.Cause)
	}
	return fmt.Sprintf("wal: corrupt %s: %s", e.Where, e.Reason)
}

// Unwrap makes errors.Is(err, ErrCorrupt) true and keeps the cause reachable.
func (e *CorruptError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrCorrupt}
	}
	return []error{ErrCorrupt, e.Cause}
}

func corruptEntry(index uint64, reason string) *CorruptError {
	return &CorruptError{Where: fmt.Sprintf("entry %d", index), Reason: reason}
}
