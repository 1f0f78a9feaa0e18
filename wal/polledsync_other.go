//go:build !linux

package wal

// syncQueue has no other way to sync than the ordinary one here.
type syncQueue struct{}

func newSyncQueue() *syncQueue { return &syncQueue{} }

func (*syncQueue) close() {}

func (*syncQueue) sync(uintptr) (ok bool, err error) { return false, nil }
