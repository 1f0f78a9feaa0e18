package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"apportion/engine"
	"apportion/raftstore/statedb"
)

// Verify reads all files of the kept checkpoints in c.Dir that a log with these bounds continues; a start removes the
// others. c says how they are opened. Each problem is reported. The error is for what keeps Verify from going on.
func Verify(ctx context.Context, c statedb.Config, first, last uint64, report func(problem string)) error {
	dir := c.Dir
	names, err := c.FS.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("raftstore: read %s: %w", dir, err)
	}
	for _, name := range names {
		k, ok := ParseName(name)
		if !ok || !k.continuedBy(first, last) {
			continue
		}
		c.Dir = c.FS.PathJoin(dir, name)
		if err := k.check(ctx, c); err != nil && ctx.Err() == nil {
			report(fmt.Sprintf("history: the kept checkpoint of index %d: %v", k.Index, err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// check reads all files of a kept checkpoint.
func (k *Checkpoint) check(ctx context.Context, c statedb.Config) error {
	if err := k.readFiles(c.FS, c.Dir); err != nil {
		return err
	}
	state, err := k.open(ctx, c, func() {})
	if err != nil {
		return err
	}
	if k.unlisted { // it has no checksums of whole files
		err = state.Load(ctx, engine.New(), statedb.LogProgress(c.Logger))
	}
	return errors.Join(err, state.Close())
}
