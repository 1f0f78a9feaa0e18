package engine

import (
	"fmt"
	"math"
	"strconv"
)

// The checks of the rule commands.

func checkRuleName(name string) *Fault {
	if !IsText(name, RuleNameBytesMax) {
		return textFault("name", name, RuleNameBytesMax)
	}
	return nil
}

func (c *PutRule) check() *Fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Source == "" || len(c.Source) > RuleSourceBytesMax {
		return &Fault{"source", strconv.Itoa(len(c.Source)),
			fmt.Sprintf("it has %d bytes; 1 to %d are allowed", len(c.Source), RuleSourceBytesMax)}
	}
	if !isOptionalText(c.Author, RuleAuthorBytesMax) {
		return textFault("author", c.Author, RuleAuthorBytesMax)
	}
	if f := checkSize("hooks", len(c.Hooks), 1, int(HookRedistribute)); f != nil {
		return f
	}
	for i, h := range c.Hooks {
		if h < HookSelect || h > HookRedistribute || i > 0 && h <= c.Hooks[i-1] {
			return &Fault{fmt.Sprintf("hooks[%d]", i), strconv.Itoa(int(h)),
				"hooks are expected in ascending order, each once"}
		}
	}
	return nil
}

func (c *ActivateRule) check() *Fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Hook < HookSelect || c.Hook > HookRedistribute {
		return numberFault("hook", int64(c.Hook), int64(HookSelect), int64(HookRedistribute))
	}
	if c.OnError > FallbackReject {
		return numberFault("onError", int64(c.OnError), 0, int64(FallbackReject))
	}
	if c.FailuresMax < 1 || c.FailuresMax > RuleFailuresMax {
		return numberFault("failuresMax", int64(c.FailuresMax), 1, RuleFailuresMax)
	}
	if !isOptionalText(c.Author, RuleAuthorBytesMax) {
		return textFault("author", c.Author, RuleAuthorBytesMax)
	}
	return checkRuleScope(&c.RuleScope, c.Hook)
}

func (c *DeactivateRule) check() *Fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Hook > HookRedistribute {
		return numberFault("hook", int64(c.Hook), 0, int64(HookRedistribute))
	}
	if c.Hook == 0 && (len(c.Locations) > 0 || c.UPCPrefix != "" || len(c.Tags) > 0) {
		return &Fault{"hook", "0", "a scope needs a hook; without a hook, all activations end"}
	}
	return checkRuleScope(&c.RuleScope, c.Hook)
}

func checkRuleScope(s *RuleScope, hook RuleHook) *Fault {
	if f := checkSize("scope.locations", len(s.Locations), 0, RuleScopeLocationsMax); f != nil {
		return f
	}
	for i, l := range s.Locations {
		if !IsText(l, LocationBytesMax) {
			return textFault(fmt.Sprintf("scope.locations[%d]", i), l, LocationBytesMax)
		}
	}
	if !isOptionalText(s.UPCPrefix, UPCBytesMax) {
		return textFault("scope.upcPrefix", s.UPCPrefix, UPCBytesMax)
	}
	if hook != HookSelect && len(s.Tags) > 0 {
		return &Fault{"scope.tags", strconv.Itoa(len(s.Tags)),
			"only a rule with the hook select may have tags in its scope"}
	}
	return checkTags("scope.tags", s.Tags)
}

func (c *SuspendRule) check() *Fault {
	if c.Activation == 0 {
		return numberFault("activation", 0, 1, math.MaxInt64)
	}
	if !isOptionalText(c.Reason, RuleReasonBytesMax) {
		return textFault("reason", c.Reason, RuleReasonBytesMax)
	}
	return nil
}

// checkAttributes checks the attributes of an order line: names are unique, values may be empty.
func checkAttributes(attributes []Attribute) *Fault {
	if f := checkSize("attributes", len(attributes), 0, AttributesMax); f != nil {
		return f
	}
	for i := range attributes {
		a := &attributes[i]
		if !IsText(a.Name, AttributeBytesMax) {
			return textFault("attributes", a.Name, AttributeBytesMax)
		}
		if !isOptionalText(a.Value, AttributeBytesMax) {
			return textFault("attributes."+a.Name, a.Value, AttributeBytesMax)
		}
		for k := range i {
			if attributes[k].Name == a.Name {
				return &Fault{"attributes." + a.Name, shownText(a.Value),
					"an earlier attribute of the line has the same name"}
			}
		}
	}
	return nil
}
