// Package render writes records of stock and events as JSON, as every reply and every stream shows them.
//
// It owns the members of both and their order. It never reads state: its callers hand it consistent copies, and a
// schema that knows all of their tag sets. It allocates nothing but the growth of what it appends to.
//
// # Reading order
//
// record.go has the figures of stock, event.go the events.
package render
