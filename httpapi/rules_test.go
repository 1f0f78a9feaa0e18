package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const borrowRule = `-- Amazon borrows from eBay, which keeps 5.
function select(item, record)
  print("asked for", item.quantity)
  if item.attributes.fraud == "true" then return nil, "looks like fraud" end
  return { {tags={Channel="Amazon"}}, {tags={Channel="eBay"}, keep=5} }
end
tests = {
  { name = "borrows",
    item = {quantity=25, tags={Channel="Amazon"}},
    record = {segments={ {tags={Channel="Amazon"}, onHand=20}, {tags={Channel="eBay"}, onHand=20} }},
    expect = { {tags={Channel="Amazon"}, taken=20}, {tags={Channel="eBay"}, taken=5} } },
}
`

func (s *testServer) putRule(name, source string) *reply {
	s.t.Helper()
	return s.do("PUT", "/v1/rules/"+name+"?author=ann", source, "Content-Type", "text/x-lua")
}

func TestRuleLife(t *testing.T) {
	s := newStockedServer(t)
	s.putRule("borrow", noTests(borrowRule)).ok().want(`1`, "version").want(`["select"]`, "hooks").
		want(`"borrow"`, "name")
	s.putRule("borrow", noTests(borrowRule)).ok().want(`1`, "version")
	source, _ := json.Marshal(map[string]string{"source": "function select(item, record)\n\treturn {}\nend",
		"author": "bob"})
	s.put("/v1/rules/borrow", string(source)).ok().want(`2`, "version")
	s.get("/v1/rules/borrow?version=1").ok().want(`"ann"`, "versions", 0, "author").
		want(`"bob"`, "versions", 1, "author").want(`1`, "version")
	s.get("/v1/rules/borrow?version=3").is(404, "unknown-rule")
	s.get("/v1/rules/nope").is(404, "unknown-rule")

	order := allocateBody("all", line("1", "Amazon", 25))
	s.post("/v1/orders/o1/allocate", order).is(409, "insufficient")
	s.post("/v1/rules/borrow/activate", `{"version":1,"scope":{"tags":{"Channel":"Amazon"}},"author":"ann"}`).ok().
		want(`1`, "version").want(`"default"`, "onError").want(`10`, "failuresMax").
		want(`{"Channel":"Amazon"}`, "scope", "tags")
	s.post("/v1/orders/o1/allocate", order).ok().want(`25`, "lines", 0, "allocated").
		want(`"borrow"`, "lines", 0, "rule").
		want(`1`, "lines", 0, "ruleVersion").want(`5`, "lines", 0, "segments", 1, "quantity")
	s.get("/v1/orders/o1/explain").ok().want(`"rule"`, "items", 0, "path").want(`"borrow"`, "items", 0, "rule").
		want(`20`, "items", 0, "candidates", 1, "available").want(`5`, "items", 0, "candidates", 1, "taken").
		want(`5`, "items", 0, "candidates", 1, "keep").want(`"taken"`, "items", 0, "candidates", 1, "why")
	s.post("/v1/orders/o2/allocate", allocateBody("all", line("1", "eBay", 1))).ok()
	s.get("/v1/orders/o2/explain").ok().want(`"native"`, "items", 0, "path").
		want(`15`, "items", 0, "candidates", 0, "available")
	s.get("/v1/orders/nope/explain").is(404, "unknown-order")

	fraud := strings.Replace(order, `"quantity":25`,
		`"attributes":{"fraud":true,"basket":12.5,"note":"x"},"quantity":1`, 1)
	s.post("/v1/orders/o3/allocate", fraud).is(409, "rule-refused").want(`"looks like fraud"`, "lines", 0, "reason")
	s.post("/v1/orders/allocate", fmt.Sprintf(`{"orders":[{"orderId":"o4",%s]}`, strings.Replace(fraud, "{", "", 1))).
		ok().
		want(`"rule-refused"`, "orders", 0, "code")

	s.do("DELETE", "/v1/rules/borrow", "").is(409, "in-use")
	s.post("/v1/rules/borrow/activate", `{"version":2,"scope":{"tags":{"Channel":"Amazon"}}}`).ok().want(`2`, "version")
	s.post("/v1/orders/o5/allocate", allocateBody("all", line("1", "Amazon", 1))).is(409, "insufficient")
	s.get("/v1/rules").ok().want(`2`, "rules", 0, "active", 0, "version")
	s.post("/v1/rules/borrow/deactivate", "").ok()
	s.post("/v1/rules/borrow/deactivate", "").is(409, "rule-not-active")
	s.do("DELETE", "/v1/rules/borrow", "").ok()
	events := s.get("/v1/events").ok()
	for _, event := range []string{"rule-put", "rule-activated", "rule-deactivated", "rule-deleted"} {
		if !strings.Contains(events.body, `"`+event+`"`) {
			t.Errorf("no event %s", event)
		}
	}
}

// noTests is a source without its self-tests.
func noTests(source string) string { return source[:strings.Index(source, "tests = ")] }

func TestRuleBadInput(t *testing.T) {
	s := newStockedServer(t)
	s.putRule("r", "function select(item, record)\n  return {\nend").is(422, "rule-syntax").want(`3`, "line")
	s.putRule("r", "function pick() end").is(422, "rule-syntax")
	s.putRule("r", strings.Replace(borrowRule, "taken=5", "taken=6", 1)).is(422, "rule-test-failed")
	s.do("PUT", "/v1/rules/r", "function select() return {} end", "Content-Type", "text/html").
		is(415, "unsupported-media-type")
	s.put("/v1/rules/r", `{"sauce":"x"}`).is(400, "unknown-field")
	s.get("/v1/rules/r").is(404, "unknown-rule") // none of these uploads was kept
	s.putRule("r", "function select(item, record) return {} end").ok()
	s.putRule("q", "function select(item, record) return {} end").ok()
	for _, tt := range []struct {
		body   string
		status int
		code   string
	}{
		{`{"version":9}`, 404, "unknown-rule"},
		{`{"version":0}`, 400, "invalid"},
		{`{"hook":"pick"}`, 400, "invalid"},
		{`{"hook":"redistribute"}`, 400, "invalid"},
		{`{"onError":"ignore"}`, 400, "invalid"},
		{`{"scope":{"upc":"1"}}`, 400, "unknown-field"},
		{`{"scope":{"tags":{"Colour":"red"}}}`, 400, "unknown-category"},
		{`{"scope":{"tags":{"Channel":"Tmall"}}}`, 400, "unknown-value"},
	} {
		s.post("/v1/rules/r/activate", tt.body).is(tt.status, tt.code)
	}
	s.post("/v1/rules/r/activate", "").ok()
	s.post("/v1/rules/q/activate", "").is(409, "rule-conflict").want(`"r"`, "value")
	s.post("/v1/rules/r/deactivate", `{"scope":{}}`).is(400, "missing-field")
	long := strings.Replace(line("1", "Amazon", 1), `"itemId"`, `"attributes":{"a":[1]},"itemId"`, 1)
	s.post("/v1/orders/o/allocate", allocateBody("all", long)).is(400, "wrong-type")
}

// TestRuleCheck: a check says what is wrong with a source, and stores nothing.
func TestRuleCheck(t *testing.T) {
	s := newStockedServer(t)
	f := func(source string) *reply {
		t.Helper()
		body, _ := json.Marshal(map[string]string{"source": source})
		return s.post("/v1/rules/r/check", string(body)).ok()
	}
	f(noTests(borrowRule)).want(`["select"]`, "hooks").want(`[]`, "tests").want(`[]`, "warnings").want(`null`, "error")
	f("function select(item, record)\n  if item.quantity > 5 then frobnicate() end\n  return {}\nend\n"+
		"tests = { {name='one', record={segments={}}, expect={missing=1}},"+
		" {name='two', record={segments={}}, expect={missing=2}} }").
		want(`2`, "warnings", 0, "line").want(`true`, "tests", 0, "ok").want(`false`, "tests", 1, "ok").
		want(`"- missing 2\n+ missing 1\n"`, "tests", 1, "diff").want(`null`, "error")
	f("function select(item, record)\n  local x = = 1\nend").want(`2`, "error", "line").want(`13`, "error", "column").
		want(`[]`, "hooks").want(`[]`, "tests").want(`null`, "hash")
	f("x = 1\nerror('no')").want(`2`, "error", "line")
	f("").want(`null`, "hash")
	f("function select(item, record) return {} end\ntests = 1").want(`["select"]`, "hooks").
		want(`"tests: must be a list, is a number"`, "error", "message")
	s.post("/v1/rules/r/check", `{}`).is(400, "missing-field")
	s.get("/v1/rules/r").is(404, "unknown-rule")
}

// TestRuleFails: a rule has an endless loop. Its activation decides the answer of its lines, and then the rule is
// suspended.
func TestRuleFails(t *testing.T) {
	s := newStockedServer(t)
	s.putRule("loop", "function select(item, record) while true do end end").ok()
	s.post("/v1/rules/loop/activate", `{"onError":"reject","failuresMax":2}`).ok()
	order := allocateBody("all", line("1", "Amazon", 1))
	s.post("/v1/orders/o1/allocate", order).is(409, "rule-failed")
	s.post("/v1/orders/o2/allocate", order).is(409, "rule-failed")
	for !strings.Contains(s.get("/v1/rules/loop").ok().body, `"suspended":true`) {
		if t.Context().Err() != nil {
			t.Fatal("the rule is not suspended")
		}
	}
	// The second order counts too if the suspension came before it in the log, so that it was planned again.
	suspended := 1
	if strings.Contains(s.get("/metrics").body, "\napportion_rule_suspended_lines_total{hook=\"select\"} 1\n") {
		suspended++
	}
	if r := s.post("/v1/orders/o3/allocate", order).is(409, "rule-failed"); !strings.Contains(r.body, "suspended: ") {
		t.Errorf("answers %s", r.body)
	}
	metrics := s.get("/metrics").body
	for _, want := range []string{
		`failures_total{hook="select",kind="limit"} 2`, `failures_total{hook="select",kind="result"} 0`,
		fmt.Sprintf(`suspended_lines_total{hook="select"} %d`, suspended), `calls_total{hook="select"} 2`,
	} {
		if !strings.Contains(metrics, "\napportion_rule_"+want+"\n") {
			t.Errorf("the metrics have no %s", want)
		}
	}
	s.post("/v1/rules/loop/activate", `{"onError":"default","failuresMax":2}`).ok()
	s.post("/v1/orders/o4/allocate", order).ok().want(`1`, "lines", 0, "allocated")
	s.get("/v1/orders/o4/explain").ok().want(`"fallback"`, "items", 0, "outcome")
}

func TestRuleDryRun(t *testing.T) {
	s := newStockedServer(t)
	s.putRule("borrow", noTests(borrowRule)).ok()
	item := `"item":{"upc":"BC76845","location":"Retailer2","quantity":38,"tags":{"Channel":"Amazon"}}`
	s.post("/v1/rules/borrow/dry-run", "{"+item+"}").ok().want(`35`, "taken").want(`3`, "missing").
		want(`15`, "candidates", 1, "taken").want(`"asked for\t38\n"`, "output").want(`1`, "version")
	s.post("/v1/rules/new/dry-run", `{"source":"function select(item, record)\n  return nil, \"no\"\nend",`+item+"}").
		ok().
		want(`true`, "refused").want(`"no"`, "reason")
	s.post("/v1/rules/new/dry-run", `{"source":"function select(item, record) return 1 end",`+item+"}").ok()
	redistribute := `{"source":"function redistribute(record, schema) return {weights={ {tags={Channel=\"Amazon\"}, weight=3}, {tags={Channel=\"eBay\"}, weight=1} }} end","hook":"redistribute",` + item + "}"
	s.post("/v1/rules/new/dry-run", redistribute).ok()
	s.post("/v1/rules/new/dry-run", `{"source":"function select(",`+item+"}").is(422, "rule-syntax")
	s.post("/v1/rules/borrow/dry-run", `{"hook":"redistribute",`+item+"}").is(400, "invalid")
	s.post("/v1/rules/borrow/dry-run", `{"item":{"upc":"V","location":"Retailer2"}}`).is(404, "unknown-record")
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`0`, "records", 0, "allocated")
}

// TestRuleAuthorOfTheBody: an author in the body replaces that of the query, even an empty one. null is no author.
func TestRuleAuthorOfTheBody(t *testing.T) {
	s := newStockedServer(t)
	for i, of := range []struct{ body, want string }{
		{`{"source":"function select() return {} end"}`, `"ann"`},
		{`{"source":"function select() return { } end","author":""}`, `""`},
		{`{"source":"function select() return {  } end","author":null}`, `"ann"`},
	} {
		s.put("/v1/rules/r?author=ann", of.body).ok()
		s.get("/v1/rules/r").ok().want(of.want, "versions", i, "author")
	}
}
