package wal

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pebbleerrors "github.com/cockroachdb/errors"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// If background work fails again and again, there is one attempt a second, and only now and then a line in the log,
// without a stack trace.
func TestFailedAttemptsArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		a := NewAttempts(slog.New(slog.NewTextHandler(&out, nil)), "writing a table")
		fs, attempts, begin := a.FS(vfs.NewMem()), 0, time.Now()
		for ; time.Since(begin) < 2*attemptLineInterval; attempts++ {
			if _, err := fs.Create("1.sst", vfs.WriteCategoryUnspecified); err != nil {
				t.Fatal(err)
			}
			a.Failed(pebbleerrors.WithStack(errors.New("no space left on device")))
		}
		if most := int(2*attemptLineInterval/attemptPause) + 1; attempts > most {
			t.Errorf("%d attempts in a minute, want at most %d", attempts, most)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[1], "before=29") {
			t.Errorf("%d lines:\n%s", len(lines), out.String())
		}
		if strings.Contains(out.String(), "stack trace") {
			t.Errorf("a stack trace:\n%s", lines[0])
		}
		if _, err := fs.Create("1.log", vfs.WriteCategoryUnspecified); err != nil || a.pause() <= 0 {
			t.Errorf("a file that is no table: %v, and then a pause of %s", err, a.pause())
		}
	})
}
