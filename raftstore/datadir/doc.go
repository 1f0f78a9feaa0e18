// Package datadir is the layout of a data directory: the names in it, its lock, and the note of where the log ends.
//
// paths.go creates, locks and checks a directory. logend.go notes an entry that the log must have, because a log cannot
// tell the loss of its end from a torn tail. readonly.go is the file system on which a directory is verified.
//
// The package knows names and files. What is in the log and in the state is its callers' business.
package datadir
