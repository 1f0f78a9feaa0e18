package httpapi

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/kibo"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
)

// The API of package kibo: its operations are routes like ours, so that they are counted, bounded and forwarded alike.

// foreignPrefixes begin the paths of that API: as its client has them, and as its documents have them.
var foreignPrefixes = []string{"/api/", "/commerce/", "/platform/", "/adjustFutureDate/", "/cache/"}

// isForeign reports whether a request is for that API, whether there is such a path or not.
func (req *request) isForeign() bool {
	if req.route != nil {
		return req.route.foreign
	}
	path := req.pathText()
	for _, prefix := range foreignPrefixes {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// foreignMessage is a problem in one text, which is what clients of that API show.
func foreignMessage(p *problem) string {
	text := p.detail
	if p.field != "" && !strings.Contains(text, p.field) {
		text += " (" + strictjson.Cut(p.field, strictjson.FieldBytesMax)
		if p.value != "" {
			text += ": " + strictjson.Cut(p.value, strictjson.ValueBytesMax)
		}
		text += ")"
	}
	return text
}

func kiboRoutes() []*route {
	operations := kibo.Operations()
	list := make([]*route, 0, len(operations))
	for _, op := range operations {
		list = append(list, &route{method: methodOf([]byte(op.Method)), pattern: "/api" + op.Pattern, also: op.Pattern,
			write:   op.Write,
			foreign: true, open: op.Pattern == kibo.TicketPattern, serve: func(req *request) { req.kibo(op.Serve) }})
	}
	return list
}

// kibo has an operation answered.
func (req *request) kibo(serve func(*kibo.Request) (kibo.Reply, error)) {
	query, err := url.ParseQuery(string(req.ctx.URI().QueryString()))
	if err != nil || !req.cleanQuery(query) {
		req.fail(http.StatusBadRequest, codeInvalid, "the query is not valid percent-encoded UTF-8 without control "+
			"characters", "", "")
		return
	}
	// of another form, it is none
	tenant, _ := strconv.ParseInt(string(req.ctx.Request.Header.Peek("x-vol-tenant")), 10, 64)
	reply, err := serve(&kibo.Request{Host: kiboHost{req}, Path: req.path, Query: query, Body: req.received,
		Tenant: tenant,
		Domain: string(req.ctx.Host())})
	var fault *kibo.Fault
	switch {
	case errors.As(err, &fault):
		req.kiboFault(fault)
	case err != nil:
		req.storeFailed(err)
	case reply.Media != "":
		req.content = reply.Media
		req.out = append(req.out[:0], reply.Text...)
	default:
		if req.out, err = appendJSON(req.out[:0], reply.Value); err != nil {
			panic(fmt.Sprintf("BUG: httpapi: a reply cannot be encoded: %v", err))
		}
	}
}

// cleanQuery reports whether all of a query is plain text, and gives names the form in which they are kept.
func (req *request) cleanQuery(query url.Values) bool {
	for name, values := range query {
		_, plain := strictjson.PlainText(name)
		for i, text := range values {
			ascii, ok := strictjson.PlainText(text)
			if plain = plain && ok; ascii || !ok {
				continue
			}
			if clean, fault := cleanName(text, req.stored); fault == "" {
				values[i] = clean
			}
		}
		if !plain {
			return false
		}
	}
	return true
}

func (req *request) kiboFault(f *kibo.Fault) {
	p := problem{status: f.Status, code: f.Code, detail: f.Message, field: f.Field, value: f.Value, offset: -1}
	for _, row := range f.Rows {
		p.rows = append(p.rows, rowFault{Fault: strictjson.Fault{Code: row.Code, Detail: row.Message, Field: row.Field,
			Value: row.Value, Offset: -1}})
	}
	req.problem(&p)
}

func appendJSON(dst []byte, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	return append(dst, text...), err
}

// kiboHost is what an operation sees of the request.
type kiboHost struct{ c *request }

var _ kibo.Host = kiboHost{}

// Engine gives the engine.
func (h kiboHost) Reader() *engine.Reader { return h.c.server.reader }

// Barrier is that of the store.
func (h kiboHost) Barrier() error { return h.c.server.readBarrier(h.c.deadline) }

// ReadOrder is that of the store.
func (h kiboHost) ReadOrder(orderID string, v *engine.OrderView) (bool, error) {
	return h.c.server.store.ReadOrder(orderID, v)
}

// Orders is that of the store.
func (h kiboHost) Orders(after uint32, limit int, dst []engine.OrderView) ([]engine.OrderView, uint32) {
	return h.c.server.store.OpenOrders(after, limit, dst)
}

// Job is that of the store.
func (h kiboHost) Job(id engine.JobID, j *engine.Job) bool { return h.c.server.store.Job(id, j) }

// Jobs is that of the store.
func (h kiboHost) Jobs(before engine.JobID, limit int, dst []engine.Job) []engine.Job {
	return h.c.server.store.Jobs(before, limit, dst)
}

// Overdue is by the request's deadline.
func (h kiboHost) Overdue() bool { return !time.Now().Before(h.c.deadline) }

// Stored is that of the request.
func (h kiboHost) Stored(name string) bool { return h.c.stored(name) }

// Ticket gives a ticket for a token or, to anybody, a text that an open server asks nobody for.
func (h kiboHost) Ticket(name, secret string) (kibo.Ticket, bool) {
	t := kibo.Ticket{Access: rand.Text(), Refresh: rand.Text(), Seconds: int(TicketLifetime.Seconds())}
	if a := h.c.server.access; a != nil {
		var ok bool
		if t.Access, ok = a.ticket(name, secret, time.Now()); !ok {
			return kibo.Ticket{}, false
		}
	}
	return t, true
}

// Do takes commands through the log. Those whose plans or orders have become old meanwhile are proposed anew, without
// the others, which stand.
func (h kiboHost) Do(proposals []kibo.Proposal) ([]engine.Result, error) {
	req := h.c
	results := make([]engine.Result, len(proposals))
	todo := make([]int, len(proposals))
	for i := range proposals {
		todo[i] = i
	}
	tries := retriesMax
	if len(proposals) == 1 && proposals[0].Make != nil {
		tries = categoryRetriesMax
	}
	for try := range tries {
		if err := h.propose(proposals, todo, results); err != nil {
			if try > 0 && len(proposals) > 1 && errors.Is(err, raftstore.ErrNotLeader) {
				// Some were done in an earlier round: the whole request must not be done again elsewhere.
				err = fmt.Errorf("%w: %v", raftstore.ErrOutcomeUnknown, err)
			}
			return nil, err
		}
		again := todo[:0]
		for _, i := range todo {
			if results[i].Code == engine.CodeRetry {
				again = append(again, i)
			}
		}
		if todo = again; len(todo) == 0 {
			break
		}
	}
	for i := range results {
		if results[i].Repeated {
			req.ctx.Response.Header.Set("Idempotency-Replayed", "true")
		}
	}
	req.server.redistributor.wakeUp()
	return results, nil
}

// remake makes the command that is to be made of what there is, and has it depend on that.
func remake(schema *engine.Schema, p *kibo.Proposal, env *engine.Envelope) error {
	if p.Make == nil {
		return nil
	}
	was, _ := schema.Category(p.Category)
	made, err := p.Make(was)
	p.Command, env.IfSeen, env.Seen = made, true, schema.CategoryHash(p.Category)
	return err
}

// propose takes some of the commands through the log, in one entry.
func (h kiboHost) propose(proposals []kibo.Proposal, todo []int, results []engine.Result) error {
	req := h.c
	lines := 0
	for _, i := range todo {
		if a, ok := proposals[i].Command.(*engine.Allocate); ok {
			lines += len(a.Lines)
		}
	}
	budget := rules.NewBudget(req.deadline, lines)
	req.batch.Reset()
	for _, i := range todo {
		p := &proposals[i]
		env := engine.Envelope{Job: p.Job, Key: req.envelope.Key}
		if err := remake(req.server.reader.Schema(), p, &env); err != nil {
			return err
		}
		if env.Key != "" && p.Part != "" {
			env.Key += "/" + p.Part
		}
		if a, ok := p.Command.(*engine.Allocate); ok {
			if err := req.server.planner.Plan(&budget, a, time.Now().UnixMilli(), &env); err != nil {
				return raftstore.ErrTimeout
			}
		}
		req.batch.Append(&env, p.Command)
	}
	if err := req.server.store.Do(req.deadline, req.batch); err != nil {
		return err
	}
	for n, i := range todo {
		// The batch is used again; what the results say is not to change with it.
		if err := engine.DecodeResult(bytes.Clone(req.batch.Result(n)), &results[i]); err != nil {
			panic(fmt.Sprintf("BUG: httpapi: the engine's result cannot be read: %v", err))
		}
	}
	return nil
}
