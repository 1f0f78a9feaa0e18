package main

import (
	"errors"
	"testing"
	"time"
)

// What is waited for at the end, and with which exit status it is given up. (TestClusterSlowDisk has a disk that is silent.)
func TestStuck(t *testing.T) {
	for _, test := range []struct {
		name      string
		waited    time.Duration
		unwritten bool
		status    int // 0: it is waited for
	}{
		{"a disk that has not taken the last checkpoint may still do so", stopTimeout, true, 0},
		{"it has not", stopTimeout + stopLook, true, exitDiskFailed},
		{"what ends late", stopTimeout, false, 0},
		{"what does not end", stopTimeout + stopLook, false, 1},
	} {
		var s service
		s.unwritten.Store(test.unwritten)
		err := s.stuck(test.waited)
		status := 0
		var unorderly unorderlyError
		if errors.As(err, &unorderly) {
			status = unorderly.status
		}
		if status != test.status || (err == nil) != (status == 0) {
			t.Errorf("%s: %v, exit status %d, want %d", test.name, err, status, test.status)
		}
	}
}
