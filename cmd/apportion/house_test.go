package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// mayImport lists, for each package, the packages of this module that it may import: the architecture in one table.
// Imports point one way, cmd -> httpapi -> raftstore -> {engine, rules, wal}, and bench talks HTTP only, some of it
// by the client of httpapi. A new room
// gets a line with as few arrows as possible. Tests may import more.
var mayImport = map[string][]string{
	"engine":     {"engine/mem"},
	"engine/mem": {},

	"rules":          {"engine", "rules/sandbox"},
	"rules/backtest": {"engine", "rules"},
	"rules/sandbox":  {},

	"wal": {},

	"raftstore": {"engine", "raftstore/datadir", "raftstore/durable", "raftstore/history", "raftstore/peernet",
		"raftstore/statedb", "raftstore/transfer", "rules", "wal"},
	"raftstore/datadir":  {"raftstore/durable"},
	"raftstore/durable":  {},
	"raftstore/history":  {"engine", "raftstore/durable", "raftstore/statedb", "wal"},
	"raftstore/peernet":  {"wal"},
	"raftstore/statedb":  {"engine", "raftstore/durable", "wal"},
	"raftstore/transfer": {"raftstore/durable", "raftstore/peernet", "raftstore/statedb"},

	"httpapi": {"engine", "httpapi/api", "httpapi/console", "httpapi/cursor", "httpapi/feed", "httpapi/kibo",
		"httpapi/lists", "httpapi/names", "httpapi/render", "httpapi/stockfile", "httpapi/stockquery", "httpapi/stream",
		"httpapi/strictjson", "httpapi/webhook", "rules", "rules/backtest", "raftstore"},
	"httpapi/api":        {},
	"httpapi/client":     {"httpapi/api", "httpapi/stream"},
	"httpapi/console":    {},
	"httpapi/cursor":     {},
	"httpapi/feed":       {"engine", "httpapi/cursor", "httpapi/render", "httpapi/stream", "httpapi/strictjson"},
	"httpapi/kibo":       {"engine", "httpapi/names", "httpapi/stockquery", "httpapi/strictjson"},
	"httpapi/lists":      {"engine", "httpapi/cursor", "httpapi/render", "httpapi/strictjson"},
	"httpapi/names":      {"engine"},
	"httpapi/render":     {"engine", "httpapi/strictjson"},
	"httpapi/stockfile":  {"engine", "httpapi/names", "httpapi/strictjson"},
	"httpapi/stockquery": {"engine"},
	"httpapi/stream":     {},
	"httpapi/strictjson": {},
	"httpapi/webhook":    {"engine", "httpapi/render", "httpapi/strictjson"},

	"bench":          {},
	"bench/plot":     {},
	"bench/replay":   {"httpapi/api", "httpapi/client"},
	"bench/wire":     {},
	"bench/rig":      {"bench/wire"},
	"bench/load":     {"bench/plot", "bench/replay", "bench/wire", "httpapi/api", "httpapi/client"},
	"bench/quick":    {"bench/rig", "bench/wire", "httpapi/api", "httpapi/client"},
	"bench/feeds":    {"bench/rig", "bench/wire", "httpapi/api", "httpapi/client"},
	"bench/failover": {"bench/plot", "bench/rig", "bench/wire"},
	"bench/regress":  {},
	"bench/mutate":   {},
	"bench/compare":  {"bench/load", "bench/rig", "bench/wire"},

	"cmd/apportion": {"bench/load", "bench/replay", "cmd/apportion/cmdline", "cmd/apportion/e2e/faulty",
		"cmd/apportion/remote", "cmd/apportion/top", "engine", "httpapi", "httpapi/api", "httpapi/client",
		"httpapi/console", "raftstore", "rules"},
	"cmd/apportion/cmdline":  {"httpapi/api", "httpapi/client"},
	"cmd/apportion/datafile": {},
	"cmd/apportion/remote": {"cmd/apportion/cmdline", "cmd/apportion/datafile", "httpapi/api", "httpapi/client",
		"httpapi/stockfile"},
	"cmd/apportion/top":        {"cmd/apportion/cmdline", "httpapi/api", "httpapi/client"},
	"cmd/apportion/e2e":        {},
	"cmd/apportion/e2e/faulty": {},
	"cmd/apportion/servertest": {"bench/rig"},
}

// onlyImporter has libraries with the one package that may import each.
var onlyImporter = map[string]string{
	"github.com/yuin/gopher-lua":       "rules/sandbox",
	"github.com/yuin/gopher-lua/ast":   "rules/sandbox",
	"github.com/yuin/gopher-lua/parse": "rules/sandbox",
}

const (
	functionLinesMax = 70
	fileLinesMax     = 500
	columnsMax       = 120 // a tab counts as four
)

// sourceFile is a parsed file of the module, without tests.
type sourceFile struct {
	path    string // from the module's root, with slashes
	text    []byte
	pkg     string // its directory
	set     *token.FileSet
	syntax  *ast.File
	imports map[string]string // local name -> path
}

// TestHouseRules checks the rules that no linter has. Each message says what to do instead.
func TestHouseRules(t *testing.T) {
	files := parseModule(t, "../..", func(name string) bool { return !strings.HasSuffix(name, "_test.go") })
	for _, file := range files {
		for _, fault := range slices.Concat(importFaults(file), lengthFaults(file), engineFaults(file),
			printFaults(file), docFaults(file)) {
			t.Error(fault)
		}
	}
	for _, fault := range roomFaults(files) {
		t.Error(fault)
	}
	for _, pkg := range packagesOf(files) {
		if !slices.ContainsFunc(files, func(f *sourceFile) bool { return f.path == pkg+"/doc.go" }) {
			t.Errorf("%s has no doc.go: say there what the package owns, what it never does, and in which order to "+
				"read it", pkg)
		}
	}
}

// TestPlainPass: make test runs a test that is excluded from the race detector in its last pass, and the tests that the
// Makefile names exist.
func TestPlainPass(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`(?m)^PLAIN_TESTS := (\S+)$`).FindSubmatch(makefile)
	if pattern == nil {
		t.Fatal("the Makefile has no PLAIN_TESTS: which tests does the last pass of make test run?")
	}
	plain := regexp.MustCompile(strings.ReplaceAll(string(pattern[1]), "$$", "$"))
	unknown := namedTests(string(makefile))
	for _, file := range parseModule(t, "../..", func(name string) bool {
		return strings.HasSuffix(name, "_test.go")
	}) {
		for _, fault := range plainFaults(file, plain) {
			t.Error(fault)
		}
		for _, declaration := range file.syntax.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				delete(unknown, function.Name.Name)
			}
		}
	}
	for name := range unknown {
		t.Errorf("the Makefile names %s, and there is no such test", name)
	}
}

// namedTests has the tests that the Makefile excludes from the race detector by name.
func namedTests(makefile string) map[string]bool {
	names := map[string]bool{}
	lists := regexp.MustCompile(`(?m)^(FILLING|SERIAL|WAITING|MOVING) := ((?:.*\\\n)*.*)$`)
	for _, list := range lists.FindAllStringSubmatch(makefile, -1) {
		for _, name := range strings.Fields(strings.ReplaceAll(list[2], "\\", " ")) {
			names["Test"+name] = true
		}
	}
	return names
}

// TestColumns: the limit of columns is also for tests.
func TestColumns(t *testing.T) {
	for _, file := range parseModule(t, "../..", func(string) bool { return true }) {
		for _, fault := range columnFaults(file) {
			t.Error(fault)
		}
	}
}

// TestNamedFiles: the Go files that a doc.go or a document names exist.
func TestNamedFiles(t *testing.T) {
	there := map[string]bool{}
	var docs []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if name == "node_modules" {
			return filepath.SkipDir
		}
		there[name] = true
		if name == "doc.go" || strings.HasSuffix(name, ".md") {
			docs = append(docs, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`[\w*]+\.go\b(\.dev)?`)
	found := 0
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllString(string(text), -1) {
			if strings.ContainsRune(name, '*') || strings.HasSuffix(name, ".dev") {
				continue
			}
			if found++; !there[name] {
				t.Errorf("%s names %s, which does not exist: name the file of today", doc, name)
			}
		}
	}
	if found < 100 {
		t.Errorf("%d files are named: the test does not find them", found)
	}
}

// TestNumberedRules: each numbered rule of the data model names an existing test of the engine, and has a unique
// number.
func TestNumberedRules(t *testing.T) {
	text, err := os.ReadFile("../../docs/data-model.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, file := range parseModule(t, "../../engine", func(name string) bool {
		return strings.HasSuffix(name, "_test.go")
	}) {
		for _, declaration := range file.syntax.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil {
				tests[function.Name.Name] = true
			}
		}
	}
	for _, name := range regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(text, -1) {
		if !tests[string(name[1])] {
			t.Errorf("docs/data-model.md names %s, which engine does not have: name the test that shows the rule now",
				name[1])
		}
	}
	numbers := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^- \*\*(\w+)\.\*\* .*$`).FindAllSubmatch(text, -1) {
		number := string(line[1])
		if numbers[number] {
			t.Errorf("docs/data-model.md has two rules %s", number)
		}
		numbers[number] = true
		if !strings.Contains(string(line[0]), "`Test") {
			t.Errorf("docs/data-model.md: rule %s names no test", number)
		}
	}
	if len(numbers) < 60 {
		t.Errorf("docs/data-model.md has %d numbered rules: the test does not find them", len(numbers))
	}
}

// roomFilesMax bounds the files of a directory, without tests: more are hard to know. The engine has one file a
// command.
const (
	roomFilesMax   = 30
	engineFilesMax = 45
)

// roomFaults finds directories with too many files for a reader.
func roomFaults(files []*sourceFile) (faults []string) {
	count := map[string]int{}
	for _, file := range files {
		count[file.pkg]++
	}
	for _, pkg := range packagesOf(files) {
		most := roomFilesMax
		if pkg == "engine" {
			most = engineFilesMax
		}
		if count[pkg] > most {
			faults = append(faults, fmt.Sprintf(
				"%s has %d files without tests, more than %d: give a subject a room of "+
					"its own", pkg, count[pkg], most))
		}
	}
	return faults
}

// plainFaults finds tests that neither pass of make test runs.
func plainFaults(f *sourceFile, plain *regexp.Regexp) (faults []string) {
	excluded := slices.ContainsFunc(f.syntax.Comments, func(c *ast.CommentGroup) bool {
		return slices.ContainsFunc(c.List, func(c *ast.Comment) bool { return c.Text == "//go:build !race" })
	})
	for _, declaration := range f.syntax.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if ok && excluded && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Test") &&
			!plain.MatchString(function.Name.Name) {
			faults = append(faults, f.at(function, "%s is excluded from make test by !race, and its last pass "+
				"runs only %s: name it so, or leave the race detector on",
				function.Name.Name, plain))
		}
	}
	return faults
}

func parseModule(t *testing.T, root string, wanted func(name string) bool) []*sourceFile {
	t.Helper()
	var files []*sourceFile
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" ||
			name == "data" || name == "node_modules") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || !wanted(name) {
			return nil
		}
		file, err := parseSource(root, path)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no source found: the test looks in the wrong place")
	}
	return files
}

func parseSource(root, path string) (*sourceFile, error) {
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseText(filepath.ToSlash(relative), text)
}

func parseText(path string, text []byte) (*sourceFile, error) {
	file := &sourceFile{path: path, text: text, pkg: filepath.ToSlash(filepath.Dir(path)), set: token.NewFileSet(),
		imports: map[string]string{}}
	syntax, err := parser.ParseFile(file.set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	file.syntax = syntax
	for _, spec := range syntax.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // valid, by the parser
		local := imported[strings.LastIndex(imported, "/")+1:]
		if spec.Name != nil {
			local = spec.Name.Name
		}
		file.imports[local] = imported
	}
	return file, nil
}

func packagesOf(files []*sourceFile) []string {
	var packages []string
	for _, file := range files {
		packages = append(packages, file.pkg)
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

func (f *sourceFile) at(node ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.set.Position(node.Pos()).Line, fmt.Sprintf(format, args...))
}

// importFaults finds imports that mayImport does not allow.
func importFaults(f *sourceFile) (faults []string) {
	allowed, known := mayImport[f.pkg]
	if !known {
		return []string{f.at(f.syntax,
			"package %s is not in the table mayImport: put it there, with what it may import", f.pkg)}
	}
	for _, spec := range f.syntax.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		ours, isOurs := strings.CutPrefix(path, "apportion/")
		if isOurs && !slices.Contains(allowed, ours) {
			faults = append(faults, f.at(spec, "%s must not import %s: let the importer declare a small interface "+
				"of what it needs, or move the code down", f.pkg, ours))
		}
		if owner, owned := onlyImporter[path]; owned && f.pkg != owner {
			faults = append(faults, f.at(spec, "only %s may import %s: use its types", owner, path))
		}
		if f.isPure() && !isOurs && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
			faults = append(faults, f.at(spec, "%s must not import %s: it has the standard library only", f.pkg,
				path))
		}
	}
	return faults
}

// columnFaults finds lines that are too long for two files side by side on a screen. Lines of a raw string may be
// longer.
func columnFaults(f *sourceFile) (faults []string) {
	raw := map[int]bool{}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && strings.HasPrefix(literal.Value, "`") {
			for line := f.set.Position(literal.Pos()).Line; line <= f.set.Position(literal.End()).Line; line++ {
				raw[line] = true
			}
		}
		return true
	})
	for i, line := range strings.Split(string(f.text), "\n") {
		columns := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t")
		if columns > columnsMax && !raw[i+1] {
			faults = append(faults, fmt.Sprintf("%s:%d: %d columns, more than %d: break the line, or name a part of it",
				f.path, i+1, columns, columnsMax))
		}
	}
	return faults
}

// lengthFaults finds functions and files that are too long for a reader.
func lengthFaults(f *sourceFile) (faults []string) {
	if lines := f.set.File(f.syntax.Pos()).LineCount(); lines > fileLinesMax {
		faults = append(faults, f.at(f.syntax, "%d lines, more than %d: split the file by subject", lines,
			fileLinesMax))
	}
	for _, declaration := range f.syntax.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := f.set.Position(function.End()).Line - f.set.Position(function.Pos()).Line + 1
		if lines > functionLinesMax {
			faults = append(faults, f.at(function, "%s has %d lines, more than %d: let it call named steps",
				function.Name.Name, lines, functionLinesMax))
		}
	}
	return faults
}

// engineForbidden are packages of the standard library that do I/O or could make replicas differ.
var engineForbidden = []string{"math/rand", "math/rand/v2", "crypto/rand", "os", "net", "net/http", "io/fs", "log",
	"log/slog"}

// isPure reports whether a file is in the engine or in a room of it.
func (f *sourceFile) isPure() bool { return f.pkg == "engine" || strings.HasPrefix(f.pkg, "engine/") }

// engineFaults finds code that makes the engine more than a pure function of state and command.
func engineFaults(f *sourceFile) (faults []string) {
	if !f.isPure() {
		return nil
	}
	for _, spec := range f.syntax.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); slices.Contains(engineForbidden, path) {
			faults = append(faults, f.at(spec, "%s must not import %s: what comes from outside comes with the "+
				"command, as data", f.pkg, path))
		}
	}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt:
			faults = append(faults, f.at(node, "no goroutines in engine: the caller decides what runs when"))
		case *ast.SelectorExpr:
			if f.isFrom(node, "time") && slices.Contains(
				[]string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc"},
				node.Sel.Name) {
				faults = append(faults, f.at(node, "no time.%s in engine: time comes with the command (nowMS)",
					node.Sel.Name))
			}
		}
		return true
	})
	return faults
}

// isFrom reports whether a selector is a name of the package with the given import path.
func (f *sourceFile) isFrom(selector *ast.SelectorExpr, path string) bool {
	local, ok := selector.X.(*ast.Ident)
	return ok && f.imports[local.Name] == path
}

// printFaults finds output outside of commands.
func printFaults(f *sourceFile) (faults []string) {
	if strings.HasPrefix(f.pkg, "cmd/") {
		return nil
	}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch function := call.Fun.(type) {
		case *ast.SelectorExpr:
			if f.isFrom(function, "fmt") && strings.HasPrefix(function.Sel.Name, "Print") {
				faults = append(faults, f.at(call, "no fmt.%s outside cmd: return a value, log with the slog.Logger "+
					"you were given, or write to an io.Writer", function.Sel.Name))
			}
		case *ast.Ident:
			if function.Name == "print" || function.Name == "println" {
				faults = append(faults, f.at(call, "no %s: it is for debugging", function.Name))
			}
		}
		return true
	})
	return faults
}

// docFaults finds exported functions and types without a comment.
func docFaults(f *sourceFile) (faults []string) {
	for _, declaration := range f.syntax.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			// for example, a list of Kind methods under one comment
			oneLine := f.set.Position(d.Pos()).Line == f.set.Position(d.End()).Line
			if d.Name.IsExported() && d.Doc == nil && !oneLine && exportedReceiver(d) {
				faults = append(faults, f.at(d, "%s has no comment: say what it does and what its caller must know",
					d.Name.Name))
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					faults = append(faults, f.at(s, "%s has no comment: say what it is", s.Name.Name))
				}
			}
		}
	}
	return faults
}

// exportedReceiver reports whether d is not a method of an unexported type. Such methods are documented by their
// interface.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	kind := d.Recv.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}

// TestHouseRulesFindFaults: each rule finds its faults.
func TestHouseRulesFindFaults(t *testing.T) {
	f := func(path, text, want string) {
		t.Helper()
		file, err := parseText(path, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		faults := slices.Concat(importFaults(file), lengthFaults(file), columnFaults(file), engineFaults(file),
			printFaults(file),
			docFaults(file))
		if len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Fatalf("got %q, want one with %q", faults, want)
		}
	}
	f("wal/x.go", "package wal\nimport \"apportion/engine\"\nvar _ engine.Code", "wal must not import engine")
	f("other/x.go", "package other", "not in the table")
	f("engine/x.go", "package engine\nimport \"github.com/x/y\"\nvar _ = y.Z", "standard library only")
	f("engine/x.go", "package engine\nimport \"math/rand/v2\"\nvar _ = rand.Int", "must not import math/rand/v2")
	f("engine/x.go", "package engine\nimport clock \"time\"\nfunc f() { clock.Now() }", "no time.Now in engine")
	f("engine/x.go", "package engine\nfunc f() { go f() }", "no goroutines")
	f("engine/mem/x.go", "package mem\nfunc f() { go f() }", "no goroutines")
	f("engine/mem/x.go", "package mem\nimport \"os\"\nvar _ = os.Args", "must not import os")
	f("engine/mem/x.go", "package mem\nimport \"github.com/x/y\"\nvar _ = y.Z", "standard library only")
	f("httpapi/x.go", "package httpapi\nimport \"fmt\"\nfunc f() { fmt.Println() }", "no fmt.Println outside cmd")
	f("wal/x.go", "package wal\nfunc f() { println() }", "for debugging")
	f("wal/x.go", "package wal\nfunc F() {\n}", "F has no comment")
	f("wal/x.go", "package wal\ntype T int", "T has no comment")
	f("wal/x.go", "package wal\nfunc f() {"+strings.Repeat("\n", functionLinesMax)+"}", "more than 70")
	f("wal/x.go", "package wal\n"+strings.Repeat("\n", fileLinesMax), "more than 500")
	f("wal/x.go", "package wal\n//\t"+strings.Repeat("x", columnsMax-5), "121 columns, more than 120")
	f("wal/x.go", "package wal\n\nvar x = `"+strings.Repeat("x", columnsMax)+"`\n//"+strings.Repeat("x", columnsMax),
		"x.go:4: 122 columns")

	if faults := roomFaults(slices.Repeat([]*sourceFile{{pkg: "wal"}}, roomFilesMax+1)); len(faults) != 1 {
		t.Fatalf("a room of too many files: %q", faults)
	}

	file, err := parseText("wal/x_test.go", []byte("//go:build !race\n\npackage wal\nfunc TestX() {}\nfunc "+
		"TestXAllocations() {}"))
	if faults := plainFaults(file, regexp.MustCompile("Allocations$")); err != nil || len(faults) != 1 ||
		!strings.Contains(faults[0], "TestX is excluded") {
		t.Fatalf("got %q, %v", faults, err)
	}
}
