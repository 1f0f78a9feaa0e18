package main

import (
	"strings"
)

// diskFailed says whether a process has ended because its disk had, and has said so.
func diskFailed(n *node) bool {
	return n.cmd.ProcessState.ExitCode() != 0 && strings.Contains(n.log.String(), "no space left on device")
}
