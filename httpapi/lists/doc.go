// Package lists reads pages of lists: which orders or records a filter picks, where the page ends, and how it is
// written.
//
// It owns what the parameters of a list may be, how much one page may look at, and what a cursor of each list holds. A
// page costs what it looks at, not what the list has: it may end before it is full, with a cursor to go on. It never
// writes to the log, and keeps nothing between two pages.
//
// # Reading order
//
// page.go has what all lists share. records.go lists records, names.go locations and UPCs, orders.go orders, release.go
// those whose units are to be released, history.go the events of a record. limits.go bounds a page.
package lists
