package httpapi

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"apportion/raftstore"
)

// durableServer is a server with categories and stock on the real store.
type durableServer struct {
	*testServer
	durable *raftstore.Store
	dir     string
}

func newDurableServer(t *testing.T, dir string) *durableServer {
	t.Helper()
	s := openDurableServer(t, dir)
	s.put("/v1/tag-categories/Channel", channels).ok()
	s.put("/v1/tag-categories/Condition", conditions).ok()
	s.post("/v1/inventory/refresh", `{"location":"Retailer2","items":[
		{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":20},{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":20}]}`).ok()
	return s
}

func openDurableServer(t *testing.T, dir string) *durableServer {
	t.Helper()
	set := metrics.NewSet()
	store := openRaftStore(t, dir, set)
	t.Cleanup(func() { _ = store.Close() })
	return &durableServer{testServer: serveTest(t, Config{Metrics: set}, store, nil), durable: store, dir: dir}
}

// fills is the source of a rule that takes units from one channel.
func fills(channel string) string {
	return fmt.Sprintf("function select(item, record) return { {tags={Channel=%q}} } end", channel)
}

// A rule works from its upload to its explanation, and again after a restart.
func TestDurableRule(t *testing.T) {
	dir := t.TempDir()
	s := newDurableServer(t, dir)
	const source = `function select(item, record)
  if item.quantity > 99 then audit(item) end
  if item.attributes.fraud == "true" then return nil, "looks like fraud" end
  return { {tags={Channel="Amazon"}}, {tags={Channel="Tmall"}}, {tags={Channel="Kibo"}}, {tags={Channel="eBay"}, keep=5} }
end`
	s.putRule("borrow", source+"\nfunction").is(422, "rule-syntax").want(`6`, "line")
	hash, _ := s.putRule("borrow", source).ok().want(`2`, "warnings", 0, "line").want(`[]`, "tests").at("hash").(string)
	s.post("/v1/rules/borrow/dry-run", `{"item":{"upc":"BC76845","location":"Retailer2","quantity":38}}`).ok().
		want(`35`, "taken").want(`"unknown-tag"`, "candidates", 1, "why").want(`15`, "candidates", 3, "taken")
	active := s.post("/v1/rules/borrow/activate", `{"author":"ann","onError":"reject"}`).ok().body

	fraud := strings.Replace(line("2", "Amazon", 1), `"itemId"`, `"attributes":{"fraud":true},"itemId"`, 1)
	placed := s.post("/v1/orders/o1/allocate", allocateBody("line", line("1", "Amazon", 22), fraud)).ok().
		want(`22`, "lines", 0, "allocated").want(`"borrow"`, "lines", 0, "rule").want(`1`, "lines", 0, "ruleVersion").
		want(
			`[{"tags":{"Channel":"Amazon","Condition":"New"},"quantity":20,"pending":0},{"tags":{"Channel":"eBay","Condition":"New"},"quantity":2,"pending":0}]`, "lines", 0, "segments").
		want(`"rule-refused"`, "lines", 1, "code").want(`"looks like fraud"`, "lines", 1, "reason")

	check := func(s *durableServer) {
		t.Helper()
		s.get("/v1/rules/borrow").ok().want(fmt.Sprintf("%q", hash), "versions", 0, "hash").want(active, "active", 0)
		why := s.get("/v1/orders/o1/explain").ok()
		why.want(fmt.Sprint(placed.at("asOf")), "items", 0, "index").want(`"rule"`, "items", 0, "path").
			want(`22`, "items", 0, "requested").
			want(`20`, "items", 0, "candidates", 0, "taken").want(`"unknown-tag"`, "items", 0, "candidates", 1, "why").
			want(`"unknown-segment"`, "items", 0, "candidates", 2, "why").
			want(`2`, "items", 0, "candidates", 3, "taken").
			want(`5`, "items", 0, "candidates", 3, "keep").want(`20`, "items", 0, "candidates", 3, "onHand")
	}
	check(s)
	if err := s.durable.Close(); err != nil {
		t.Fatal(err)
	}
	again := openDurableServer(t, dir)
	check(again)
	again.post("/v1/orders/o2/allocate", allocateBody("all", line("1", "Amazon", 1))).ok().
		want(`"borrow"`, "lines", 0, "rule")
}

// Of all scopes that match a line, the most specific one is asked.
func TestDurableRuleScopes(t *testing.T) {
	s := newDurableServer(t, t.TempDir())
	scopes := []struct{ name, scope string }{ // from the least specific on
		{"all", `{}`},
		{"places", `{"locations":["Retailer2","Elsewhere"]}`},
		{"place", `{"locations":["Retailer2"]}`},
		{"prefix", `{"upcPrefix":"BC"}`},
		{"prefix-place", `{"upcPrefix":"BC","locations":["Retailer2"]}`},
		{"longer-prefix", `{"upcPrefix":"BC7"}`},
		{"tag", `{"tags":{"Channel":"Amazon"}}`},
		{"tags", `{"tags":{"Channel":"Amazon","Condition":"New"}}`},
	}
	for i, scope := range scopes {
		s.putRule(scope.name, fills("Amazon")).ok()
		s.post("/v1/rules/"+scope.name+"/activate", `{"scope":`+scope.scope+`}`).ok()
		s.post(fmt.Sprintf("/v1/orders/o%d/allocate", i), allocateBody("all", line("1", "Amazon", 1))).ok().
			want(fmt.Sprintf("%q", scope.name), "lines", 0, "rule")
	}
	s.post("/v1/orders/o/allocate", allocateBody("all", line("1", "eBay", 1))).ok().
		want(`"longer-prefix"`, "lines", 0, "rule")
	s.putRule("other", fills("eBay")).ok()
	s.post("/v1/rules/other/activate", `{"scope":{"upcPrefix":"BC7"}}`).is(409, "rule-conflict").
		want(`"scope"`, "field").want(`"longer-prefix"`, "value")
	// a part of the locations of "places", and none of "place"
	s.post("/v1/rules/other/activate", `{"scope":{"locations":["Elsewhere"]}}`).ok()
	s.post("/v1/rules/tags/deactivate", `{"hook":"select","scope":{"tags":{"Condition":"New","Channel":"Amazon"}}}`).
		ok()
	s.post("/v1/orders/p/allocate", allocateBody("all", line("1", "Amazon", 1))).ok().want(`"tag"`, "lines", 0, "rule")
}

// Versions change under load: each order has a plan of the version that is active at its log index.
func TestDurableRollback(t *testing.T) {
	s := newDurableServer(t, t.TempDir())
	s.post("/v1/inventory/refresh",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":100000}]}`).ok()
	for version := range 2 {
		s.putRule("r", fmt.Sprintf("%s -- %d", fills("Amazon"), version)).ok()
	}
	type placed struct{ index, version float64 }
	var mu sync.Mutex
	var orders []placed
	var wait sync.WaitGroup
	stop := make(chan struct{})
	switches := []placed{{s.post("/v1/rules/r/activate", `{"version":1}`).ok().at("asOf").(float64), 1}}
	for client := range 4 {
		wait.Go(func() {
			for order := 0; ; order++ {
				select {
				case <-stop:
					return
				default:
				}
				r := s.post(fmt.Sprintf("/v1/orders/%d-%d/allocate", client, order),
					allocateBody("all", line("1", "Amazon", 1)))
				if r.status == 503 && r.at("code") == "retry" { // three changes of version during the request
					continue
				}
				if r.status != 200 {
					t.Errorf("%s: %s", r.request, r.body)
					return
				}
				mu.Lock()
				orders = append(orders, placed{r.at("asOf").(float64), r.at("lines", 0, "ruleVersion").(float64)})
				mu.Unlock()
			}
		})
	}
	enough := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(orders) >= 100 || t.Failed()
	}
	for i := 0; i < 30 || !enough(); i++ {
		version := float64(2 - i%2)
		r := s.post("/v1/rules/r/activate", fmt.Sprintf(`{"version":%v}`, version)).ok().
			want(fmt.Sprint(version), "version")
		switches = append(switches, placed{r.at("asOf").(float64), version})
	}
	close(stop)
	wait.Wait()
	for _, order := range orders {
		at := len(switches) - 1
		for switches[at].index > order.index {
			at--
		}
		if switches[at].index < order.index && order.version != switches[at].version {
			t.Errorf("the order at %v was planned by version %v, active since %v was %v", order.index, order.version,
				switches[at].index, switches[at].version)
		}
	}
}

// A rule has an endless loop for one channel. Orders for another channel are answered meanwhile, and the rule is
// suspended.
func TestDurableRuleFails(t *testing.T) {
	s := newDurableServer(t, t.TempDir())
	s.putRule("loop", "function select(item, record)\n  while true do end\nend").ok()
	for i, onError := range []string{"reject", "default"} {
		s.post("/v1/rules/loop/activate", fmt.Sprintf(
			`{"onError":%q,"failuresMax":3,"scope":{"tags":{"Channel":"Amazon"}}}`, onError)).ok()
		s.failThree(i, onError)
		for s.get("/v1/rules/loop").ok().at("active", 0, "suspended") != true {
			if t.Context().Err() != nil {
				t.Fatal("the rule is not suspended")
			}
		}
		s.get("/v1/rules/loop").ok().want(`"line 2: more than 200000 steps"`, "active", 0, "reason")
		suspended := s.post(fmt.Sprintf("/v1/orders/after%d/allocate", i),
			allocateBody("line", line("1", "Amazon", 1))).ok()
		if onError == "reject" {
			suspended.want(`"rule-failed"`, "lines", 0, "code").
				want(`"suspended: line 2: more than 200000 steps"`, "lines", 0, "reason")
		} else {
			suspended.want(`1`, "lines", 0, "allocated").
				want(`"suspended: line 2: more than 200000 steps"`, "lines", 0, "reason")
		}
	}
	if events := s.get("/v1/events").ok().body; strings.Count(events, `"rule-suspended"`) != 2 {
		t.Errorf("events %s", events)
	}
}

// failThree sends three orders that loop, and others that are filled meanwhile.
func (s *durableServer) failThree(round int, onError string) {
	s.t.Helper()
	var wait sync.WaitGroup
	for i := range 3 {
		wait.Go(func() {
			r := s.post(fmt.Sprintf("/v1/orders/loop%d-%d/allocate", round, i),
				allocateBody("line", line("1", "Amazon", 1)))
			if failed := r.at("lines", 0, "code") == "rule-failed"; failed != (onError == "reject") {
				s.t.Errorf("onError %s: %s", onError, r.body)
			}
		})
		wait.Go(func() {
			r := s.post(fmt.Sprintf("/v1/orders/fine%d-%d/allocate", round, i),
				allocateBody("line", line("1", "eBay", 1)))
			if r.at("lines", 0, "code") != "ok" || r.at("lines", 0, "rule") != nil {
				s.t.Errorf("%s: %s", r.request, r.body)
			}
		})
	}
	wait.Wait()
}
