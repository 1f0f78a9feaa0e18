// Package statedb is the state on disk: the rows of the engine on Pebble as of one log index, and the applied row that
// names this index.
//
// The database has no log of its own. It changes only when finished, synced SSTables are ingested, which Pebble makes
// one atomic, durable edit of its manifest (tables.go). So it always holds the state at exactly one index, and a crash
// leaves the old state or the new one. The applied row is the snapshot's description, in Raft's words, and is written
// with the rows.
//
// A copy of the database by hard links (Link) is a checkpoint that the database may go on without. manifest.go lists
// the files of such a copy with their checksums.
//
// A Snapshot is the same in memory: the rows of one moment, for an export.
//
// The package knows keys and files. It decides nothing about when a checkpoint is taken, kept or sent.
package statedb
