// Package remote has the commands that ask a running server about stock, orders, tags and events, and change them: one
// file a command, or a few that are alike.
//
// It owns their flags and what their tables show. What a request means, and when it is sent again, is the business of
// httpapi/client; the forms of output are that of cmdline.
//
// # Reading order
//
// session.go (what the commands share), record.go, stock.go, redistribute.go, allocate.go, order.go, orders.go,
// orderchange.go, deallocate.go, tags.go, import.go, count.go, export.go, list.go, changes.go, events.go, webhooks.go.
package remote
