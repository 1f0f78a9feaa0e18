// Command mutate breaks lines of the product, one at a time, and reports the lines that no test notices. For such a
// line, write a test that fails, or show that the broken line has the same effect.
//
// A seed chooses the lines, so that a run can be repeated. The compiler gets a broken file with go test -overlay; the
// tree stays unchanged. The package's own tests run first, then those of the packages that import it. A line that does
// not compile does not count. A test that hangs is reported separately, since it notices by luck. Before the first line
// all these tests must pass unbroken: a flaky test would seem to notice.
//
// It is not a part of the checks of every change: a hundred lines take an hour.
//
// # Reading order
//
// main.go is the run, mutants.go finds the lines and breaks them, judge.go runs the tests.
package main
