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
	hasSource fields = 1 << iota
	hasAuthor
	hasVersion
	hasHook
	hasScope
	hasOnError
	hasFailures
)

// rule reads a source with its author.
func (s *bodyReader) rule(c *engine.PutRule) {
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "source":
			s.seen(&has, hasSource)
			c.Source = s.multilineText()
		case "author":
			if s.present(&has, hasAuthor) {
				c.Author = s.text()
			}
		default:
			s.unknown()
		}
	}
	s.require(has, hasSource, "source")
}

// activation reads the body of an activate; an empty one takes every default.
func (s *bodyReader) activation(c *engine.ActivateRule) {
	c.FailuresMax = failuresDefault
	if s.empty() {
		return
	}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "version":
			if s.present(&has, hasVersion) {
				c.Version = s.number32()
			}
		case "hook":
			if s.present(&has, hasHook) {
				c.Hook = s.hook()
			}
		case "scope":
			if s.present(&has, hasScope) {
				s.ruleScope(&c.RuleScope)
			}
		case "onError":
			if s.present(&has, hasOnError) {
				c.OnError = engine.RuleFallback(s.oneOf(fallbackWords, "default or reject is expected"))
			}
		case "failuresMax":
			if s.present(&has, hasFailures) {
				c.FailuresMax = s.number32()
			}
		case "author":
			if s.present(&has, hasAuthor) {
				c.Author = s.text()
			}
		default:
			s.unknown()
		}
	}
}

// deactivation reads the body of a deactivate; an empty one is for all activations of the rule.
func (s *bodyReader) deactivation(c *engine.DeactivateRule) {
	if s.empty() {
		return
	}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "hook":
			if s.present(&has, hasHook) {
				c.Hook = s.hook()
			}
		case "scope":
			if s.present(&has, hasScope) {
				s.ruleScope(&c.RuleScope)
			}
		default:
			s.unknown()
		}
	}
	if has&hasScope != 0 {
		s.require(has, hasHook, "hook")
	}
}

func (s *bodyReader) hook() engine.RuleHook {
	return engine.HookSelect + engine.RuleHook(s.oneOf(hookWords, "select or redistribute is expected"))
}

// number32 reads a number from 1 on.
func (s *bodyReader) number32() uint32 {
	return uint32(s.integerIn(1, engine.RuleFailuresMax, "a number from 1 to 1000000 is expected"))
}

const (
	hasRuleLocations fields = 1 << iota
	hasRulePrefix
	hasRuleTags
)

func (s *bodyReader) ruleScope(scope *engine.RuleScope) {
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "locations":
			if s.present(&has, hasRuleLocations) {
				scope.Locations = s.names(nil, engine.RuleScopeLocationsMax)
			}
		case "upcPrefix":
			if s.present(&has, hasRulePrefix) {
				scope.UPCPrefix = s.prefix()
			}
		case "tags":
			scope.Tags = s.optionalTags(&has, hasRuleTags, nil)
		default:
			s.unknown()
		}
	}
}
