package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"apportion/engine"
)

// TestRuleBadFields is TestBadInput for the routes of rules: one case a row, with the code and the field of the answer.
func TestRuleBadFields(t *testing.T) {
	s := newStockedServer(t)
	s.putRule("r", "function select(item, record) return {} end\nfunction redistribute(record, schema) return nil, "+
		"'no' end").ok()
	const (
		rule       = "/v1/rules/r"
		activate   = "/v1/rules/r/activate"
		deactivate = "/v1/rules/r/deactivate"
		dryRun     = "/v1/rules/r/dry-run"
		backtest   = "/v1/rules/r/backtest"
		category   = "/v1/tag-categories/X"
		member     = "/v1/cluster/members/x"
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
		{"a null scope without its hook", "POST", deactivate, `{"scope":null}`, 400, "missing-field", "hook", ""},
		{"deactivate what is not active", "POST", deactivate, `{"hook":"select"}`, 409, "rule-not-active", "", ""},

		{"no item", "POST", dryRun, `{}`, 400, "missing-field", "item", ""},
		{"an item anywhere", "POST", dryRun, `{"item":{"upc":"A"}}`, 400, "missing-field", "item.location", ""},
		{"an empty location", "POST", dryRun, `{"item":{"upc":"A","location":""}}`, 400, "invalid", "item.location",
			""},
		{"an empty order", "POST", dryRun, item(`,"orderId":""`), 400, "invalid", "item.orderId", ""},
		{"null for an order", "POST", dryRun, item(`,"orderId":null`), 400, "wrong-type", "item.orderId", "null"},
		{"null for an item", "POST", dryRun, item(`,"itemId":null`), 400, "wrong-type", "item.itemId", "null"},
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

		{"put null", "PUT", rule, `{"source":null}`, 400, "wrong-type", "source", "null"},
		{"put twice", "PUT", rule, `{"source":"x","source":"y"}`, 400, "duplicate-field", "source", ""},
		{"put a list", "PUT", rule, `["x"]`, 400, "wrong-type", "", ""},
		{"put broken JSON", "PUT", rule, `{"source":x}`, 400, "bad-json", "source", ""},
		{"put two values", "PUT", rule, `{"source":"x"} {}`, 400, "bad-json", "", ""},
		{"put nothing at all", "PUT", rule, ` `, 400, "bad-json", "", ""},
		{"put a control character", "PUT", rule, `{"source":"\u0000"}`, 400, "invalid", "source", `\u0000`},
		{"put an author of lines", "PUT", rule, `{"source":"x","author":"a\nb"}`, 400, "invalid", "author", `\n`},
		{"put bad UTF-8", "PUT", rule, "{\"source\":\"\xff\"}", 400, "bad-json", "source", ""},
		{"activate a list", "POST", activate, `[]`, 400, "wrong-type", "", ""},
		{"activate null", "POST", activate, `null`, 400, "wrong-type", "", "null"},
		{"a version of a fraction", "POST", activate, `{"version":1.5}`, 400, "wrong-type", "version", "1.5"},
		{"a version of exponents", "POST", activate, `{"version":1e3}`, 400, "wrong-type", "version", "1e3"},
		{"version zero", "POST", activate, `{"version":0}`, 400, "invalid", "version", "0"},
		{"a version below", "POST", activate, `{"version":-1}`, 400, "invalid", "version", "-1"},
		{"a version beyond 64 bits", "POST", activate, `{"version":9223372036854775808}`, 400, "invalid", "version",
			"9223372036854775808"},
		{"an empty hook", "POST", activate, `{"hook":""}`, 400, "invalid", "hook", ""},
		{"a number for a hook", "POST", activate, `{"hook":1}`, 400, "wrong-type", "hook", "1"},
		{"a list for a scope", "POST", activate, `{"hook":"select","scope":[]}`, 400, "wrong-type", "scope", ""},
		{"a text for locations", "POST", activate, `{"hook":"select","scope":{"locations":"a"}}`, 400, "wrong-type",
			"scope.locations", `"a"`},
		{"a location of null", "POST", activate, `{"hook":"select","scope":{"locations":[null]}}`, 400, "wrong-type",
			"scope.locations[0]", "null"},
		{"a location with a blank", "POST", activate, `{"hook":"select","scope":{"locations":["a "]}}`, 400, "invalid",
			"scope.locations[0]", "a "},
		{"too many locations", "POST", activate, `{"hook":"select","scope":{"locations":[` +
			strings.Repeat(`"a",`, engine.RuleScopeLocationsMax) + `"a"]}}`, 400, "invalid",
			fmt.Sprintf("scope.locations[%d]", engine.RuleScopeLocationsMax), ""},
		{"tags as a text", "POST", activate, `{"hook":"select","scope":{"tags":"Channel"}}`, 400, "wrong-type",
			"scope.tags", `"Channel"`},
		{"a tag of null", "POST", activate, `{"hook":"select","scope":{"tags":{"Channel":null}}}`, 400, "wrong-type",
			"scope.tags.Channel", "null"},
		{"an empty tag", "POST", activate, `{"hook":"select","scope":{"tags":{"Channel":""}}}`, 400, "invalid",
			"scope.tags.Channel", ""},
		{"a tag twice", "POST", activate, `{"hook":"select","scope":{"tags":{"Channel":"eBay","Channel":"Kibo"}}}`,
			400, "duplicate-field", "scope.tags.Channel", ""},
		{"a tag twice in two forms", "POST", activate,
			`{"hook":"select","scope":{"tags":{"\u00e9":"a","e\u0301":"b"}}}`, 400, "duplicate-field", "", ""},
		{"too many tags", "POST", activate, `{"hook":"select","scope":{"tags":{"1":"a","2":"a","3":"a","4":"a",` +
			`"5":"a","6":"a","7":"a","8":"a","9":"a"}}}`, 400, "invalid", "scope.tags.9", ""},
		{"deactivate an unknown field", "POST", deactivate, `{"version":1}`, 400, "unknown-field", "version", ""},
		{"a differing case", "POST", deactivate, `{"Hook":"select"}`, 400, "unknown-field", "Hook", ""},

		{"an item of null", "POST", dryRun, `{"item":null}`, 400, "wrong-type", "item", "null"},
		{"an item as a text", "POST", dryRun, `{"item":"A"}`, 400, "wrong-type", "item", `"A"`},
		{"a UPC of null", "POST", dryRun, `{"item":{"upc":null,"location":"a"}}`, 400, "wrong-type", "item.upc", "null"},
		{"a UPC with a blank", "POST", dryRun, `{"item":{"upc":" A","location":"a"}}`, 400, "invalid", "item.upc", " A"},
		{"a UPC with a line end", "POST", dryRun, `{"item":{"upc":"A\nB","location":"a"}}`, 400, "invalid", "item.upc",
			`\n`},
		{"attributes of null", "POST", dryRun, item(`,"attributes":{"vip":null}`), 400, "wrong-type",
			"item.attributes.vip", "null"},
		{"attributes in depth", "POST", dryRun, item(`,"attributes":{"vip":[1]}`), 400, "wrong-type",
			"item.attributes.vip", ""},
		{"attributes twice", "POST", dryRun, item(`,"attributes":{"vip":1,"vip":2}`), 400, "duplicate-field",
			"item.attributes.vip", ""},
		{"too many of an item", "POST", dryRun, item(`,"attributes":{` + many.String()[1:] + `}`), 400, "invalid",
			"item.attributes.a32", ""},
		{"a redistribution as a hook", "POST", dryRun, `{"hook":"spread","item":{"upc":"A","location":"a"}}`, 400, "invalid",
			"hook", "spread"},
		{"segments of null", "POST", dryRun, record(`"segments":null`), 400, "wrong-type", "record.segments", "null"},
		{"a segment of null", "POST", dryRun, record(`"segments":[null]`), 400, "wrong-type", "record.segments[0]",
			"null"},
		{"a segment as a number", "POST", dryRun, record(`"segments":[7]`), 400, "wrong-type", "record.segments[0]",
			"7"},
		{"too many segments", "POST", dryRun, record(`"segments":[` +
			strings.Repeat(`{},`, engine.SegmentsPerRecordMax) + `{}]`), 400, "invalid",
			fmt.Sprintf("record.segments[%d]", engine.SegmentsPerRecordMax), ""},
		{"a record that is due to a text", "POST", dryRun, record(`"due":"yes","segments":[]`), 400, "wrong-type",
			"record.due", `"yes"`},
		{"a negative floor", "POST", dryRun, record(`"floor":-1,"segments":[]`), 400, "invalid", "record.floor", "-1"},

		{"a backtest of an unknown field", "POST", backtest, `{"since":1}`, 400, "unknown-field", "since", ""},
		{"a backtest from an object", "POST", backtest, `{"from":{}}`, 400, "wrong-type", "from", ""},
		{"a backtest from a fraction", "POST", backtest, `{"from":1.5}`, 400, "wrong-type", "from", "1.5"},
		{"a backtest from zero", "POST", backtest, `{"from":0}`, 400, "invalid", "from", "0"},
		{"a backtest from zero as a text", "POST", backtest, `{"from":"0"}`, 400, "invalid", "from", "0"},
		{"a backtest to a date", "POST", backtest, `{"to":"2026-11-30"}`, 400, "invalid", "to", "2026-11-30"},
		{"a backtest to nothing", "POST", backtest, `{"to":""}`, 400, "invalid", "to", ""},
		{"a backtest of a list", "POST", backtest, `{"differencesMax":-1}`, 400, "invalid", "differencesMax", "-1"},
		{"a backtest of long lists", "POST", backtest, `{"differencesMax":1000000}`, 400, "invalid", "differencesMax",
			"1000000"},
		{"a backtest of failures", "POST", backtest, `{"failuresMax":"1"}`, 400, "wrong-type", "failuresMax", `"1"`},
		{"a backtest of a source", "POST", backtest, `{"source":7}`, 400, "wrong-type", "source", "7"},
		{"a backtest on error", "POST", backtest, `{"onError":"stop"}`, 400, "invalid", "onError", "stop"},
		{"a backtest of a scope", "POST", backtest, `{"scope":{"tags":{"Colour":"red"}}}`, 400, "unknown-category",
			"scope.tags", "Colour"},
		{"a backtest of both", "POST", backtest, `{"version":1,"source":"x"}`, 400, "invalid", "source", ""},

		{"values of null", "PUT", category, `{"values":null}`, 400, "wrong-type", "values", "null"},
		{"a category without values", "PUT", category, `{"rounding":"unbiased"}`, 400, "missing-field", "values", ""},
		{"a value without a name", "PUT", category, `{"values":[{"default":true}]}`, 400, "missing-field",
			"values[0].value", ""},
		{"a value as a text", "PUT", category, `{"values":["a"]}`, 400, "wrong-type", "values[0]", `"a"`},
		{"a value of null", "PUT", category, `{"values":[{"value":null}]}`, 400, "wrong-type", "values[0].value",
			"null"},
		{"a percent as a text", "PUT", category, `{"values":[{"value":"a","percent":"5"}]}`, 400, "wrong-type",
			"values[0].percent", `"5"`},
		{"a percent of exponents", "PUT", category, `{"values":[{"value":"a","percent":1e1}]}`, 400, "invalid",
			"values[0].percent", "1e1"},
		{"a min as a fraction", "PUT", category, `{"values":[{"value":"a","min":0.5}]}`, 400, "wrong-type",
			"values[0].min", "0.5"},
		{"a move to null", "PUT", category, `{"values":[{"value":"a"}],"moveTo":{"b":null}}`, 400, "wrong-type",
			"moveTo.b", "null"},
		{"moves as a list", "PUT", category, `{"values":[{"value":"a"}],"moveTo":["b"]}`, 400, "wrong-type", "moveTo",
			""},
		{"a move twice", "PUT", category, `{"values":[{"value":"a"}],"moveTo":{"b":"a","b":"a"}}`, 400,
			"duplicate-field", "moveTo.b", ""},
		{"a color of a value", "PUT", category, `{"values":[{"value":"a","colour":"red"}]}`, 400, "unknown-field",
			"values[0].colour", ""},

		{"a member without an address", "PUT", member, `{"voter":true}`, 400, "missing-field", "address", ""},
		{"a member at a number", "PUT", member, `{"address":7}`, 400, "wrong-type", "address", "7"},
		{"a member at null", "PUT", member, `{"address":null}`, 400, "wrong-type", "address", "null"},
		{"a member with a text for a vote", "PUT", member, `{"address":"a","voter":"yes"}`, 400, "wrong-type", "voter",
			`"yes"`},
		{"a member of an unknown field", "PUT", member, `{"address":"a","vote":true}`, 400, "unknown-field", "vote", ""},
		{"a leader of a number", "POST", "/v1/cluster/transfer-leader", `{"to":1}`, 400, "wrong-type", "to", "1"},
		{"a leader of lines", "POST", "/v1/cluster/transfer-leader", `{"to":"a\tb"}`, 400, "invalid", "to", `\t`},

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

// TestRuleSourceFaults: for each kind of fault in a source, the refusal has its place.
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
