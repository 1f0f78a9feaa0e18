package httpapi

import (
	"strconv"
	"time"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// The body of a backtest.

// backtestBody is what a backtest is asked for. Zero values stand for what was not said.
type backtestBody struct {
	version     uint32
	source      string
	hasSource   bool
	hook        engine.RuleHook
	from, to    bound
	scope       engine.RuleScope
	onError     engine.RuleFallback
	failuresMax uint32
	differences int
}

// bound is a place in the log: an index, or a time.
type bound struct {
	index  uint64
	timeMS int64
	text   string // as it was given, empty if it was not
}

const (
	hasTestVersion strictjson.Fields = 1 << iota
	hasTestSource
	hasTestHook
	hasTestFrom
	hasTestTo
	hasTestScope
	hasTestOnError
	hasTestFailures
	hasTestDifferences
)

// backtest reads the body of a backtest; an empty one takes every default.
func (s *bodyReader) backtest(b *backtestBody) {
	*b = backtestBody{failuresMax: failuresDefault, differences: BacktestDifferencesDefault}
	if s.Empty() {
		return
	}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "version":
			if s.Present(&has, hasTestVersion) {
				b.version = s.number32()
			}
		case "source":
			if s.Present(&has, hasTestSource) {
				b.source, b.hasSource = s.MultilineText(), true
			}
		case "hook":
			if s.Present(&has, hasTestHook) {
				b.hook = s.hook()
			}
		case "from":
			if s.Present(&has, hasTestFrom) {
				b.from = s.bound()
			}
		case "to":
			if s.Present(&has, hasTestTo) {
				b.to = s.bound()
			}
		case "scope":
			if s.Present(&has, hasTestScope) {
				s.ruleScope(&b.scope)
			}
		case "onError":
			if s.Present(&has, hasTestOnError) {
				b.onError = engine.RuleFallback(s.OneOf(fallbackWords, "default or reject is expected"))
			}
		case "failuresMax":
			if s.Present(&has, hasTestFailures) {
				b.failuresMax = s.number32()
			}
		case "differencesMax":
			if s.Present(&has, hasTestDifferences) {
				b.differences = int(s.IntegerIn(0, BacktestDifferencesMax,
					"a number from 0 to "+strconv.Itoa(BacktestDifferencesMax)+" is expected"))
			}
		default:
			s.Unknown()
		}
	}
}

// bound reads a log index, as a number or as text, or a time.
func (s *bodyReader) bound() (b bound) {
	begin := s.Next()
	if s.Space() != '"' {
		n := s.Integer()
		b.index, b.text = uint64(max(n, 0)), strconv.FormatInt(n, 10)
		if n < 1 {
			s.FailAt(begin, codeInvalid, boundExpected, "", b.text)
		}
		return b
	}
	b.text = s.Text()
	if index, err := strconv.ParseUint(b.text, 10, 63); err == nil && index > 0 {
		b.index = index
		return b
	}
	at, err := time.Parse(time.RFC3339Nano, b.text)
	if err != nil || at.UnixMilli() <= 0 {
		s.FailAt(begin, codeInvalid, boundExpected, "", b.text)
		return b
	}
	b.timeMS = at.UnixMilli()
	return b
}

const boundExpected = "a log index from 1 on or a time such as 2026-11-27T06:00:00Z is expected"
