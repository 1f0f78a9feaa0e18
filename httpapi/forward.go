package httpapi

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"apportion/raftstore"
)

// A node that does not lead forwards what only the leader can do, as the same HTTP request, over the connections
// between nodes. So a client may ask any node. Reads are answered here: see Store.ReadBarrier.

// Group is what a Server needs of a store that is one of several nodes.
type Group interface {
	// Forwarded gives the connections on which others forward requests; nil: this node is alone.
	Forwarded() net.Listener

	// Leads reports whether this node leads, as far as it knows. Leader is the known leader, "" if there is none.
	Leads() bool
	Leader() string

	// DialMember opens a connection to forward requests on. After raftstore.ErrNotLeader nothing was sent.
	DialMember(id string, timeout time.Duration) (net.Conn, error)

	// Lag bounds the age of writes that may have been acknowledged without this node having them.
	Lag() (lag time.Duration, known bool)

	members
}

// forwarder keeps connections to the leader.
type forwarder struct {
	group          Group
	connectionsMax int

	mu     sync.Mutex
	leader string
	client *fasthttp.HostClient // to leader
}

// The headers between nodes.
const (
	headerTimeout   = "Apportion-Timeout-Ms" // how long the client waits still
	headerElsewhere = "Apportion-Elsewhere"  // nothing was done, and another node may be able to
)

// to is the client for a leader. Connections to an earlier leader end by themselves.
func (f *forwarder) to(leader string) *fasthttp.HostClient {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leader == leader && f.client != nil {
		return f.client
	}
	if f.client != nil {
		f.client.CloseIdleConnections()
	}
	f.leader = leader
	f.client = &fasthttp.HostClient{
		Addr: leader,
		Dial: func(string) (net.Conn, error) {
			return f.group.DialMember(leader, forwardDialTimeout)
		},
		MaxConns:                  f.connectionsMax,
		MaxIdleConnDuration:       forwardIdle,
		MaxConnWaitTimeout:        forwardDialTimeout,
		MaxIdemponentCallAttempts: 1, // whether another try is safe is not fasthttp's to say
		DisablePathNormalizing:    true,
		NoDefaultUserAgentHeader:  true,
	}
	return f.client
}

func (f *forwarder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.client != nil {
		f.client.CloseIdleConnections()
	}
}

// serve answers the request here or forwards it to the leader. Without a leader it waits, until the deadline.
func (req *request) serve() {
	if !req.route.leader() || req.server.forwarder == nil || req.forwarded {
		req.route.serve(req)
		return
	}
	for !req.tryLeader() && time.Until(req.deadline) > forwardPause && !req.file.begun() {
		req.resetReply()
		time.Sleep(forwardPause)
	}
}

// tryLeader tries once. False: nothing was done, and the answer tells so.
func (req *request) tryLeader() bool {
	group := req.server.forwarder.group
	if group.Leads() {
		req.retryOnLeader = false
		req.route.serve(req)
		return !req.retryOnLeader
	}
	leader := group.Leader()
	if leader == "" {
		req.storeFailed(raftstore.ErrNotLeader)
		return false
	}
	return req.forward(leader)
}

// resetReply makes the request ready for another try.
func (req *request) resetReply() {
	req.status, req.content, req.out = http.StatusOK, contentJSON, req.out[:0]
	req.ctx.Response.Header.Del("Retry-After")
}

// forward sends the request to the leader and copies its answer. False: nothing was done there.
func (req *request) forward(leader string) bool {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	req.copyRequest(request)
	left := time.Until(req.deadline)
	if left <= 0 { // nothing is sent, so the outcome is known
		req.storeFailed(raftstore.ErrNotLeader)
		return false
	}
	if req.route.body == bodyFile {
		left = importTimeout
	}
	req.server.metrics.forwarded.Inc()
	err := req.server.forwarder.to(leader).DoTimeout(request, response, left)
	switch {
	case err == nil && len(response.Header.Peek(headerElsewhere)) > 0:
		req.storeFailed(raftstore.ErrNotLeader)
		return false
	case err == nil:
		req.copyReply(response)
		return true
	case errors.Is(err, raftstore.ErrNotLeader):
		req.storeFailed(err)
		return false
	case errors.Is(err, fasthttp.ErrNoFreeConns):
		req.storeFailed(raftstore.ErrQueueFull)
		return true
	default:
		req.server.log.Warn("a forwarded request was not answered", "leader", leader, "route", req.route.pattern,
			"error",
			err)
		req.storeFailed(raftstore.ErrOutcomeUnknown)
		return true
	}
}

func (req *request) copyRequest(to *fasthttp.Request) {
	from := &req.ctx.Request
	to.Header.DisableNormalizing()
	to.Header.SetMethodBytes(from.Header.Method())
	to.SetRequestURIBytes(from.Header.RequestURI())
	to.Header.SetHost("leader")
	for _, name := range forwardedHeaders {
		if value := from.Header.Peek(name); value != nil {
			to.Header.SetBytesV(name, value)
		}
	}
	if ticket := req.sessionTicket(); ticket != "" && from.Header.Peek("Authorization") == nil {
		to.Header.Set("Authorization", "Bearer "+ticket)
	}
	left := max(time.Until(req.deadline), 0).Milliseconds()
	to.Header.Set(headerTimeout, strconv.FormatInt(left, 10))
	if req.route.body == bodyFile {
		to.SetBodyStream(&req.file, req.announced)
		return
	}
	to.SetBodyRaw(req.received)
}

// forwardedHeaders are the headers that matter to a write, and the one that opens the API: the leader checks it again.
var forwardedHeaders = []string{"Authorization", "Content-Type", "Content-Encoding", "Idempotency-Key", "x-vol-tenant"}

func (req *request) copyReply(response *fasthttp.Response) {
	req.status, req.content = response.StatusCode(), string(response.Header.ContentType())
	req.out = append(req.out[:0], response.Body()...)
	for _, name := range [...]string{"Idempotency-Replayed", "Retry-After"} {
		if value := response.Header.Peek(name); value != nil {
			req.ctx.Response.Header.SetBytesV(name, value)
		}
	}
}

// handleForwarded answers a request that another node has forwarded. It is not forwarded again.
func (s *Server) handleForwarded(ctx *fasthttp.RequestCtx) {
	ctx.SetUserValue(forwardedValue, true)
	s.handle(ctx)
}

const forwardedValue = "forwarded"

// readForwarded takes the client's deadline from the node that forwarded the request.
func (req *request) readForwarded(begin time.Time) {
	req.forwarded = req.server.forwarder != nil && req.ctx.UserValue(forwardedValue) != nil
	if !req.forwarded {
		return
	}
	if left, err := strconv.ParseInt(string(req.ctx.Request.Header.Peek(headerTimeout)), 10, 64); err == nil &&
		left >= 0 {
		req.deadline = begin.Add(min(time.Duration(left)*time.Millisecond, req.server.config.RequestTimeout))
	}
}
