package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/raftstore/durable"
	"apportion/raftstore/statedb"
)

// How a downloaded checkpoint becomes the state, at a start. Each step is durable before the next begins, and may be
// repeated. So after a crash at any point the next start finds one whole state, the old or the new:
//
//  1. state/ becomes replaced/, then incoming/ becomes state/. If only the first rename was done, there is no state/,
//     and it is undone.
//  2. replaced/ is removed.
//  3. The store truncates the log to the state, and enters its term. The manifest, which is in state/ now, marks that
//     this has still to be done.

// InstallConfig is what Install needs.
type InstallConfig struct {
	FS       vfs.FS
	Parent   string // the data directory, with the three others in it
	State    string
	Staging  string
	Replaced string
	Logger   *slog.Logger
	OnFatal  func(msg string)
}

// Install does the first two steps. It is called before the state is opened.
func Install(c InstallConfig) error {
	fetched, err := statedb.ReadManifest(c.FS, c.Staging)
	if err != nil {
		c.Logger.Error("a downloaded checkpoint cannot be used", "error", err)
		fetched = nil
	}
	if err := c.undoSwap(); err != nil || fetched == nil {
		return err
	}
	index, err := c.stateIndex()
	if err != nil {
		return err
	}
	if fetched.Index <= index {
		c.Logger.Info("a downloaded checkpoint is older than the state and is removed", "index", fetched.Index, "state",
			index)
		return c.removeDir(c.Staging)
	}
	c.Logger.Info("installing a downloaded checkpoint", "index", fetched.Index, "before", index)
	return c.swapIn()
}

// undoSwap cleans up after a crash during a swap; the swap is then done again if it was not complete.
func (c *InstallConfig) undoSwap() error {
	switch hasState, hasReplaced := c.exists(c.State), c.exists(c.Replaced); {
	case !hasReplaced:
		return nil
	case hasState:
		return c.removeDir(c.Replaced)
	default:
		return c.rename(c.Replaced, c.State)
	}
}

func (c *InstallConfig) swapIn() error {
	if c.exists(c.State) {
		if err := c.rename(c.State, c.Replaced); err != nil {
			return err
		}
	}
	if err := c.rename(c.Staging, c.State); err != nil {
		return err
	}
	return c.removeDir(c.Replaced)
}

// stateIndex is the index of the state on disk, which is not open; 0: there is none.
func (c *InstallConfig) stateIndex() (uint64, error) {
	if !c.exists(c.State) {
		return 0, nil
	}
	meta, _, err := statedb.ReadSnapshotMeta(statedb.Config{
		FS: c.FS, Dir: c.State, Logger: c.Logger, OnFatal: c.OnFatal, ReadOnly: true,
	})
	return meta.Index, err
}

func (c *InstallConfig) exists(path string) bool {
	_, err := c.FS.Stat(path)
	return !errors.Is(err, fs.ErrNotExist) // in doubt it is there, and opening it will say what is wrong
}

// rename and removeDir are durable when they return.
func (c *InstallConfig) rename(from, to string) error {
	if err := errors.Join(c.FS.Rename(from, to), durable.SyncDir(c.FS, c.Parent)); err != nil {
		return fmt.Errorf("raftstore: rename %s to %s: %w", from, to, err)
	}
	return nil
}

func (c *InstallConfig) removeDir(path string) error {
	if err := errors.Join(c.FS.RemoveAll(path), durable.SyncDir(c.FS, c.Parent)); err != nil {
		return fmt.Errorf("raftstore: remove %s: %w", path, err)
	}
	return nil
}
