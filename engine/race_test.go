//go:build race

package engine_test

import "flag"

// With the race detector each command takes ten times as long, and a recount follows it. The second pass of make test
// does without, and tries as many sequences as rapid does by itself.
func init() {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
}
