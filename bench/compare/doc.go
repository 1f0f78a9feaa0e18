// Command compare sets Apportion beside what its users would pick instead: Redis with a script, and PostgreSQL with a
// transaction. All of it on one machine in one run, in turns of a second, so that whatever else the machine does hits
// all alike; the same work, connections, durability and number of records for each. It starts every server itself, in a
// directory and on ports of its own, and installs Debian's package of one that is missing.
//
// It also measures what the ratios of Apportion's own targets need: a handler on the same HTTP library that parses the
// same request and answers a constant, a bare write and sync to the same disk, and a server with a hundred times the
// records.
//
// Every contender is checked at the end: its stock must say what it acknowledged. The table goes into a document,
// between two marks.
//
// # Reading order
//
// main.go is the run; contender.go what is measured of each; apportion.go, redis.go with resp.go, postgres.go with
// sql.go; disk.go and growth.go; targets.go with the ratios and report.go with the document; install.go, machine.go.
package main
