package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"apportion/engine"
	"apportion/httpapi/render"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
)

// What all writes have in common: read, check, propose, answer.

// parsed ends the reading of the body. If something is wrong with it, it answers and returns false.
func (req *request) parsed() bool {
	req.scan.End()
	if req.scan.OK() {
		return true
	}
	p := faultProblem(&req.scan.Fault)
	req.problem(&p)
	return false
}

// body hands the body to the reader.
func (req *request) body() *bodyReader {
	req.scan.reset(req.received)
	return &req.scan
}

// check applies the engine's limits before anything is proposed.
func (req *request) check(cmd engine.Command) bool {
	f := engine.CheckCommand(cmd)
	if f != nil {
		req.fail(http.StatusBadRequest, codeInvalid, f.Reason, f.Field, f.Value)
	}
	return f == nil
}

// propose takes the command through rules and log, and puts its result into req.result(). False: the request is
// answered.
func (req *request) propose(cmd engine.Command) bool {
	req.proposals = append(req.proposals[:0], rules.Proposal{Command: cmd, Key: req.key})
	if err := req.do(nil); err != nil {
		req.storeFailed(err)
		return false
	}
	if req.result().Code == engine.CodeRetry {
		req.fail(http.StatusServiceUnavailable, codeRetry, codeDetails[engine.CodeRetry], "", "")
		return false
	}
	return true
}

// partKey is the idempotency key of one of several commands, empty if the client gave none.
func (req *request) partKey(part string) string {
	if req.key == "" || part == "" {
		return req.key
	}
	begin := len(req.keys)
	req.keys = append(append(append(req.keys, req.key...), '/'), part...)
	return strictjson.Alias(req.keys[begin:])
}

// do takes req.proposals through rules and log.
func (req *request) do(answers rules.Answers) error {
	req.run.Deadline = req.deadline
	err := req.server.runner.Do(&req.run, req.proposals, answers)
	if errors.Is(err, rules.ErrDeadline) {
		err = raftstore.ErrTimeout
	}
	return err
}

// result is the result of the last proposal.
func (req *request) result() *engine.Result { return &req.run.Result }

func (req *request) storeFailed(err error) {
	if errors.Is(err, raftstore.ErrNotLeader) || errors.Is(err, raftstore.ErrClosed) {
		req.retryOnLeader = true
		if req.forwarded {
			req.ctx.Response.Header.Set(headerElsewhere, "yes")
		}
	}
	p, internal := storeProblem(err)
	if internal {
		req.server.log.Error("request failed", "route", req.route.pattern, "error", err)
	}
	req.problem(&p)
}

// execute checks and proposes a command and answers a refusal. On true, the caller answers with req.result().
func (req *request) execute(cmd engine.Command) bool {
	return req.check(cmd) && req.executeChecked(cmd)
}

// executeChecked is execute for a command that has been checked.
func (req *request) executeChecked(cmd engine.Command) bool {
	if !req.propose(cmd) {
		return false
	}
	req.markReplayed()
	if req.result().Code == engine.CodeOK {
		return true
	}
	req.refused()
	return false
}

func (req *request) markReplayed() {
	if req.result().Repeated {
		req.ctx.Response.Header.Set("Idempotency-Replayed", "true")
	}
}

// refused answers with the refusal in req.result().
func (req *request) refused() {
	p := resultProblem(req.result())
	req.tellRows(&p)
	req.openProblem(&p)
	req.out = strictjson.AppendNumber(req.out, `,"asOf":`, int64(req.result().Index))
	if req.result().Code == engine.CodeInUse {
		req.out = strictjson.AppendNumber(req.out, `,"records":`, req.result().Stock.Records)
		req.out = strictjson.AppendNumber(req.out, `,"units":`, req.result().Stock.Units)
		req.out = strictjson.AppendNumber(req.out, `,"promised":`, req.result().Stock.Promised)
		req.out = appendBlocked(req.out, req.result().Blocked)
	}
	if len(req.result().Records) > 0 {
		req.out = appendMismatches(req.out, req.result().Records)
	}
	req.out = append(req.out, '}')
}

// appendMismatches appends the records whose version is another than an item depends on, as a JSON member.
func appendMismatches(dst []byte, records []engine.RecordState) []byte {
	dst = append(dst, `,"mismatches":[`...)
	for i := range records {
		x := &records[i]
		dst = strictjson.AppendNumber(strictjson.Comma(dst, i), `{"item":`, int64(x.Item))
		dst = strictjson.AppendText(dst, `,"upc":`, x.UPC)
		dst = strictjson.AppendText(dst, `,"location":`, x.Location)
		dst = strictjson.AppendNumber(dst, `,"version":`, int64(x.Version))
		f := render.Figures{OnHand: x.OnHand, Allocated: x.Allocated, Pending: x.Pending, SafetyStock: x.SafetyStock}
		dst = append(render.AppendFigures(dst, &f), '}')
	}
	return append(dst, ']')
}

// appendBlocked appends the records that block a delete, as a JSON member.
func appendBlocked(dst []byte, blocked []engine.BlockedRecord) []byte {
	dst = append(dst, `,"blocked":[`...)
	for i := range blocked {
		b := &blocked[i]
		dst = strictjson.AppendText(strictjson.Comma(dst, i), `{"upc":`, b.UPC)
		dst = strictjson.AppendText(dst, `,"location":`, b.Location)
		dst = strictjson.AppendNumber(dst, `,"onHand":`, b.OnHand)
		dst = strictjson.AppendNumber(dst, `,"allocated":`, b.Allocated)
		dst = strictjson.AppendNumber(dst, `,"pending":`, b.Pending)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// schema is the newest schema. One read after a result knows every tag set of that result.
func (req *request) schema() *engine.Schema { return req.server.reader.Schema() }

// freshEnough refuses a read if this node may be further behind than the client allows. A leader first confirms its
// leadership: then it is not behind.
func (req *request) freshEnough() bool {
	group, ok := req.server.store.(Group)
	if req.maxLag < 0 || !ok {
		return true
	}
	lag, known := group.Lag()
	if known && lag <= req.maxLag || group.Leads() && req.server.store.ReadBarrier(req.deadline) == nil {
		return true
	}
	value := "not known"
	if known {
		value = strconv.FormatFloat(lag.Seconds(), 'f', 3, 64)
	}
	req.fail(http.StatusServiceUnavailable, codeTooStale, "this node may be further behind than maxLagSeconds; ask "+
		"another node, or the leader", "maxLagSeconds", value)
	return false
}

// barrier waits until lock-free reads are linearizable, unless the client accepts stale reads.
func (req *request) barrier() bool {
	if req.stale {
		return req.freshEnough()
	}
	if err := req.server.readBarrier(req.deadline); err != nil {
		req.storeFailed(err)
		return false
	}
	return true
}

// readBarrier is the store's. In a cluster it waits for a new leader, as a write does.
func (s *Server) readBarrier(deadline time.Time) error {
	for {
		err := s.store.ReadBarrier(deadline)
		if s.forwarder == nil || !errors.Is(err, raftstore.ErrNotLeader) || time.Until(deadline) <= forwardPause {
			return err
		}
		time.Sleep(forwardPause)
	}
}
