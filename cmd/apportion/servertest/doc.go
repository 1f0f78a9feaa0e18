// Package servertest starts the program as real processes for tests: it waits for them, stops and kills them, sends
// them requests, and runs commands to their end. The tests of the command and those of clusters share it.
//
// It knows the API as a client does, over HTTP. It imports nothing of the server.
//
// # Reading order
//
// server.go with the process of a server, http.go with requests, command.go with other commands.
package servertest
