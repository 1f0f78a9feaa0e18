package httpapi

import (
	"apportion/engine"
	"apportion/rules"
)

// The bodies of the rule routes.

// ruleBody is what the bodies about rules are read into.
type ruleBody struct {
	put        engine.PutRule
	activate   engine.ActivateRule
	deactivate engine.DeactivateRule
	dry        dryRun
}

// dryRun is the body of a dry run.
type dryRun struct {
	version   uint32
	source    string
	hasSource bool
	hook      string
	item      engine.AllocateLine
	orderID   string
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
	gotItem
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
				scope.UPCPrefix = s.string()
			}
		case "tags":
			scope.Tags = s.optionalTags(&got, gotRuleTags, nil)
		default:
			s.unknown()
		}
	}
}

// dryRun reads the body of a dry run.
func (s *scanner) dryRun(d *dryRun) {
	*d = dryRun{hook: rules.HookSelect.String()}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "version":
			if s.given(&got, gotVersion) {
				d.version = s.number32()
			}
		case "source":
			if s.given(&got, gotSource) {
				d.source, d.hasSource = s.source(), true
			}
		case "hook":
			if s.given(&got, gotHook) {
				d.hook = s.hook().String()
			}
		case "item":
			s.mark(&got, gotItem)
			s.dryItem(d)
		default:
			s.unknown()
		}
	}
	s.need(got, gotItem, "item")
}

const (
	gotDryOrderID fields = 1 << iota
	gotDryItemID
	gotDryUPC
	gotDryLocation
	gotDryQuantity
	gotDryTags
	gotDryAttributes
)

// dryItem reads the item of a dry run. Only where the stock is has to be said.
func (s *scanner) dryItem(d *dryRun) {
	d.orderID = "dry-run"
	d.item = engine.AllocateLine{ItemID: "1", Quantity: 1}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "orderId":
			s.mark(&got, gotDryOrderID)
			d.orderID = s.string()
		case "itemId":
			s.mark(&got, gotDryItemID)
			d.item.ItemID = s.string()
		case "upc":
			s.mark(&got, gotDryUPC)
			d.item.UPC = s.string()
		case "location":
			s.mark(&got, gotDryLocation)
			d.item.Location = s.string()
		case "quantity":
			if s.given(&got, gotDryQuantity) {
				d.item.Quantity = s.positive()
			}
		case "tags":
			d.item.Tags = s.optionalTags(&got, gotDryTags, nil)
		case "attributes":
			if s.given(&got, gotDryAttributes) {
				d.item.Attributes = s.attributes(nil)
			}
		default:
			s.unknown()
		}
	}
	s.need(got, gotDryUPC, "upc")
	s.need(got, gotDryLocation, "location")
}
