package httpapi

import (
	"time"

	"apportion/engine"
	"apportion/raftstore"
)

// Store is what the HTTP face needs of the replicated store. All methods may be called from any goroutine.
type Store interface {
	// Reader reads the state.
	Reader() *engine.Reader

	// AppliedIndex is the last log entry of which every command can be seen: what a reply says it stands on, loaded
	// before the state that the reply shows.
	AppliedIndex() uint64

	// ReadBarrier returns when everything that was answered before it was called is applied here.
	ReadBarrier(deadline time.Time) error

	// ReadOrder copies an order, from memory or from the archive.
	ReadOrder(orderID string, v *engine.OrderView) (found bool, err error)

	// Explain copies why an order was filled as it was.
	Explain(orderID string, v *engine.OrderExplanation) (found bool, err error)

	// History says what of the past can be replayed; OpenRecording gives it.
	History() raftstore.History
	OpenRecording(index uint64, timeMS int64) (*raftstore.Recording, error)

	// Ready gives nil when the node has caught up with the log.
	Ready() error

	// Conditions are what Ready looks at, and what else should be well.
	Conditions() []raftstore.Condition

	// OpenOrders appends copies of orders that hold units, a page at a time.
	OpenOrders(after uint32, limit int, dst []engine.OrderView) (orders []engine.OrderView, next uint32)

	// Job copies a kept job. Jobs appends up to limit kept jobs with numbers below one (0: the newest ones), newest
	// first.
	Job(id engine.JobID, j *engine.Job) (found bool)
	Jobs(before engine.JobID, limit int, dst []engine.Job) []engine.Job

	// Events appends up to limit events that follow one.
	Events(after engine.EventID, limit int, dst []engine.Event) []engine.Event
}
