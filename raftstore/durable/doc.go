// Package durable has the small helpers with which the rooms of raftstore put bytes on a disk and trust them later:
// errors that say what is wrong with a directory, synced files and directories, checksums of files, and the header of
// version and checksum in front of what is stored as one piece (sealed.go).
//
// It knows no format: what the bytes mean is its callers' business.
package durable
