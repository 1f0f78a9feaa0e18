package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools has the paths of the peers' programs.
type tools struct {
	redis    string // redis-server
	postgres string // the directory of initdb and postgres
	versions []string
}

// findTools finds the programs, and installs Debian's package of a missing one.
func findTools(ctx context.Context, stderr io.Writer) (t tools, err error) {
	if t.redis, err = findOrInstall(ctx, stderr, "redis-server", findRedis); err != nil {
		return t, err
	}
	if t.postgres, err = findOrInstall(ctx, stderr, "postgresql", findPostgres); err != nil {
		return t, err
	}
	for _, program := range []string{t.redis, filepath.Join(t.postgres, "postgres")} {
		text, err := exec.CommandContext(ctx, program, "--version").Output()
		if err != nil {
			return t, fmt.Errorf("%s --version: %w", program, err)
		}
		version, _, _ := strings.Cut(strings.TrimSpace(string(text)), " sha=") // Redis adds its allocator and more
		t.versions = append(t.versions, version)
	}
	return t, nil
}

func findRedis() string {
	path, _ := exec.LookPath("redis-server") // "" if there is none
	return path
}

// findPostgres looks in Debian's directories, the newest version first, then in the path.
func findPostgres() string {
	paths, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // a pattern without faults
	if path, err := exec.LookPath("initdb"); err == nil {
		paths = append([]string{path}, paths...)
	}
	if len(paths) == 0 {
		return ""
	}
	return filepath.Dir(paths[len(paths)-1])
}

func findOrInstall(ctx context.Context, stderr io.Writer, name string, find func() string) (string, error) {
	if path := find(); path != "" {
		return path, nil
	}
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("%s is not installed: apt-get install %s", name, name)
	}
	fmt.Fprintf(stderr, "installing Debian's package %s\n", name)
	install := exec.CommandContext(ctx, "apt-get", "install", "-y", "--no-install-recommends", name)
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1") // do not start its service
	install.Stdout, install.Stderr = stderr, stderr
	if err := install.Run(); err != nil {
		return "", fmt.Errorf("apt-get install %s: %w", name, err)
	}
	path := find()
	if path == "" {
		return "", fmt.Errorf("%s was installed, but is not found", name)
	}
	return path, nil
}
