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
	Address string // host:port, once it is ready

	cmd   *exec.Cmd
	found string        // the address that it printed
	ready chan struct{} // closed once found is set
	ended chan struct{} // closed once err is set
	err   error         // of the process's end
}

// StartTimeout bounds the wait for a server to be ready.
const StartTimeout = 30 * time.Second

// StartServer starts apportion in an empty directory, at a free address, and waits until it is ready.
func StartServer(binary, dir string, more ...string) (*Process, error) {
	args := append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "warn"}, more...)
	return start(exec.Command(binary, args...))
}

// StartSelf starts the running command a second time, with an argument that makes it call ServeConstant.
func StartSelf(args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.Command(self, args...))
}

func start(cmd *exec.Cmd) (*Process, error) {
	cmd.Stderr = os.Stderr
	p, err := Launch(cmd)
	if err != nil {
		return nil, err
	}
	if err := p.AwaitReady(); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Launch starts a command and does not wait for it.
func Launch(cmd *exec.Cmd) (*Process, error) {
	p := new(Process)
	return p, p.launch(cmd)
}

func (p *Process) launch(cmd *exec.Cmd) error {
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	*p = Process{Address: p.Address, cmd: cmd, ready: make(chan struct{}), ended: make(chan struct{})}
	go p.watch(stdout)
	return nil
}

// watch reads stdout until the process ends, and takes the address from the first line with a URL.
func (p *Process) watch(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "http://"); ok && p.found == "" {
			p.found, _, _ = strings.Cut(after, " ")
			close(p.ready)
		}
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

// AwaitReady waits for the line on stdout with the address.
func (p *Process) AwaitReady() error {
	timeout := time.NewTimer(StartTimeout)
	defer timeout.Stop()
	select {
	case <-p.ready:
		p.Address = p.found
		return nil
	case <-p.ended:
		return fmt.Errorf("%s ended before it was ready: %v", p.cmd, p.cmd.ProcessState)
	case <-timeout.C:
		return fmt.Errorf("%s was not ready in %s", p.cmd, StartTimeout)
	}
}

// Restart starts an ended server with its former command line, at the same address.
func (p *Process) Restart() error {
	args := slices.Clone(p.cmd.Args[1:])
	args[slices.Index(args, "--listen")+1] = p.Address
	cmd := exec.Command(p.cmd.Path, args...)
	cmd.Stderr = os.Stderr
	if err := p.launch(cmd); err != nil {
		return err
	}
	return p.AwaitReady()
}

// Signal sends the process a signal. It fails if the process has ended.
func (p *Process) Signal(signal os.Signal) error { return p.cmd.Process.Signal(signal) }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Wait waits until the process has ended, and returns an error unless its exit status is 0.
func (p *Process) Wait() error {
	<-p.ended
	return p.err
}

// ExitCode is the exit status of a process that has ended, -1 after a signal.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Kill ends the server with kill -9.
func (p *Process) Kill() {
	_ = p.Signal(syscall.SIGKILL)
	_ = p.Wait()
}

// Stop ends the server and waits for its end.
func (p *Process) Stop() {
	_ = p.Signal(syscall.SIGTERM)
	_ = p.Wait()
}

// URL is the server's address as a URL.
func (p *Process) URL() string { return "http://" + p.Address }

// CPU is the server's processor time from /proc; 0 on systems without /proc.
func (p *Process) CPU() time.Duration { return CPUOf(p.cmd.Process.Pid) }

// CPUOf is the processor time of a process and its ended children; 0 on systems without /proc.
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

// FreeAddresses are addresses of this machine with free ports.
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

// CPUOfChildren is the processor time of a process and its children, running or waited for.
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
