// Package kibo speaks the published paths and bodies of Kibo's Inventory API, so that a client of that API works with
// Apportion by changing its base URL. docs/kibo.md lists every operation and what becomes of it.
//
// It owns the translation: bodies into the engine's commands, results and reads into bodies. It decides nothing about
// stock; every refusal but those of form comes from the engine. It knows nothing of HTTP but methods, paths and
// statuses: httpapi has its routes (Operations), finds the leader, reads headers, and gives each call a Host through
// which it reaches the log.
//
// # Jobs
//
// What that API queues is applied at once here, and its outcome kept by the engine as a job (engine.JobInfo). So a call
// that answers with the number of a job answers with one that is SUCCESS or FAILED already, and a refusal by the engine
// is a job that failed and not an HTTP error. What has not the right form is a 400 and no job.
//
// # Identities
//
// An item is known by its upc; without one by its partNumber, and without that by its sku. Numbers of orders are order
// ids in decimal; an order item is its number, or "number@shipment" if the call names a shipment. A cart is an order of
// its own, "cart-" and its id, whose items are reservations.
//
// # Strictness
//
// Unknown fields are ignored, as clients of that API expect. What is known is held to its type and its limits. Numbers
// are read without loss; a text that holds a whole number passes for one. A body is UTF-8, has no field twice and is
// bounded while it is read, as the native ones are: the decoder is that of encoding/json/v2, and each list has its
// limit in one table.
//
// # Reading order
//
// kibo.go says what there is and what a call needs; read.go, body.go and job.go are the frame, with limits.go; tag.go,
// stock.go, query.go, find.go, part.go, distance.go, aggregate.go, order.go, cart.go, redistribute.go, history.go,
// remove.go, future.go, with pattern.go and walk.go, location.go, locationgroup.go and export.go are the operations;
// auth.go answers what a client asks before the first call; missing.go says no.
package kibo
