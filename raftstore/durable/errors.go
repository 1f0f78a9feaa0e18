package durable

import "errors"

// What can be wrong with what was read. Package raftstore exports them under the same names.
var (
	// ErrFormat: the bytes were written by a newer version, or are none of ours.
	ErrFormat = errors.New("raftstore: unknown format")

	// ErrInconsistent: each part is readable, but the parts do not belong together.
	ErrInconsistent = errors.New("raftstore: the data directory is inconsistent")

	// ErrCorrupt: the bytes are not what was written.
	ErrCorrupt = errors.New("raftstore: damaged data")
)
