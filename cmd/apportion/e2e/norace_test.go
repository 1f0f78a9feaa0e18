//go:build !race

package e2e

// raceDetector reports whether the tests, and so the program, have the race detector.
const raceDetector = false
