package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// goPackage is go list's description of a package of the module.
type goPackage struct {
	Dir, ImportPath string
	GoFiles         []string
	Imports         []string
	TestGoFiles     []string
	XTestGoFiles    []string

	asked bool // the run breaks its lines
}

// listPackages lists the packages of the module, and marks those of the run.
func listPackages(ctx context.Context, dir string, patterns []string) (packages []*goPackage, err error) {
	all, err := goList(ctx, dir, []string{"./..."})
	if err != nil {
		return nil, err
	}
	asked, err := goList(ctx, dir, patterns)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		p.asked = slices.ContainsFunc(asked, func(a *goPackage) bool { return a.ImportPath == p.ImportPath })
	}
	return all, nil
}

func goList(ctx context.Context, dir string, patterns []string) (packages []*goPackage, err error) {
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,ImportPath,GoFiles,Imports," +
		"TestGoFiles,XTestGoFiles"}, patterns...)...)
	list.Dir = dir
	var stderr bytes.Buffer
	list.Stderr = &stderr
	text, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w: %s", strings.Join(patterns, " "), err, stderr.String())
	}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		p := &goPackage{}
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// verdict is the tests' result for a broken line.
type verdict int

const (
	survived verdict = iota
	noticed
	timedOut
	uncompiled
)

func (v verdict) String() string {
	return [...]string{"survived", "noticed", "timeout", "uncompiled"}[v]
}

// judge runs tests against mutants.
type judge struct {
	options
	packages []*goPackage
	scratch  string // directory
}

// judge runs the tests that could notice, the nearest first, and names the first one that fails.
func (j *judge) judge(ctx context.Context, m *mutant) (verdict, string, error) {
	overlay, err := j.write(m)
	if err != nil {
		return survived, "", err
	}
	for _, p := range j.judges(m) {
		verdict, by, err := j.test(ctx, p, overlay)
		if err != nil || verdict != survived {
			return verdict, by, err
		}
	}
	return survived, "", nil
}

// whole runs the tests unbroken. A test that fails here would seem to notice everything.
func (j *judge) whole(ctx context.Context) error {
	overlay := filepath.Join(j.scratch, "overlay.json")
	if err := os.WriteFile(overlay, []byte("{}"), 0o644); err != nil {
		return err
	}
	for _, p := range j.packages {
		if !slices.ContainsFunc(j.packages, func(a *goPackage) bool {
			return a.asked && slices.Contains(j.judges(&mutant{pkg: a.ImportPath}), p)
		}) {
			continue
		}
		if verdict, by, err := j.test(ctx, p, overlay); err != nil || verdict != survived {
			return cmp.Or(err, fmt.Errorf("with nothing broken, the tests of %s fail: %s", p.ImportPath, by))
		}
	}
	return nil
}

// write makes the overlay that replaces the whole file by the broken one.
func (j *judge) write(m *mutant) (overlay string, err error) {
	broken, overlay := filepath.Join(j.scratch, "broken.go"), filepath.Join(j.scratch, "overlay.json")
	text := slices.Concat(m.text[:m.start], []byte(m.replacement), m.text[m.end:])
	if err := os.WriteFile(broken, text, 0o644); err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: broken}})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, replace, 0o644)
}

// judges are the packages with the tests to run: the broken one, then those that import it.
func (j *judge) judges(m *mutant) (judges []*goPackage) {
	for _, p := range j.packages {
		if p.ImportPath == m.pkg {
			judges = append([]*goPackage{p}, judges...)
		} else if slices.Contains(p.Imports, m.pkg) && len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 {
			judges = append(judges, p)
		}
	}
	return judges
}

// failed finds the first failed test in go test's report, subtests included.
var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// test runs the tests of one package. The overlay is in the environment, so that programs that a test builds have the
// broken file, too.
func (j *judge) test(ctx context.Context, p *goPackage, overlay string) (verdict, string, error) {
	args := []string{"test", "-short", "-failfast", "-vet=off", "-timeout", j.timeout.String()}
	for name, pattern := range j.run {
		if p.ImportPath != name && !strings.HasSuffix(p.ImportPath, "/"+name) {
			continue
		}
		if pattern == "" {
			return survived, "", nil
		}
		args = append(args, "-run", pattern)
	}
	test := exec.CommandContext(ctx, "go", append(args, p.ImportPath)...)
	test.Dir = j.dir
	test.Env = append(os.Environ(), "GOFLAGS=-overlay="+overlay)
	test.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that an interrupt ends the tests with their processes
	test.Cancel = func() error { return syscall.Kill(-test.Process.Pid, syscall.SIGKILL) }
	test.WaitDelay = time.Second
	output, err := test.CombinedOutput()
	if ctx.Err() != nil {
		return survived, "", ctx.Err()
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return survived, "", nil
	case !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay):
		return survived, "", err
	case bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")):
		return uncompiled, "", nil
	case bytes.Contains(output, []byte("panic: test timed out")):
		return timedOut, p.ImportPath, nil
	}
	if name := failed.FindSubmatch(output); name != nil {
		return noticed, p.ImportPath + " " + string(name[1]), nil
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(output)), "\n") // a process that ends itself names no test
	return noticed, p.ImportPath + ": " + line, nil
}
