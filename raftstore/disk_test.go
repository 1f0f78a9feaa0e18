package raftstore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// diskUse is the size of the files of a directory. A file with several names counts once, because copies of the state
// share their tables.
func diskUse(t *testing.T, fsys vfs.FS, dir string) (bytes int64) {
	t.Helper()
	tables := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		names, err := fsys.List(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, name := range names {
			path := fsys.PathJoin(dir, name)
			info, err := fsys.Stat(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed meanwhile
			}
			if err != nil {
				t.Fatal(err)
			}
			linked := strings.HasSuffix(name, ".sst") && !strings.Contains(path, "/log/") &&
				!strings.Contains(path, "/ingest/")
			switch {
			case info.IsDir():
				walk(path)
			case linked && tables[name]:
			default:
				tables[name] = tables[name] || linked
				bytes += info.Size()
			}
		}
	}
	walk(dir)
	return bytes
}

// TestDiskIsBounded: under any load, the log is truncated behind the checkpoints, and the history and the files for
// other nodes keep their limits. One node is away, and comes back under load with a downloaded checkpoint.
func TestDiskIsBounded(t *testing.T) {
	const (
		checkpointBytes = 64 << 10
		historyBytes    = 256 << 10
		memTableBytes   = 64 << 10 // of the log, which writes and removes so much at a time
		stateBytes      = 128 << 10
		shippedBytes    = 1 << 20
		bytesMax        = historyBytes + shippedBytes + 4*checkpointBytes + 12*memTableBytes + 3*stateBytes
	)
	g := newStockedGroup(t, 3, func(cfg *Config) {
		cfg.checkpointLogBytes, cfg.HistoryBytes, cfg.logMemTableBytes = checkpointBytes, historyBytes, memTableBytes
		cfg.shippedLogBytes = shippedBytes
		cfg.ElectionTimeout = PeerElectionTimeoutDefault // entries are large, and the machine may be busy
		cfg.TrailingEntries = 1000                       // more than HistoryBytes
	})
	away := g.follower()
	rest := g.others(away)
	mustClose(t, away.Store)

	most := int64(0)
	write := func(i, items int) error {
		r := &engine.Refresh{Location: "L"}
		for u := range items {
			r.Items = append(r.Items, engine.StockItem{UPC: fmt.Sprint("U", u), Quantity: int64(1_000_000 + i)})
		}
		err := insist(rest, "", r)
		for _, n := range rest {
			most = max(most, diskUse(t, n.cfg.FS, n.cfg.Dir))
		}
		return err
	}
	i := 0
	for ; rest[0].metrics.logBytes.Get() < 2*bytesMax; i++ {
		if err := write(i, 1000); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for ; !isClosed(ended); i++ {
			// Small entries: the log that waits for the node's download and start is bounded.
			if err := write(i, 1); err != nil {
				t.Error(err)
				return
			}
		}
	})
	g.reopen(away)
	fetched := g.bringUp(away)
	close(ended)
	load.Wait()
	if fetched == 0 {
		t.Error("the node that was away came up without a checkpoint")
	}
	g.agree()
	most = max(most, diskUse(t, away.cfg.FS, away.cfg.Dir))
	if most > bytesMax {
		t.Errorf("%d bytes of disk were in use, at most %d should be", most, bytesMax)
	}
	t.Logf("%d bytes went into the log, at most %d were on disk; %d checkpoints were downloaded",
		rest[0].metrics.logBytes.Get(), most, fetched)
}
