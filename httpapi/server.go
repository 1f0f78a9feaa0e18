package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"apportion/engine"
	"apportion/httpapi/feed"
	"apportion/httpapi/stream"
	"apportion/httpapi/webhook"
	"apportion/raftstore"
	"apportion/rules"
)

// Config configures a Server. Zero values mean defaults.
type Config struct {
	Log     *slog.Logger // default: slog.Default
	Metrics *metrics.Set // where to register, shared with the store's; default: a set of its own

	// AdminToken opens /debug/pprof to clients that send it. Empty: there is no such path.
	AdminToken string

	// Tokens open the API, except for what monitors ask. Without tokens the API is open to everybody. All nodes of a
	// Raft group need the same tokens.
	Tokens []Token

	// BodyBytesMax bounds one body, BodiesBytesMax the memory of the bodies of all requests together. The latter is at
	// least twice the former.
	BodyBytesMax   int
	BodiesBytesMax int
	ConnectionsMax int

	// StreamsMax bounds the streams that are open at a time. Each is one of the connections too.
	StreamsMax int

	// BacktestShare is the part of one core that a backtest may use, above 0 and at most 1. BacktestBytesMax bounds the
	// memory of the running backtest (estimated before it begins, measured while it runs) and of the reports of ended
	// ones.
	BacktestShare    float64
	BacktestBytesMax int64

	// WebhookAllowPrivate lets webhooks have targets in private and loopback networks.
	WebhookAllowPrivate bool

	// RequestTimeout bounds the wait for the log, or for a read barrier.
	RequestTimeout time.Duration
	// ReadTimeout bounds the arrival of a request, WriteTimeout the sending of a reply and each write of a stream,
	// IdleTimeout the time between two requests on a connection.
	ReadTimeout  time.Duration
	WriteTimeout time.Duration
	IdleTimeout  time.Duration
}

// complete fills in the defaults and reports everything that is wrong.
func (c *Config) complete() error {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = metrics.NewSet()
	}
	if c.BodiesBytesMax == 0 {
		c.BodiesBytesMax = max(BodiesBytesMax, 2*c.BodyBytesMax)
	}
	bodyErr := complete("BodyBytesMax", &c.BodyBytesMax, BodyBytesMax)
	if c.BodiesBytesMax < 2*c.BodyBytesMax {
		bodyErr = errors.Join(bodyErr, fmt.Errorf("httpapi: Config.BodiesBytesMax %d is less than twice "+
			"BodyBytesMax, which one body may take while it grows", c.BodiesBytesMax))
	}
	return errors.Join(
		bodyErr,
		complete("ConnectionsMax", &c.ConnectionsMax, ConnectionsMax),
		complete("StreamsMax", &c.StreamsMax, StreamsMax),
		complete("BacktestShare", &c.BacktestShare, BacktestShare),
		complete("BacktestBytesMax", &c.BacktestBytesMax, BacktestBytesMax),
		complete("RequestTimeout", &c.RequestTimeout, RequestTimeout),
		complete("ReadTimeout", &c.ReadTimeout, ReadTimeout),
		complete("WriteTimeout", &c.WriteTimeout, WriteTimeout),
		complete("IdleTimeout", &c.IdleTimeout, IdleTimeout),
	)
}

func complete[T int | int64 | float64 | time.Duration](name string, value *T, preset T) error {
	if *value == 0 {
		*value = preset
	}
	if *value < 0 {
		return fmt.Errorf("httpapi: Config.%s is negative: %v", name, *value)
	}
	return nil
}

// Server serves the API of one store.
type Server struct {
	config   Config
	store    Store
	reader   *engine.Reader
	log      *slog.Logger
	routes   []*route
	tree     *node
	requests *sync.Pool
	metrics  serverMetrics
	runner   *rules.Runner
	access   *access
	bodies   bodies
	exports  atomic.Int64 // being read
	dryRuns  atomic.Int64 // of tag categories, being done
	judged   sync.Pool    // of *fasthttp.RequestCtx

	backtests backtests
	webhooks  *webhook.Sender

	streams *stream.Streams
	events  *feed.Events
	changes *feed.Changes

	http *fasthttp.Server // bodies that are short
	long *fasthttp.Server // all that comes on a connection once a longer body has

	passedOn *passedOn // what comes to long; made by Serve

	// What a group of several needs; nil otherwise.
	forwarder *forwarder
	peers     *fasthttp.Server // for requests that other nodes forward

	// life orders Serve and Close, which a signal may call at the same time.
	life struct {
		sync.Mutex
		listener net.Listener // what Serve was given
		closed   bool
	}

	// QueryReadsMax and QuerySumsMax, less in tests.
	queryReadsMax int
	querySumsMax  int
}

// New makes a server for the store, whose writes go through the runner. It serves nothing yet.
func New(config Config, store Store, runner *rules.Runner) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	s := &Server{
		config: config,
		store:  store,
		reader: store.Reader(),
		runner: runner,
		log:    config.Log.With("component", "httpapi"),
		routes: slices.Concat(routes(), kiboRoutes(), consoleRoutes()),

		queryReadsMax: QueryReadsMax,
		querySumsMax:  QuerySumsMax,
	}
	var err error
	if s.access, err = newAccess(config.Tokens); err != nil {
		return nil, err
	}
	s.backtests.log, s.backtests.reportBytesMax = s.log, s.config.backtestReportBytes()
	s.tree = newTree(s.routes)
	s.requests = newRequestPool(s)
	s.bodies.max = int64(config.BodiesBytesMax)
	s.judged.New = func() any { return new(fasthttp.RequestCtx) }
	s.http = s.newHTTPServer(s.handleShort)
	s.http.HeaderReceived, s.http.KeepHijackedConns = noticeLong, true
	s.long = s.newHTTPServer(s.handle)
	s.long.HeaderReceived, s.long.StreamRequestBody = s.judge, true
	s.long.KeepHijackedConns = true
	if group, ok := store.(Group); ok && group.Forwarded() != nil {
		s.forwarder = &forwarder{group: group, connectionsMax: min(ForwardConnectionsMax, config.ConnectionsMax)}
		s.peers = s.newHTTPServer(s.handleForwarded)
		s.peers.StreamRequestBody = true
	}
	s.initMetrics()
	s.newFeeds()
	s.webhooks = s.newSender()
	return s, nil
}

func (s *Server) newHTTPServer(handle fasthttp.RequestHandler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:                      handle,
		ErrorHandler:                 s.unreadable,
		Logger:                       fasthttpLog{s.log},
		Concurrency:                  math.MaxInt32, // connections bounds them, and the store those of other nodes
		MaxRequestBodySize:           s.config.BodyBytesMax,
		ReadBufferSize:               HeaderBytesMax,
		ReadTimeout:                  s.config.ReadTimeout,
		WriteTimeout:                 s.config.WriteTimeout,
		IdleTimeout:                  s.config.IdleTimeout,
		CloseOnShutdown:              true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true,
	}
}

// Serve answers requests that come to the listener, and closes the listener at the end. Call it once. It returns nil
// after Close, also if Close was called first.
func (s *Server) Serve(listener net.Listener) error {
	if !s.begin(listener) {
		return listener.Close()
	}
	s.log.Info("serving", "address", listener.Addr().String())
	timed := newDeadlines(s.newConnections(listener))
	defer timed.Close() // fasthttp has done so, unless it was closed before it knew of it
	defer s.passedOn.Close()
	if err := s.http.Serve(timed); err != nil {
		return fmt.Errorf("httpapi: serve %s: %w", listener.Addr(), err)
	}
	return nil
}

// begin starts the servers beside the main one, unless the server is closed already.
func (s *Server) begin(listener net.Listener) bool {
	s.life.Lock()
	defer s.life.Unlock()
	if s.life.closed {
		return false
	}
	s.life.listener = listener
	s.passedOn = newPassedOn(listener)
	s.webhooks.Start()
	go func() { _ = s.long.Serve(s.passedOn) }() // ends with the listener, by Close or with Serve
	if s.peers != nil {
		forwarded := s.forwarder.group.Forwarded()
		go func() { _ = s.peers.Serve(forwarded) }() // ends with the listener, by Close or with the store
	}
	return true
}

// Close stops accepting connections, cancels backtests, stops sending to webhooks and waits until the requests in
// flight are answered or the context ends. A second call does nothing.
func (s *Server) Close(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.life.closed {
		return nil
	}
	s.life.closed = true
	s.backtests.close()
	s.webhooks.Close()
	err := errors.Join(s.streams.Close(ctx), s.http.ShutdownWithContext(ctx), s.long.ShutdownWithContext(ctx))
	if s.peers != nil {
		s.forwarder.close()
		err = errors.Join(err, s.peers.ShutdownWithContext(ctx))
	}
	if s.life.listener != nil {
		// fasthttp has closed the listener, unless Serve has not handed it over yet.
		_ = s.life.listener.Close()
		_ = s.passedOn.Close()
	}
	if err != nil {
		return fmt.Errorf("httpapi: close: %w", err)
	}
	s.log.Info("closed")
	return nil
}

// handle answers one request, on its connection's goroutine.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	begin := time.Now()
	req := s.requests.Get().(*request)
	req.reset(ctx, begin)
	sound := s.guard(req, (*request).answer)
	req.send()
	s.count(req)
	req.letGo()
	req.ctx = nil
	if sound && !req.tooLargeToKeep() {
		s.requests.Put(req)
	}
}

// guard does a part of a request. It reports whether the request may be used again: after a panic something may still
// hold it.
func (s *Server) guard(req *request, part func(req *request)) (sound bool) {
	defer func() {
		if fault := recover(); fault != nil {
			s.metrics.panics.Inc()
			s.log.Error("BUG: a handler panicked", "path", req.pathText(), "panic", fault, "stack",
				string(debug.Stack()))
			req.fail(http.StatusInternalServerError, codeInternal, "the server failed; nothing is known about the "+
				"request's effect", "", "")
		}
	}()
	part(req)
	return true
}

// answer runs the route.
func (req *request) answer() {
	req.findPlace()
	if req.profiles() {
		return
	}
	if req.admitted() && req.receive() {
		req.serve()
	}
	req.leave()
}

// findPlace gives the connection a place, if one is free. A connection without a place ends with this answer.
func (req *request) findPlace() {
	if req.conn = connOf(req.ctx); req.conn != nil && !req.conn.place() {
		req.spare = true
		req.ctx.SetConnectionClose()
	}
}

// placed answers a request of a connection without a place, unless it is a monitor's request.
func (req *request) placed() bool {
	if !req.spare || req.route.open && !req.route.foreign {
		return true
	}
	req.problem(&tooManyConnections)
	return false
}

// send hands the answer to fasthttp, which copies it.
func (req *request) send() {
	if req.content == "" {
		return
	}
	req.ctx.SetStatusCode(req.status)
	req.ctx.SetContentType(req.content)
	req.ctx.SetBody(req.out)
}

func (s *Server) count(req *request) {
	m := &s.metrics.unrouted
	if req.route != nil {
		m = &req.route.metrics
	}
	m.count(req.status, req.begin)
	s.metrics.bodyBytes.Add(len(req.received) + int(req.file.read))
}

// unreadable answers a request that fasthttp could not read. fasthttp closes the connection afterwards.
func (s *Server) unreadable(ctx *fasthttp.RequestCtx, err error) {
	s.metrics.unread.Inc()
	if conn := connOf(ctx); conn != nil {
		conn.unread = true
	}
	p := s.unreadProblem(err)
	ctx.SetStatusCode(p.status)
	ctx.SetContentType(contentProblem)
	ctx.SetBody(append(appendProblem(nil, &p), '}'))
}

// fasthttpLog gives fasthttp's few messages, all about single connections, to the log.
type fasthttpLog struct{ log *slog.Logger }

// Printf logs a message.
func (l fasthttpLog) Printf(format string, args ...any) {
	l.log.Debug("connection", "message", fmt.Sprintf(format, args...))
}

// Store is what a Server needs of the replicated store. All methods may be called from any goroutine.
type Store interface {
	// Reader reads the state.
	Reader() *engine.Reader

	// AppliedIndex is the last log entry whose commands are all visible. A reply loads it before the state that it
	// shows, and gives it as asOf.
	AppliedIndex() uint64

	// ReadBarrier returns when everything that was acknowledged before the call is applied here.
	ReadBarrier(deadline time.Time) error

	// ReadOrder copies an order, from memory or from the archive.
	ReadOrder(orderID string, v *engine.OrderView) (found bool, err error)

	// Explain copies why an order was filled as it was.
	Explain(orderID string, v *engine.OrderExplanation) (found bool, err error)

	// History reports what part of the past can be replayed; OpenRecording opens it.
	History() raftstore.History
	OpenRecording(index uint64, timeMS int64) (*raftstore.Recording, error)

	// Leads reports whether this node leads, as far as it knows.
	Leads() bool

	// Ready is nil when the node has caught up with the log.
	Ready() error

	// Conditions are what Ready checks, and what else should hold.
	Conditions() []raftstore.Condition

	// OpenOrders appends copies of orders that hold units, a page at a time.
	OpenOrders(after uint32, limit int, dst []engine.OrderView) (orders []engine.OrderView, next uint32)

	// OrdersAfter appends copies of orders that a filter picks, those that changed longest ago first.
	OrdersAfter(f engine.OrderFilter, after engine.OrderCursor, limit, looks int,
		dst []engine.OrderView) (orders []engine.OrderView, next engine.OrderCursor, more bool)

	// Job copies a kept job. Jobs appends up to limit kept jobs with numbers below one (0: the newest ones), newest
	// first.
	Job(id engine.JobID, j *engine.Job) (found bool)
	Jobs(before engine.JobID, limit int, dst []engine.Job) []engine.Job

	// Counts gives the open stock counts, in the order of their start.
	Counts() []engine.CountView

	// Events appends up to limit events after one.
	Events(after engine.EventID, limit int, dst []engine.Event) []engine.Event

	// EventsOf appends events of a record, newest first; ForgottenEvents tells whether there were older ones.
	EventsOf(record engine.RecordKey, before engine.EventID, limit, looks int, dst []engine.Event) (
		events []engine.Event, next engine.EventID)
	ForgottenEvents() (forgotten bool, since engine.Moment)

	// ChangesAfter appends the changes of records behind a place; LastChange is the place behind all of them.
	ChangesAfter(after engine.ChangeCursor, limit int, dst []engine.Change) ([]engine.Change, error)
	LastChange() (engine.ChangeCursor, error)

	// WaitApplied returns nil when AppliedIndex is at least the index, ErrTimeout at the deadline (the zero time is
	// none), and ErrClosed when stop is closed.
	WaitApplied(index uint64, deadline time.Time, stop <-chan struct{}) error
}
