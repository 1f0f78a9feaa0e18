// Package names decides which texts may be names, and in which form names are kept.
//
// It owns the form of the names of products, locations, orders, items, tag categories and values, location groups and
// rules: Unicode's composed form (NFC), no invisible characters at the ends, no control characters, and none that
// change the direction of writing. So two names that look the same are the same. Names are checked before they come
// into the log, never in engine.Apply: an older log replays to the same state, and its names still work in every
// request.
//
// It never keeps a name, and it knows nothing of lengths: those are the engine's limits.
//
// # Reading order
//
// names.go has the form of a name, schema.go what a tag category adds to it.
package names
