package statedb

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// chunk holds some scanned rows: keys and values one after the other, and where each ends.
type chunk struct {
	data []byte
	ends []int // key end, value end, key end, ...
}

// Load fills an empty engine from the rows. The scan (decompression, checksums) runs on a goroutine of its own, ahead
// of the decoding by at most loadChunksMax chunks.
func (s *DB) Load(caller context.Context, e *engine.Engine, p Progress) error {
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	chunks := make(chan chunk, loadChunksMax)
	spare := make(chan chunk, loadChunksMax)
	scanned := make(chan error, 1)
	go func() {
		defer close(chunks)
		scanned <- s.scan(ctx, chunks, spare)
	}()
	if err := loadChunks(e, chunks, spare, p); err != nil {
		cancel()
		if scanErr := ignoreCanceled(<-scanned); scanErr != nil {
			return scanErr // the cause: without it, rows seem to be missing
		}
		return cmp.Or(caller.Err(), err)
	}
	return cmp.Or(<-scanned, caller.Err())
}

// loadChunks decodes until the scan ends. The scan itself reports whether it ended well.
func loadChunks(e *engine.Engine, chunks <-chan chunk, spare chan<- chunk, p Progress) error {
	loader := e.BeginLoad()
	for c := range chunks {
		start := 0
		for i := 0; i < len(c.ends); i += 2 {
			key, value := c.data[start:c.ends[i]], c.data[c.ends[i]:c.ends[i+1]]
			if err := loader.Row(key, value); err != nil {
				return fmt.Errorf("raftstore: load: row %x: %w", key, err)
			}
			start = c.ends[i+1]
		}
		p.Add(len(c.ends) / 2)
		select {
		case spare <- c:
		default:
		}
	}
	if err := loader.Finish(); err != nil {
		return fmt.Errorf("raftstore: load: %w", err)
	}
	p.Done()
	return nil
}

// scan sends all rows of the Raft group except those of archived orders.
func (s *DB) scan(ctx context.Context, chunks chan<- chunk, spare <-chan chunk) error {
	before := [2][]byte{{groupPrefix}, {groupPrefix, engine.ArchivedTable}}
	after := [2][]byte{{groupPrefix, engine.ArchivedTable + 1}, {groupEnd}}
	for _, bounds := range [][2][]byte{before, after} {
		if err := s.scanRange(ctx, bounds, chunks, spare); err != nil {
			return dbError("scan the state", err)
		}
	}
	return nil
}

func (s *DB) scanRange(ctx context.Context, bounds [2][]byte, chunks chan<- chunk, spare <-chan chunk) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: bounds[0], UpperBound: bounds[1]})
	if err != nil {
		return err
	}
	var c chunk
	for it.First(); it.Valid(); it.Next() {
		c.data = append(c.data, it.Key()[1:]...)
		c.ends = append(c.ends, len(c.data))
		c.data = append(c.data, it.Value()...)
		c.ends = append(c.ends, len(c.data))
		if len(c.data) < loadChunkBytes {
			continue
		}
		if err := send(ctx, chunks, c); err != nil {
			return errors.Join(err, it.Close())
		}
		c = reuse(spare)
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return err
	}
	return send(ctx, chunks, c)
}

func send(ctx context.Context, chunks chan<- chunk, c chunk) error {
	select {
	case chunks <- c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func reuse(spare <-chan chunk) chunk {
	select {
	case c := <-spare:
		return chunk{data: c.data[:0], ends: c.ends[:0]}
	default:
		return chunk{data: make([]byte, 0, loadChunkBytes+loadChunkBytes/8)}
	}
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// EachRow calls f for every row in the order of the keys, the applied row among them. Keys and values are valid during
// the call only.
func (s *DB) EachRow(f func(key, value []byte) error) error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return dbError("read the state", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if err := f(it.Key(), it.Value()); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return dbError("read the state", err)
	}
	return nil
}

// CheckTable reads every block of a table with its checksum: also filters, which a scan of the rows does not read.
func (s *DB) CheckTable(path string) error {
	file, err := s.fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return dbError("read the state", err)
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return dbError("read "+path, errors.Join(err, file.Close()))
	}
	table, err := sstable.NewReader(context.Background(), readable, s.options.MakeReaderOptions())
	if err != nil {
		return dbError("read "+path, errors.Join(err, readable.Close()))
	}
	if err := errors.Join(table.ValidateBlockChecksums(), table.Close()); err != nil {
		return dbError("read "+path, err)
	}
	return nil
}
