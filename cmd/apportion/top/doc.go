// Package top shows live what a server does: rates, latencies, the leader and the lag, from its metrics, and which
// records change most.
//
// It reads what every server offers, /metrics, /v1/cluster and /v1/changes, and computes the rates itself from two
// readings. It keeps nothing and changes nothing.
//
// # Reading order
//
// top.go (the command), sample.go (a reading of the metrics, and the rates between two), hot.go (the records),
// screen.go (the picture).
package top
