// Package names says which texts may name something that is kept, and in which form such a name is kept.
//
// It owns the form of the names of products, locations, orders, items, tag categories and values, groups and rules:
// Unicode's composed form (NFC), nothing at the ends that cannot be seen, no control characters and nothing that turns
// the direction of writing. So two names that look the same are the same. It is held against names before they come
// into the log, never in engine.Apply: a log that was written before there was this rule replays to the same state, and
// what its names name can be read, shipped and deleted as before.
//
// It never keeps a name, and it knows nothing of lengths: those are the engine's limits.
//
// # Reading order
//
// names.go has the form of a name, schema.go what a tag category adds to it.
package names
