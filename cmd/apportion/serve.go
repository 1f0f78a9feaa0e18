package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/engine"
	"apportion/httpapi"
	"apportion/raftstore"
	"apportion/rules"
)

const serveDescription = `Loads the data directory, then serves the HTTP API (docs/api.md). Until it is loaded, /readyz answers 503.

SIGINT or SIGTERM stops the server within a minute; it waits 10 seconds at most for a disk that does not answer (exit status 74).
A second signal, or kill -9, ends it at once. In every case no acknowledged write is lost.

Examples:
  apportion serve                                        listens on 127.0.0.1:8080, keeps its data in ./data
  apportion serve --demo                                 the same, with a demo catalogue to try things on
  apportion serve --data /var/lib/apportion --listen :80
  APPORTION_LOG_FORMAT=json apportion serve

A cluster of three nodes. Clients may ask any of them (docs/cluster.md):
  apportion serve --node-id a --raft-listen 10.0.0.1:7000 --bootstrap
  apportion serve --node-id b --raft-listen 10.0.0.2:7000 --join 10.0.0.1:7000
  apportion serve --node-id c --raft-listen 10.0.0.3:7000 --join 10.0.0.1:7000,10.0.0.2:7000`

func serveCommand(stdout, stderr io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "serve",
		Usage:       "run the server",
		Description: serveDescription,
		Flags:       slices.Concat(serveFlags(), peerFlags(), logFlags()),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := cmdline.NoArguments(cmd); err != nil {
				return err
			}
			if err := checkServeFlags(cmd); err != nil {
				return err
			}
			peers, err := peersOf(cmd)
			if err != nil {
				return err
			}
			logger, err := newLogger(cmd, stderr)
			if err != nil {
				return err
			}
			tokens, err := readTokens(cmd.String(tokensFlag), logger)
			if err != nil {
				return err
			}
			s := newService(cmd, peers, logger, stdout)
			s.http.Tokens = tokens
			s.shareOpenFiles(openFilesLimit())
			return s.runBounded(ctx)
		},
	}
}

func serveFlags() []cli.Flag {
	return []cli.Flag{
		dataFlag(),
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Sources: cmdline.Env("listen"),
			Usage: "`ADDRESS` to serve HTTP on, HOST:PORT; port 0 takes a free one"},
		&cli.BoolFlag{Name: "demo", Sources: cmdline.Env("demo"),
			Usage: "load a demo catalogue if the data directory is empty"},
		&cli.StringFlag{Name: "admin-token", Sources: cmdline.Env("admin-token"),
			Usage: "`TOKEN` that /debug/pprof asks for; without it there are no profiles"},
		&cli.StringFlag{Name: tokensFlag, Sources: cmdline.Env(tokensFlag),
			Usage: "`FILE` with a token on each line, name:secret. Every request then needs one of them; without the " +
				"flag the API is open to everybody"},
		&cli.IntFlag{Name: "body-bytes-max", Value: httpapi.BodyBytesMax, Sources: cmdline.Env("body-bytes-max"),
			DefaultText: sizeText(httpapi.BodyBytesMax),
			Usage:       "largest request body that is taken, in `BYTES`"},
		&cli.IntFlag{Name: bodiesFlag, Sources: cmdline.Env(bodiesFlag),
			DefaultText: sizeText(httpapi.BodiesBytesMax) + ", or twice --body-bytes-max",
			Usage: "memory for the bodies of all requests in flight, in `BYTES`; beyond it, requests with more than " +
				"8 KiB are answered with 503"},
		&cli.IntFlag{Name: "connections-max", Value: httpapi.ConnectionsMax, Sources: cmdline.Env("connections-max"),
			Usage: "serve this `NUMBER` of client connections at a time; fewer if the limit on open files is low"},
		&cli.IntFlag{Name: "streams-max", Value: httpapi.StreamsMax, Sources: cmdline.Env("streams-max"),
			Usage: "keep this `NUMBER` of streams open at a time; each is one of the connections too"},
		&cli.DurationFlag{Name: "request-timeout", Value: httpapi.RequestTimeout,
			Sources: cmdline.Env("request-timeout"),
			Usage:   "`TIME` that a write waits for the log at most; after it the client gets 503"},
		&cli.DurationFlag{Name: clockGapFlag, Value: raftstore.ClockGapMaxDefault, Sources: cmdline.Env(clockGapFlag),
			DefaultText: "8784h, 366 days",
			Usage: "refuse to start if the clock is further ahead of the last write than this `TIME`: it is probably " +
				"wrong"},
		&cli.DurationFlag{Name: "checkpoint-interval", Value: raftstore.CheckpointIntervalDefault,
			Sources: cmdline.Env("checkpoint-interval"),
			Usage:   "`TIME` between two checkpoints; a shorter one makes the start after a crash faster"},
		&cli.DurationFlag{Name: "history-age", Value: raftstore.HistoryAgeDefault, Sources: cmdline.Env("history-age"),
			DefaultText: "24h",
			Usage:       "`TIME` of the past that is kept for backtests; 0 keeps none"},
		&cli.Int64Flag{Name: "history-bytes-max", Value: raftstore.HistoryBytesDefault,
			Sources: cmdline.Env("history-bytes-max"), DefaultText: sizeText(raftstore.HistoryBytesDefault),
			Usage: "disk space for that past, in `BYTES`; while a backtest runs, as much again"},
		&cli.FloatFlag{Name: "backtest-share", Value: httpapi.BacktestShare, Sources: cmdline.Env("backtest-share"),
			Usage: "`PART` of one core that a backtest may use, at most 1"},
		&cli.BoolFlag{Name: "webhook-allow-private", Sources: cmdline.Env("webhook-allow-private"),
			Usage: "let webhooks send to private networks and to this machine"},
		&cli.Int64Flag{Name: "backtest-bytes-max", Value: httpapi.BacktestBytesMax,
			Sources: cmdline.Env("backtest-bytes-max"), DefaultText: sizeText(httpapi.BacktestBytesMax),
			Usage: "memory for backtests and their reports, in `BYTES`"},
	}
}

// sizeText shows a default in bytes and in MiB.
func sizeText(bytes int64) string { return fmt.Sprintf("%d, %d MiB", bytes, bytes>>20) }

const (
	tokensFlag   = "tokens"
	bodiesFlag   = "bodies-bytes-max"
	clockGapFlag = "clock-gap-max"
)

// checkServeFlags refuses values that no server can run with, before it creates anything.
func checkServeFlags(cmd *cli.Command) error {
	if cmd.String("data") == "" {
		return cmdline.Usage(errors.New("--data: a directory is expected"))
	}
	for _, name := range []string{"body-bytes-max", "connections-max", "streams-max"} {
		if value := cmd.Int(name); value <= 0 {
			return cmdline.Usage(fmt.Errorf("--%s %d: at least 1 is expected", name, value))
		}
	}
	if bodies, body := cmd.Int(bodiesFlag), cmd.Int("body-bytes-max"); cmd.IsSet(bodiesFlag) && bodies/2 < body {
		return cmdline.Usage(fmt.Errorf("--%s %d: at least twice --body-bytes-max (%d) is expected, since a body may "+
			"take that much while it grows", bodiesFlag, bodies, body))
	}
	for _, name := range []string{"request-timeout", "checkpoint-interval", clockGapFlag} {
		if value := cmd.Duration(name); value <= 0 {
			return cmdline.Usage(fmt.Errorf("--%s %s: a time above 0 is expected, such as 30s", name, value))
		}
	}
	for _, name := range []string{"history-bytes-max", "backtest-bytes-max"} {
		if value := cmd.Int64(name); value <= 0 {
			return cmdline.Usage(fmt.Errorf("--%s %d: at least 1 is expected", name, value))
		}
	}
	if age := cmd.Duration("history-age"); age < 0 {
		return cmdline.Usage(fmt.Errorf("--history-age %s: a time such as 24h is expected, or 0 for no history", age))
	}
	if share := cmd.Float("backtest-share"); !(share > 0 && share <= 1) {
		return cmdline.Usage(fmt.Errorf("--backtest-share %g: more than 0 and at most 1 is expected", share))
	}
	return nil
}

// readTokens reads the file of tokens, if there is one. A file that others may read gets a warning only: in a container
// that often cannot be helped.
func readTokens(path string, logger *slog.Logger) ([]httpapi.Token, error) {
	if path == "" {
		logger.Info("the API is open to everybody who can reach it; --tokens restricts it")
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cmdline.Usage(fmt.Errorf("--%s: %w", tokensFlag, err))
	}
	tokens, err := httpapi.ParseTokens(text)
	if err != nil {
		return nil, cmdline.Usage(fmt.Errorf("--%s %s:\n%w", tokensFlag, path, err))
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		logger.Warn("other users of this machine may read or change the tokens: chmod 600 the file", "file", path,
			"mode", info.Mode().Perm())
	}
	logger.Info("every request needs a token", "tokens", len(tokens), "file", path)
	return tokens, nil
}

// service is one run of the server.
type service struct {
	address string
	demo    bool
	store   raftstore.Config
	http    httpapi.Config
	logger  *slog.Logger
	stdout  io.Writer

	opened    atomic.Pointer[raftstore.Store] // nil: no store is open
	unwritten atomic.Bool                     // the last checkpoint took too long
}

func newService(cmd *cli.Command, peers *raftstore.PeersConfig, logger *slog.Logger, stdout io.Writer) *service {
	return &service{
		address: cmd.String("listen"),
		demo:    cmd.Bool("demo"),
		store: raftstore.Config{
			Dir:                cmd.String("data"),
			NodeID:             cmd.String("node-id"),
			Peers:              peers,
			ElectionTimeout:    cmd.Duration(electionFlag),
			StallTimeout:       cmd.Duration(stallFlag),
			CheckpointInterval: cmd.Duration("checkpoint-interval"),
			ClockGapMax:        cmd.Duration(clockGapFlag),
			HistoryAge:         historyAge(cmd.Duration("history-age")),
			HistoryBytes:       cmd.Int64("history-bytes-max"),
		},
		http: httpapi.Config{
			AdminToken:     cmd.String("admin-token"),
			BodyBytesMax:   cmd.Int("body-bytes-max"),
			BodiesBytesMax: cmd.Int(bodiesFlag),
			ConnectionsMax: cmd.Int("connections-max"),
			StreamsMax:     cmd.Int("streams-max"),
			RequestTimeout: cmd.Duration("request-timeout"),

			WebhookAllowPrivate: cmd.Bool("webhook-allow-private"),

			BacktestShare:    cmd.Float("backtest-share"),
			BacktestBytesMax: cmd.Int64("backtest-bytes-max"),
		},
		logger: logger,
		stdout: stdout,
	}
}

// historyAge translates the flag's 0, which keeps no history: in the store's configuration 0 stands for the default.
func historyAge(age time.Duration) time.Duration {
	if age == 0 {
		return -1
	}
	return age
}

// run serves until ctx ends. A node that was too far behind has downloaded a checkpoint from another node: it opens the
// store again, with that checkpoint.
func (s *service) run(ctx context.Context) error {
	for {
		err := s.runOnce(ctx)
		if !errors.Is(err, raftstore.ErrReplaced) || ctx.Err() != nil {
			return err
		}
		s.logger.Info("opening again with a checkpoint of another node")
	}
}

// runOnce starts the parts in the order in which they need each other, and stops them in the mirror order: the listener
// closes, the requests in flight are answered, then the store closes, which they need. After ErrReplaced the caller has
// to call it again.
func (s *service) runOnce(ctx context.Context) error {
	listener, err := listen(s.address)
	if err != nil {
		return err
	}
	defer listener.Close()
	s.address = listener.Addr().String() // the same address, if it is called again

	set := metrics.NewSet()
	store, err := s.openStore(ctx, listener, set)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		s.logger.Info("stopped before the data directory was loaded", "cause", err)
		return nil
	}
	if err != nil {
		return err
	}
	if peers := s.store.Peers; peers != nil && peers.Address == "" {
		peers.Listen = store.Status().Address
	}
	err = s.serve(ctx, listener, store, set)
	store.Isolate()
	if !errors.Is(err, raftstore.ErrReplaced) {
		err = errors.Join(err, s.checkpoint(store))
	}
	if closeErr := store.Close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("close the store: %w", closeErr))
	}
	s.opened.Store(nil)
	if err == nil || errors.Is(err, raftstore.ErrReplaced) {
		s.logger.Info("stopped")
	}
	return err
}

// openStore loads the state. Meanwhile the listener answers that the server is loading.
func (s *service) openStore(ctx context.Context, listener *net.TCPListener, set *metrics.Set) (*raftstore.Store,
	error) {
	page := startLoadingPage(listener, s.http.ConnectionsMax)
	started := time.Now()
	s.logger.Info("loading", "data", s.store.Dir, "address", listener.Addr().String())
	s.store.Logger, s.store.Metrics = s.logger, set
	injectFaults(&s.store)
	store, err := raftstore.Open(ctx, s.store)
	if err == nil {
		s.opened.Store(store)
		if err = s.catchUp(ctx, store); err != nil {
			err = errors.Join(err, store.Close())
		}
	}
	// The page ends in any case: it must not answer for a process that is about to end.
	if stopErr := page.stop(); err == nil && stopErr != nil {
		err = errors.Join(stopErr, store.Close())
	}
	if err != nil {
		return nil, explainOpen(s.store.NodeID, s.store.Dir, err)
	}
	s.logger.Info("loaded", "records", store.Reader().Stats().Records, "took", time.Since(started).
		Round(time.Millisecond))
	return store, nil
}

// catchUp waits until the log behind the state is replayed, and loads the demo catalogue, which needs that. A node of a
// cluster does not wait: it may need the others for the replay, and /readyz tells how far it is.
func (s *service) catchUp(ctx context.Context, store *raftstore.Store) error {
	if s.store.Peers != nil && !s.demo {
		return nil
	}
	if err := store.WaitReady(ctx); err != nil && !errors.Is(err, raftstore.ErrReplaced) {
		return err
	}
	if !s.demo || !store.Leads() {
		return nil
	}
	return loadDemo(store, s.logger)
}

// serve answers requests until ctx ends, the listener fails or the store has to be opened again.
func (s *service) serve(ctx context.Context, listener net.Listener, store *raftstore.Store, set *metrics.Set) error {
	s.http.Log, s.http.Metrics = s.logger, set
	runner := rules.NewRunner(rules.RunnerConfig{Log: raftstore.RulesLog(store), State: store.Reader(),
		Logger: s.logger.With("component", "rules"), Timeout: s.http.RequestTimeout})
	api, err := httpapi.New(s.http, store, runner)
	if err != nil {
		return err
	}
	runner.Start()
	defer runner.Close()
	failed := make(chan error, 1)
	go func() { failed <- api.Serve(listener) }()
	s.announce(listener.Addr(), store)

	var replaced error
	select {
	case <-store.Replaced():
		replaced = raftstore.ErrReplaced
	case <-ctx.Done():
		api.StopWebhooks()
		s.transferLeadership(store)
		s.logger.Info("stopping: answering the requests in flight", "longest", drainTimeout)
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", s.address, err)
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := api.Close(drain); err != nil {
		s.logger.Warn("some requests were cut off", "error", err)
	}
	return errors.Join(replaced, <-failed)
}

// announce prints one line with the address of the server, and with the demo catalogue a request to try.
func (s *service) announce(address net.Addr, store *raftstore.Store) {
	fmt.Fprintf(s.stdout, "apportion is ready on http://%s (data in %s)\n", address, s.store.Dir)
	if s.demo && store.Reader().ReadRecord(demoUPC, demoLocation, new(engine.RecordView)) {
		fmt.Fprintf(s.stdout, "try:  curl -s http://%s/v1/inventory/%s/%s\n", address, demoLocation, demoUPC)
	}
}

func listen(address string) (*net.TCPListener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use, perhaps by another server: choose another address with --listen", address)
	}
	if err != nil {
		return nil, cmdline.Usage(fmt.Errorf("--listen: %w", err))
	}
	return listener.(*net.TCPListener), nil
}

// explainOpen adds to an error what the operator can do about it.
func explainOpen(node, data string, err error) error {
	if errors.Is(err, raftstore.ErrInUse) {
		return fmt.Errorf("the data directory %s is in use by another process: stop that process, or choose "+
			"another directory with --data", data)
	}
	if errors.Is(err, raftstore.ErrOtherNode) {
		return fmt.Errorf("open the data directory %s: %w\nStart with the --node-id that it was created with, "+
			"or choose another directory with --data", data, err)
	}
	if errors.Is(err, raftstore.ErrMember) {
		return fmt.Errorf("open the data directory %s: %w\nRemove the member whose disk is lost (apportion cluster "+
			"remove %s --server ANOTHER), then start this node with --join and the address of another node in place "+
			"of --bootstrap", data, err, node)
	}
	if errors.Is(err, raftstore.ErrClock) {
		return fmt.Errorf("open the data directory %s: %w\nSet the clock right. If it is right and nothing was "+
			"written for that long, start once with a larger --%s; reservations that ended meanwhile are then "+
			"released", data, err,
			clockGapFlag)
	}
	return fmt.Errorf("open the data directory %s: %w", data, err)
}
