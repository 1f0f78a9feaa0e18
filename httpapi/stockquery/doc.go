// Package stockquery searches for the locations that have what is asked for. It is the search behind the stock queries
// of both APIs.
//
// It owns which locations are wanted, what items with one UPC want together, and how many records a search may look at.
// It never renders: its users decide which units count, and show the records that it finds.
//
// # Reading order
//
// query.go says what is asked for, search.go looks for it, limits.go bounds both.
package stockquery
