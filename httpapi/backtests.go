package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
	"apportion/rules"
	"apportion/rules/backtest"
)

func backtestRoutes() []*route {
	return []*route{
		{method: methodPost, pattern: "/v1/rules/{name}/backtest", body: bodyOptional, params: paramReads,
			serve: (*request).startBacktest},
		{method: methodGet, pattern: "/v1/history", serve: (*request).history},
		{method: methodGet, pattern: "/v1/backtests", serve: (*request).listBacktests},
		{method: methodGet, pattern: "/v1/backtests/{id}", serve: (*request).readBacktest},
		{method: methodDelete, pattern: "/v1/backtests/{id}", serve: (*request).deleteBacktest},
	}
}

// Backtests run beside the requests, one at a time: on a goroutine and engines of their own, with a share of a core.
// The last ones are kept in memory with their reports.

// backtestRun is one backtest. The fields above run do not change.
type backtestRun struct {
	id        string
	candidate engine.Activation
	from, to  engine.Moment // as asked for
	base      uint64        // the state to replay from; before it is known, the oldest kept one
	refused   engine.Moment // refused orders are recorded from there on
	last      uint64        // the entry after which it is done
	started   time.Time
	cancel    context.CancelFunc

	run *backtest.Backtest

	mu struct {
		sync.Mutex
		state  api.BacktestState
		fault  string
		report *backtest.Report
		took   time.Duration
	}
}

// backtests has the backtests of a server.
type backtests struct {
	log            *slog.Logger
	reportBytesMax int64
	workers        sync.WaitGroup

	mu struct {
		sync.Mutex
		closed bool
		number int
		all    []*backtestRun // the oldest first
	}
}

// errBacktestBusy names the backtest that is running.
type errBacktestBusy struct{ id string }

func (e errBacktestBusy) Error() string { return "backtest " + e.id + " is running" }

// add adds a backtest and gives it its name, unless another one is running.
func (s *backtests) add(b *backtestRun) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return raftstore.ErrClosed
	}
	for _, other := range s.mu.all {
		if other.stateNow() == api.BacktestRunning {
			return errBacktestBusy{other.id}
		}
	}
	s.mu.number++
	b.id = "b" + strconv.Itoa(s.mu.number)
	s.mu.all = append(s.mu.all, b)
	s.trimLocked()
	return nil
}

// trimLocked forgets the oldest backtests if there are too many, or if the reports take too much memory. It keeps the
// newest one.
func (s *backtests) trimLocked() {
	bytes := int64(0)
	for i, b := range slices.Backward(s.mu.all) {
		bytes += b.reportBytes()
		if i < len(s.mu.all)-1 && (len(s.mu.all)-i > BacktestsKept || bytes > s.reportBytesMax) {
			s.mu.all = slices.Delete(s.mu.all, 0, i+1)
			return
		}
	}
}

func (b *backtestRun) reportBytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.report == nil {
		return 0
	}
	return b.mu.report.MemoryBytes()
}

func (s *backtests) list() []*backtestRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.all)
}

func (s *backtests) find(id string) *backtestRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.mu.all {
		if b.id == id {
			return b
		}
	}
	return nil
}

func (s *backtests) forget(b *backtestRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.all = slices.DeleteFunc(s.mu.all, func(other *backtestRun) bool { return other == b })
}

// close cancels the running backtest, waits for its end, and refuses new ones.
func (s *backtests) close() {
	s.mu.Lock()
	s.mu.closed = true
	for _, b := range s.mu.all {
		b.cancel()
	}
	s.mu.Unlock()
	s.workers.Wait()
}

func (b *backtestRun) stateNow() api.BacktestState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.state
}

// work runs a backtest to its end.
func (s *backtests) work(ctx context.Context, b *backtestRun, recording *raftstore.Recording) {
	report, err := func() (report *backtest.Report, err error) {
		defer func() {
			if fault := recover(); fault != nil {
				err = fmt.Errorf("BUG: httpapi: a backtest panicked: %v", fault)
			}
		}()
		return b.run.Run(ctx, recording)
	}()
	err = errors.Join(err, recording.Close())
	b.mu.Lock()
	b.mu.took = time.Since(b.started)
	switch {
	case err == nil:
		b.mu.state, b.mu.report = api.BacktestDone, report
	case ctx.Err() != nil:
		b.mu.state = api.BacktestCancelled
	default:
		b.mu.state, b.mu.fault = api.BacktestFailed, err.Error()
	}
	state, took := b.mu.state, b.mu.took
	b.mu.Unlock()
	b.cancel()
	s.mu.Lock()
	s.trimLocked()
	s.mu.Unlock()
	debug.FreeOSMemory() // the memory of two states, before the next backtest begins
	s.log.Info("a backtest ended", "id", b.id, "rule", b.candidate.Rule, "version", b.candidate.Version, "state",
		string(state),
		"commands", b.run.Progress().Commands, "took", took.Round(time.Millisecond), "error", err)
}

func (req *request) history() {
	req.reply(showHistory(req.server.store.AppliedIndex(), req.server.store.History()))
}

// startBacktest answers as soon as the backtest runs.
func (req *request) startBacktest() {
	var asked api.StartBacktest
	if !req.readBody(&asked) {
		return
	}
	k := req.checker()
	body := newBacktestBody(&asked, k)
	if !req.sound(&k.fault) || !req.barrier() {
		return
	}
	source, version, ok := req.backtestSource(body)
	if !ok || !req.knows(body.scope.Tags, "scope.tags") {
		return
	}
	b := &backtestRun{started: time.Now(), candidate: engine.Activation{
		Rule: strings.Clone(req.path[0]), Version: version, Hook: body.hook, Scope: body.scope.Clone(),
		OnError: body.onError, FailuresMax: body.failuresMax}}
	b.mu.state = api.BacktestRunning
	period, ok := req.backtestPeriod(body, b)
	if !ok || !req.backtestFits() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	var err error
	b.run, err = backtest.New(backtest.Config{Candidate: b.candidate, Source: source, Period: period,
		DifferencesMax: body.differences, LinesMax: BacktestLinesMax, BytesMax: req.server.config.backtestRunBytes(),
		Pace: newPacer(ctx, req.server.config.BacktestShare).pace})
	switch {
	case errors.Is(err, rules.ErrNoHook):
		req.fail(http.StatusBadRequest, codeInvalid, "the rule does not define the hook", "hook", body.hook.String())
	case err != nil:
		req.badSource(err)
	case req.launch(ctx, b, &period):
		return
	}
	cancel()
}

// backtestBody is the body of a request for a backtest. Zero values stand for missing fields.
type backtestBody struct {
	version     uint32
	source      *api.Source // nil: that of the version
	hook        engine.RuleHook
	from, to    bound
	scope       engine.RuleScope
	onError     engine.RuleFallback
	failuresMax uint32
	differences int
}

// bound is a place in the log: an index or a time.
type bound struct {
	index  uint64
	timeMS int64
	text   string // as in the body, empty if it is missing there
}

func newBacktestBody(body *api.StartBacktest, k *bodyCheck) *backtestBody {
	return &backtestBody{version: k.number32("version", body.Version, 0), source: body.Source,
		hook: k.hook("hook", body.Hook), from: k.bound("from", body.From), to: k.bound("to", body.To),
		scope: k.scope(body.Scope), onError: k.fallback(body.OnError),
		failuresMax: k.number32("failuresMax", body.FailuresMax, failuresDefault),
		differences: int(k.integer("differencesMax", body.DifferencesMax, 0, BacktestDifferencesMax,
			BacktestDifferencesDefault))}
}

// bound gives a log index or a time, nothing if it was left out.
func (k *bodyCheck) bound(field string, from *api.Bound) (b bound) {
	if from == nil {
		return b
	}
	b.text = string(*from)
	if index, err := strconv.ParseUint(b.text, 10, 63); err == nil && index > 0 {
		b.index = index
		return b
	}
	at, err := time.Parse(time.RFC3339Nano, b.text)
	if err != nil || at.UnixMilli() <= 0 {
		k.fail(codeInvalid, "a log index from 1 on or a time such as 2026-11-27T06:00:00Z is expected", field, b.text)
		return b
	}
	b.timeMS = at.UnixMilli()
	return b
}

// launch opens the recording and starts the backtest, or answers why it cannot.
func (req *request) launch(ctx context.Context, b *backtestRun, period *backtest.Period) bool {
	all := &req.server.backtests
	fromIndex, fromTimeMS := max(period.FromIndex, b.base+1)-1, int64(math.MaxInt64)
	if period.FromTimeMS > 0 {
		fromIndex, fromTimeMS = math.MaxUint64, period.FromTimeMS-1
	}
	recording, err := req.server.store.OpenRecording(fromIndex, fromTimeMS)
	if err != nil {
		req.noRecording(err)
		return false
	}
	b.base, b.last, b.refused = recording.Base().Index, recording.Last(), recording.RefusedFrom()
	if period.ToIndex > 0 {
		b.last = min(b.last, period.ToIndex)
	}
	if b.to == (engine.Moment{}) {
		b.to.Index = b.last
	}
	if err := all.add(b); err != nil {
		err = errors.Join(err, recording.Close())
		if busy := (errBacktestBusy{}); errors.As(err, &busy) {
			req.fail(http.StatusConflict, codeBacktestBusy, "another backtest is running: wait for its end, or "+
				"cancel it by DELETE", "id",
				busy.id)
		} else {
			req.storeFailed(err)
		}
		return false
	}
	req.server.log.Info("a backtest begins", "id", b.id, "rule", b.candidate.Rule, "version", b.candidate.Version,
		"base", b.base, "last", b.last)
	all.workers.Go(func() { all.work(ctx, b, recording) })
	req.status = http.StatusAccepted
	req.reply(showBacktest(b, false))
	return true
}

func (req *request) noRecording(err error) {
	switch {
	case errors.Is(err, raftstore.ErrNoHistory):
		req.fail(http.StatusConflict, codeNoHistory, "no history is kept yet that could be replayed: it begins with "+
			"the first checkpoint, unless "+
			"--history-age is 0", "", "")
	case errors.Is(err, raftstore.ErrClosed):
		req.storeFailed(err)
	default:
		req.server.log.Error("a recording cannot be opened", "error", err)
		req.fail(http.StatusInternalServerError, codeInternal, "the kept history cannot be read: the server's log "+
			"says why", "",
			"")
	}
}

// backtestSource gives the candidate's source: that of a stored version, or that of the body.
func (req *request) backtestSource(body *backtestBody) (source string, version uint32, ok bool) {
	if body.source != nil {
		if body.version > 0 {
			req.fail(http.StatusBadRequest, codeInvalid, "a version or a source is expected, not both", "source", "")
			return "", 0, false
		}
		if body.hook == 0 {
			body.hook = engine.HookSelect
		}
		return string(*body.source), 0, true
	}
	v, _, ok := req.findVersion(req.server.reader.Rules(), body.version)
	if !ok {
		return "", 0, false
	}
	if body.hook == 0 {
		body.hook = v.Hooks[0]
	}
	return v.Source, v.Version, true
}

// backtestPeriod checks the bounds of the body against the kept history.
func (req *request) backtestPeriod(body *backtestBody, b *backtestRun) (backtest.Period, bool) {
	history := req.server.store.History()
	if len(history.States) == 0 {
		req.noRecording(raftstore.ErrNoHistory)
		return backtest.Period{}, false
	}
	period := backtest.Period{FromIndex: body.from.index, FromTimeMS: body.from.timeMS, ToIndex: body.to.index,
		ToTimeMS: body.to.timeMS}
	switch kept := history.From; {
	case body.from.text == "": // everything after the oldest state
	case body.from.index > 0 && body.from.index < kept.Index,
		body.from.timeMS > 0 && body.from.timeMS < kept.TimeMS:
		req.fail(http.StatusBadRequest, codeInvalid, fmt.Sprintf("the kept history begins later, at index %d, %s",
			kept.Index,
			strictjson.FormatTime(kept.TimeMS)), "from", body.from.text)
		return period, false
	case body.from.timeMS > 0:
		period.FromTimeMS = max(period.FromTimeMS, kept.TimeMS+1)
	}
	beyond := period.FromIndex > history.To.Index || period.FromTimeMS > max(history.To.TimeMS, history.RefusedMS)
	if beyond {
		req.fail(http.StatusBadRequest, codeInvalid, fmt.Sprintf("the log ends before that, at index %d, %s",
			history.To.Index,
			strictjson.FormatTime(history.To.TimeMS)), "from", body.from.text)
		return period, false
	}
	if period.ToIndex > 0 && period.ToIndex < period.FromIndex || period.ToTimeMS > 0 &&
		period.ToTimeMS < period.FromTimeMS {
		req.fail(http.StatusBadRequest, codeInvalid, "the end lies before the beginning", "to", body.to.text)
		return period, false
	}
	b.base = history.From.Index
	b.from = engine.Moment{Index: period.FromIndex, TimeMS: period.FromTimeMS}
	if body.from.text == "" {
		b.from.Index = history.From.Index
	}
	b.to = engine.Moment{Index: period.ToIndex, TimeMS: period.ToTimeMS}
	return period, true
}

// backtestRunBytes bounds the memory of a running backtest. The rest is for the reports of the others.
func (c *Config) backtestRunBytes() int64 { return c.BacktestBytesMax - c.backtestReportBytes() }

func (c *Config) backtestReportBytes() int64 { return c.BacktestBytesMax / backtestReportParts }

// backtestFits refuses a backtest whose two engines would take more memory than is allowed, by an estimate. The
// backtest checks its real memory while it runs.
func (req *request) backtestFits() bool {
	if need := stateBytes(req.server.reader.Stats()) * 2; need > req.server.config.backtestRunBytes() {
		req.fail(http.StatusConflict, codeBacktestTooLarge, fmt.Sprintf("a backtest would take some %d MB of memory, "+
			"and --backtest-bytes-max allows %d", need>>20, req.server.config.BacktestBytesMax>>20), "", "")
		return false
	}
	return true
}

// stateBytes estimates the memory of a state from the measured size of its parts.
func stateBytes(s engine.Stats) int64 {
	return s.Records*200 + s.Segments*64 + s.UPCs*64 + s.OrderItems*400 +
		(s.Results+s.Events+s.Explanations+s.Jobs)*300 + 16<<20
}

func (req *request) listBacktests() {
	all := []api.Backtest{}
	for _, b := range req.server.backtests.list() {
		all = append(all, showBacktest(b, false))
	}
	req.reply(api.BacktestList{Backtests: all})
}

// findBacktest finds the backtest in the path, or answers that there is none.
func (req *request) findBacktest() (*backtestRun, bool) {
	b := req.server.backtests.find(req.path[0])
	if b == nil {
		req.fail(http.StatusNotFound, codeUnknownBacktest, fmt.Sprintf("there is no such backtest; the last %d are "+
			"kept, until the server ends", BacktestsKept), "id", req.path[0])
	}
	return b, b != nil
}

func (req *request) readBacktest() {
	if b, ok := req.findBacktest(); ok {
		req.reply(showBacktest(b, true))
	}
}

// deleteBacktest cancels a running backtest, or forgets one that has ended.
func (req *request) deleteBacktest() {
	b, ok := req.findBacktest()
	if !ok {
		return
	}
	if b.stateNow() != api.BacktestRunning {
		req.server.backtests.forget(b)
	}
	b.cancel()
	req.reply(showBacktest(b, false))
}

// pacer keeps a goroutine to its share of a core: after each slice of work it sleeps for the rest of the slice's time,
// or until its context ends.
type pacer struct {
	ctx   context.Context
	share float64 // above 0, at most 1
	since time.Time
}

// paceSlice is short, so that requests hardly wait for the scheduler.
const paceSlice = 2 * time.Millisecond

func newPacer(ctx context.Context, share float64) *pacer {
	return &pacer{ctx: ctx, share: share, since: time.Now()}
}

// pace sleeps if the slice is over. Call it every few microseconds of work.
func (p *pacer) pace() {
	worked := time.Since(p.since)
	if worked < paceSlice || p.share >= 1 {
		return
	}
	rest := time.NewTimer(time.Duration(float64(worked) * (1 - p.share) / p.share))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-p.ctx.Done():
	}
	p.since = time.Now()
}
