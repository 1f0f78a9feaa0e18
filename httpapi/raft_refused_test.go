package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// newRefusedServer has no Amazon units left and 20 of eBay. It has refused three orders for Amazon units early, one of
// them in a list.
func newRefusedServer(t *testing.T) *durableServer {
	t.Helper()
	s := serveKeeping(t, t.TempDir(), 0)
	s.prepareRefused()
	return s
}

func serveKeeping(t *testing.T, dir string, age time.Duration) *durableServer {
	t.Helper()
	config := Config{BacktestShare: 1, Metrics: metrics.NewSet()}
	store := openRaftStoreKeeping(t, dir, config.Metrics, age)
	t.Cleanup(func() { _ = store.Close() })
	s := &durableServer{testServer: serveTest(t, config, store, nil), durable: store}
	t.Cleanup(s.server.backtests.close)
	return s
}

func (s *durableServer) prepareRefused() {
	s.t.Helper()
	s.put("/v1/tag-categories/Channel", channels).ok()
	s.put("/v1/tag-categories/Condition", conditions).ok()
	s.post("/v1/inventory/refresh", `{"location":"Retailer2","items":[
		{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":20},{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":20}]}`).ok()
	s.putRule("lend", lend).ok()
	s.post("/v1/orders/o1/allocate", allocateBody("all", line("1", "Amazon", 20))).ok()
	s.post("/v1/orders/o2/allocate", allocateBody("all", line("1", "Amazon", 3))).is(409, "insufficient")
	s.refuseInList("o3", 4)
	s.post("/v1/orders/o4/allocate", allocateBody("all", line("1", "Amazon", 9))).is(409, "insufficient")
}

// refuseInList sends a list of one order, and demands a refusal.
func (s *durableServer) refuseInList(order string, units int) {
	s.t.Helper()
	s.post("/v1/orders/allocate", fmt.Sprintf(`{"orders":[{"orderId":%q,%s]}`, order,
		strings.TrimPrefix(allocateBody("line", line("1", "Amazon", units)), "{"))).ok().
		want(`"insufficient"`, "orders", 0, "lines", 0, "code")
}

// TestBacktestSinceHistoryIsOn: without bounds, a backtest has the refusals directly after the oldest state.
func TestBacktestSinceHistoryIsOn(t *testing.T) {
	dir := t.TempDir()
	off := serveKeeping(t, dir, -1)
	off.prepareRefused()
	if err := off.durable.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := off.durable.Close(); err != nil {
		t.Fatal(err)
	}
	s := serveKeeping(t, dir, 0)
	if err := s.durable.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.post("/v1/orders/o5/allocate", allocateBody("all", line("1", "Amazon", 2))).is(409, "insufficient")
	s.runBacktest("lend", ``).want(`"done"`, "state").want(`1`, "report", "orders").
		want(`1`, "report", "refusals", "recorded").
		want(`{"filled":1,"partial":0,"refused":0,"split":0}`, "report", "candidate", "orders")
}

// TestBacktestOfRefusedOrders: early refusals from every route are in a backtest, and the report has their number.
func TestBacktestOfRefusedOrders(t *testing.T) {
	s := newRefusedServer(t)
	before := s.durable.AppliedIndex()
	r := s.runBacktest("lend", ``).want(`"done"`, "state")
	r.want(`4`, "report", "orders").want(`36`, "report", "unitsAsked").
		want(`{"filled":1,"partial":0,"refused":3,"split":0}`, "report", "asDecided", "orders").
		want(`{"filled":3,"partial":0,"refused":1,"split":0}`, "report", "candidate", "orders").
		want(`27`, "report", "candidate", "unitsAllocated").want(`4`, "report", "candidate", "ruleLines").
		want(`3`, "report", "refusals", "recorded").want(`0`, "report", "refusals", "lost").
		want(`0`, "report", "refusals", "gaps").
		want(`0`, "report", "refusals", "from", "index")
	r.want(`2`, "report", "ordersThatDiffer").want(`"o2"`, "report", "differences", 0, "orderId").
		want(`"insufficient"`, "report", "differences", 0, "asDecided", 0, "code").
		want(`3`, "report", "differences", 0, "candidate", 0, "candidates", 1, "taken").
		want(`"o3"`, "report", "differences", 1, "orderId")
	if s.durable.AppliedIndex() != before {
		t.Error("a refusal, or a backtest, has made an entry")
	}
	metric := s.get("/metrics")
	for _, name := range []string{"recorded_total 3", "lost_total 0", "repeated_total 0"} {
		if !strings.Contains(string(metric.body), "apportion_history_refusals_"+name+"\n") {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	// One order is repeated when there is stock. It is filled in the baseline too.
	s.post("/v1/inventory/adjust",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":9}]}`).ok()
	s.post("/v1/orders/o4/allocate", allocateBody("all", line("1", "Amazon", 9))).ok()
	s.runBacktest("lend", ``).want(`4`, "report", "orders").
		want(`{"filled":2,"partial":0,"refused":2,"split":0}`, "report", "asDecided", "orders").
		want(`{"filled":4,"partial":0,"refused":0,"split":0}`, "report", "candidate", "orders")
}

// TestBacktestOfRefusedOrdersAlone: refusals after the last entry, which is in a checkpoint, are a period of their own.
func TestBacktestOfRefusedOrdersAlone(t *testing.T) {
	s := newRefusedServer(t)
	if err := s.durable.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := s.get("/v1/history").ok().want(fmt.Sprint(s.durable.AppliedIndex()), "checkpoints", 1, "index").
		at("to", "time").(string)
	lastTime, err := time.Parse(time.RFC3339, last)
	if err != nil {
		t.Fatal(err)
	}
	for !time.Now().After(lastTime.Add(2 * time.Millisecond)) {
	}
	from := time.Now().UTC().Format(time.RFC3339Nano)
	s.post("/v1/orders/o5/allocate", allocateBody("all", line("1", "Amazon", 2))).is(409, "insufficient")
	s.post("/v1/orders/o5/allocate", allocateBody("all", line("1", "Amazon", 2))).is(409, "insufficient") // repeated
	s.refuseInList("o6", 1)
	s.runBacktest("lend", fmt.Sprintf(`{"from":%q}`, from)).want(`"done"`, "state").want(`0`, "report", "commands").
		want(`2`, "report", "orders").want(`2`, "report", "refusals", "recorded").
		want(`{"filled":2,"partial":0,"refused":0,"split":0}`, "report", "candidate", "orders")
	s.runBacktest("lend", fmt.Sprintf(`{"from":%d}`, s.durable.AppliedIndex())).want(`"done"`, "state").
		want(`6`, "report", "orders").want(`5`, "report", "refusals", "recorded")
	s.post("/v1/rules/lend/backtest", fmt.Sprintf(`{"from":%q}`, time.Now().Add(time.Minute).UTC().
		Format(time.RFC3339))).is(400, "invalid").want(`"from"`, "field")
}
