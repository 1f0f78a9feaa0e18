package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// TestMain lets the test binary be the program too: under the name apportion it runs main. So the tests start real
// processes, with the race detector if the tests have it.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "apportion" {
		main() // does not return
	}
	self, err := os.Executable()
	if err != nil {
		panic(fmt.Sprintf("BUG: the test binary cannot find itself: %v", err))
	}
	servertest.Binary = self
	os.Exit(m.Run())
}
