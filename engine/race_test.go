//go:build race

package engine_test

import "flag"

// With the race detector each command takes ten times as long, and a recount follows it.
func init() {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
}
