package httpapi

import (
	"errors"
	"sync"
	"time"

	"apportion/engine"
	"apportion/raftstore"
)

// redistributor asks the redistribute rules about the records that wait for it, and proposes what they say. The records
// may have begun to wait by a request, by a delivery that arrived, or before a restart: it looks at intervals, and when
// it is woken.
type redistributor struct {
	server *Server

	mu sync.Mutex // one pass at a time

	wake chan struct{} // capacity 1
	stop chan struct{}
	done sync.WaitGroup
}

const (
	// redistributeInterval is how often is looked whether a record waits: one load.
	redistributeInterval = 200 * time.Millisecond

	// redistributeChunkMax bounds the records of one proposal, redistributeTargetsMax their segments: with five each
	// that is some 20 KB.
	redistributeChunkMax   = 200
	redistributeTargetsMax = 20_000

	// redistributePassesMax bounds how often records that change all the time are planned anew in one go.
	redistributePassesMax = 5
)

func (s *redistributor) init(server *Server) {
	s.server, s.wake, s.stop = server, make(chan struct{}, 1), make(chan struct{})
}

// start begins to look; close, once, ends that. They are not for two goroutines at a time.
func (s *redistributor) start() { s.done.Go(s.run) }

func (s *redistributor) close() {
	close(s.stop)
	s.done.Wait()
}

// wakeUp is called after what may have made records wait.
func (s *redistributor) wakeUp() {
	if s.server.reader.PlansWaiting() == 0 {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *redistributor) run() {
	tick := time.NewTicker(redistributeInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		case <-s.wake:
		}
		if s.server.reader.PlansWaiting() == 0 || !s.server.leads() {
			continue
		}
		err := s.redistribute(time.Now().Add(s.server.config.RequestTimeout),
			func(*engine.RedistributePlan, *engine.Result) {})
		if err != nil && !errors.Is(err, raftstore.ErrClosed) && !errors.Is(err, raftstore.ErrNotLeader) {
			s.server.log.Error("records could not be redistributed by rule; they wait", "error", err, "waiting",
				s.server.reader.PlansWaiting())
		}
	}
}

// redistribute plans all records that wait, and those anew that have changed meanwhile. note gets each proposal with
// its result.
func (s *redistributor) redistribute(deadline time.Time,
	note func(c *engine.RedistributePlan, r *engine.Result)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wanted []engine.PlanWanted
	for try := 0; try < redistributePassesMax && s.server.reader.PlansWaiting() > 0; try++ {
		for cursor, more := uint32(0), true; more; more = cursor != 0 {
			wanted, cursor = s.server.store.NextPlans(cursor, redistributeChunkMax, wanted[:0])
			if len(wanted) == 0 {
				break
			}
			if err := s.propose(deadline, wanted, note); err != nil {
				return err
			}
		}
	}
	return nil
}

// propose plans some records and carries that out. Under other rules meanwhile nothing is done; a later try is.
func (s *redistributor) propose(deadline time.Time, wanted []engine.PlanWanted,
	note func(c *engine.RedistributePlan, r *engine.Result)) error {
	var env engine.Envelope
	var plan engine.RedistributePlan
	s.server.planner.PlanRedistribution(wanted, &env, &plan)
	for items := plan.Items; len(items) > 0; {
		n, targets := 0, 0
		for n < len(items) && (n == 0 || targets+len(items[n].Targets) <= redistributeTargetsMax) {
			targets += len(items[n].Targets)
			n++
		}
		if err := s.carryOut(deadline, &env, &engine.RedistributePlan{Items: items[:n]}, note); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// carryOut takes what was planned through the log.
func (s *redistributor) carryOut(deadline time.Time, env *engine.Envelope, c *engine.RedistributePlan,
	note func(c *engine.RedistributePlan, r *engine.Result)) error {
	batch := s.server.store.NewBatch()
	batch.Append(env, c)
	if err := s.server.store.Do(deadline, batch); err != nil {
		return err
	}
	var r engine.Result
	if err := engine.DecodeResult(batch.Result(0), &r); err != nil {
		return err
	}
	if r.Code == engine.CodeOK {
		note(c, &r)
	} else if r.Code != engine.CodeRetry {
		s.server.log.Error("BUG: a redistribution by rule was refused", "code", r.Code.String(), "field", r.Field,
			"value", r.Value)
	}
	return nil
}
