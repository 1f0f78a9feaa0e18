package raftstore

import (
	"errors"
	"time"

	"apportion/engine"
	"apportion/rules"
)

// Proposer is what RulesLog needs of a Store, or of what stands for one in tests.
type Proposer interface {
	NewBatch() *Batch
	Do(deadline time.Time, b *Batch) error
	Refuses(deadline time.Time, nowMS int64, key string, c *engine.Allocate, r *engine.Result) bool
	NextPlans(after uint32, limit int, dst []engine.PlanWanted) (wanted []engine.PlanWanted, next uint32)
	Leads() bool
	Ready() error
}

var _ Proposer = (*Store)(nil)

// RulesLog gives a store the form in which rules.Runner needs it.
func RulesLog(p Proposer) rules.Log { return rulesLog{p} }

type rulesLog struct{ Proposer }

// NewBatch is the store's.
func (l rulesLog) NewBatch() rules.Batch { return l.Proposer.NewBatch() }

// Do is the store's.
func (l rulesLog) Do(deadline time.Time, b rules.Batch) error {
	return l.Proposer.Do(deadline, b.(*Batch))
}

// Leads reports whether this node leads, and its disk answers.
func (l rulesLog) Leads() bool { return l.Proposer.Leads() && l.Ready() == nil }

// NotHere reports whether an error of Do means that this node does not lead, or is closing.
func (l rulesLog) NotHere(err error) bool {
	return errors.Is(err, ErrNotLeader) || errors.Is(err, ErrClosed)
}
