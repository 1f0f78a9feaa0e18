// Package engine is the pure core of Apportion: records split into segments, the commands that change them, and Apply.
//
// It owns every rule about stock: what may be promised, how units are split, where they return to, what a repeated
// command answers. It never does I/O, never reads a clock, draws no random number, starts no goroutine and does not let
// the order of a Go map show. Time comes with the command. The same commands give the same rows, byte for byte, on
// every replica.
//
// The rules are numbered sentences in docs/data-model.md, each with the name of a test that shows it. The log outlives
// programs: an order change, or a counted refresh, of a command version below 6 means what it meant to its writer.
//
// # Reading order
//
// command.go and result.go say what goes in and out, check.go what is refused without a look at the state, codec.go the
// binary form; slab.go, text.go, table.go and ring.go are the pointer-free memory; state.go has the rows and change.go
// the one way to change them; schema.go and split.go are the percentages; apply.go is the way of a command, stock.go,
// group.go, deletesegments.go, future.go, allocate.go, planned.go, order.go, itemindex.go, orderchange.go, giveback.go,
// nothingleft.go, transition.go and schemachange.go what it does, rule.go and rulechange.go the rules,
// redistributeplan.go what they do to records, room.go what limits it; results.go, events.go, explain.go, job.go,
// place.go, placegroup.go and block.go are what is kept of it; reader.go is the lock-free side; checkpoint.go,
// frozen.go, rows.go, rulerows.go, archive.go, load.go and verify.go are the durable form.
//
// # Concurrency
//
// The methods of Engine are for one goroutine at a time (the caller's mutex), those of its Reader for any goroutine at
// any time. Checkpoint.Next runs beside the writer, which waits for it only if both want the same row at the same
// moment.
package engine
