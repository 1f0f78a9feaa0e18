package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// toy has a package whose tests see some of what it does, and one that imports it and sees a little more.
var toy = map[string]string{
	"go.mod": "module toy\n\ngo 1.26\n",
	"box/box.go": `package box

import "errors"

func Tested(n int) bool { return n < 3 }

func Imported(n int) bool { return n > 7 }

var five = errors.New("five")

func Forgotten(n int) error {
	if n == 5 {
		return five
	}
	return nil
}

func Counts(n int) (sum int) {
	for n > 0 {
		sum += n
		n--
	}
	return sum
}
`,
	"box/box_test.go": `package box

import "testing"

func TestTested(t *testing.T) {
	if !Tested(2) || Tested(3) || Counts(2) != 3 {
		t.Fatal("not so")
	}
}
`,
	"shelf/shelf.go": `package shelf

import "toy/box"

var Tall = box.Imported
`,
	"shelf/shelf_test.go": `package shelf

import "testing"

func TestTall(t *testing.T) {
	if Tall(7) || !Tall(8) {
		t.Fatal("not so")
	}
}
`,
}

func writeToy(t *testing.T) (dir string) {
	dir = t.TempDir()
	for name, text := range toy {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestMutate breaks every line of the toy that can be broken. What a broken line does depends on how it is broken, and
// that on the seed, so lines are judged that are the same however they are broken.
func TestMutate(t *testing.T) {
	dir := writeToy(t)
	var out strings.Builder
	command := command()
	command.Writer = &out
	if err := command.Run(context.Background(), []string{"mutate", "--dir", dir, "--packages", "./box", "--count",
		"100", "--timeout", "5s"}); err != nil {
		t.Fatal(err)
	}
	f := func(line, want string) {
		t.Helper()
		for row := range strings.Lines(out.String()) {
			if strings.HasPrefix(row, "| "+line+" |") {
				if !strings.HasSuffix(row, want+" |\n") {
					t.Errorf("%q is not %q", row, want)
				}
				return
			}
		}
		t.Errorf("%s is not in the table", line)
	}
	f("box/box.go:5", "noticed | toy/box TestTested")
	f("box/box.go:7", "noticed | toy/shelf TestTall")
	f("box/box.go:12", "survived | ")
	f("box/box.go:13", "survived | ")
	f("box/box.go:20", "noticed | toy/box TestTested")
	f("box/box.go:21", "timeout | toy/box")
	if !strings.HasSuffix(out.String(), "\n7 lines broken with seed 1: 3 noticed, 1 ended by a timeout, 3 survived\n") {
		t.Error(out.String())
	}
	for name, text := range toy {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			t.Errorf("%s is now %q, %v", name, got, err)
		}
	}
}

func TestMutantsOf(t *testing.T) {
	f := func(body string, want ...string) {
		t.Helper()
		text := "package p\n\nfunc f(a, b int, c bool) (int, error) {" + body + "}\n"
		mutants, err := mutantsOf("/p/p.go", "p/p.go", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range mutants {
			if m.line() != "p/p.go:3" {
				t.Errorf("%s is at %s", m.how, m.line())
			}
			broken := text[:m.start] + m.replacement + text[m.end:]
			got = append(got, strings.TrimSuffix(strings.SplitN(broken, "{", 2)[1], "}\n"))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s becomes %q, want %q", body, got, want)
		}
	}
	f("if c {}", "if !(c) {}")
	f("if !c {}", "if c {}", "if !(!c) {}")
	f("for a < b {}", "for a <= b {}", "for !(a < b) {}")
	f("c = a >= b && c", "c = a > b && c", "c = a >= b || c", "")
	f("a = 0x10", "a = 17", "")
	f("a := b", []string(nil)...)
	f("a++; f(a, b, c)", "; f(a, b, c)", "a++; ")
	f("return a, err", "return a, nil")
	f("return a, nil", []string(nil)...)
	f("defer func() (int, error) { return a, err }()", "", "defer func() (int, error) { return a, nil }()")
	f(`a = "1" + 'c'`, "")
}

// TestMistakes: what cannot be done is said, and nothing is broken.
func TestMistakes(t *testing.T) {
	dir := writeToy(t)
	f := func(want string, args ...string) {
		t.Helper()
		var out strings.Builder
		command := command()
		command.Writer = &out
		if err := command.Run(context.Background(), append([]string{"mutate", "--dir", dir}, args...)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q\n%s", args, err, want, out.String())
		}
	}
	f("expected a count", "--count", "0")
	f("timeout above 0", "--timeout", "0s")
	f(`"box" is not expected`, "box")
	f("go list ./none", "--packages", "./none")
	if err := os.WriteFile(filepath.Join(dir, "box", "fails_test.go"),
		[]byte("package box\n\nimport \"testing\"\n\nfunc TestFails(t *testing.T) { t.Fail() }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f("with nothing broken, the tests of toy/box fail: toy/box TestFails", "--packages", "./box")
}
