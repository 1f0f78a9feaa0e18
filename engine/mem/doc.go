// Package mem is the engine's memory: slabs of rows, short texts, hash tables, rings, sets, queues. It knows no stock.
//
// Rows hold no pointers, so that the garbage collector has nothing to walk in states of gigabytes, and never move.
// Which row is handed out depends on the calls alone, so that replicas that apply the same log have the same rows.
//
// Where a state grows, the pages of its memory are asked for before they are used, and huge where that helps: see
// populate and region. A caller who runs ProvidePages spares its writers the wait for most of them.
//
// Rows is for what has pointers, and of which there is little.
//
// One writer changes a Slab, Rows, Texts or a Table, while any number of readers look at rows that it has published to
// them; readers take no lock. All other types are for one goroutine.
package mem
