package e2e

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// The history of a record, as its clients saw it, and the check that it is linearizable.

// stockOp is one operation on one segment of a record, or a read of the record.
type stockOp struct {
	kind    opKind
	record  string
	segment int
	units   int64
}

type opKind string

const (
	opAllocate   opKind = "allocate"
	opDeallocate opKind = "deallocate"
	opFulfill    opKind = "fulfill"
	opReturn     opKind = "return"
	opAdjust     opKind = "adjust"
	opRead       opKind = "read"
)

// stockResult is its answer. A write without an answer is sent again until there is one, so all outcomes are known.
type stockResult struct {
	refused bool // for an allocation: too few units are available
	read    stockState
}

// segmentsMax bounds the segments of a record in the tests.
const segmentsMax = 2

// stockState is the state of a record: the units on hand and allocated of each segment.
type stockState [segmentsMax]struct{ onHand, allocated int64 }

// plus is the state after a write, possible or not.
func (s stockState) plus(op stockOp) stockState {
	at := &s[op.segment]
	switch op.kind {
	case opAllocate:
		at.allocated += op.units
	case opDeallocate:
		at.allocated -= op.units
	case opFulfill:
		at.allocated -= op.units
		at.onHand -= op.units
	case opReturn, opAdjust:
		at.onHand += op.units
	}
	return s
}

// after is the state after an operation, and whether the answer is possible in this state.
func (s stockState) after(op stockOp, result stockResult) (stockState, bool) {
	next := s.plus(op)
	at := next[op.segment]
	possible := at.allocated >= 0 && at.onHand >= at.allocated
	switch {
	case op.kind == opRead:
		return s, result.read == s
	case result.refused:
		return s, !possible
	default:
		return next, possible
	}
}

// stockModelOf is the model of a record with an initial state.
func stockModelOf(initial stockState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, output any) (bool, any) {
			next, ok := state.(stockState).after(input.(stockOp), output.(stockResult))
			return ok, next
		},
		DescribeOperation: func(input, output any) string {
			op, result := input.(stockOp), output.(stockResult)
			switch {
			case op.kind == opRead:
				return fmt.Sprintf("read %v", result.read)
			case result.refused:
				return fmt.Sprintf("%s %d of %d: refused", op.kind, op.units, op.segment)
			default:
				return fmt.Sprintf("%s %d of %d", op.kind, op.units, op.segment)
			}
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%v", state) },
	}
}

// event is one operation as its client saw it.
type event struct {
	client    int
	op        stockOp
	result    stockResult
	call, end time.Duration
	asOf      uint64
	once      bool // one attempt, so asOf is from a moment between call and end
}

// checkTimeout bounds the check of one record's history. An unfinished check fails the test.
const checkTimeout = 2 * time.Minute

// checkLinear checks the operations on one record against the model.
func checkLinear(t *testing.T, dir, record string, initial stockState, events []event) {
	t.Helper()
	history := make([]porcupine.Operation, len(events))
	for i, e := range events {
		history[i] = porcupine.Operation{ClientId: e.client, Input: e.op, Call: int64(e.call), Output: e.result,
			Return: int64(e.end)}
	}
	model := stockModelOf(initial)
	result, info := porcupine.CheckOperationsVerbose(model, history, checkTimeout)
	if result != porcupine.Ok {
		picture := filepath.Join(dir, record+".html")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Error(err)
		}
		t.Errorf("the history of %s, %d operations, is %s: see %s (%v)", record, len(history), result, picture,
			porcupine.VisualizePath(model, info, picture))
	}
}

// checkIndexes: the asOf of an answer is never below that of an answer that came before its request.
func checkIndexes(t *testing.T, events []event) {
	t.Helper()
	single := slices.DeleteFunc(slices.Clone(events), func(e event) bool { return !e.once })
	byEnd := slices.Clone(single)
	slices.SortFunc(single, func(a, b event) int { return cmp.Compare(a.call, b.call) })
	slices.SortFunc(byEnd, func(a, b event) int { return cmp.Compare(a.end, b.end) })
	latest, next := event{}, 0
	for _, e := range single {
		for ; byEnd[next].end < e.call; next++ {
			if byEnd[next].asOf >= latest.asOf {
				latest = byEnd[next]
			}
		}
		if e.asOf < latest.asOf {
			t.Errorf("%+v is as of %d, and was asked after the answer of %+v came", e, e.asOf, latest)
			return
		}
	}
}

// staleRead is a read of a state that may be old, with a bound on its age.
type staleRead struct {
	node string
	call time.Duration
	lag  time.Duration // at most
	asOf uint64
}

// checkStale: a read with a bound on its lag shows all writes that were acknowledged before that bound.
func checkStale(t *testing.T, reads []staleRead, events []event) {
	t.Helper()
	byEnd := slices.DeleteFunc(slices.Clone(events), func(e event) bool { return !e.once })
	slices.SortFunc(byEnd, func(a, b event) int { return cmp.Compare(a.end, b.end) })
	slices.SortFunc(reads, func(a, b staleRead) int { return cmp.Compare(a.call-a.lag, b.call-b.lag) })
	latest, next := event{}, 0
	for _, r := range reads {
		for ; next < len(byEnd) && byEnd[next].end < r.call-r.lag; next++ {
			if byEnd[next].asOf >= latest.asOf {
				latest = byEnd[next]
			}
		}
		if r.asOf < latest.asOf {
			t.Errorf("a stale read %+v does not have %+v", r, latest)
			return
		}
	}
}

// TestHistoryChecks: the checks find impossible histories.
func TestHistoryChecks(t *testing.T) {
	check := func(want porcupine.CheckResult, events ...event) {
		t.Helper()
		var history []porcupine.Operation
		for i, e := range events {
			history = append(history, porcupine.Operation{ClientId: i, Input: e.op, Call: int64(e.call),
				Output: e.result, Return: int64(e.end)})
		}
		initial := stockState{{onHand: 2}, {onHand: 1}}
		if got := porcupine.CheckOperationsTimeout(stockModelOf(initial), history, checkTimeout); got != want {
			t.Errorf("%+v is %s, want %s", events, got, want)
		}
	}
	at := func(call, end int, kind opKind, segment int, units int64, result stockResult) event {
		return event{op: stockOp{kind: kind, segment: segment, units: units}, call: time.Duration(call),
			end: time.Duration(end), result: result}
	}
	done, refused := stockResult{}, stockResult{refused: true}
	check(porcupine.Ok, at(0, 1, opAllocate, 0, 2, done), at(2, 3, opAllocate, 0, 1, refused),
		at(4, 5, opDeallocate, 0, 2, done), at(6, 7, opAllocate, 0, 1, done))
	// oversold
	check(porcupine.Illegal, at(0, 1, opAllocate, 0, 2, done), at(2, 3, opAllocate, 0, 1, done))
	// from another segment
	check(porcupine.Illegal, at(0, 1, opAllocate, 1, 2, done))
	// refused without a reason
	check(porcupine.Illegal, at(0, 1, opAllocate, 0, 2, refused))
	// stale
	check(porcupine.Illegal, at(0, 1, opAdjust, 0, 1, done),
		at(2, 3, opRead, 0, 0, stockResult{read: stockState{{onHand: 2}, {onHand: 1}}}))
	check(porcupine.Ok, at(0, 3, opAdjust, 0, 1, done),
		at(2, 3, opRead, 0, 0, stockResult{read: stockState{{onHand: 2}, {onHand: 1}}}))
	check(porcupine.Ok, at(0, 1, opAllocate, 0, 2, done), at(2, 3, opFulfill, 0, 2, done),
		at(4, 5, opReturn, 0, 1, done),
		at(6, 7, opRead, 0, 0, stockResult{read: stockState{{onHand: 1}, {onHand: 1}}}))
}
