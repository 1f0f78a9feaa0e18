package main

import (
	"bytes"
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

// runHere runs a command line within the test: a process that the race detector watches takes a second to start.
func runHere(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var output, faults bytes.Buffer
	status = exitCode(run(t.Context(), append([]string{"apportion"}, args...), &output, &faults), &faults)
	return status, output.String(), faults.String()
}
