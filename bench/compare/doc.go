// Command compare measures Apportion beside its alternatives: Redis with a script, and PostgreSQL with a transaction.
// All servers run on one machine in one run, in turns of a second, so that other load on the machine hits all alike.
// Each has the same work, connections, durability and number of records. The command starts every server itself, with a
// directory and ports of its own, and installs Debian's package of a missing server.
//
// It also measures the bases of Apportion's own targets: the constant handler on the same HTTP library, a bare write
// and sync to the same disk, a server with a hundred times the records and, if given, an older binary of our own.
//
// At the end it checks every contender: the stock must match the acknowledged orders. The table goes into a document,
// between two marks.
//
// With -files it loads and unloads a file of stock instead, beside COPY of PostgreSQL.
//
// # Reading order
//
// main.go is the run; contender.go measures each contender; apportion.go, redis.go with resp.go, postgres.go with
// sql.go; tail.go, disk.go, growth.go and files.go; targets.go with the ratios and report.go with the document;
// install.go and machine.go.
package main
