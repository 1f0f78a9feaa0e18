// Package stockfile reads and writes stock, orders and events as files: CSV and NDJSON, the same for the server's
// routes and for the command line.
//
// It owns the form of the files: which columns there are, what a cell may be, and how a file stays safe to open in a
// spreadsheet. It makes stock items of rows and finds every bad row, with its line, column, value and reason. It knows
// no log, no HTTP and no file names, and it decides nothing about stock beyond the engine's limits of one item.
//
// # Stock files
//
// CSV has a header. Its columns are upc, location, quantity, safetyStock, floor, ltd and deliveryDate in any order;
// every other column is a tag category, and an empty cell is "not given". NDJSON has one object a line, of the form of
// an item in the body of POST /v1/inventory/refresh, with a location. What Writer adds for people (allocated, pending,
// available, version) is ignored when it is read, so a file that was exported can be imported.
//
// CSV is UTF-8 with or without a byte order mark; lines end with LF or CRLF; the separator is a comma, or, if the
// header has none, a semicolon or a tab, as spreadsheets write in some countries.
//
// # Spreadsheets
//
// A text that begins with = + - @, or with a tab or a line end, is a formula to a spreadsheet. Writer puts an
// apostrophe before it, and Reader takes it away again: guard.go.
//
// # Memory
//
// Reader gives chunks. A chunk is bounded in rows and bytes, and where it ends depends on the file alone: so a file
// that is sent again has the same chunks, and each can have its idempotency key. Parts cuts a file in the same way
// without looking into it, for a client that sends a part at a time.
//
// # Reading order
//
// reader.go has chunks and rows; csv.go, columns.go and ndjson.go read one row; importer.go takes a file into
// the log; parts.go cuts one; writer.go and export.go write; guard.go keeps spreadsheets from calculating; limits.go.
package stockfile
