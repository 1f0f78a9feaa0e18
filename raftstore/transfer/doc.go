// Package transfer copies a checkpoint from the leader to a node that is too far behind for the leader's log, or new.
//
// A Sender exports the state database by hard links, and pins the log behind the export as long as a node may need it.
// A Receiver downloads the files into a staging directory: each under the name of a part until it is whole, synced and
// of the right checksum. An interrupted download goes on where it was. When all files are there and the whole has been
// verified, a manifest is added; Install makes such a directory the state at the next start, in steps that may be
// repeated after a crash at any point.
//
// The package knows Raft only by the snapshot's description. The download runs beside Raft, since Raft's main goroutine
// would wait for all of it: the running store goes on as it is, and Receiver.Replaced tells when it has to be opened
// again.
//
// # Reading order
//
// sender.go, and session.go with one node's questions; receiver.go and staging.go; install.go; limits.go.
//
// # Concurrency
//
// All methods of Sender and Receiver may be called from any goroutine. Install is called before the state is opened.
package transfer
