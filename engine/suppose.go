package engine

import (
	"math"
	"slices"
	"strings"
)

// Entry is one entry of the log: commands that take effect together.
type Entry struct {
	Index    uint64
	TimeMS   int64    // the leader's stamp, Unix milliseconds; one that falls counts as the entry's before
	Commands [][]byte // in binary form
}

// SupposedID is the Activation.ID of a supposed rule. No activation of the log has it.
const SupposedID = math.MaxUint64

// supposition is a rule that is only supposed to be active.
type supposition struct {
	activation Activation
	source     string
}

// Suppose makes the engine have a rule asked as if it were active, before all others in its scope, or no longer supposes
// one (nil). It is for scratch engines, which say what would have been: the supposition is in no log and no checkpoint. The
// rules' Index does not change, so that commands planned under the log's rules, and under those and the supposed one, are
// both good. a's scope need not be in canonical form; its ID becomes SupposedID.
func (e *Engine) Suppose(a *Activation, source string) {
	next := *e.Rules()
	next.supposed = nil
	if a != nil {
		s := &supposition{activation: *a, source: strings.Clone(source)}
		s.activation.ID, s.activation.Scope = SupposedID, a.Scope.canonical()
		next.supposed = s
	}
	next.order()
	e.setRules(&next)
}

// Supposed gives the supposed rule and its source, nil if there is none.
func (s *RuleSet) Supposed() (a *Activation, source string) {
	if s.supposed == nil {
		return nil, ""
	}
	return &s.supposed.activation, s.supposed.source
}

// orderSupposed puts the supposed rule before the others of its hook.
func (s *RuleSet) orderSupposed() {
	if a, _ := s.Supposed(); a != nil {
		s.byHook[a.Hook] = slices.Insert(s.byHook[a.Hook], 0, a)
	}
}
