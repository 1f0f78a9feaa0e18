package rig

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a server under test.
type Process struct {
	Address string // host:port

	cmd *exec.Cmd
}

// StartTimeout bounds the wait for a server to be ready.
const StartTimeout = 30 * time.Second

// StartServer starts apportion in an empty directory, at an address that is free.
func StartServer(binary, dir string, more ...string) (*Process, error) {
	args := append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "warn"}, more...)
	return start(exec.Command(binary, args...))
}

// StartSelf starts the running command again, with an argument that has it call ServeConstant.
func StartSelf(args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.Command(self, args...))
}

// start waits for the line on stdout that has the address.
func start(cmd *exec.Cmd) (*Process, error) {
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(StartTimeout, func() { _ = cmd.Process.Kill() }) // ends the read below
	defer timer.Stop()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "http://"); ok {
			address, _, _ := strings.Cut(after, " ")
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // ends with the process
			return &Process{Address: address, cmd: cmd}, nil
		}
	}
	return nil, fmt.Errorf("%s did not say where it listens: %w", cmd.Path, cmd.Wait())
}

// Restart starts a server that has ended with the command line that it had, at the same address.
func (p *Process) Restart() error {
	args := slices.Clone(p.cmd.Args[1:])
	args[slices.Index(args, "--listen")+1] = p.Address
	again, err := start(exec.Command(p.cmd.Path, args...))
	if err != nil {
		return err
	}
	p.cmd = again.cmd
	return nil
}

// Kill ends the server with kill -9.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only if it has ended
	_ = p.cmd.Wait()
}

// Stop ends the server and waits for its end.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	_ = p.cmd.Wait()
}

// URL is where the server listens.
func (p *Process) URL() string { return "http://" + p.Address }

// CPU is the processor time that the server has used, from /proc; 0 where there is none.
func (p *Process) CPU() time.Duration { return CPUOf(p.cmd.Process.Pid) }

// CPUOf is the processor time that a process has used, its ended children's included; 0 where there is no /proc.
func CPUOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The second field is the name in parentheses, which may have blanks; fields 14 to 17 are utime, stime, and the
	// same of children that have been waited for.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0
	}
	ticks := 0
	for _, field := range fields[11:15] {
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	const ticksPerSecond = 100 // USER_HZ, the same on all Linux that Go runs on
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// FreeAddresses are addresses of this machine that nobody uses at the moment.
func FreeAddresses(count int) (addresses []string, err error) {
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// CPUOfChildren is the processor time that a process and those that it started have used, as far as they still run or
// were waited for.
func CPUOfChildren(pid int) time.Duration {
	sum := CPUOf(pid)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // a pattern without faults
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			sum += CPUOf(child)
		}
	}
	return sum
}
