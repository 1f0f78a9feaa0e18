package load

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timerWaiter waits for a kernel timer through the runtime's poller. The runtime rounds the sleep of an idle process up
// to whole milliseconds, which would add that error to the latency of a fast server.
type timerWaiter struct {
	file *os.File
	fd   int
	read [8]byte
}

// newWaiter makes the most exact waiter of the system.
func newWaiter() waiter {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return newSleeper() // a sandbox without such timers
	}
	return &timerWaiter{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
}

func (w *timerWaiter) wait(until time.Time) error {
	duration := time.Until(until)
	if duration <= 0 {
		return nil
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(duration.Nanoseconds())}
	if err := unix.TimerfdSettime(w.fd, 0, &spec, nil); err != nil {
		return err
	}
	if _, err := w.file.Read(w.read[:]); err != nil {
		return errInterrupted
	}
	return nil
}

// The poller's files take deadlines.
func (w *timerWaiter) interrupt() { _ = w.file.SetReadDeadline(time.Unix(1, 0)) }

func (w *timerWaiter) close() { _ = w.file.Close() } // nothing was written
