// Package history keeps what a backtest replays: some of the last checkpoints, the log behind the oldest of them, and
// the orders that were refused before the log.
//
// Nothing of it is needed to serve. A fault here costs history, is counted and logged, and never fails a checkpoint or
// a start.
//
// keeper.go decides which checkpoints are kept and how much of the log (Needed); checkpoint.go is one of them: a
// directory of hard links with a manifest. recording.go reads a part of the past, and pins what it reads. refused.go,
// refusedframe.go, refusedfiles.go and refusedread.go record refused orders in segment files. verify.go reads all files
// of a directory that no store has open.
package history
