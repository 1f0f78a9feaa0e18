// Command mutate breaks lines of the product, one at a time, and reports which of them no test notices. A line that can
// be broken unseen has no test: write the one that fails, or show that the broken line means the same.
//
// Lines are chosen from a seed, so that a run can be repeated. A broken file is given to the compiler with go test
// -overlay; nothing in the tree is written. The package's own tests judge first, then those of the packages that import
// it. What does not compile is not counted; a test that hangs is reported as such, since it notices by luck. Before the
// first line all these tests are run with nothing broken, and have to pass: on a busy machine a test that fails now and
// then would seem to notice.
//
// It is no part of the checks that every change must pass: a hundred lines take an hour.
//
// # Reading order
//
// main.go is the run, mutants.go finds what can be broken and how, judge.go asks the tests.
package main
