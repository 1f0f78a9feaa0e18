// Package rig is the base of the comparisons. It starts and stops servers as processes, alone or as a cluster, and
// reads their processor time. It also has the constant handler: it parses a request and gives a constant answer.
//
// # Reading order
//
// process.go and cluster.go; constant.go and scan.go with the constant handler.
package rig
