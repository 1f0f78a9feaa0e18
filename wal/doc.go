// Package wal is the Raft log on Pebble.
package wal
