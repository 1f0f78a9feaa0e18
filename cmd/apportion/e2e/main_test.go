package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"apportion/cmd/apportion/servertest"
)

// TestMain builds the program for the tests once, with package faulty, and with the race detector if the tests have it.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run())
	}
	os.Exit(runWithProgram(m))
}

func runWithProgram(m *testing.M) int {
	dir, err := os.MkdirTemp("", "apportion-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	servertest.Binary = filepath.Join(dir, "apportion")
	build := exec.Command("go", "build", "-tags", "faults", fmt.Sprintf("-race=%t", raceDetector), "-o",
		servertest.Binary, "apportion/cmd/apportion")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, output)
		return 1
	}
	return m.Run()
}
