package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"apportion/engine"
	"apportion/raftstore"
)

// What all writes have in common: read, check, propose, answer.

// retriesMax is how often a command is proposed because what it carries, an archived order or what rules planned, has
// become old meanwhile.
const retriesMax = 3

// categoryRetriesMax is how often a category is put that others change meanwhile. Each time one of them has got
// through.
const categoryRetriesMax = 32

// parsed ends the reading of the body, and answers if it was no good.
func (c *call) parsed() bool {
	c.scan.end()
	if c.scan.ok() {
		return true
	}
	p := faultProblem(&c.scan.fault)
	c.problem(&p)
	return false
}

// body hands the body to the scanner.
func (c *call) body() *scanner {
	c.scan.reset(c.received)
	return &c.scan
}

// check applies the engine's limits before anything is proposed.
func (c *call) check(cmd engine.Command) bool {
	field, value, ok := engine.CheckCommand(cmd)
	if !ok {
		c.fail(http.StatusBadRequest, codeInvalid, "a value is outside its limits", field, value)
	}
	return ok
}

// propose takes the command through the log. Afterwards c.result holds its result; on false the answer is given.
func (c *call) propose(cmd engine.Command) bool {
	for range retriesMax {
		if !c.proposeOnce(cmd) {
			return false
		}
		if c.result.Code != engine.CodeRetry {
			return true
		}
	}
	c.fail(http.StatusServiceUnavailable, codeRetry, codeDetails[engine.CodeRetry], "", "")
	return false
}

func (c *call) proposeOnce(cmd engine.Command) bool {
	c.batch.Reset()
	c.batch.Append(&c.envelope, cmd)
	if !c.do() {
		return false
	}
	c.decode(0)
	return true
}

// do proposes the batch, and answers if it could not be done.
func (c *call) do() bool {
	if err := c.server.store.Do(c.deadline, c.batch); err != nil {
		c.storeFailed(err)
		return false
	}
	return true
}

func (c *call) storeFailed(err error) {
	if errors.Is(err, raftstore.ErrNotLeader) || errors.Is(err, raftstore.ErrClosed) {
		c.elsewhere = true
		if c.forwarded {
			c.ctx.Response.Header.Set(headerElsewhere, "yes")
		}
	}
	p, internal := storeProblem(err)
	if internal {
		c.server.log.Error("request failed", "route", c.route.pattern, "error", err)
	}
	c.problem(&p)
}

// decode reads the result of command i of the batch.
func (c *call) decode(i int) {
	if err := engine.DecodeResult(c.batch.Result(i), &c.result); err != nil {
		panic(fmt.Sprintf("BUG: httpapi: the engine's result cannot be read: %v", err))
	}
}

// carryOut checks and proposes a command and answers a refusal. On true, the caller answers with c.result.
func (c *call) carryOut(cmd engine.Command) bool { return c.check(cmd) && c.carryOn(cmd) }

// carryOn is carryOut for a command that has been checked.
func (c *call) carryOn(cmd engine.Command) bool {
	if !c.propose(cmd) {
		return false
	}
	c.markReplayed()
	if c.result.Code == engine.CodeOK {
		return true
	}
	c.refused()
	return false
}

func (c *call) markReplayed() {
	if c.result.Repeated {
		c.ctx.Response.Header.Set("Idempotency-Replayed", "true")
	}
}

// refused answers with the refusal in c.result.
func (c *call) refused() {
	p := resultProblem(&c.result)
	c.tellRows(&p)
	c.openProblem(&p)
	c.out = appendUnits(c.out, `,"asOf":`, int64(c.result.Index))
	if c.result.Code == engine.CodeInUse {
		c.out = appendUnits(c.out, `,"records":`, c.result.Stock.Records)
		c.out = appendUnits(c.out, `,"units":`, c.result.Stock.Units)
		c.out = appendUnits(c.out, `,"promised":`, c.result.Stock.Promised)
		c.out = appendBlocked(c.out, c.result.Blocked)
	}
	c.out = append(c.out, '}')
}

// schema is the newest schema. One read after a result knows every tag set of that result.
func (c *call) schema() *engine.Schema { return c.server.reader.Schema() }

// freshEnough refuses a read that may be further behind than the client allows. A leader makes sure that it leads
// first: then it is not behind.
func (c *call) freshEnough() bool {
	group, ok := c.server.store.(Group)
	if c.maxLag < 0 || !ok {
		return true
	}
	lag, known := group.Lag()
	if known && lag <= c.maxLag || group.Leads() && c.server.store.ReadBarrier(c.deadline) == nil {
		return true
	}
	value := "not known"
	if known {
		value = strconv.FormatFloat(lag.Seconds(), 'f', 3, 64)
	}
	c.fail(http.StatusServiceUnavailable, codeTooStale, "this node may be further behind than maxLagSeconds; ask "+
		"another node, or the leader", "maxLagSeconds", value)
	return false
}

// barrier waits until lock-free reads are linearizable, if the client wants that.
func (c *call) barrier() bool {
	if c.stale {
		return c.freshEnough()
	}
	if err := c.server.readBarrier(c.deadline); err != nil {
		c.storeFailed(err)
		return false
	}
	return true
}

// readBarrier is the store's. In a group of several, where another node will lead soon, it waits for that as a write
// does.
func (s *Server) readBarrier(deadline time.Time) error {
	for {
		err := s.store.ReadBarrier(deadline)
		if s.forwarder == nil || !errors.Is(err, raftstore.ErrNotLeader) || time.Until(deadline) <= forwardPause {
			return err
		}
		time.Sleep(forwardPause)
	}
}
