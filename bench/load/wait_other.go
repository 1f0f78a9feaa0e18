//go:build !linux

package load

func newWaiter() waiter { return newSleeper() }
