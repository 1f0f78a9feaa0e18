package engine

import "fmt"

// The checks of the rule commands.

func checkRuleName(name string) *fault {
	if !IsText(name, RuleNameBytesMax) {
		return textFault("name", name)
	}
	return nil
}

func (c *PutRule) check() *fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Source == "" || len(c.Source) > RuleSourceBytesMax {
		return numberFault("source", int64(len(c.Source)))
	}
	if !isOptionalText(c.Author, RuleAuthorBytesMax) {
		return textFault("author", c.Author)
	}
	if f := checkSize("hooks", len(c.Hooks), 1, int(HookRedistribute)); f != nil {
		return f
	}
	for i, h := range c.Hooks {
		if h < HookSelect || h > HookRedistribute || i > 0 && h <= c.Hooks[i-1] {
			return numberFault(fmt.Sprintf("hooks[%d]", i), int64(h))
		}
	}
	return nil
}

func (c *ActivateRule) check() *fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Hook < HookSelect || c.Hook > HookRedistribute {
		return numberFault("hook", int64(c.Hook))
	}
	if c.OnError > FallbackReject {
		return numberFault("onError", int64(c.OnError))
	}
	if c.FailuresMax < 1 || c.FailuresMax > RuleFailuresMax {
		return numberFault("failuresMax", int64(c.FailuresMax))
	}
	if !isOptionalText(c.Author, RuleAuthorBytesMax) {
		return textFault("author", c.Author)
	}
	return checkRuleScope(&c.RuleScope, c.Hook)
}

func (c *DeactivateRule) check() *fault {
	if f := checkRuleName(c.Name); f != nil {
		return f
	}
	if c.Hook > HookRedistribute {
		return numberFault("hook", int64(c.Hook))
	}
	if c.Hook == 0 && (len(c.Locations) > 0 || c.UPCPrefix != "" || len(c.Tags) > 0) {
		return numberFault("hook", 0)
	}
	return checkRuleScope(&c.RuleScope, c.Hook)
}

func checkRuleScope(s *RuleScope, hook RuleHook) *fault {
	if f := checkSize("scope.locations", len(s.Locations), 0, RuleScopeLocationsMax); f != nil {
		return f
	}
	for i, l := range s.Locations {
		if !IsText(l, LocationBytesMax) {
			return textFault(fmt.Sprintf("scope.locations[%d]", i), l)
		}
	}
	if !isOptionalText(s.UPCPrefix, UPCBytesMax) {
		return textFault("scope.upcPrefix", s.UPCPrefix)
	}
	if hook != HookSelect && len(s.Tags) > 0 {
		return numberFault("scope.tags", int64(len(s.Tags)))
	}
	return checkTags("scope.tags", s.Tags)
}

func (c *SuspendRule) check() *fault {
	if c.Activation == 0 {
		return numberFault("activation", 0)
	}
	if !isOptionalText(c.Reason, RuleReasonBytesMax) {
		return textFault("reason", c.Reason)
	}
	return nil
}

// checkAttributes checks the attributes of an order line: names are unique, values may be empty.
func checkAttributes(attributes []Attribute) *fault {
	if f := checkSize("attributes", len(attributes), 0, AttributesMax); f != nil {
		return f
	}
	for i := range attributes {
		a := &attributes[i]
		if !IsText(a.Name, AttributeBytesMax) {
			return textFault("attributes", a.Name)
		}
		if !isOptionalText(a.Value, AttributeBytesMax) {
			return textFault("attributes."+a.Name, a.Value)
		}
		for k := range i {
			if attributes[k].Name == a.Name {
				return textFault("attributes."+a.Name, a.Value)
			}
		}
	}
	return nil
}
