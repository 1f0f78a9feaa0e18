package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// TestRuleBadFields is TestBadInput for the routes of rules: row by row, with the code and the field of the answer.
func TestRuleBadFields(t *testing.T) {
	s := newStockedServer(t)
	s.putRule("r", "function select(item, record) return {} end\nfunction redistribute(record, schema) return nil, "+
		"'no' end").ok()
	const (
		rule       = "/v1/rules/r"
		activate   = "/v1/rules/r/activate"
		deactivate = "/v1/rules/r/deactivate"
		dryRun     = "/v1/rules/r/dry-run"
		allocate   = "/v1/orders/o/allocate"
	)
	item := func(more string) string { return `{"item":{"upc":"BC76845","location":"Retailer2"` + more + `}}` }
	record := func(fields string) string {
		return `{"item":{"upc":"A","location":"a"},"record":{` + fields + `}}`
	}
	attributes := func(text string) string {
		return strings.Replace(allocateBody("all", line("1", "eBay", 1)), `"itemId"`, `"attributes":`+text+`,"itemId"`,
			1)
	}
	var many strings.Builder
	for i := range 33 {
		fmt.Fprintf(&many, `,"a%d":1`, i)
	}
	rows := []struct {
		name, method, path, body string
		status                   int
		code, field, value       string
	}{
		{"put an unknown field", "PUT", rule, `{"source":"x","sauce":"y"}`, 400, "unknown-field", "sauce", ""},
		{"put nothing", "PUT", rule, `{"author":"ann"}`, 400, "missing-field", "source", ""},
		{"put a number", "PUT", rule, `{"source":1}`, 400, "wrong-type", "source", "1"},
		{"put an empty source", "PUT", rule, `{"source":""}`, 422, "rule-syntax", "source", ""},
		{"put a long author", "PUT", rule, `{"source":"function select() end","author":"` + strings.Repeat("a", 129) +
			`"}`, 400, "invalid", "author", ""},
		{"a long author in the path", "PUT", rule + "?author=" + strings.Repeat("a", 129),
			`{"source":"function select() end"}`, 400, "invalid", "author", ""},
		{"a long name", "PUT", "/v1/rules/" + strings.Repeat("n", 65), `{"source":"function select() end"}`, 400,
			"invalid", "name", ""},
		{"version 0", "GET", rule + "?version=0", "", 400, "invalid", "version", "0"},
		{"a parameter of another route", "GET", "/v1/rules?version=1", "", 400, "unknown-parameter", "version", "1"},
		{"version of a rule", "GET", rule + "?version=2", "", 404, "unknown-rule", "version", "2"},
		{"an unknown rule", "DELETE", "/v1/rules/q", "", 404, "unknown-rule", "", ""},
		{"history of nothing", "GET", "/v1/rules/q", "", 404, "unknown-rule", "name", "q"},

		{"which hook", "POST", activate, `{}`, 400, "missing-field", "hook", ""},
		{"unknown hook", "POST", activate, `{"hook":"pick"}`, 400, "invalid", "hook", "pick"},
		{"activate an unknown field", "POST", activate, `{"hook":"select","when":"now"}`, 400, "unknown-field", "when",
			""},
		{"failuresMax 0", "POST", activate, `{"hook":"select","failuresMax":0}`, 400, "invalid", "failuresMax", "0"},
		{"huge failuresMax", "POST", activate, `{"hook":"select","failuresMax":1000001}`, 400, "invalid", "failuresMax",
			"1000001"},
		{"unknown onError", "POST", activate, `{"hook":"select","onError":"ignore"}`, 400, "invalid", "onError",
			"ignore"},
		{"a version as a text", "POST", activate, `{"hook":"select","version":"1"}`, 400, "wrong-type", "version",
			`"1"`},
		{"a version that is not there", "POST", activate, `{"hook":"select","version":7}`, 404, "unknown-rule", "", ""},
		{"unknown field of a scope", "POST", activate, `{"hook":"select","scope":{"upc":"1"}}`, 400, "unknown-field",
			"scope.upc", ""},
		{"a location of a scope", "POST", activate, `{"hook":"select","scope":{"locations":[""]}}`, 400, "invalid",
			"scope.locations[0]", ""},
		{"a prefix of a scope", "POST", activate, `{"hook":"select","scope":{"upcPrefix":"` + strings.Repeat("1", 65) +
			`"}}`, 400, "invalid", "scope.upcPrefix", ""},
		{"unknown category of a scope", "POST", activate, `{"hook":"select","scope":{"tags":{"Colour":"red"}}}`, 400,
			"unknown-category", "scope.tags", "Colour"},
		{"unknown value of a scope", "POST", activate, `{"hook":"select","scope":{"tags":{"Channel":"Tmall"}}}`, 400,
			"unknown-value", "scope.tags.Channel", "Tmall"},
		{"a scope without its hook", "POST", deactivate, `{"scope":{}}`, 400, "missing-field", "hook", ""},
		{"deactivate what is not active", "POST", deactivate, `{"hook":"select"}`, 409, "rule-not-active", "", ""},

		{"no item", "POST", dryRun, `{}`, 400, "missing-field", "item", ""},
		{"an item anywhere", "POST", dryRun, `{"item":{"upc":"A"}}`, 400, "missing-field", "item.location", ""},
		{"an empty location", "POST", dryRun, `{"item":{"upc":"A","location":""}}`, 400, "invalid", "item.location",
			""},
		{"an empty order", "POST", dryRun, item(`,"orderId":""`), 400, "invalid", "item.orderId", ""},
		{"an item of zero", "POST", dryRun, item(`,"quantity":0`), 400, "invalid", "item.quantity", "0"},
		{"an item of unknown tags", "POST", dryRun, item(`,"tags":{"Channel":"Tmall"}`), 400, "unknown-value",
			"item.tags.Channel", "Tmall"},
		{"an unknown record", "POST", dryRun, `{"item":{"upc":"A","location":"a"}}`, 404, "unknown-record", "item.upc",
			"A"},
		{"version and source", "POST", dryRun, strings.Replace(item(""), "{", `{"version":1,"source":"x",`, 1), 400,
			"invalid", "source", ""},
		{"a record without segments", "POST", dryRun, record(`"version":1`), 400, "missing-field", "record.segments",
			""},
		{"a record with a sum", "POST", dryRun, record(`"onHand":1,"segments":[]`), 400, "unknown-field",
			"record.onHand", ""},
		{"a segment of less", "POST", dryRun, record(`"segments":[{"onHand":-1}]`), 400, "invalid",
			"record.segments[0].onHand", "-1"},
		{"a huge segment", "POST", dryRun, record(`"segments":[{"allocated":1000000000001}]`), 400, "invalid",
			"record.segments[0].allocated", "1000000000001"},
		{"a segment's sum", "POST", dryRun, record(`"segments":[{"available":1}]`), 400, "unknown-field",
			"record.segments[0].available", ""},
		{"a segment of unknown tags", "POST", dryRun, record(`"segments":[{"tags":{"Colour":"red"}}]`), 400,
			"unknown-category", "record.segments[0].tags", "Colour"},
		{"a segment twice", "POST", dryRun, record(`"segments":[{"tags":{"Channel":"Kibo"}},{}]`), 400, "duplicate",
			"record.segments[1].tags", ""},

		{"attributes as a list", "POST", allocate, attributes(`["vip"]`), 400, "wrong-type", "lines[0].attributes", ""},
		{"an attribute of null", "POST", allocate, attributes(`{"vip":null}`), 400, "wrong-type",
			"lines[0].attributes.vip", "null"},
		{"an attribute in depth", "POST", allocate, attributes(`{"vip":{}}`), 400, "wrong-type",
			"lines[0].attributes.vip", ""},
		{"an attribute that is no number", "POST", allocate, attributes(`{"vip":01}`), 400, "bad-json",
			"lines[0].attributes.vip", "01"},
		{"an attribute twice", "POST", allocate, attributes(`{"vip":1,"vip":2}`), 400, "duplicate-field",
			"lines[0].attributes.vip", ""},
		{"an attribute without a name", "POST", allocate, attributes(`{"":1}`), 400, "invalid", "lines[0].attributes",
			""},
		{"a long attribute", "POST", allocate, attributes(`{"vip":"` + strings.Repeat("y", 257) + `"}`), 400, "invalid",
			"lines[0].attributes.vip", ""},
		{"too many attributes", "POST", allocate, attributes("{" + many.String()[1:] + "}"), 400, "invalid",
			"lines[0].attributes.a32", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s.t = t
			r := s.do(row.method, row.path, row.body).is(row.status, row.code)
			if r.at("field") != row.field && row.field != "" || r.at("value") != row.value && row.value != "" {
				t.Errorf("field %q of %q, want %q of %q: %s", r.at("field"), r.at("value"), row.field, row.value,
					r.body)
			}
		})
	}
	s.t = t
	s.get(rule).ok().want(`1`, "version").want(`[]`, "active")
	s.get("/v1/orders/o").is(404, "unknown-order")
}

func TestRuleMediaTypes(t *testing.T) {
	s := newTestServer(t, Config{})
	const source = "function select(item, record) return {} end"
	f := func(status int, source string, headers ...string) {
		t.Helper()
		code := map[int]string{415: "unsupported-media-type", 422: "rule-syntax"}[status]
		s.do("PUT", "/v1/rules/r", source, headers...).is(status, code)
	}
	f(200, source, "Content-Type", "text/x-lua")
	f(200, source, "Content-Type", "application/x-lua")
	f(200, source, "Content-Type", "Text/Plain; charset=UTF-8")
	f(415, source, "Content-Type", "text/plain; charset=latin1")
	f(415, source, "Content-Type", "application/octet-stream")
	f(415, source, "Content-Type", "text/x-lua", "Content-Encoding", "gzip")
	f(422, source+" -- caf\xe9", "Content-Type", "text/x-lua")
	s.do("POST", "/v1/rules/r/activate", "{}", "Content-Type", "text/x-lua").is(415, "unsupported-media-type")
}

// TestRuleSourceFaults has a source that is refused in each way, with the place in it.
func TestRuleSourceFaults(t *testing.T) {
	s := newTestServer(t, Config{})
	s.putRule("r", "function select(item, record)\n  local x = = 1\nend").is(422, "rule-syntax").want(`2`, "line").
		want(`13`, "column").want(`"source"`, "field")
	s.putRule("r", "\nwhile true do end").is(422, "rule-syntax").want(`2`, "line")
	s.putRule("r", "x = 1\nerror('no')").is(422, "rule-syntax").want(`2`, "line")
	s.putRule("r", "x = 1").is(422, "rule-syntax")
	s.putRule("r", strings.Repeat("-", 64<<10)+"\n").is(422, "rule-syntax")
	s.putRule("r", "function select(item, record) return {} end\ntests = { {name='empty', record={segments={}}, "+
		"expect={missing=2}} }").
		is(422, "rule-test-failed").want(`"empty"`, "value").want(`"tests"`, "field")
	s.putRule("r", "function select(item, record) return {} end\ntests = 1").is(422, "rule-test-failed")
	s.get("/v1/rules/r").is(404, "unknown-rule")
	s.putRule("r", "function select(item, record)\n  if item.quantity > 5 then frobnicate() end\n  return "+
		"{}\nend\ntests = { {name='empty', record={segments={}}, expect={missing=1}} }").
		ok().want(`2`, "warnings", 0, "line").want(`{"name":"empty","ok":true}`, "tests", 0)
}
