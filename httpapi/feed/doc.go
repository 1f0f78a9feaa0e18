// Package feed tells readers what has happened, in the order of the log: a page at a time, or as a stream that stays
// open.
//
// It owns what a page and a stream of events hold, which filters they take, and how many streams share the work of
// reading and encoding. It never writes to the log, knows no connection (package stream has them), and keeps nothing
// for a reader that has gone: a reader's place is a number that the reader itself hands back.
//
// # Changes
//
// The feed of changes is compacted: the engine has records in the order of their last change, and a reader gets each
// record behind its place once, as it is when it is read. So nothing is stored for a reader that is slow. A reader
// without a place begins with a copy: all records in the order of their keys, and then the changes from the place where
// the copy began. What changed during the copy comes again; applied in order, the result is right.
//
// # One hub, many readers
//
// Streams that have seen everything share a hub. Its goroutine waits for applied entries, reads what is new once,
// encodes it once, and replaces the tail: the newest batches, bounded in bytes and number. Readers load the tail
// without a lock and copy what is behind their place and passes their filter. The hub runs while somebody waits.
//
// A reader that has seen all of the tail waits. The hub wakes only those who pick something of what is new: readers of
// some locations it finds by the location, and for each of the others it looks at what is new. Nobody else runs. So a
// reader that waits picks nothing up to the end of the tail, whatever was added, and that is its place: it falls
// behind no tail, and its heartbeat tells how far it is.
//
// While something is new, the hub looks again after a pause that grows with the readers that it woke: what comes
// meanwhile goes with one write. The pause counts from look to look, so a change after a silence is told at once.
//
// A reader that is behind the tail reads for itself, from the same source and with the same function, until the tail
// reaches back to its place. So a slow reader delays nobody, and costs nothing while it does not read. How many readers
// read for themselves at a time is bounded, since that takes a core's time.
//
// # Reading order
//
// batch.go has what is read at a time, hub.go the tail and who waits for more of it, source.go one reader. events.go is
// the feed of events, changes.go that of the changes of records, with changestream.go for its streams. limits.go has
// the bounds.
package feed
