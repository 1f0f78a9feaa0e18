package httpapi

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// newBacktestServer has 20 units each of Amazon and eBay, and some orders in its history: for 12 and 9 of Amazon, and 5
// of eBay.
func newBacktestServer(t *testing.T, config Config) *durableServer {
	t.Helper()
	config.Metrics = metrics.NewSet()
	dir := t.TempDir()
	store := openRaftStore(t, dir, config.Metrics)
	t.Cleanup(func() { _ = store.Close() })
	s := &durableServer{testServer: serveTest(t, config, store, nil), durable: store, dir: dir}
	t.Cleanup(s.server.backtests.close)
	s.put("/v1/tag-categories/Channel", channels).ok()
	s.put("/v1/tag-categories/Condition", conditions).ok()
	s.post("/v1/inventory/refresh", `{"location":"Retailer2","items":[
		{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":20},{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":20}]}`).ok()
	s.post("/v1/orders/o1/allocate", allocateBody("line", line("1", "Amazon", 12))).ok()
	s.post("/v1/orders/o2/allocate", allocateBody("line", line("1", "Amazon", 9), line("2", "eBay", 5))).ok()
	s.post("/v1/orders/o2/fulfill", `{}`).ok()
	return s
}

const lend = `function select(item, record)
	if record.available == 0 then return nil, "sold out" end
	return { {tags=item.tags}, {tags={Channel="eBay"}, keep=10} }
end`

// runBacktest starts a backtest and waits for its end.
func (s *durableServer) runBacktest(rule, body string) *reply {
	s.t.Helper()
	id := s.post("/v1/rules/"+rule+"/backtest", body).is(202, "").at("id").(string)
	s.server.backtests.workers.Wait()
	return s.get("/v1/backtests/" + id).ok()
}

func TestBacktest(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1})
	s.putRule("lend", lend).ok()
	s.get("/v1/history").ok().want(`true`, "enabled").want(`0`, "from", "index").want(`86400`, "windowSeconds").
		want(`[{"index":0}]`, "checkpoints")
	r := s.runBacktest("lend", ``)
	r.want(`"done"`, "state").want(`""`, "error").want(`100`, "progress", "percent").want(`"lend"`, "rule").
		want(`1`, "version").
		want(`{"locations":[],"upcPrefix":"","tags":{}}`, "scope")
	r.want(`2`, "report", "orders").want(`3`, "report", "lines").want(`26`, "report", "unitsAsked").
		want(`{"filled":1,"partial":1,"refused":0,"split":0}`, "report", "asDecided", "orders").
		want(`{"filled":2,"partial":0,"refused":1,"split":0}`, "report", "asDecided", "lines").
		want(`{"filled":2,"partial":0,"refused":0,"split":1}`, "report", "candidate", "orders").
		want(`17`, "report", "asDecided", "unitsAllocated").want(`26`, "report", "candidate", "unitsAllocated").
		want(`3`, "report", "candidate", "ruleLines").want(`null`, "report", "suspended")
	r.want(
		`{"tags":{"Channel":"Amazon","Condition":"New"},"asDecided":{"allocated":12,"stranded":8},"candidate":{"allocated":20,"stranded":0}}`, "report", "segments", 0).
		want(
			`{"tags":{"Channel":"eBay","Condition":"New"},"asDecided":{"allocated":5,"stranded":15},"candidate":{"allocated":6,"stranded":14}}`, "report", "segments", 1)
	r.want(`1`, "report", "ordersThatDiffer").want(`"o2"`, "report", "differences", 0, "orderId").
		want(`"insufficient"`, "report", "differences", 0, "asDecided", 0, "code").
		want(`8`, "report", "differences", 0, "asDecided", 0, "candidates", 0, "available").
		want(`1`, "report", "differences", 0, "candidate", 0, "candidates", 1, "taken")
	s.get("/v1/backtests").ok().want(`null`, "backtests", 0, "report").want(`"done"`, "backtests", 0, "state")
	// The backtest has changed nothing.
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`12`, "records", 0, "allocated").
		want(`35`, "records", 0, "onHand")
	s.do("DELETE", "/v1/backtests/b1", "").ok()
	s.get("/v1/backtests/b1").is(404, "unknown-backtest")
	s.get("/v1/backtests").ok().want(`[]`, "backtests")
}

// TestBacktestAfterCheckpoint: a replay can begin at a kept checkpoint, and has the bounds of the request.
func TestBacktestAfterCheckpoint(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1})
	if err := s.durable.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.get("/v1/history").ok().want(fmt.Sprint(s.durable.AppliedIndex()), "checkpoints", 1, "index")
	now := fmt.Sprint(s.post("/v1/orders/o4/allocate", allocateBody("line", line("1", "eBay", 1))).ok().at("asOf"))
	s.putRule("lend", lend).ok()
	s.runBacktest("lend", `{"from":"`+now+`","to":`+now+`}`).want(`"done"`, "state").want(`1`, "report", "commands").
		want(now, "report", "from", "index").want(now, "report", "to", "index").want(now, "to", "index")
	s.runBacktest("lend", `{"from":`+now+`}`).want(`"done"`, "state").want(`1`, "report", "orders").
		want(now, "from", "index").
		want(`0`, "report", "ordersThatDiffer")
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	past := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	s.runBacktest("lend", fmt.Sprintf(`{"from":%q,"to":%q,"scope":{"tags":{"Channel":"eBay"}},"onError":"reject"}`,
		past, future)).want(`"done"`, "state").
		want(`{"locations":[],"upcPrefix":"","tags":{"Channel":"eBay"}}`, "scope").want(`"reject"`, "onError").
		want(`2`, "report", "candidate", "ruleLines")
	s.post("/v1/rules/lend/backtest", fmt.Sprintf(`{"from":%q}`, future)).is(400, "invalid").want(`"from"`, "field")
}

// TestBacktestOfDamagedState: a kept checkpoint with a truncated list of tables gives an error, not an empty report.
// The next backtest begins at the checkpoint before it.
func TestBacktestOfDamagedState(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1})
	s.putRule("lend", lend).ok()
	if err := s.durable.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := fmt.Sprint(s.post("/v1/orders/o4/allocate", allocateBody("line", line("1", "eBay", 1))).ok().at("asOf"))
	manifests, err := filepath.Glob(filepath.Join(s.dir, "history", "0*", "MANIFEST-*"))
	if err != nil || len(manifests) != 1 {
		t.Fatal(manifests, err)
	}
	info, err := os.Stat(manifests[0])
	if err == nil {
		err = os.Truncate(manifests[0], info.Size()/2)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := s.runBacktest("lend", `{"from":`+now+`}`).want(`"failed"`, "state").want(`null`, "report")
	if fault := fmt.Sprint(r.at("error")); !strings.Contains(fault, "damaged") ||
		!strings.Contains(fault, filepath.Base(manifests[0])) {
		t.Errorf("the error is %s", fault)
	}
	s.get("/v1/history").ok().want(`[{"index":0}]`, "checkpoints")
	s.runBacktest("lend", `{"from":`+now+`}`).want(`"done"`, "state").want(`1`, "report", "orders")
}

// TestBacktestOfASource: a source that is not stored can be tried too.
func TestBacktestOfASource(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1})
	source := strings.ReplaceAll(strings.ReplaceAll(lend, "\n", `\n`), `"`, `\"`)
	source = strings.ReplaceAll(source, "\t", " ")
	r := s.runBacktest("draft", `{"source":"`+source+`"}`)
	r.want(`"done"`, "state").want(`1`, "report", "ordersThatDiffer")
	if r.at("version") != nil {
		t.Errorf("a source that is not stored has version %v", r.at("version"))
	}
}

func TestBacktestBadInput(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1})
	s.putRule("lend", lend).ok()
	for _, test := range []struct{ body, field, code string }{
		{`{"version":2}`, "version", "unknown-rule"},
		{`{"version":1,"source":"x"}`, "source", "invalid"},
		{`{"source":"function"}`, "source", "rule-syntax"},
		{`{"hook":"redistribute"}`, "hook", "invalid"},
		{`{"from":0}`, "from", "invalid"},
		{`{"from":-1}`, "from", "invalid"},
		{`{"from":"yesterday"}`, "from", "invalid"},
		{`{"from":999999}`, "from", "invalid"},
		{`{"from":true}`, "from", "wrong-type"},
		{`{"from":5,"to":4}`, "to", "invalid"},
		{`{"to":"2026-11-27"}`, "to", "invalid"},
		{`{"scope":{"tags":{"Colour":"red"}}}`, "scope.tags", "unknown-category"},
		{`{"differencesMax":201}`, "differencesMax", "invalid"},
		{`{"from":1,"from":2}`, "from", "duplicate-field"},
		{`{"limit":1}`, "limit", "unknown-field"},
	} {
		r := s.post("/v1/rules/lend/backtest", test.body)
		if r.at("code") != test.code || r.at("field") != test.field {
			t.Errorf("%s: %d %s", test.body, r.status, r.body)
		}
	}
	s.post("/v1/rules/none/backtest", `{}`).is(404, "unknown-rule")
	s.do("DELETE", "/v1/backtests/b1", "").is(404, "unknown-backtest")
	s.get("/v1/backtests").ok().want(`[]`, "backtests")

	small := newBacktestServer(t, Config{BacktestBytesMax: 1 << 20})
	small.putRule("lend", lend).ok()
	small.post("/v1/rules/lend/backtest", ``).is(409, "backtest-too-large")

	without := newTestServer(t, Config{})
	without.putRule("lend", lend).ok()
	without.post("/v1/rules/lend/backtest", ``).is(409, "no-history")
	without.get("/v1/history").ok().want(`false`, "enabled").want(`[]`, "checkpoints")
}

// TestBacktestIsCancelled: one backtest runs at a time, until it is cancelled or the server ends. A cancelled one can
// still be read.
func TestBacktestIsCancelled(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1e-6}) // about 2,000 s after the first slice of work
	for i := range 300 {
		s.post(fmt.Sprintf("/v1/orders/more%d/allocate", i), allocateBody("line", line("1", "eBay", 50)))
		s.post("/v1/inventory/adjust",
			`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":1}]}`).ok()
	}
	s.putRule("slow", `function select(item, record) for i = 1, 20000 do end return { {tags=item.tags} } end`).ok()
	s.post("/v1/rules/slow/backtest", `{}`).is(202, "").want(`"running"`, "state").want(`"b1"`, "id")
	s.post("/v1/rules/slow/backtest", `{}`).is(409, "backtest-busy").want(`"b1"`, "value")
	s.do("DELETE", "/v1/backtests/b1", "").ok()
	s.server.backtests.workers.Wait()
	s.get("/v1/backtests/b1").ok().want(`"cancelled"`, "state").want(`null`, "report")
	s.post("/v1/rules/slow/backtest", `{}`).is(202, "").want(`"b2"`, "id")
	s.server.backtests.close()
	s.get("/v1/backtests/b2").ok().want(`"cancelled"`, "state")
	s.post("/v1/rules/slow/backtest", `{}`).is(503, "shutting-down")
}

// TestBacktestsKept: the last ended backtests are kept, within a number and a size of their reports.
func TestBacktestsKept(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1})
	s.putRule("lend", lend).ok()
	for range BacktestsKept + 2 {
		s.runBacktest("lend", ``).want(`"done"`, "state")
	}
	all := s.server.backtests.list()
	if len(all) != BacktestsKept || all[0].id != "b3" {
		t.Fatalf("%d are kept, from %s on", len(all), all[0].id)
	}
	s.server.backtests.reportBytesMax = 3 * all[0].reportBytes()
	s.runBacktest("lend", ``).want(`"done"`, "state")
	if all = s.server.backtests.list(); len(all) != 3 {
		t.Errorf("%d are kept, there is room for three", len(all))
	}
	s.server.backtests.reportBytesMax = 1
	s.runBacktest("lend", ``).want(`"done"`, "state")
	if all = s.server.backtests.list(); len(all) != 1 {
		t.Errorf("%d are kept, want the last one alone", len(all))
	}
}

// TestBacktestTakesTooMuch: a backtest that needs more memory than estimated fails. Here, long kept answers need it.
func TestBacktestTakesTooMuch(t *testing.T) {
	s := newBacktestServer(t, Config{BacktestShare: 1, BacktestBytesMax: 36 << 20})
	s.putRule("lend", lend).ok()
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = line(fmt.Sprint(i), "eBay", 1000)
	}
	for i := range 250 {
		s.post(fmt.Sprintf("/v1/orders/long%d/allocate", i), allocateBody("all", lines...)).is(409, "insufficient")
	}
	r := s.runBacktest("lend", ``).want(`"failed"`, "state")
	if fault := fmt.Sprint(r.at("error")); !strings.Contains(fault, "--backtest-bytes-max") {
		t.Errorf("the error is %s", fault)
	}
}
