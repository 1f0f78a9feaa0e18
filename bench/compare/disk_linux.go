package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData is fdatasync: the data, and of the file's own figures only what is needed to find it.
func syncData(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }
