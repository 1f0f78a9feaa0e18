// Package cursor writes and reads the cursors of lists: where a page ended, as a text that a client hands back for the
// next page.
//
// It owns the form of a cursor. A cursor names a place in an order, never a row or a moment in memory, so it stays
// valid over writes, restarts and changes of the leader. To clients it is opaque. It is neither signed nor secret: one
// that a client makes up leads to some place of the same list, which the client may read anyway.
//
// It never reads state, and it keeps nothing.
//
// # Reading order
//
// cursor.go has the form, and what is refused.
package cursor
