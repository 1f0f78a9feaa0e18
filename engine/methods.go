package engine

import "encoding/binary"

// change is the scratch's order change, for an action.
func (s *commandScratch) change(action Kind) *OrderChange {
	s.orderChange.Action = action
	return &s.orderChange
}

// laterForm is a command that not every version of the form can say, or that some version says with another meaning.
type laterForm interface {
	// since gives the oldest version that can say the command, and the oldest in which it means what it means now; 0
	// for those that can be said, or meant, in commandVersionCommon.
	since() (form, meaning byte)
}

// versionOf is the oldest version that can say the command, so that nodes of before can follow a leader that has been
// upgraded until something new is asked of it.
func versionOf(env *Envelope, c Command) byte {
	version := byte(commandVersionCommon)
	if env.IfSeen {
		version = commandVersionMore
	}
	if c, ok := c.(laterForm); ok {
		form, meaning := c.since()
		version = max(version, form)
		if env.strict() {
			version = max(version, meaning)
		}
	}
	return version
}

func (c *OrderChange) since() (form, meaning byte) {
	for i := range c.Lines {
		if l := &c.Lines[i]; l.Lost || l.Block != BlockKeep {
			return commandVersionMore, commandVersionStrict
		}
	}
	return commandVersionCommon, commandVersionStrict
}

func (c *Refresh) since() (form, meaning byte) {
	if c.Count != "" {
		return commandVersionCommon, commandVersionStrict
	}
	return commandVersionCommon, commandVersionCommon
}

func (*PutLocationGroup) since() (form, meaning byte) { return commandVersionMore, commandVersionMore }

func (*DeleteSegments) since() (form, meaning byte) { return commandVersionMore, commandVersionMore }

func (c *Redistribute) check() *Fault { return checkScope(&c.Scope) }

func (c *Delete) check() *Fault { return checkScope(&c.Scope) }

func (c *StartCount) check() *Fault { return checkCount(c.Location, c.Count) }

func (c *CloseCount) check() *Fault { return checkCount(c.Location, c.Count) }

func (*Expire) check() *Fault { return nil }

func (c *DeleteRule) check() *Fault { return checkRuleName(c.Name) }

// appendBody: location, count, items.
func (c *Refresh) appendBody(dst []byte) []byte {
	return appendStockItems(appendText(appendText(dst, c.Location), c.Count), c.Items)
}

// appendBody: location, items.
func (c *Adjust) appendBody(dst []byte) []byte {
	return appendStockItems(appendText(dst, c.Location), c.Items)
}

// appendBody: items.
func (c *Transfer) appendBody(dst []byte) []byte { return appendTransferItems(dst, c.Items) }

// appendBody: scope with flags.
func (c *Redistribute) appendBody(dst []byte) []byte {
	return appendScope(dst, &c.Scope, flagBit(c.Now, scopeNow)|flagBit(c.DryRun, scopeDryRun))
}

// appendBody: scope with flags.
func (c *Delete) appendBody(dst []byte) []byte {
	return appendScope(dst, &c.Scope, flagBit(c.Force, scopeForce)|flagBit(c.DryRun, scopeDryRun))
}

// appendBody: scope with flags, tags.
func (c *DeleteSegments) appendBody(dst []byte) []byte {
	return appendTags(appendScope(dst, &c.Scope, flagBit(c.DryRun, scopeDryRun)), c.Tags)
}

// appendBody: name, moveTo.
func (c *DeleteTagCategory) appendBody(dst []byte) []byte {
	return appendText(appendText(dst, c.Name), c.MoveTo)
}

// appendBody: location, count.
func (c *StartCount) appendBody(dst []byte) []byte {
	return appendText(appendText(dst, c.Location), c.Count)
}

// appendBody: location, count.
func (c *CloseCount) appendBody(dst []byte) []byte {
	return appendText(appendText(dst, c.Location), c.Count)
}

func (*Expire) appendBody(dst []byte) []byte { return dst }

// appendBody: name.
func (c *DeleteRule) appendBody(dst []byte) []byte { return appendText(dst, c.Name) }

// appendBody: name, hook, scope.
func (c *DeactivateRule) appendBody(dst []byte) []byte {
	return appendRuleScope(append(appendText(dst, c.Name), byte(c.Hook)), &c.RuleScope)
}

// appendBody: activation, failures, reason.
func (c *SuspendRule) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, c.Activation)
	return appendText(binary.AppendUvarint(dst, uint64(c.Failures)), c.Reason)
}

func (c *Refresh) readBody(r *bodyReader) {
	c.Location, c.Count = r.text(), r.text()
	c.Items = r.readStockItems(c.Items)
}

func (c *Adjust) readBody(r *bodyReader) {
	c.Location = r.text()
	c.Items = r.readStockItems(c.Items)
}

func (c *Redistribute) readBody(r *bodyReader) {
	flags := r.readScope(&c.Scope, scopeAll|scopeDryRun|scopeNow)
	c.Now, c.DryRun = flags&scopeNow != 0, flags&scopeDryRun != 0
}

func (c *DeleteTagCategory) readBody(r *bodyReader) { c.Name, c.MoveTo = r.text(), r.text() }

func (c *StartCount) readBody(r *bodyReader) { c.Location, c.Count = r.text(), r.text() }

func (c *CloseCount) readBody(r *bodyReader) { c.Location, c.Count = r.text(), r.text() }

func (*Expire) readBody(*bodyReader) {}

func (c *PutRule) readBody(r *bodyReader) {
	c.Name, c.Source, c.Author = r.text(), r.text(), r.text()
	c.Hooks = resize(c.Hooks, r.count(1))
	for i := range c.Hooks {
		c.Hooks[i] = RuleHook(r.byte())
	}
}

func (c *DeleteRule) readBody(r *bodyReader) { c.Name = r.text() }

func (c *ActivateRule) readBody(r *bodyReader) {
	c.Name, c.Version = r.text(), r.uint32()
	c.Hook, c.OnError = RuleHook(r.byte()), RuleFallback(r.byte())
	c.FailuresMax, c.Author = r.uint32(), r.text()
	r.readRuleScope(&c.RuleScope)
}

func (c *DeactivateRule) readBody(r *bodyReader) {
	c.Name, c.Hook = r.text(), RuleHook(r.byte())
	r.readRuleScope(&c.RuleScope)
}

func (c *SuspendRule) readBody(r *bodyReader) {
	c.Activation, c.Failures, c.Reason = r.uvarint(), r.uint32(), r.text()
}

func (c *Refresh) digest(dst []byte) []byte {
	return digestList(digestText(digestText(dst, c.Location), c.Count), c.Items)
}

func (c *Adjust) digest(dst []byte) []byte { return digestList(digestText(dst, c.Location), c.Items) }

func (c *Transfer) digest(dst []byte) []byte { return digestList(dst, c.Items) }

func (c *Redistribute) digest(dst []byte) []byte {
	return digestBool(digestBool(digestScope(dst, &c.Scope), c.Now), c.DryRun)
}

func (c *Delete) digest(dst []byte) []byte {
	return digestBool(digestBool(digestScope(dst, &c.Scope), c.DryRun), c.Force)
}

func (c *Allocate) digest(dst []byte) []byte {
	dst = digestNumber(digestText(dst, c.OrderID), uint64(c.Mode))
	dst = digestNumber(digestBool(dst, c.Backorder), uint64(c.ExpiresAtMS))
	return digestList(dst, c.Lines)
}

func (c *OrderChange) digest(dst []byte) []byte {
	return digestList(digestText(digestNumber(dst, uint64(c.Action)), c.OrderID), c.Lines)
}

func (c *Block) digest(dst []byte) []byte { return digestList(digestText(dst, c.Location), c.Items) }

func (c *DeleteSegments) digest(dst []byte) []byte {
	return digestBool(digestTagList(digestScope(dst, &c.Scope), c.Tags), c.DryRun)
}

func (c *PutLocationGroup) digest(dst []byte) []byte {
	return digestTexts(digestText(dst, c.Group), c.Locations)
}

func (c *Transition) digest(dst []byte) []byte {
	return digestList(digestText(digestText(dst, c.FromOrderID), c.OrderID), c.Lines)
}

func (c *PutTagCategory) digest(dst []byte) []byte {
	dst = digestList(digestText(dst, c.Name), c.Values)
	return digestList(digestNumber(dst, uint64(c.Rounding)), c.MoveTo)
}

func (c *DeleteTagCategory) digest(dst []byte) []byte {
	return digestText(digestText(dst, c.Name), c.MoveTo)
}

func (c *StartCount) digest(dst []byte) []byte {
	return digestText(digestText(dst, c.Location), c.Count)
}

func (c *CloseCount) digest(dst []byte) []byte {
	return digestText(digestText(dst, c.Location), c.Count)
}

func (*Expire) digest(dst []byte) []byte { return dst }

func (c *PutRule) digest(dst []byte) []byte {
	dst = digestText(digestText(digestText(dst, c.Name), c.Source), c.Author)
	return digestHooks(dst, c.Hooks)
}

func (c *DeleteRule) digest(dst []byte) []byte { return digestText(dst, c.Name) }

func (c *DeactivateRule) digest(dst []byte) []byte {
	return digestRuleScope(digestNumber(digestText(dst, c.Name), uint64(c.Hook)), &c.RuleScope)
}

func (c *SuspendRule) digest(dst []byte) []byte {
	dst = digestNumber(digestNumber(dst, c.Activation), uint64(c.Failures))
	return digestText(dst, c.Reason)
}

func (c *RedistributePlan) digest(dst []byte) []byte { return digestList(dst, c.Items) }

// apply has nothing to do: what is due at the entry's time happens before any command.
func (*Expire) apply(*Engine, *Envelope, *Result) {}
