package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"apportion/engine"
)

// badEnds are names that look like SKU. badInside are names with a changed direction of text. Each is refused in every
// place of a name.
var badEnds = []string{"SKU ", " SKU", "SKU\u00a0", "SKU\u200b", "\ufeffSKU", "SKU\u3000", "SKU\u2060"}
var badInside = []string{"S\u202eKU", "SKU\u2066", "S\u0085KU", "S\u2028KU"}

// TestNamesThatLookTheSame: names with invisible differences are refused in every place from which a name comes into
// the state.
func TestNamesThatLookTheSame(t *testing.T) {
	s := newStockedServer(t)
	line := func(item, upc, location, tag string) string {
		return fmt.Sprintf(`{"itemId":%q,"upc":%q,"location":%q,"quantity":1,"tags":{%q:"x"}}`, item, upc, location,
			tag)
	}
	before := s.store.engine.Stats()
	for _, name := range append(badEnds, badInside...) {
		f := func(method, path, body, field string) {
			t.Helper()
			r := s.do(method, path, body).is(400, "invalid")
			if r.at("field") != field {
				t.Errorf("%s %s %s: field %q, want %q", method, path, body, r.at("field"), field)
			}
		}
		inPath := url.PathEscape(name)
		f("POST", "/v1/inventory/refresh", fmt.Sprintf(`{"location":%q,"items":[{"upc":"A","quantity":1}]}`, name),
			"location")
		f("POST", "/v1/inventory/refresh", fmt.Sprintf(`{"location":"L","items":[{"upc":%q,"quantity":1}]}`, name),
			"items[0].upc")
		f("POST", "/v1/inventory/adjust", fmt.Sprintf(
			`{"location":"L","items":[{"upc":"A","quantity":1,"tags":{"Channel":%q}}]}`, name), "items[0].tags.Channel")
		f("POST", "/v1/inventory/transfer", fmt.Sprintf(
			`{"items":[{"upc":"BC76845","quantity":1,"from":{"location":"Retailer2"},"to":{"location":%q}}]}`, name),
			"items[0].to.location")
		f("POST", "/v1/orders/"+inPath+"/allocate", oneLineBody, "path")
		f("POST", "/v1/orders/allocate", fmt.Sprintf(`{"orders":[{"orderId":%q,"lines":[]}]}`, name),
			"orders[0].orderId")
		f("POST", "/v1/orders/o/allocate", `{"lines":[`+line(name, "A", "L", "T")+`]}`, "lines[0].itemId")
		f("POST", "/v1/orders/o/allocate", `{"lines":[`+line("1", name, "L", "T")+`]}`, "lines[0].upc")
		f("POST", "/v1/orders/o/allocate", `{"lines":[`+line("1", "A", name, "T")+`]}`, "lines[0].location")
		f("POST", "/v1/orders/o/allocate", `{"lines":[`+line("1", "A", "L", name)+`]}`, "lines[0].tags."+name)
		f("POST", "/v1/orders/o/return", fmt.Sprintf(`{"lines":[{"itemId":"1","upc":%q,"location":"L","quantity":1}]}`,
			name), "lines[0].upc")
		f("PUT", "/v1/tag-categories/"+inPath, `{"values":[{"value":"a","default":true}]}`, "path")
		f("PUT", "/v1/tag-categories/X", fmt.Sprintf(`{"values":[{"value":%q,"default":true}]}`, name),
			"values[0].value")
		f("DELETE", "/v1/tag-categories/X?moveTo="+url.QueryEscape(name), "", "moveTo")
		f("PUT", "/v1/rules/"+inPath, `{"source":"function select(item, record) return {} end"}`, "path")
		f("POST", "/v1/rules/r/activate", fmt.Sprintf(`{"scope":{"locations":[%q]}}`, name), "scope.locations[0]")
		f("POST", "/v1/counts/"+inPath+"/start", `{"count":"c"}`, "path")
	}
	if after := s.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
	r := s.post("/v1/inventory/refresh", `{"location":"L","items":[{"upc":"SKU\ufeff","quantity":1}]}`)
	r.want(`"SKU\\ufeff"`, "value") // the fault is visible
}

// TestNamesAreComposed: a name in any form is kept, and found, in its composed form.
func TestNamesAreComposed(t *testing.T) {
	s := newStockedServer(t)
	const composed, written = "Café", "Cafe\u0301"
	s.put("/v1/tag-categories/"+url.PathEscape(written),
		fmt.Sprintf(`{"values":[{"value":"a","default":true},{"value":%q}]}`, written)).ok().want(`"Café"`, "name")
	s.post("/v1/inventory/refresh", fmt.Sprintf(
		`{"location":%[1]q,"items":[{"upc":%[1]q,"quantity":3,"tags":{%[1]q:%[1]q,"Channel":"Kibo"}}]}`, written)).ok()
	s.post("/v1/orders/"+url.PathEscape(written)+"/allocate",
		fmt.Sprintf(
			`{"lines":[{"itemId":%[1]q,"upc":%[1]q,"location":%[1]q,"quantity":1,"tags":{%[1]q:%[1]q,"Channel":"Kibo"}}]}`, written)).ok()
	for _, name := range []string{composed, written} {
		path := url.PathEscape(name)
		s.get("/v1/inventory/"+path+"/"+path).ok().want(`"Café"`, "records", 0, "upc").
			want(`2`, "records", 0, "available")
		s.get("/v1/orders/"+path).ok().want(`"Café"`, "items", 0, "itemId")
		s.post("/v1/inventory/query", fmt.Sprintf(`{"items":[{"upc":%[1]q,"tags":{%[1]q:%[1]q}}],"locations":[%[1]q]}`,
			name)).ok().want(`"Café"`, "records", 0, "location")
	}
	s.post("/v1/orders/"+url.PathEscape(written)+"/fulfill", fmt.Sprintf(`{"lines":[{"itemId":%q}]}`, written)).ok()
	s.put("/v1/rules/r", `{"source":"function select(item, record) return {} end"}`).ok()
	s.post("/v1/rules/r/activate", fmt.Sprintf(`{"scope":{"upcPrefix":%q}}`, written+" ")).ok()
	s.get("/v1/rules/r").ok().want(`"Café "`, "active", 0, "scope", "upcPrefix") // a prefix may end with a space
	if records := s.store.engine.Stats().Records; records != 2 {                 // this record and the stocked one
		t.Errorf("%d records", records)
	}
}

// TestNamesFromBefore: older versions kept names in any form. These are read, changed, shipped and deleted by exactly
// that name.
func TestNamesFromBefore(t *testing.T) {
	s := newStockedServer(t)
	for _, name := range []string{"SKU ", "Cafe\u0301", "S\u202eKU"} {
		value := func(name string, isDefault bool) engine.Value {
			return engine.Value{Name: name, Percent: engine.NoPercent, Default: isDefault, Max: engine.NoMax}
		}
		s.apply(&engine.PutTagCategory{Name: name, Values: []engine.Value{value("a", true), value(name, false),
			value("A", false)}},
			&engine.Refresh{Location: name, Items: []engine.StockItem{{UPC: name, Quantity: 5,
				Tags: []engine.Tag{{Category: name, Value: name}, {Category: "Channel", Value: "Kibo"}}}}},
			&engine.Allocate{OrderID: name, Lines: []engine.AllocateLine{{ItemID: name, UPC: name, Location: name,
				Quantity: 2, Tags: []engine.Tag{{Category: name, Value: name}, {Category: "Channel", Value: "Kibo"}}}}},
			&engine.PutRule{Name: name, Source: "function select() return {} end",
				Hooks: []engine.RuleHook{engine.HookSelect}})
		path, quoted := url.PathEscape(name), fmt.Sprintf("%q", name)
		s.get("/v1/inventory/"+path+"/"+path).ok().want(`3`, "records", 0, "available")
		s.get("/v1/orders/"+path).ok().want(quoted, "items", 0, "itemId")
		s.post("/v1/orders/"+path+"/fulfill", `{"lines":[{"itemId":`+quoted+`}]}`).ok()
		s.post("/v1/orders/"+path+"/return", `{"lines":[{"itemId":`+quoted+`,"quantity":1}]}`).ok()
		s.post("/v1/inventory/query", `{"items":[{"upc":`+quoted+`,"tags":{`+quoted+`:`+quoted+`}}]}`).ok().
			want(`4`, "records", 0, "available")
		s.post("/v1/inventory/delete", `{"upcs":[`+quoted+`]}`).ok().want(`1`, "records")
		s.get("/v1/rules/" + path).ok()
		s.do("DELETE", "/v1/rules/"+path, "").ok()
		// Existing values that look alike may stay until one is moved to the other. A new one is refused.
		s.put("/v1/tag-categories/"+path, `{"values":[{"value":"a","default":true},{"value":`+quoted+
			`},{"value":"A"}]}`).ok()
		s.put("/v1/tag-categories/"+path, `{"values":[{"value":"a","default":true},{"value":`+quoted+
			`},{"value":"A"},{"value":"ａ"}]}`).is(400, "invalid")
		s.put("/v1/tag-categories/"+path, `{"values":[{"value":"a","default":true}],"moveTo":{`+quoted+
			`:"a","A":"a"}}`).ok()
		s.do("DELETE", "/v1/tag-categories/"+path, "").ok()
	}
}

// apply puts commands into the log, like another version of the program.
func (s *testServer) apply(commands ...engine.Command) {
	s.t.Helper()
	batch := s.store.NewBatch()
	for _, c := range commands {
		batch.Append(&engine.Envelope{}, c)
	}
	if err := s.store.Do(time.Time{}, batch); err != nil {
		s.t.Fatal(err)
	}
	for i := range commands {
		var r engine.Result
		if err := engine.DecodeResult(batch.Result(i), &r); err != nil || r.Code != engine.CodeOK {
			s.t.Fatalf("command %d: %v, %s %s %q", i, err, r.Code, r.Field, r.Value)
		}
	}
}

// TestValuesThatLookAlike: values, or categories, that people cannot distinguish are refused.
func TestValuesThatLookAlike(t *testing.T) {
	s := newTestServer(t, Config{})
	f := func(name, first, second, field string) {
		t.Helper()
		r := s.put("/v1/tag-categories/"+url.PathEscape(name),
			fmt.Sprintf(`{"values":[{"value":%q,"default":true},{"value":%q}]}`, first, second))
		if field == "" {
			r.ok()
		} else if r.is(400, "invalid"); r.at("field") != field {
			t.Errorf("field %q, want %q", r.at("field"), field)
		}
	}
	f("Channel", "Amazon", "amazon", "values[1].value")
	f("Channel", "Amazon", "Ａｍａｚｏｎ", "values[1].value")
	f("Channel", "Amazon", "Ama\u200dzon", "values[1].value")
	f("Channel", "Straße", "STRASSE", "values[1].value")
	f("Channel", "Amazon", "eBay", "")
	f("channel", "a", "b", "name")
	f("Condition", "a", "b", "")
	f("Channel", "Amazon", "AMAZON", "values[1].value") // an existing value beside a new one
}

// TestInvalidTexts: each route refuses texts that are not UTF-8, and single surrogates.
func TestInvalidTexts(t *testing.T) {
	s := newStockedServer(t)
	before := s.store.engine.Stats()
	tried := 0
	for _, r := range routes() {
		if r.body == bodyNone || r.body == bodyFile { // package stockfile tests what files hold
			continue
		}
		tried++
		path := r.pattern
		for _, param := range []string{"{orderId}", "{location}", "{upc}", "{name}", "{id}"} {
			path = strings.ReplaceAll(path, param, "1")
		}
		method := methodWords[r.method]
		for _, body := range []string{"{\"a\":\"\xff\"}", "{\"\xff\":1}", `{"\ud800":1}`, "{\"a\":\"\xed\xa0\x80\"}"} {
			if reply := s.do(method, path, body); reply.status != 400 {
				t.Errorf("%s %s %q answers %d %s", method, path, body, reply.status, reply.body)
			}
		}
		// in a known field of text
		for _, text := range []string{"\xff", `\ud800`, `\udc00\ud800`, "\xed\xa0\x80", "\xc0\xaf"} {
			body := strings.ReplaceAll(textBodies[r.pattern], "TEXT", text)
			if reply := s.do(method, path, body); body == "" || reply.status != 400 ||
				reply.json["code"] != "bad-json" {
				t.Errorf("%s %s %q answers %d %s", method, path, body, reply.status, reply.body)
			}
		}
	}
	if tried < 15 {
		t.Errorf("%d routes", tried)
	}
	const source = "function select(item, record) return nil, \"TEXT\" end"
	s.do("PUT", "/v1/rules/r", strings.Replace(source, "TEXT", "\xff", 1), "Content-Type", "text/x-lua").
		is(422, "rule-syntax")
	s.do("PUT", "/v1/rules/r?author=%ff", source, "Content-Type", "text/x-lua").is(400, "invalid")
	s.do("DELETE", "/v1/tag-categories/Channel?moveTo=%ed%a0%80", "").is(400, "invalid")
	for _, path := range []string{"/v1/inventory/%ff/A", "/v1/orders/%ed%a0%80", "/v1/tag-categories/%c0%af",
		"/v1/rules/\xff"} {
		s.get(path).is(400, "invalid").want(`"path"`, "field")
	}
	for _, path := range []string{"/v1/orders/o/allocate", "/api/commerce/inventory/v5/inventory/refresh"} {
		for _, key := range []string{"\xff", "Café", "a b"} {
			s.do("POST", path, oneLineBody, "Idempotency-Key", key).is(400, "invalid").
				want(`"Idempotency-Key"`, "field")
		}
	}
	if after := s.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
}

// textBodies has a body with a text for each route with a body.
var textBodies = map[string]string{
	"/v1/orders/{orderId}/allocate":   `{"lines":[{"itemId":"TEXT"`,
	"/v1/orders/{orderId}/confirm":    `{"lines":[{"itemId":"TEXT"`,
	"/v1/orders/{orderId}/deallocate": `{"lines":[{"itemId":"TEXT"`,
	"/v1/orders/{orderId}/fulfill":    `{"lines":[{"itemId":"TEXT"`,
	"/v1/webhooks/{name}":             `{"url":"TEXT"`,
	"/v1/orders/{orderId}/return":     `{"lines":[{"itemId":"TEXT"`,
	"/v1/orders/allocate":             `{"orders":[{"orderId":"TEXT"`,
	"/v1/orders/deallocate":           `{"reason":"TEXT"`,
	"/v1/inventory/refresh":           `{"count":"TEXT"`,
	"/v1/inventory/adjust":            `{"items":[{"tags":{"TEXT"`,
	"/v1/inventory/transfer":          `{"items":[{"from":{"tags":{"Channel":"TEXT"`,
	"/v1/inventory/block":             `{"items":[{"upc":"TEXT"`,
	"/v1/inventory/redistribute":      `{"upcs":["TEXT"`,
	"/v1/inventory/delete":            `{"locations":["TEXT"`,
	"/v1/inventory/query":             `{"items":[{"upc":"TEXT"`,
	"/v1/inventory/aggregate":         `{"locations":["TEXT"`,
	"/v1/counts/{location}/start":     `{"count":"TEXT"`,
	"/v1/counts/{location}/close":     `{"count":"TEXT"`,
	"/v1/tag-categories/{name}":       `{"moveTo":{"TEXT"`,
	"/v1/rules/{name}":                `{"source":"TEXT"`,
	"/v1/rules/{name}/check":          `{"source":"TEXT"`,
	"/v1/rules/{name}/activate":       `{"scope":{"upcPrefix":"TEXT"`,
	"/v1/rules/{name}/deactivate":     `{"scope":{"locations":["TEXT"`,
	"/v1/rules/{name}/dry-run":        `{"item":{"attributes":{"a":"TEXT"`,
	"/v1/rules/{name}/backtest":       `{"source":"TEXT"`,
	"/v1/cluster/members/{id}":        `{"address":"TEXT"`,
	"/v1/cluster/transfer-leader":     `{"to":"TEXT"`,
}
