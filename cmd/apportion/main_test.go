package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// TestMain makes the test binary double as the program: under the name apportion it runs main. So the tests start real
// processes, built with the race detector whenever the tests are.
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
