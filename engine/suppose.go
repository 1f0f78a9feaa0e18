package engine

import (
	"math"
	"slices"
	"strings"
)

// Moment is a place in the log.
type Moment struct {
	Index  uint64
	TimeMS int64 // of the entry, Unix milliseconds; 0: not known
}

// Entry is one entry of the log: commands that take effect together.
type Entry struct {
	Index    uint64
	TimeMS   int64    // the leader's stamp, Unix milliseconds; one that falls counts as the entry's before
	Commands [][]byte // in binary form

	// Refused makes it no entry of the log, but one of what was refused without an entry, behind the entry of that
	// index and before the next one; TimeMS is when.
	Refused Refused
}

// Refused is what was recorded of orders that were refused before the log. It is one of three: an order (the only one
// of Commands), a number of orders that were not recorded, or a gap.
type Refused struct {
	Is   bool
	Code Code   // that the order was answered with
	Lost uint64 // so many were not recorded here
	Gap  bool   // an unknown number was not recorded, from here on up to the place below at most

	UntilIndex uint64
	UntilMS    int64
}

// SupposedID is the Activation.ID of a supposed rule. No activation of the log has it.
const SupposedID = math.MaxUint64

// supposition is a rule that is only supposed to be active.
type supposition struct {
	activation Activation
	source     string
}

// Suppose makes the engine have a rule asked as if it were active, before all others in its scope, or no longer
// supposes one (nil). It is for scratch engines, which say what would have been: the supposition is in no log and no
// checkpoint. The rules' Index does not change, so that commands planned under the log's rules, and under those and the
// supposed one, are both good. a's scope need not be in canonical form; its ID becomes SupposedID.
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
