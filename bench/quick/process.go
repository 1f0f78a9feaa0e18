package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server under test.
type process struct {
	cmd     *exec.Cmd
	address string
}

const startTimeout = 30 * time.Second

// startServer starts apportion in an empty directory.
func startServer(binary, dir string, more ...string) (*process, error) {
	args := append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "warn"}, more...)
	return start(exec.Command(binary, args...))
}

// startSelf starts this command as the handler to compare with.
func startSelf() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.Command(self, "-baseline"))
}

// start waits for the line on stdout that has the address.
func start(cmd *exec.Cmd) (*process, error) {
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(startTimeout, func() { _ = cmd.Process.Kill() }) // ends the read below
	defer timer.Stop()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "http://"); ok {
			address, _, _ := strings.Cut(after, " ")
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // ends with the process
			return &process{cmd, address}, nil
		}
	}
	return nil, fmt.Errorf("%s did not say where it listens: %w", cmd.Path, cmd.Wait())
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	_ = p.cmd.Wait()
}

// cpu is the processor time the process has used, from /proc; 0 where there is none.
func (p *process) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The second field is the name in parentheses, which may have blanks; utime and stime are fields 14 and 15.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	ticks := 0
	for _, field := range fields[11:13] {
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	const ticksPerSecond = 100 // USER_HZ, the same on all Linux that Go runs on
	return time.Duration(ticks) * time.Second / ticksPerSecond
}
