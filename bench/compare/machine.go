package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine describes the machine of the run.
func machine() string {
	parts := []string{fmt.Sprintf("%d cores (%s)", runtime.NumCPU(), fieldOf("/proc/cpuinfo", "model name"))}
	// 0 if it is not known
	kilobytes, _ := strconv.Atoi(strings.TrimSuffix(fieldOf("/proc/meminfo", "MemTotal"), " kB"))
	parts = append(parts, fmt.Sprintf("%d GB of memory", kilobytes>>20))
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		parts = append(parts, "Linux "+strings.TrimSpace(string(text)))
	}
	return strings.Join(append(parts, runtime.GOARCH), ", ")
}

// fieldOf reads the first "name : value" of a file.
func fieldOf(path, name string) string {
	text, _ := os.ReadFile(path) // without it, nothing is known
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// loadAverage are the processes that wanted a core in the last 1, 5 and 15 minutes.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// versionOf is what a server says of itself.
func versionOf(server string) string {
	version, err := exec.Command(server, "version").Output()
	if err != nil {
		return "unknown version of Apportion"
	}
	return strings.TrimSpace(string(version))
}

// checkout is the commit that the server of this run was built from.
func checkout() string {
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	return ", commit " + strings.TrimSpace(string(commit))
}

// command is the command line of this run.
func command(args []string) string {
	words := []string{"go run ./bench/compare"}
	for _, arg := range args {
		if strings.ContainsAny(arg, " '\"") {
			arg = "'" + strings.ReplaceAll(arg, "'", "") + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// filesystemOf names the file system that a directory is on.
func filesystemOf(dir string) string {
	text, err := exec.Command("df", "--output=fstype,source", dir).Output()
	if err != nil {
		return filepath.Clean(dir)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(strings.Fields(lines[len(lines)-1]), " on ")
}
