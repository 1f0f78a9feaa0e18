package httpapi

import (
	"apportion/engine"
	"apportion/httpapi/strictjson"
)

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
	hasSource strictjson.Fields = 1 << iota
	hasAuthor
	hasVersion
	hasHook
	hasScope
	hasOnError
	hasFailures
)

// rule reads a source with its author.
func (s *bodyReader) rule(c *engine.PutRule) {
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "source":
			s.Seen(&has, hasSource)
			c.Source = s.MultilineText()
		case "author":
			if s.Present(&has, hasAuthor) {
				c.Author = s.Text()
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasSource, "source")
}

// activation reads the body of an activate; an empty one takes every default.
func (s *bodyReader) activation(c *engine.ActivateRule) {
	c.FailuresMax = failuresDefault
	if s.Empty() {
		return
	}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "version":
			if s.Present(&has, hasVersion) {
				c.Version = s.number32()
			}
		case "hook":
			if s.Present(&has, hasHook) {
				c.Hook = s.hook()
			}
		case "scope":
			if s.Present(&has, hasScope) {
				s.ruleScope(&c.RuleScope)
			}
		case "onError":
			if s.Present(&has, hasOnError) {
				c.OnError = engine.RuleFallback(s.OneOf(fallbackWords, "default or reject is expected"))
			}
		case "failuresMax":
			if s.Present(&has, hasFailures) {
				c.FailuresMax = s.number32()
			}
		case "author":
			if s.Present(&has, hasAuthor) {
				c.Author = s.Text()
			}
		default:
			s.Unknown()
		}
	}
}

// deactivation reads the body of a deactivate; an empty one is for all activations of the rule.
func (s *bodyReader) deactivation(c *engine.DeactivateRule) {
	if s.Empty() {
		return
	}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "hook":
			if s.Present(&has, hasHook) {
				c.Hook = s.hook()
			}
		case "scope":
			if s.Present(&has, hasScope) {
				s.ruleScope(&c.RuleScope)
			}
		default:
			s.Unknown()
		}
	}
	if has&hasScope != 0 {
		s.Require(has, hasHook, "hook")
	}
}

func (s *bodyReader) hook() engine.RuleHook {
	return engine.HookSelect + engine.RuleHook(s.OneOf(hookWords, "select or redistribute is expected"))
}

// number32 reads a number from 1 on.
func (s *bodyReader) number32() uint32 {
	return uint32(s.IntegerIn(1, engine.RuleFailuresMax, "a number from 1 to 1000000 is expected"))
}

const (
	hasRuleLocations strictjson.Fields = 1 << iota
	hasRulePrefix
	hasRuleTags
)

func (s *bodyReader) ruleScope(scope *engine.RuleScope) {
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "locations":
			if s.Present(&has, hasRuleLocations) {
				scope.Locations = s.names(nil, engine.RuleScopeLocationsMax)
			}
		case "upcPrefix":
			if s.Present(&has, hasRulePrefix) {
				scope.UPCPrefix = s.prefix()
			}
		case "tags":
			scope.Tags = s.optionalTags(&has, hasRuleTags, nil)
		default:
			s.Unknown()
		}
	}
}
