// Package faulty gives the store of a real process a disk and a clock with faults.
//
// The faults are in a file that the environment of the process names. Its tests write it, and the process reads it at
// each call, so faults begin and end while it runs. The file survives the process: a full disk is still full after a
// restart. Only the program that package e2e builds, with the tag faults, has this package.
//
// # Reading order
//
// faulty.go with the file and the clock, fs.go with the disk.
package faulty
