//go:build faults

package main

import (
	"apportion/cmd/apportion/e2e/faulty"
	"apportion/raftstore"
)

// injectFaults puts a disk and a clock with faults under the store, if the environment names the file of them.
func injectFaults(cfg *raftstore.Config) {
	if source, ok := faulty.FromEnvironment(); ok {
		cfg.FS, cfg.Clock, cfg.TrailingEntries = source.FS(), source.Clock(), source.Now().TrailingEntries
	}
}
