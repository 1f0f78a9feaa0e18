package wal

import "syscall"

func presize(fd uintptr, bytes int64) {
	if syscall.Fallocate(int(fd), 0, 0, bytes) != nil {
		_ = syscall.Ftruncate(int(fd), 0) // a part of the space may have been allocated
	}
}
