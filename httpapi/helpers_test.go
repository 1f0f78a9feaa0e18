package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"apportion/engine"
	"apportion/raftstore"
	"apportion/rules"
)

// oneLineBody is the most important request.
const oneLineBody = `{"mode":"all","backorder":false,"expiresAt":null,"lines":[{"itemId":"1","upc":"BC76845","location":"Retailer2","quantity":2,"tags":{"Channel":"Amazon"}}]}`

// testStore is a Store without a log: the real engine with a mutex.
type testStore struct {
	mu struct {
		sync.Mutex
		index  uint64
		nowMS  int64
		result []byte
	}
	engine *engine.Engine

	// Errors for the answers, if set.
	doErr, barrierErr, readyErr, checkpointErr error
	noLease                                    bool
	panics                                     bool

	before func() // called first by Do, once

	applied chan struct{} // closed by Do, for those who wait; under mu
}

// testBackend is a store for a server and its runner.
type testBackend interface {
	Store
	raftstore.Proposer
}

var _ testBackend = (*testStore)(nil)

// newServer makes a server with a runner without background work.
func newServer(config Config, store testBackend) (*Server, error) {
	log := config.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return New(config, store, rules.NewRunner(rules.RunnerConfig{Log: raftstore.RulesLog(store), State: store.Reader(),
		Logger: log, Timeout: RequestTimeout}))
}

func newTestStore() *testStore {
	s := &testStore{engine: engine.New()}
	s.mu.nowMS = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC).UnixMilli()
	return s
}

func (s *testStore) Reader() *engine.Reader      { return &s.engine.Reader }
func (s *testStore) AppliedIndex() uint64        { return s.engine.AppliedIndex() }
func (s *testStore) NewBatch() *raftstore.Batch  { return new(raftstore.Batch) }
func (s *testStore) ReadBarrier(time.Time) error { return s.barrierErr }
func (s *testStore) Refuses(_ time.Time, _ int64, key string, c *engine.Allocate, r *engine.Result) bool {
	return !s.noLease && s.engine.Refuses(key, c, r)
}
func (s *testStore) Ready() error { return s.readyErr }
func (s *testStore) Leads() bool  { return true }
func (s *testStore) Conditions() []raftstore.Condition {
	return []raftstore.Condition{
		{Name: "caught-up", Required: true, Err: s.readyErr}, {Name: "checkpoints", Err: s.checkpointErr},
	}
}

func (s *testStore) NextPlans(after uint32, limit int, dst []engine.PlanWanted) ([]engine.PlanWanted, uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.NextPlans(after, limit, dst)
}

// History is empty: there is no log.
func (s *testStore) History() raftstore.History { return raftstore.History{} }

func (s *testStore) OpenRecording(uint64, int64) (*raftstore.Recording, error) {
	return nil, raftstore.ErrNoHistory
}

func (s *testStore) Do(_ time.Time, b *raftstore.Batch) error {
	if s.panics {
		panic("a test's panic")
	}
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	if s.doErr != nil {
		return s.doErr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.index++
	s.mu.nowMS++
	for i := range b.Len() {
		s.mu.result = s.engine.Apply(s.mu.index, s.mu.nowMS, b.Command(i), s.mu.result[:0])
		b.AppendResult(s.mu.result)
	}
	if s.applied != nil {
		close(s.applied)
		s.applied = nil
	}
	return nil
}

func (s *testStore) ChangesAfter(after engine.ChangeCursor, limit int, dst []engine.Change) ([]engine.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes, _, err := s.engine.ChangesAfter(after, limit, dst)
	return changes, err
}

func (s *testStore) LastChange() (engine.ChangeCursor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.LastChange()
}

func (s *testStore) WaitApplied(index uint64, deadline time.Time, stop <-chan struct{}) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline))
	}
	for {
		s.mu.Lock()
		if s.mu.index >= index {
			s.mu.Unlock()
			return nil
		}
		if s.applied == nil {
			s.applied = make(chan struct{})
		}
		applied := s.applied
		s.mu.Unlock()
		select {
		case <-applied:
		case <-late:
			return raftstore.ErrTimeout
		case <-stop:
			return raftstore.ErrClosed
		}
	}
}

func (s *testStore) ReadOrder(orderID string, v *engine.OrderView) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.ReadOrder(orderID, v), nil
}

func (s *testStore) Explain(orderID string, v *engine.OrderExplanation) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.engine.AppendOrder(nil, orderID)
	if !ok {
		return false, nil
	}
	return true, s.engine.ExplainOrder(row, v)
}

func (s *testStore) OpenOrders(after uint32, limit int, dst []engine.OrderView) ([]engine.OrderView, uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.OpenOrders(after, limit, dst)
}

func (s *testStore) OrdersAfter(f engine.OrderFilter, after engine.OrderCursor, limit, looks int,
	dst []engine.OrderView) ([]engine.OrderView, engine.OrderCursor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.OrdersAfter(f, after, limit, looks, dst)
}

func (s *testStore) Job(id engine.JobID, j *engine.Job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.Job(id, j)
}

func (s *testStore) Jobs(before engine.JobID, limit int, dst []engine.Job) []engine.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.Jobs(before, limit, dst)
}

func (s *testStore) Counts() []engine.CountView {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.Counts()
}

func (s *testStore) Events(after engine.EventID, limit int, dst []engine.Event) []engine.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.Events(after, limit, dst)
}

func (s *testStore) EventsOf(record engine.RecordKey, before engine.EventID, limit, looks int,
	dst []engine.Event) ([]engine.Event, engine.EventID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.EventsOf(record, before, limit, looks, dst)
}

func (s *testStore) ForgottenEvents() (bool, engine.Moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine.ForgottenEvents()
}

// testServer is a server on an in-memory network. Each reply is compared with the OpenAPI document.
type testServer struct {
	t      *testing.T
	store  *testStore
	server *Server
	client *fasthttp.Client
	api    *apiDocument
}

func newTestServer(t *testing.T, config Config) *testServer {
	t.Helper()
	store := newTestStore()
	return serveTest(t, config, store, store)
}

func serveTest(t *testing.T, config Config, serve testBackend, store *testStore) *testServer {
	t.Helper()
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	server, err := newServer(config, serve)
	if err != nil {
		t.Fatal(err)
	}
	listener := fasthttputil.NewInmemoryListener()
	done := make(chan error, 1)
	server.runner.Start()
	go func() { done <- server.Serve(listener) }()
	client := &fasthttp.Client{DisablePathNormalizing: true, Dial: func(string) (conn net.Conn, err error) {
		return listener.Dial()
	}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		server.runner.Close()
	})
	return &testServer{t: t, store: store, server: server, client: client, api: loadAPIDocument(t)}
}

type reply struct {
	t       *testing.T
	request string
	status  int
	header  http.Header
	body    string
	json    map[string]any
}

// do sends a request. headers are pairs of name and value. A body that begins with { or [ is JSON by default.
func (s *testServer) do(method, path, body string, headers ...string) *reply {
	s.t.Helper()
	var request fasthttp.Request
	var response fasthttp.Response
	request.Header.SetMethod(method)
	request.Header.DisableNormalizing()
	request.SetRequestURI("http://test" + path)
	if body != "" {
		request.SetBodyString(body)
		request.Header.SetContentType("application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if err := s.client.Do(&request, &response); err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	r := &reply{t: s.t, request: method + " " + path + " " + body, status: response.StatusCode(), header: http.Header{},
		body: string(response.Body())}
	for name, value := range response.Header.All() {
		r.header.Add(string(name), string(value))
	}
	if strings.Contains(r.header.Get("Content-Type"), "json") {
		decoder := json.NewDecoder(bytes.NewReader(response.Body()))
		if err := decoder.Decode(&r.json); err != nil && method != "HEAD" {
			s.t.Fatalf("%s: %v in %s", r.request, err, r.body)
		}
	}
	if method != "HEAD" {
		if !isJSONMediaType(request.Header.ContentType()) {
			body = "" // a rule's source has no schema
		}
		s.api.checkReply(s.t, method, path, body, r)
	}
	return r
}

func (s *testServer) get(path string) *reply        { s.t.Helper(); return s.do("GET", path, "") }
func (s *testServer) post(path, body string) *reply { s.t.Helper(); return s.do("POST", path, body) }
func (s *testServer) put(path, body string) *reply  { s.t.Helper(); return s.do("PUT", path, body) }

// is demands a status and, for problems, a code.
func (r *reply) is(status int, code string) *reply {
	r.t.Helper()
	got, _ := r.json["code"].(string)
	if r.status != status || status != 200 && got != code {
		r.t.Fatalf("%.300s\n got %d %s\nwant %d %s\nbody %s", r.request, r.status, got, status, code, r.body)
	}
	return r
}

// ok demands status 200.
func (r *reply) ok() *reply { r.t.Helper(); return r.is(200, "") }

// at returns the value at a path of keys and indexes in the reply.
func (r *reply) at(path ...any) any {
	r.t.Helper()
	var v any = r.json
	for _, p := range path {
		switch p := p.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				r.t.Fatalf("%s: no element %d of %v in %s", r.request, p, path, r.body)
			}
			v = list[p]
		}
	}
	return v
}

// want demands a value, in JSON, at a path of the reply.
func (r *reply) want(text string, path ...any) *reply {
	r.t.Helper()
	got, err := json.Marshal(r.at(path...))
	if err != nil {
		r.t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	if want, _ := json.Marshal(value); string(got) != string(want) {
		r.t.Fatalf("%.300s\n%v is %s, want %s\nbody %s", r.request, path, got, want, r.body)
	}
	return r
}
