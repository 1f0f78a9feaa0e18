package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"apportion/engine"
	"apportion/rules/sandbox"
)

// TestResult is the result of one self-test.
type TestResult struct {
	Name   string
	Passed bool
	Diff   string // lines that were expected (-) and that came (+); empty if it passed
	Output string // what print wrote
	Usage  Usage
}

// Test runs the source's self-tests: the entries of its global table tests. The error is about the table itself. A
// source without tests gives no results.
func (p *Program) Test(ctx context.Context) ([]TestResult, error) {
	state, err := p.script.State()
	if err != nil {
		return nil, err
	}
	cases, err := p.readTests(state.Global("tests"))
	if err != nil {
		return nil, err
	}
	results := make([]TestResult, 0, len(cases))
	for i := range cases {
		result, err := p.runTest(ctx, &cases[i])
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// testCase is one entry of tests.
type testCase struct {
	name   string
	hook   engine.RuleHook
	input  Input
	expect sandbox.Fields
}

func (p *Program) readTests(v sandbox.Value) ([]testCase, error) {
	if v.IsNil() {
		return nil, nil
	}
	list, err := sandbox.ReadList("tests", v, TestsMax)
	if err != nil {
		return nil, err
	}
	cases := make([]testCase, 0, len(list))
	for i := range list {
		v := list.At(i)
		c, err := p.readTest(fmt.Sprintf("tests[%d]", i+1), v)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// expectFields are what a test of each hook can expect.
var expectFields = [...][]string{
	engine.HookSelect:       {"candidates", "taken", "missing", "refused", "error"},
	engine.HookRedistribute: {"available", "unchanged", "error"},
}

func (p *Program) readTest(path string, v sandbox.Value) (c testCase, err error) {
	f, err := sandbox.ReadFields(path, v, "name", "hook", "item", "record", "schema", "seed", "expect")
	if err != nil {
		return c, err
	}
	if c.name, err = readText(f, "name", path); err != nil {
		return c, err
	}
	hook, err := readText(f, "hook", p.hooks[0].String())
	if err != nil {
		return c, err
	}
	if c.hook = engine.ParseRuleHook(hook); !p.Has(c.hook) {
		return c, f.Fault("hook", "the source does not define the function %q", hook)
	}
	seed, err := readUnits(f, "seed", 0)
	if err != nil {
		return c, err
	}
	c.input.Seed = uint64(seed)
	if c.input.Record, err = readRecord(f); err != nil {
		return c, err
	}
	if c.hook == engine.HookSelect {
		if c.input.Item, err = readItem(f, c.input.Record); err != nil {
			return c, err
		}
	} else if f.Has("item") {
		return c, f.Fault("item", "must not be given: redistribute sees no item")
	}
	c.expect, err = sandbox.ReadFields(path+".expect", f.Get("expect"), expectFields[c.hook]...)
	if err == nil && c.expect.IsEmpty() {
		err = f.Fault("expect", "must have one of %s", strings.Join(expectFields[c.hook], ", "))
	}
	return c, err
}

// runTest runs one self-test. The error is about the test itself: a test that fails is a result.
func (p *Program) runTest(ctx context.Context, c *testCase) (TestResult, error) {
	var output Output
	c.input.Output = &output
	result := TestResult{Name: c.name}
	var want, got []string
	var err error
	if c.hook == engine.HookSelect {
		var plan Plan
		plan, result.Usage, err = p.Select(ctx, &c.input)
		want, got, err = c.compareSelect(&plan, err)
	} else {
		var answer Redistribution
		answer, result.Usage, err = p.Redistribute(ctx, &c.input)
		want, got, err = c.compareRedistribute(&answer, err)
	}
	result.Output = output.Text()
	result.Diff = diff(want, got)
	result.Passed = result.Diff == ""
	return result, err
}

// compareSelect gives what was expected and what came, as lines.
func (c *testCase) compareSelect(plan *Plan, failure error) (want, got []string, err error) {
	record := c.input.Record
	if failure == nil && !plan.Refused {
		for i := range plan.Candidates {
			if _, err := record.Schema.Full(plan.Candidates[i].Tags); err != nil {
				failure = sandbox.At("candidates", i, err)
				break
			}
		}
	}
	if want, got, done, err := c.compareFailure(failure); done || err != nil {
		return want, got, err
	}
	if c.expect.Has("refused") {
		return c.compareReason("refused", plan.Refused, plan.Reason, "a plan")
	}
	if plan.Refused {
		return []string{"a plan"}, []string{"refused: " + plan.Reason}, nil
	}
	if c.expect.Has("candidates") {
		expected, err := readPlan(c.expect.Get("candidates"), sandbox.Nil)
		if err != nil {
			return nil, nil, sandbox.Below(c.expect.Path, err)
		}
		if want, err = candidateLines(&expected, record); err != nil {
			return nil, nil, sandbox.Below(c.expect.Path, err)
		}
		if got, err = candidateLines(plan, record); err != nil {
			return nil, nil, err
		}
	}
	outcome := Execute(plan, c.input.Item.Quantity, record)
	if c.expect.Has("taken") {
		expected, err := readAmounts(c.expect, "taken", record)
		if err != nil {
			return nil, nil, err
		}
		taken := amounts{}
		for _, row := range outcome.Candidates {
			if row.Taken > 0 {
				taken.add(TagsText(row.Tags), row.Taken)
			}
		}
		want, got = append(want, expected.lines("taken")...), append(got, taken.lines("taken")...)
	}
	if c.expect.Has("missing") {
		missing, err := readUnits(c.expect, "missing", 0)
		if err != nil {
			return nil, nil, err
		}
		want, got = append(want, fmt.Sprint("missing ", missing)), append(got, fmt.Sprint("missing ", outcome.Missing))
	}
	return want, got, nil
}

func (c *testCase) compareRedistribute(answer *Redistribution, failure error) (want, got []string, err error) {
	if want, got, done, err := c.compareFailure(failure); done || err != nil {
		return want, got, err
	}
	if c.expect.Has("unchanged") {
		return c.compareReason("unchanged", answer.Unchanged, answer.Reason, "targets")
	}
	expected, err := readAmounts(c.expect, "available", c.input.Record)
	if err != nil {
		return nil, nil, err
	}
	after := amounts{}
	record := c.input.Record
	for i := range record.Segments {
		after.set(TagsText(record.Segments[i].Tags), record.Segments[i].Available())
	}
	for _, t := range answer.Targets {
		after.set(TagsText(t.Tags), t.Available)
	}
	return expected.lines("available"), after.only(expected).lines("available"), nil
}

// compareFailure handles tests that expect an error, and errors that a test does not expect. done: nothing else is to
// be compared.
func (c *testCase) compareFailure(failure error) (want, got []string, done bool, err error) {
	var stopped *StoppedError
	if errors.As(failure, &stopped) {
		return nil, nil, true, failure
	}
	if !c.expect.Has("error") {
		if failure != nil {
			return []string{"no error"}, []string{"error: " + failure.Error()}, true, nil
		}
		return nil, nil, false, nil
	}
	part, err := readText(c.expect, "error", "")
	switch {
	case err != nil:
		return nil, nil, true, err
	case failure == nil:
		return []string{"error with: " + part}, []string{"no error"}, true, nil
	case !strings.Contains(failure.Error(), part):
		return []string{"error with: " + part}, []string{"error: " + failure.Error()}, true, nil
	}
	return nil, nil, true, nil
}

// compareReason compares a refusal with the expected reason, or with true for any reason.
func (c *testCase) compareReason(field string, is bool, reason, otherwise string) (want, got []string, err error) {
	got = []string{field + ": " + reason}
	if !is {
		got = []string{otherwise}
	}
	if text, ok := c.expect.Get(field).Text(); ok {
		return []string{field + ": " + text}, got, nil
	}
	if any, _ := c.expect.Get(field).Bool(); any {
		if is {
			return nil, nil, nil
		}
		return []string{field}, got, nil
	}
	return nil, nil, c.expect.Fault(field, "must be the reason, or true for any reason")
}

func candidateLines(plan *Plan, r *Record) ([]string, error) {
	var lines []string
	for i := range plan.Candidates {
		c := &plan.Candidates[i]
		full, err := r.Schema.Full(c.Tags)
		if err != nil {
			return nil, sandbox.At("candidates", i, err)
		}
		line := fmt.Sprintf("candidate %d: %s", i+1, TagsText(full))
		if c.Keep > 0 {
			line += fmt.Sprint(" keep ", c.Keep)
		}
		if c.Max > 0 {
			line += fmt.Sprint(" max ", c.Max)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// diff shows the lines that only one side has.
func diff(want, got []string) string {
	if slices.Equal(want, got) {
		return ""
	}
	var b strings.Builder
	for _, line := range want {
		if !slices.Contains(got, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	if b.Len() == 0 {
		return "the same lines in another order\n"
	}
	return b.String()
}
