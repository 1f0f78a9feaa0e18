// Package cmdline has what the commands share: mistakes and exit statuses, arguments and flags, the server that a
// command asks, and the forms of its output.
//
// It owns how a command behaves towards the shell, the same for all of them. It has no command itself.
//
// # Output
//
// A command prints tables for people, and with --output the forms for programs: json is the server's reply unchanged,
// ndjson has one of its elements a line, csv has the columns of the table. Colour is for terminals only, and NO_COLOR
// turns it off.
//
// # Reading order
//
// errors.go (exit statuses), args.go, server.go, output.go, table.go.
package cmdline
