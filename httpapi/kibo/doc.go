// Package kibo speaks the published paths and bodies of Kibo's Inventory API, so that a client of that API works with
// Apportion by changing its base URL. docs/kibo.md lists every operation and what it does here.
//
// It owns the translation: bodies into the engine's commands, results and reads into bodies. It decides nothing about
// stock; every refusal but those of form comes from the engine. It knows nothing of HTTP but methods, paths and
// statuses: httpapi has its routes (Operations), finds the leader, reads headers, and gives each call a Host through
// which it reaches the log.
//
// # Jobs
//
// What that API queues is applied at once here, and the engine keeps its outcome as a job (engine.JobInfo). So the job
// that a call answers with is SUCCESS or FAILED already. A refusal by the engine is a failed job, not an HTTP error; a
// malformed body is a 400 and makes no job.
//
// # Identities
//
// The UPC of an item is its upc, else its partNumber, else its sku. The id of an order is its number in decimal; the id
// of an order item is its number, or "number@shipment" if the call names a shipment. A cart is an order of its own with
// the id "cart-" and the cart's id; its items are reservations.
//
// # Strictness
//
// Unknown fields are ignored, as clients of that API expect. Known fields are checked for type and limits. Numbers are
// read without loss; a text that holds a whole number passes for one. A body is UTF-8, has no field twice, and is
// bounded while it is read: the decoder is that of encoding/json/v2, and one table has the limit of each list.
//
// # Reading order
//
// kibo.go has the list of operations and what a call needs. read.go, body.go and job.go are the frame, with limits.go.
// The operations are in tag.go, stock.go, query.go with find.go, part.go and distance.go, aggregate.go, order.go,
// cart.go, redistribute.go, history.go, remove.go and future.go with pattern.go and walk.go, location.go,
// locationgroup.go and export.go. auth.go answers clients before their first call. missing.go lists what is not done.
package kibo
