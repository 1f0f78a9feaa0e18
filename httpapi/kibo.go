package httpapi

import (
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

// The API of package kibo. Its operations are routes like ours, so that they are counted, bounded and forwarded in the
// same way.

// foreignPrefixes begin the paths of that API, as its client and as its documents write them.
var foreignPrefixes = []string{"/api/", "/commerce/", "/platform/", "/adjustFutureDate/", "/cache/"}

// isForeign reports whether a request is for that API, even if it has no such path.
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

// foreignMessage is a problem in one text, as clients of that API show it.
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

// kibo answers with an operation.
func (req *request) kibo(serve func(*kibo.Request) (kibo.Reply, error)) {
	query, err := url.ParseQuery(string(req.ctx.URI().QueryString()))
	if err != nil || !req.cleanQuery(query) {
		req.fail(http.StatusBadRequest, codeInvalid, "the query is not valid percent-encoded UTF-8 without control "+
			"characters", "", "")
		return
	}
	// a number of another form counts as none
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

// cleanQuery reports whether the query is plain text, and brings its names into the form in which they are kept.
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

// kiboHost is a kibo.Host on a request.
type kiboHost struct{ c *request }

var _ kibo.Host = kiboHost{}

// Reader reads the state.
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

// Overdue reports whether the request's deadline has passed.
func (h kiboHost) Overdue() bool { return !time.Now().Before(h.c.deadline) }

// Stored is that of the request.
func (h kiboHost) Stored(name string) bool { return h.c.stored(name) }

// Ticket gives a ticket for a token. On a server without tokens it gives everybody a text that nothing checks.
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

// Do takes commands through rules and log, without early refusals: their jobs have to be in the log.
func (h kiboHost) Do(proposals []kibo.Proposal) ([]engine.Result, error) {
	req := h.c
	req.proposals, req.keys = req.proposals[:0], req.keys[:0]
	for i := range proposals {
		p := &proposals[i]
		req.proposals = append(req.proposals, rules.Proposal{Command: p.Command, Job: p.Job, Key: req.partKey(p.Part),
			Make: p.Make, Category: p.Category, InLog: true})
	}
	answers := kiboAnswers{req, make([]engine.Result, len(proposals))}
	err := req.do(answers)
	if rules.IsPartlyDone(err) && len(proposals) > 1 && errors.Is(err, raftstore.ErrNotLeader) {
		// Some were done in an earlier round: the whole request must not be done again elsewhere.
		err = fmt.Errorf("%w: %v", raftstore.ErrOutcomeUnknown, err)
	}
	if err != nil {
		return nil, err
	}
	for i := range answers.results {
		if answers.results[i].Repeated {
			req.ctx.Response.Header.Set("Idempotency-Replayed", "true")
		}
	}
	req.server.runner.WakeUp()
	return answers.results, nil
}

// kiboAnswers keeps copies of all results.
type kiboAnswers struct {
	*request
	results []engine.Result
}

// Answer copies the result of proposal i.
func (a kiboAnswers) Answer(i int) {
	if err := engine.DecodeResult(engine.AppendResult(nil, a.result()), &a.results[i]); err != nil {
		panic(fmt.Sprintf("BUG: httpapi: a result cannot be copied: %v", err))
	}
}
