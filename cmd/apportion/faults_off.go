//go:build !faults

package main

import "apportion/raftstore"

// injectFaults does nothing, except in the program that the tests of clusters build with the tag faults.
func injectFaults(*raftstore.Config) {}
