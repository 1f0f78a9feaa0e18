package httpapi

import (
	"fmt"
	"testing"
)

const redistributeRule = `function redistribute(record, schema)
  if record.floor == 9 then return nil, "as it is" end
  return { weights = { {tags={Channel="Amazon"}, weight=3}, {tags={Channel="eBay"}, weight=1} } }
end`

// TestDryRunOfGivenRecord asks rules about records that the server does not have.
func TestDryRunOfGivenRecord(t *testing.T) {
	s := newStockedServer(t)
	s.putRule("borrow", noTests(borrowRule)).ok()
	s.putRule("spread", redistributeRule).ok()
	index := s.store.mu.index
	body := func(hook, record string) string {
		return fmt.Sprintf(
			`{"hook":%q,"item":{"upc":"V","location":"L","quantity":12,"tags":{"Channel":"Amazon"}},"record":%s}`, hook,
			record)
	}
	record := `{"version":7,"due":true,"segments":[
		{"tags":{"Channel":"Amazon"},"onHand":9,"allocated":1,"pending":0,"safetyStock":1,"floor":2,"ltd":3},
		{"tags":{"Channel":"eBay"},"onHand":8}]}`
	s.post("/v1/rules/borrow/dry-run", body("select", record)).ok().want(`10`, "taken").want(`2`, "missing").
		want(`12`, "requested").
		want(`7`, "candidates", 0, "available").want(`3`, "candidates", 1, "taken").
		want(`{"Channel":"eBay","Condition":"New"}`, "candidates", 1, "tags")
	s.post("/v1/rules/spread/dry-run", body("redistribute", record)).ok().
		want(`7`, "targets", 0, "before").want(`11`, "targets", 0, "after").
		want(`8`, "targets", 1, "before").want(`4`, "targets", 1, "after").want(`false`, "targets", 1, "new")
	shown := `{"source":"function select(item, record) local r, s = record, record.segments[1]\n print(r.upc, r.location, r.version, r.due, r.onHand, r.allocated, r.pending, r.safetyStock, r.available, s.floor, s.ltd) return {} end",` + body("select", record)[1:]
	s.post("/v1/rules/new/dry-run", shown).ok().want(`"V\tL\t7\ttrue\t17\t1\t0\t1\t15\t2\t3\n"`, "output")
	s.post("/v1/rules/spread/dry-run", body("redistribute", `{"floor":9,"segments":[]}`)).ok().
		want(`true`, "unchanged").want(`"as it is"`, "reason")
	s.post("/v1/rules/borrow/dry-run", body("select", "null")).is(404, "unknown-record")
	if s.store.mu.index != index {
		t.Error("a dry run cost a log entry")
	}
	s.get("/v1/inventory/L/V").is(404, "unknown-record")
}

// TestDryRunOfAFault: a fault of a rule is in the answer with status 200.
func TestDryRunOfAFault(t *testing.T) {
	s := newStockedServer(t)
	for body, fault := range map[string]string{
		`print("so far") while true do end`: `line 1: more than 200000 steps`,
		`print("so far") error("no")`:       `line 1: no`,
		`print("so far") return 1`:          `candidates: must be a list, is a number`,
	} {
		source := fmt.Sprintf("function select(item, record) %s end", body)
		s.post("/v1/rules/new/dry-run", fmt.Sprintf(`{"source":%q,"item":{"upc":"BC76845","location":"Retailer2"}}`,
			source)).ok().
			want(fmt.Sprintf("%q", fault), "error").want(`"so far\n"`, "output").want(`0`, "taken")
	}
}

// TestDryRunPassesOver: the answer names candidates that the schema or the record does not have, like an order's plan.
func TestDryRunPassesOver(t *testing.T) {
	s := newStockedServer(t)
	const body = `{"source":"function select(item, record) return { {tags={Shop=\"1\"}}, {tags={Channel=\"Tmall\"}}, {tags={Channel=\"Kibo\"}}, {tags={Channel=\"eBay\"}} } end","item":{"upc":"BC76845","location":"Retailer2","quantity":2}}`
	s.post("/v1/rules/new/dry-run", body).ok().want(`{"Shop":"1"}`, "candidates", 0, "tags").
		want(`"unknown-tag"`, "candidates", 0, "why").
		want(`"unknown-tag"`, "candidates", 1, "why").want(`"unknown-segment"`, "candidates", 2, "why").
		want(`2`, "candidates", 3, "taken")
}
