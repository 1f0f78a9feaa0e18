// Package top shows live what a server does: rates, latencies, the leader and the lag, from its metrics.
//
// It reads what every server offers, /metrics and /v1/cluster, and computes the rates itself from two readings. It
// keeps nothing and changes nothing.
//
// # Reading order
//
// top.go (the command), sample.go (a reading of the metrics, and the rates between two), screen.go (the picture).
package top
