// Package engine is the pure core of Apportion: records split into segments, the commands that change them, and Apply.
//
// It owns every rule about stock: what may be promised, how units are split, where they return to, what a repeated
// command answers. It never does I/O, never reads a clock, draws no random number, starts no goroutine and does not let
// the order of a Go map show. Time comes with the command. The same commands give the same rows, byte for byte, on
// every replica.
//
// The rules are numbered sentences in docs/data-model.md, each with the name of a test that shows it. The log outlives
// programs: an order change, or a counted refresh, of a command version below 6, the start of a count of one below 8,
// a redistribution of one below 9, and a block of one below 10, mean what they meant to their writers.
//
// # Reading order
//
// command.go has the list of all commands, block.go is a whole command in little space, and apply.go the way of a
// command. Each command has its type, its check, its bytes, its digest and what it does in one file:
//
//   - stock: refresh.go, transfer.go, count.go, redistribute.go, delete.go, over stock.go, split.go and future.go;
//   - orders: allocate.go, plan.go, orderchange.go, itemunits.go, transition.go, over order.go;
//   - schema and rules: puttagcategory.go, schemachange.go, rulechange.go, over schema.go and rule.go;
//   - locations: location.go, block.go;
//   - where events are sent: webhook.go.
//
// They share codec.go, limits.go, tags.go and result.go. Below them, state.go has the rows, change.go the one
// way to change them and what limits it, and package mem their memory. kept.go, results.go, events.go,
// explain.go and job.go are what is kept of a command; reader.go is the side that takes no lock, with list.go for the
// lists, and feed.go has the records by their last change; checkpoint.go, rows.go, archive.go, load.go and verify.go
// are the durable form.
//
// # Concurrency
//
// The methods of Engine are for one goroutine at a time (the caller's mutex), those of its Reader for any goroutine at
// any time. Checkpoint.Next runs beside the writer, which waits for it only if both want the same row at the same
// moment. ProvidePages, for a goroutine of its own, touches no state.
package engine
