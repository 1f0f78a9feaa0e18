package httpapi

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// halves gives each of two channels half of the available units.
const halves = `function redistribute(record, schema)
	if record.location == "N" then return nil, "not here" end
	if record.upc == "B" then error("it is B") end
	return {weights = { {tags={Channel="Amazon"}, weight=1}, {tags={Channel="eBay"}, weight=1} }, across = {"Channel"}}
end`

// newRedistributeServer has records with 30 units of Amazon and 10 of eBay, and a rule for one location.
func newRedistributeServer(t *testing.T, activation string) *durableServer {
	t.Helper()
	s := openDurableServer(t, t.TempDir())
	s.put("/v1/tag-categories/Channel", channels).ok()
	for _, location := range []string{"L", "M"} {
		for _, upc := range []string{"A", "B"} {
			s.post("/v1/inventory/refresh", fmt.Sprintf(
				`{"location":%q,"items":[{"upc":%q,"tags":{"Channel":"Amazon"},"quantity":30},
				{"upc":%q,"tags":{"Channel":"eBay"},"quantity":10}]}`, location, upc, upc)).ok()
		}
	}
	s.putRule("halves", halves).ok()
	s.post("/v1/rules/halves/activate", `{"scope":{"locations":["L"]}`+activation+`}`).ok()
	return s
}

// settled waits until all redistributions by rule have ended.
func (s *durableServer) settled() {
	s.t.Helper()
	if err := s.server.runner.Redistribute(time.Now().Add(time.Minute), nil); err != nil {
		s.t.Fatal(err)
	}
	if n := s.durable.Reader().PlansWaiting(); n > 0 {
		s.t.Fatalf("%d records wait", n)
	}
}

// shares shows the available units of a record's segments.
func (s *durableServer) shares(location, upc string) string {
	s.t.Helper()
	r := s.get("/v1/inventory/" + location + "/" + upc).ok()
	var all []string
	for i := range r.at("records", 0, "segments").([]any) {
		all = append(all, fmt.Sprint(r.at("records", 0, "segments", i, "tags", "Channel"), " ",
			r.at("records", 0, "segments", i, "available")))
	}
	return strings.Join(all, ", ")
}

func TestRedistributeNow(t *testing.T) {
	s := newRedistributeServer(t, "")
	s.post("/v1/inventory/redistribute", `{"upcs":["A"],"locations":["L"],"now":true,"dryRun":true}`).ok().
		want(`1`, "records").want(`10`, "units").
		want(
			`[{"upc":"A","location":"L","tags":{"Channel":"Amazon"},"before":30,"after":20},{"upc":"A","location":"L","tags":{"Channel":"eBay"},"before":10,"after":20}]`, "changes").
		want(`[{"tags":{"Channel":"Amazon"},"before":30,"after":20},{"tags":{"Channel":"eBay"},"before":10,"after":20}]`,
			"segments").
		want(`[{"upc":"A","location":"L","rule":"halves","version":1,"outcome":"spread","reason":""}]`, "rules")
	if got := s.shares("L", "A"); got != "Amazon 30, eBay 10" {
		t.Fatalf("a dry run has left %s", got)
	}
	s.post("/v1/orders/o1/allocate", strings.ReplaceAll(
		strings.ReplaceAll(allocateBody("all", line("1", "Amazon", 4)), "BC76845", "A"), "Retailer2", "L")).ok()
	s.post("/v1/inventory/redistribute", `{"upcs":["A"],"now":true}`).ok().want(`2`, "records").want(`40`, "units").
		want(`null`, "waiting").
		want(
			`[{"upc":"A","location":"M","tags":{"Channel":"Kibo"},"before":0,"after":32},{"upc":"A","location":"M","tags":{"Channel":"Amazon"},"before":30,"after":4},{"upc":"A","location":"M","tags":{"Channel":"eBay"},"before":10,"after":4},{"upc":"A","location":"L","tags":{"Channel":"Amazon"},"before":26,"after":18},{"upc":"A","location":"L","tags":{"Channel":"eBay"},"before":10,"after":18}]`, "changes").
		want(
			`[{"tags":{"Channel":"Kibo"},"before":0,"after":32},{"tags":{"Channel":"Amazon"},"before":56,"after":22},{"tags":{"Channel":"eBay"},"before":20,"after":22}]`, "segments").
		want(`"spread"`, "rules", 0, "outcome")
	for location, want := range map[string]string{"L": "Amazon 18, eBay 18", "M": "Amazon 4, eBay 4, Kibo 32"} {
		if got := s.shares(location, "A"); got != want {
			t.Errorf("%s: %s, want %s", location, got, want)
		}
	}
	events := s.get("/v1/events?limit=1000").ok().body
	if strings.Count(events, `"record-spread"`) != 1 || !strings.Contains(events, `"name":"halves"`) {
		t.Errorf("events %s", events)
	}
}

// TestRedistributeDueRecords: due records are redistributed by rule after their next adjust, in the background.
func TestRedistributeDueRecords(t *testing.T) {
	s := newRedistributeServer(t, "")
	s.post("/v1/inventory/redistribute", `{"all":true}`).ok().want(`null`, "rules")
	s.post("/v1/inventory/adjust", `{"location":"L","items":[{"upc":"A","tags":{"Channel":"eBay"},"quantity":2}]}`).ok()
	s.settled()
	if got := s.shares("L", "A"); got != "Amazon 21, eBay 21" {
		t.Error(got)
	}
	if got := s.shares("L", "B"); got != "Amazon 30, eBay 10" {
		t.Errorf("nothing came for B, and it is %s", got)
	}
}

// TestRedistributeDeclined: a rule may leave a record unchanged, with a reason.
func TestRedistributeDeclined(t *testing.T) {
	s := newRedistributeServer(t, "")
	s.post("/v1/rules/halves/deactivate", ``).ok()
	s.post("/v1/rules/halves/activate", ``).ok().want(`"redistribute"`, "hook")
	s.post("/v1/inventory/refresh", `{"location":"N","items":[{"upc":"A","quantity":40}]}`).ok()
	s.post("/v1/inventory/redistribute", `{"locations":["N"],"now":true}`).ok().want(`[]`, "changes").
		want(`[{"upc":"A","location":"N","rule":"halves","version":1,"outcome":"kept","reason":"not here"}]`, "rules")
	if got := s.shares("N", "A"); got != "Kibo 32, Amazon 4, eBay 4" {
		t.Error(got)
	}
	metrics := s.get("/metrics").body
	for _, want := range []string{`apportion_rule_calls_total{hook="redistribute"} 1`,
		`apportion_rule_unchanged_records_total{hook="redistribute"} 1`, `apportion_records_waiting_for_plan 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

// TestRedistributeRuleFails: if a rule refuses or fails, the record is unchanged or split by percent. After some
// failures the rule is suspended.
func TestRedistributeRuleFails(t *testing.T) {
	for onError, want := range map[string]string{"default": "fell-back", "reject": "kept"} {
		s := newRedistributeServer(t, `,"failuresMax":2,"onError":"`+onError+`"`)
		now := func() *reply {
			return s.post("/v1/inventory/redistribute", `{"upcs":["A"],"locations":["L"],"now":true}`).ok()
		}
		s.putRule("halves", strings.ReplaceAll(halves, `record.upc == "B"`, "true")).ok()
		s.post("/v1/rules/halves/activate", `{"scope":{"locations":["L"]},"failuresMax":2,"onError":"`+onError+`"}`).
			ok()
		now().want(`"`+want+`"`, "rules", 0, "outcome").want(`2`, "rules", 0, "version")
		now().want(`"`+want+`"`, "rules", 0, "outcome")
		split := map[string]string{"default": "Amazon 4, eBay 4, Kibo 32", "reject": "Amazon 30, eBay 10"}[onError]
		if got := s.shares("L", "A"); got != split {
			t.Errorf("%s: %s", onError, got)
		}
		for s.get("/v1/rules/halves").ok().at("active", 0, "suspended") != true {
			if t.Context().Err() != nil {
				t.Fatal("the rule is not suspended")
			}
		}
		now().want(`null`, "rules")
		if events := s.get("/v1/events?limit=1000").ok().body; !strings.Contains(events, "it is B") {
			t.Errorf("%s: no event says why: %s", onError, events)
		}
	}
}

// TestRedistributeUnderLoad: with sales at the same time, no unit is lost and all promises are kept.
func TestRedistributeUnderLoad(t *testing.T) {
	s := newRedistributeServer(t, "")
	var clients sync.WaitGroup
	for n := range 4 {
		clients.Go(func() {
			for i := range 40 {
				body := fmt.Sprintf(
					`{"mode":"partial","lines":[{"itemId":"1","upc":"A","location":"L","quantity":1,"tags":{"Channel":%q}}]}`, []string{"Amazon", "eBay"}[i%2])
				s.post(fmt.Sprintf("/v1/orders/n%d-%d/allocate", n, i), body)
			}
		})
	}
	for range 20 {
		s.post("/v1/inventory/redistribute", `{"upcs":["A"],"now":true}`).ok()
	}
	clients.Wait()
	s.settled()
	r := s.get("/v1/inventory/L/A").ok().want(`40`, "records", 0, "onHand")
	if sold := r.at("records", 0, "allocated"); fmt.Sprint(sold) == "0" {
		t.Error("nothing was sold")
	}
	s.post("/v1/inventory/redistribute", `{"upcs":["A"],"now":true}`).ok().want(`"spread"`, "rules", 0, "outcome")
}
