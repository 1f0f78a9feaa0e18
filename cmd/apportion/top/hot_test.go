package top

import (
	"fmt"
	"testing"
	"time"
)

// TestHot: what a record's version moved between two windows is its rate; one that left the windows is not hot.
func TestHot(t *testing.T) {
	var h hot
	begin := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	note := func(upc string, version uint64, after time.Duration) {
		h.note(recordKey{upc, "L"}, sighting{version: version, at: begin.Add(after), available: int64(version)})
	}
	want := func(since time.Duration, most int, text string) {
		t.Helper()
		got := ""
		h.looked = begin.Add(since)
		for _, key := range h.hottest(most) {
			got += fmt.Sprintf("%s=%.0f ", key.upc, h.seen[key].perSecond)
		}
		if got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	note("A", 10, 0)
	note("B", 10, 0)
	note("C", 10, 0)
	want(-1, 9, "")
	note("A", 14, 2*time.Second)
	note("B", 1010, 2*time.Second)
	note("B", 1020, 2*time.Second+time.Millisecond) // again in the same window
	want(time.Second, 9, "B=500 A=2 ")
	want(time.Second, 1, "B=500 ")
	note("B", 1014, 4*time.Second)
	want(3*time.Second, 9, "B=2 ")
	note("B", 3, 5*time.Second) // deleted and made again
	want(3*time.Second, 9, "B=2 ")
}
