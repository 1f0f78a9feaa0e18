// Package rig is what the comparisons are built on: it starts and stops servers as processes of their own, alone or as
// a cluster, reads what processor time they used, and has the handler that only parses a request and answers a
// constant.
//
// # Reading order
//
// process.go and cluster.go; constant.go and scan.go with the handler to compare with.
package rig
