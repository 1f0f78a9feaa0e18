package httpapi

import "apportion/engine"

// The bodies of the rule routes.

// ruleBody is what the bodies about rules are read into.
type ruleBody struct {
	put        engine.PutRule
	activate   engine.ActivateRule
	deactivate engine.DeactivateRule
	dry        dryRun
	backtest   backtestBody
}

var (
	hookWords     = []string{engine.HookSelect.String(), engine.HookRedistribute.String()}
	fallbackWords = []string{engine.FallbackDefault: "default", engine.FallbackReject: "reject"}
)

// failuresDefault is how many failures in a row suspend a rule, if its activation does not say.
const failuresDefault = 10

const (
	gotSource fields = 1 << iota
	gotAuthor
	gotVersion
	gotHook
	gotScope
	gotOnError
	gotFailures
)

// rule reads a source with its author.
func (s *scanner) rule(c *engine.PutRule) {
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "source":
			s.mark(&got, gotSource)
			c.Source = s.source()
		case "author":
			if s.given(&got, gotAuthor) {
				c.Author = s.string()
			}
		default:
			s.unknown()
		}
	}
	s.need(got, gotSource, "source")
}

// source reads a text of several lines.
func (s *scanner) source() string {
	s.multiline = true
	defer func() { s.multiline = false }()
	return s.string()
}

// activation reads the body of an activate; an empty one takes every default.
func (s *scanner) activation(c *engine.ActivateRule) {
	c.FailuresMax = failuresDefault
	if s.space(); s.at == len(s.text) {
		return
	}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "version":
			if s.given(&got, gotVersion) {
				c.Version = s.number32()
			}
		case "hook":
			if s.given(&got, gotHook) {
				c.Hook = s.hook()
			}
		case "scope":
			if s.given(&got, gotScope) {
				s.ruleScope(&c.RuleScope)
			}
		case "onError":
			if s.given(&got, gotOnError) {
				c.OnError = engine.RuleFallback(s.oneOf(fallbackWords, "default or reject is expected"))
			}
		case "failuresMax":
			if s.given(&got, gotFailures) {
				c.FailuresMax = s.number32()
			}
		case "author":
			if s.given(&got, gotAuthor) {
				c.Author = s.string()
			}
		default:
			s.unknown()
		}
	}
}

// deactivation reads the body of a deactivate; an empty one is for all activations of the rule.
func (s *scanner) deactivation(c *engine.DeactivateRule) {
	if s.space(); s.at == len(s.text) {
		return
	}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "hook":
			if s.given(&got, gotHook) {
				c.Hook = s.hook()
			}
		case "scope":
			if s.given(&got, gotScope) {
				s.ruleScope(&c.RuleScope)
			}
		default:
			s.unknown()
		}
	}
	if got&gotScope != 0 {
		s.need(got, gotHook, "hook")
	}
}

func (s *scanner) hook() engine.RuleHook {
	return engine.HookSelect + engine.RuleHook(s.oneOf(hookWords, "select or redistribute is expected"))
}

// number32 reads a number from 1 on.
func (s *scanner) number32() uint32 {
	s.space()
	begin := s.at
	n := s.integer()
	if n < 1 || n > engine.RuleFailuresMax {
		s.failAt(begin, codeInvalid, "a number from 1 to 1000000 is expected", "", string(s.text[begin:s.at]))
		return 0
	}
	return uint32(n)
}

const (
	gotRuleLocations fields = 1 << iota
	gotRulePrefix
	gotRuleTags
)

func (s *scanner) ruleScope(scope *engine.RuleScope) {
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "locations":
			if s.given(&got, gotRuleLocations) {
				scope.Locations = s.names(nil, engine.RuleScopeLocationsMax)
			}
		case "upcPrefix":
			if s.given(&got, gotRulePrefix) {
				scope.UPCPrefix = s.prefix()
			}
		case "tags":
			scope.Tags = s.optionalTags(&got, gotRuleTags, nil)
		default:
			s.unknown()
		}
	}
}
