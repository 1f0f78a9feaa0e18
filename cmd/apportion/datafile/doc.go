// Package datafile reads and writes the files of commands: gzip and zstd by the end of a file's name, - for standard
// input and output, and a file that is written appears as a whole or not at all.
//
// It knows no format beyond compression, and prints nothing.
//
// # Reading order
//
// name.go, reader.go, writer.go.
package datafile
