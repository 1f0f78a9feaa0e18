//go:build !linux

package wal

func presize(uintptr, int64) {}
