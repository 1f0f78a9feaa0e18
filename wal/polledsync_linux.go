package wal

import (
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// polledWaitMax bounds how long a sync waits without giving up its processor. A sync of a log on a local disk takes a
// quarter of it; whatever takes longer waits like any other system call, so a disk that hangs holds up nobody else.
const polledWaitMax = 400 * time.Microsecond

// syncQueue syncs files with Linux's asynchronous I/O, one at a time. The runtime takes the processor away from a
// goroutine in fdatasync, and gives one back only when it is that goroutine's turn: on a busy machine that takes longer
// than the sync. The wait for an asynchronous sync is short and bounded, so it can keep its processor (RawSyscall).
//
// The kernel frees a context slowly (30 ms were seen), so a Log has one for all of its files, and only once it syncs.
type syncQueue struct {
	mu      sync.Mutex
	asked   bool    // for a context
	context uintptr // aio_context_t; 0: not asked yet, or the kernel gave none, and every sync is an ordinary one
	waitMax time.Duration
	request iocb
	done    ioEvent
}

// iocb and ioEvent are the kernel's structures (include/uapi/linux/aio_abi.h). The fields without a name are 0 for a
// sync: what to hand back, an offset, a length, flags.
type iocb struct {
	_      uint64
	_      [2]uint32
	opcode uint16
	_      int16
	fd     uint32
	_      [4]uint64
	_      [2]uint32
}

type ioEvent struct {
	_, _   uint64
	result int64
	_      int64
}

// fdatasyncOpcode is IOCB_CMD_FDSYNC: SyncData's promise, by another way.
const fdatasyncOpcode = 3

func newSyncQueue() *syncQueue { return &syncQueue{waitMax: polledWaitMax} }

// open asks for a context, once: without asynchronous I/O in the kernel, or where a sandbox refuses it, syncs are
// ordinary.
func (q *syncQueue) open() {
	q.asked = true
	if _, _, errno := syscall.Syscall(syscall.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&q.context)), 0); errno != 0 {
		q.context = 0
	}
}

// close gives the context back. It waits for nothing: no sync is under way any more.
func (q *syncQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = true // and none after the end
	if q.context != 0 {
		_, _, _ = syscall.Syscall(syscall.SYS_IO_DESTROY, q.context, 0, 0)
		q.context = 0
	}
}

// sync makes the data of the file durable. ok is false if the queue cannot do it now (it is busy with another file, or
// the kernel did not take the request); then nothing was begun.
func (q *syncQueue) sync(fd uintptr) (ok bool, err error) {
	if !q.mu.TryLock() {
		return false, nil
	}
	defer q.mu.Unlock()
	if !q.asked {
		q.open()
	}
	if q.context == 0 {
		return false, nil
	}
	q.request = iocb{opcode: fdatasyncOpcode, fd: uint32(fd)}
	requests := [1]*iocb{&q.request}
	taken, _, errno := syscall.RawSyscall(syscall.SYS_IO_SUBMIT, q.context, 1, uintptr(unsafe.Pointer(&requests)))
	if errno != 0 || taken != 1 {
		return false, nil
	}
	if err := q.wait(); err != nil {
		q.context = 0 // a request may still be under way in it
		return true, os.NewSyscallError("io_getevents", err)
	}
	if q.done.result < 0 {
		return true, os.NewSyscallError("fdatasync", syscall.Errno(-q.done.result))
	}
	return true, nil
}

// wait waits for the request: at first without giving up the processor, then like any other blocking call.
func (q *syncQueue) wait() error {
	limit := syscall.NsecToTimespec(int64(q.waitMax))
	got, _, errno := syscall.RawSyscall6(syscall.SYS_IO_GETEVENTS, q.context, 1, 1,
		uintptr(unsafe.Pointer(&q.done)), uintptr(unsafe.Pointer(&limit)), 0)
	for got != 1 {
		if errno != 0 && errno != syscall.EINTR {
			return errno
		}
		got, _, errno = syscall.Syscall6(syscall.SYS_IO_GETEVENTS, q.context, 1, 1,
			uintptr(unsafe.Pointer(&q.done)), 0, 0)
	}
	return nil
}
