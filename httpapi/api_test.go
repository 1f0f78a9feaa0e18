package httpapi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"apportion/engine"
	"apportion/httpapi/stockquery"
)

// channels is a distributed category, conditions a discrete one.
const (
	channels   = `{"values":[{"value":"Kibo","percent":80,"default":true},{"value":"Amazon","percent":10.5,"min":0,"max":1000},{"value":"eBay","percent":9.5}],"rounding":"largest-remainder"}`
	conditions = `{"values":[{"value":"New","default":true},{"value":"Defective"}]}`
)

// newStockedServer has two categories, and 20 units each for Amazon and eBay of BC76845 at Retailer2.
func newStockedServer(t *testing.T) *testServer {
	t.Helper()
	s := newTestServer(t, Config{})
	s.put("/v1/tag-categories/Channel", channels).ok()
	s.put("/v1/tag-categories/Condition", conditions).ok()
	s.post("/v1/inventory/refresh", `{"location":"Retailer2","items":[
		{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":20,"safetyStock":0,"floor":3,"ltd":7},
		{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":20}]}`).ok().want(`2`, "items").want(`1`, "records")
	return s
}

func allocateBody(mode string, lines ...string) string {
	return fmt.Sprintf(`{"mode":%q,"lines":[%s]}`, mode, strings.Join(lines, ","))
}

func line(itemID, channel string, quantity int) string {
	return fmt.Sprintf(`{"itemId":%q,"upc":"BC76845","location":"Retailer2","quantity":%d,"tags":{"Channel":%q}}`,
		itemID, quantity, channel)
}

func TestTagCategories(t *testing.T) {
	s := newStockedServer(t)
	s.get("/v1/tag-categories").ok().
		want(`"Channel"`, "categories", 0, "name").
		want(`true`, "categories", 0, "distributed").
		want(`{"value":"Amazon","percent":10.5,"default":false,"min":0,"max":1000}`, "categories", 0, "values", 1).
		want(`{"value":"New","percent":null,"default":true,"min":0,"max":null}`, "categories", 1, "values", 0)
	s.get("/v1/tag-categories/Condition?consistency=stale").ok().want(`"Condition"`, "name").
		want(`false`, "distributed")
	s.get("/v1/tag-categories/Nope").is(404, "unknown-category")

	// A value with stock can only be removed with moveTo.
	without := `{"values":[{"value":"Kibo","percent":80,"default":true},{"value":"eBay","percent":20}]%s}`
	s.put("/v1/tag-categories/Channel", fmt.Sprintf(without, "")).is(409, "in-use").
		want(`1`, "records").want(`20`, "units").want(`"BC76845"`, "blocked", 0, "upc")
	s.put("/v1/tag-categories/Channel", fmt.Sprintf(without, `,"moveTo":{"Amazon":"eBay"}`)).ok()
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`40`, "records", 0, "onHand")

	s.do("DELETE", "/v1/tag-categories/Nope", "").is(404, "unknown-category")
	s.do("DELETE", "/v1/tag-categories/Channel", "").is(409, "in-use").
		want(`"the value that is removed has stock or promises: name in moveTo the value that takes them over"`,
			"detail")
	s.put("/v1/tag-categories/Channel", `{"values":[{"value":"Kibo","percent":100,"default":true},{"value":"eBay"}]}`).
		is(400, "invalid").want(`"values[1].percent"`, "field").
		want(`"in a category with percentages every value needs a percent"`, "detail")
	s.do("DELETE", "/v1/tag-categories/Channel?moveTo=Kibo", "").ok().want(`"Channel"`, "name")
	s.get("/v1/tag-categories/Channel").is(404, "unknown-category")
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`40`, "records", 0, "onHand")
}

// TestTagCategoryDryRun: a dry run tells what the change and a redistribution do, and changes nothing.
func TestTagCategoryDryRun(t *testing.T) {
	s := newStockedServer(t)
	put := func(values, more string) *reply {
		return s.put("/v1/tag-categories/Channel", fmt.Sprintf(`{"values":[%s]%s}`, values, more))
	}
	const three, two = `{"value":"Kibo","percent":50,"default":true},{"value":"Amazon","percent":25},{"value":"eBay","percent":25}`,
		`{"value":"Kibo","percent":50,"default":true},{"value":"eBay","percent":50}`
	before := s.get("/v1/tag-categories").ok()
	dry := put(three, `,"dryRun":true`).ok().want(`true`, "dryRun").want(`0`, "units").
		want(fmt.Sprint(before.at("asOf")), "asOf").
		want(`1`, "redistribution", "records").want(`1`, "redistribution", "changed").
		want(`20`, "redistribution", "units").want(`0`, "redistribution", "byRule").
		want(`{"tags":{"Channel":"Kibo","Condition":"New"},"before":0,"after":20}`, "redistribution", "segments", 0)
	put(two, `,"dryRun":true`).is(409, "in-use").want(`20`, "units").want(`"BC76845"`, "blocked", 0, "upc")
	put(two, `,"moveTo":{"Amazon":"eBay"},"dryRun":true`).ok().want(`20`, "units").
		want(`{"tags":{"Channel":"eBay","Condition":"New"},"before":40,"after":20}`, "redistribution", "segments", 1)
	put(`{"value":"Kibo","percent":50,"default":true}`, `,"dryRun":true`).is(400, "invalid")
	s.put("/v1/tag-categories/CHANNEL", `{"values":[{"value":"A","default":true}],"dryRun":true}`).is(400, "invalid")
	if after := s.get("/v1/tag-categories").ok(); string(after.body) != string(before.body) {
		t.Errorf("the schema was %s, after dry runs it is %s", before.body, after.body)
	}

	put(three, "").ok()
	done := s.post("/v1/inventory/redistribute", `{"all":true,"now":true}`).ok()
	if got, want := fmt.Sprint(done.at("changes")), fmt.Sprint(dry.at("redistribution", "changes")); got != want {
		t.Errorf("changed %s, the dry run said %s", got, want)
	}

	s.server.dryRuns.Store(CategoryDryRunsMax)
	put(three, `,"dryRun":true`).is(503, "busy")
	s.server.dryRuns.Store(0)
	put(three, `,"dryRun":true`).ok().want(`0`, "redistribution", "changed").want(`[]`, "redistribution", "changes")
}

func TestStock(t *testing.T) {
	s := newStockedServer(t)
	r := s.get("/v1/inventory/Retailer2/BC76845").ok()
	r.want(`"BC76845"`, "records", 0, "upc").want(`40`, "records", 0, "available").
		want(`{"Channel":"Amazon","Condition":"New"}`, "records", 0, "segments", 0, "tags").
		want(`3`, "records", 0, "segments", 0, "floor").want(`7`, "records", 0, "segments", 0, "ltd")

	s.post("/v1/inventory/adjust",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":-3}]}`).ok()
	s.post("/v1/inventory/adjust",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":-18}]}`).
		is(409, "on-hand-below-zero")
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`37`, "records", 0, "onHand")
	s.get("/v1/inventory/Retailer2/nope").is(404, "unknown-record")
	s.post("/v1/inventory/transfer", `{"items":[{"upc":"BC76845","quantity":7,"ifVersion":99,
		"from":{"location":"Retailer2"},"to":{"location":"L"}}]}`).is(409, "version-mismatch").
		want(`"items[0].ifVersion"`, "field").want(`37`, "mismatches", 0, "available")

	s.post("/v1/inventory/transfer", `{"reason":"correction","reference":"T 1","items":[{"upc":"BC76845","quantity":7,
		"from":{"location":"Retailer2","tags":{"Channel":"eBay"}},"to":{"location":"Store 9/a","tags":{"Channel":"eBay"}}}]}`).ok().want(`7`, "units")
	events := s.get("/v1/events").ok()
	last := len(events.at("events").([]any)) - 1
	events.want(`"stock-changed"`, "events", last, "type").want(`"Store 9/a"`, "events", last, "location").
		want(`"correction"`, "events", last, "reason").want(`"T 1"`, "events", last, "reference").
		want(`7`, "events", last, "units")
	s.get("/v1/inventory/Store%209%2Fa/BC76845").ok().want(`"Store 9/a"`, "records", 0, "location").
		want(`7`, "records", 0, "onHand")

	s.post("/v1/inventory/redistribute", `{"upcs":["BC76845"],"now":true,"dryRun":true}`).ok().want(`true`, "dryRun").
		want(`2`, "records")
	s.post("/v1/inventory/redistribute", `{"locations":["Retailer2"],"all":false}`).ok().want(`1`, "records").
		want(`[]`, "changes")
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`true`, "records", 0, "due")
	s.post("/v1/inventory/redistribute", `{"all":true,"now":true}`).ok().want(`2`, "records")

	// A blocked record is marked in every read, and is no less there for an order that names it.
	for _, state := range []string{"true", "false"} {
		s.post("/v1/inventory/block", `{"location":"Retailer2","items":[{"upc":"BC76845","blocked":`+state+`}]}`).ok().
			want(`1`, "items").want(`1`, "records").want(`0`, "units")
		marked := map[string]string{"true": "1", "false": "0"}[state]
		for _, reply := range []*reply{s.get("/v1/inventory?upc=BC76845").ok(),
			s.get("/v1/inventory/Retailer2/BC76845").ok(), s.post("/v1/inventory/query", `{"items":[{"upc":"BC76845"}]}`).ok(),
			s.get("/v1/changes").ok()} {
			if got := strconv.Itoa(strings.Count(reply.body, `"blocked":true`)); got != marked {
				t.Errorf("blocked %s: %s marks in %s", state, got, reply.body)
			}
		}
	}

	s.post("/v1/inventory/block", `{"location":"Retailer2","reason":"damaged","reference":"case 12",
		"items":[{"upc":"BC76845","blocked":true}]}`).ok()
	s.post("/v1/inventory/block", `{"location":"Retailer2","items":[{"upc":"BC76845","blocked":false}]}`).ok()
	s.get("/v1/inventory/Retailer2/BC76845/history").ok().want(`"record-unblocked"`, "events", 0, "type").
		want(`"record-blocked"`, "events", 1, "type").want(`"damaged"`, "events", 1, "reason").
		want(`"case 12"`, "events", 1, "reference")

	// Future stock, for the whole record and for one segment.
	s.post("/v1/inventory/refresh", `{"location":"Retailer2","items":[
		{"upc":"BC76845","quantity":40,"deliveryDate":"2027-01-01T00:00:00Z"},
		{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":4,"deliveryDate":"2027-01-02T01:00:00+01:00"}]}`).ok()
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`"2027-01-01T00:00:00.000Z"`, "records", 0, "future", 0,
		"deliveryDate").
		want(`true`, "records", 0, "future", 0, "split").
		want(`"2027-01-02T00:00:00.000Z"`, "records", 0, "future", 1, "deliveryDate")

	s.post("/v1/inventory/delete", `{"upcs":["BC76845"],"locations":["Store 9/a"],"dryRun":true}`).ok().
		want(`1`, "records").want(`7`, "units")
	s.post("/v1/inventory/delete", `{"upcs":["BC76845"],"locations":["Store 9/a"]}`).ok().want(`false`, "dryRun")
	s.get("/v1/inventory/Store%209%2Fa/BC76845").is(404, "unknown-record")
}

func TestDeleteWithPromises(t *testing.T) {
	s := newStockedServer(t)
	s.post("/v1/orders/1/allocate", allocateBody("all", line("1", "Amazon", 2))).ok()
	s.post("/v1/inventory/delete", `{"all":true,"dryRun":true}`).ok().want(`2`, "blocked", 0, "allocated")
	s.post("/v1/inventory/delete", `{"all":true}`).is(409, "in-use").want(`2`, "promised").
		want(`2`, "blocked", 0, "allocated")
	s.post("/v1/inventory/delete", `{"all":true,"force":true}`).ok().want(`2`, "promised")
}

func TestStockCount(t *testing.T) {
	s := newStockedServer(t)
	s.post("/v1/counts/Retailer2/start", `{"count":"n1"}`).ok().want(`"Retailer2"`, "location").want(`"n1"`, "count")
	s.post("/v1/counts/Retailer2/start", `{"count":"n2"}`).is(409, "count-open")
	counts := func(location string) *reply { return s.get("/v1/counts?location=" + location).ok() }
	counts("").want(`"n1"`, "counts", 0, "count").want(`0`, "counts", 0, "changed").want(`0`, "counts", 0, "named")
	counts("Retailer9").want(`[]`, "counts")
	s.post("/v1/orders/1/allocate", allocateBody("all", line("1", "Amazon", 2))).ok()
	s.post("/v1/orders/1/fulfill", `{}`).ok()
	// 19 units were on the shelf at the start. Two were sold since.
	s.post("/v1/inventory/refresh",
		`{"location":"Retailer2","count":"n1","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":19}]}`).
		ok()
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`17`, "records", 0, "segments", 0, "onHand")
	counts("Retailer2").want(`"Retailer2"`, "counts", 0, "location").want(`1`, "counts", 0, "changed").
		want(`1`, "counts", 0, "named")
	// If more units shipped than were counted, the answer reports the shortfall, and the other items are counted.
	s.post("/v1/inventory/refresh", `{"location":"Retailer2","count":"n1","items":[
		{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":18},{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":1}]}`).ok().
		want(`2`, "items").want(`[{"item":1,"upc":"BC76845","counted":1,"units":1}]`, "shortfalls")
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`0`, "records", 0, "segments", 0, "onHand").
		want(`18`, "records", 0, "segments", 1, "onHand")
	s.post("/v1/inventory/refresh", `{"location":"Retailer2","count":"n3","items":[{"upc":"BC76845","quantity":19}]}`).
		is(404, "unknown-count")
	s.post("/v1/counts/Retailer2/close", `{"count":"n1"}`).ok()
	counts("").want(`[]`, "counts")
	s.post("/v1/counts/Retailer2/close", `{"count":"n1"}`).is(404, "unknown-count")

	events := s.get("/v1/events").ok()
	next := fmt.Sprint(events.at("next"))
	s.get("/v1/events?after="+next).ok().want(`[]`, "events").want(next, "next")
	s.get("/v1/events?limit=1&after=").ok().want(`1`, "next")
	s.get("/v1/events?after=18446744073709551615").ok().want(`[]`, "events")
	s.get("/v1/events?after=9223372036854775807").ok().want(`[]`, "events").want(`9223372036854775807`, "next")
	if !strings.Contains(events.body, `"type":"count-short"`) || !strings.Contains(events.body, `"count-started"`) ||
		!strings.Contains(events.body, `"schema-changed"`) {
		t.Errorf("events are missing: %s", events.body)
	}
}

func TestOrderLife(t *testing.T) {
	s := newStockedServer(t)
	s.post("/v1/orders/1001/allocate", allocateBody("all", line("1", "Amazon", 5), line("2", "eBay", 1))).ok().
		want(`"1001"`, "orderId").
		want(`{"itemId":"1","outcome":"allocated","code":"ok","requested":5,"allocated":5,"pending":0,
			"segments":[{"tags":{"Channel":"Amazon","Condition":"New"},"quantity":5,"pending":0}]}`, "lines", 0)

	// The order item is its own idempotency key.
	s.post("/v1/orders/1001/allocate", allocateBody("all", line("1", "Amazon", 5))).ok().
		want(`true`, "lines", 0, "repeated")
	s.post("/v1/orders/1001/allocate", allocateBody("all", line("1", "Amazon", 6))).is(409, "order-item-conflict").
		want(`"lines[0].quantity"`, "field")

	s.post("/v1/orders/1001/deallocate", `{"reason":"stuck","lines":[{"itemId":"1","quantity":1}]}`).ok().
		want(`"released"`, "lines", 0, "outcome").want(`1`, "lines", 0, "quantity")
	s.post("/v1/orders/1001/fulfill", ``).ok().want(`4`, "lines", 0, "quantity").
		want(`"fulfilled"`, "lines", 1, "outcome")
	s.post("/v1/orders/1001/fulfill", `{"lines":[{"itemId":"1","quantity":1}]}`).is(409, "exceeds-left").
		want(`"refused"`, "lines", 0, "outcome").want(`0`, "lines", 0, "available")
	s.post("/v1/orders/1001/return", `{"lines":[{"itemId":"1","quantity":1,"tags":{"Nope":"x"}}]}`).
		is(400, "unknown-category").
		want(`"lines[0].tags"`, "field").want(`"Nope"`, "value")
	s.post("/v1/orders/1001/return", `{"lines":[{"itemId":"1","quantity":1,"tags":{"Condition":"x"}}]}`).
		is(400, "unknown-value").
		want(`"lines[0].tags.Condition"`, "field").want(`"x"`, "value")
	s.post("/v1/orders/1001/return", `{"lines":[{"itemId":"1","quantity":1,"tags":{"Condition":"Defective"}}]}`).ok().
		want(`{"Channel":"Amazon","Condition":"Defective"}`, "lines", 0, "segments", 0, "tags")
	s.post("/v1/orders/1001/return", `{"lines":[{"itemId":"1","quantity":2}]}`).ok().
		want(`"returned"`, "lines", 0, "outcome").
		want(`{"Channel":"Amazon","Condition":"New"}`, "lines", 0, "segments", 0, "tags")
	s.post("/v1/orders/1001/return", `{"lines":[{"itemId":"1","quantity":2}]}`).is(409, "exceeds-left").
		want(`1`, "lines", 0, "available")
	s.post("/v1/orders/1001/return", `{"lines":[{"itemId":"9"}]}`).is(404, "unknown-item")
	s.post("/v1/orders/none/fulfill", `{}`).is(404, "unknown-order")
	s.post("/v1/orders/none/return", `{"lines":[{"itemId":"1","quantity":1}]}`).is(404, "unknown-order")
	s.post("/v1/orders/none/return",
		`{"lines":[{"itemId":"1","quantity":1,"upc":"X1","location":"Retailer2","tags":null}]}`).ok().
		want(`{"Channel":"Kibo","Condition":"New"}`, "lines", 0, "segments", 0, "tags")

	// A known order does not change. An unknown order is kept, and its return is accepted once.
	goods := `{"lines":[{"itemId":"01","quantity":2,"upc":"X1","location":"Retailer2","tags":{"Condition":"Defective"}}]}`
	s.post("/v1/orders/1001/return", goods).is(404, "unknown-item").want(`"lines[0]"`, "field").want(`"01"`, "value")
	s.post("/v1/orders/77/return", goods).ok().want(`2`, "lines", 0, "quantity")
	s.post("/v1/orders/77/return", goods).ok().want(`true`, "lines", 0, "repeated").want(`2`, "lines", 0, "quantity")
	s.post("/v1/orders/77/return", strings.Replace(goods, "2", "3", 1)).is(409, "order-item-conflict").
		want(`"lines[0].quantity"`, "field")
	s.get("/v1/inventory/Retailer2/X1").ok().want(`3`, "records", 0, "onHand")
	s.get("/v1/orders/77").ok().want(`0`, "items", 0, "requested").want(`"X1"`, "items", 0, "upc").
		want(
			`{"tags":{"Channel":"Kibo","Condition":"Defective"},"allocated":0,"pending":0,"fulfilled":0,"returned":2,"released":0}`, "items", 0, "lines", 0)
	s.get("/v1/events").ok().want(`"unknown-order-returned"`, "events", 3, "type").want(`"77"`, "events", 3, "orderId")

	r := s.get("/v1/orders/1001").ok()
	r.want(`"released"`, "items", 0, "history", 1, "type").want(`"stuck"`, "items", 0, "history", 1, "reason")
	r.want(
		`{"tags":{"Channel":"Amazon","Condition":"New"},"allocated":0,"pending":0,"fulfilled":4,"returned":3,"released":1}`, "items", 0, "lines", 0)
	r.want(`null`, "items", 0, "expiresAt")
	var history []string
	for _, movement := range r.at("items", 0, "history").([]any) {
		history = append(history, fmt.Sprint(movement.(map[string]any)["type"], movement.(map[string]any)["quantity"]))
	}
	if got := strings.Join(history, " "); got != "allocated5 released1 fulfilled4 returned1 returned2" {
		t.Errorf("history: %s", got)
	}
	s.get("/v1/orders/nope").is(404, "unknown-order")
}

func TestAllocateModes(t *testing.T) {
	s := newStockedServer(t)
	s.post("/v1/orders/a/allocate", allocateBody("all", line("1", "Amazon", 21), line("2", "eBay", 1))).
		is(409, "insufficient").
		want(`"a"`, "orderId").
		want(`"insufficient"`, "lines", 0, "code").want(`20`, "lines", 0, "available").
		want(`"not-attempted"`, "lines", 1, "code").want(`"refused"`, "lines", 1, "outcome")
	s.post("/v1/orders/b/allocate", allocateBody("line", line("1", "Amazon", 21), line("2", "eBay", 1))).ok().
		want(`"refused"`, "lines", 0, "outcome").want(`"allocated"`, "lines", 1, "outcome")
	s.post("/v1/orders/c/allocate", allocateBody("partial", line("1", "Amazon", 21))).ok().
		want(`"partial"`, "lines", 0, "outcome").want(`20`, "lines", 0, "allocated")
	s.post("/v1/orders/d/allocate", `{"backorder":true,"lines":[`+line("1", "Amazon", 3)+`]}`).ok().
		want(`"pending"`, "lines", 0, "outcome").want(`3`, "lines", 0, "pending")
	s.post("/v1/orders/e/allocate", allocateBody("all",
		`{"itemId":"1","upc":"no","location":"Retailer2","quantity":1}`)).is(409, "unknown-record")
	s.post("/v1/orders/e/allocate", allocateBody("all",
		`{"itemId":"1","upc":"BC76845","location":"Retailer2","quantity":1,"tags":{"Condition":"Defective"}}`)).
		is(409, "unknown-segment")
	s.post("/v1/orders/allocate/allocate", allocateBody("all", line("1", "eBay", 1))).ok().want(`"allocate"`, "orderId")
	s.get("/v1/orders/allocate").ok().want(`"allocate"`, "orderId")
}

func TestReservation(t *testing.T) {
	s := newStockedServer(t)
	body := `{"expiresAt":"2026-11-23T16:00:00Z","lines":[` + line("1", "Amazon", 5) + `]}`
	s.post("/v1/orders/r/allocate", body).ok()
	s.get("/v1/orders/r").ok().want(`"2026-11-23T16:00:00.000Z"`, "items", 0, "expiresAt")
	s.post("/v1/orders/r/confirm", `{"lines":[{"itemId":"1","quantity":2}]}`).ok().
		want(`"confirmed"`, "lines", 0, "outcome").want(`2`, "lines", 0, "quantity")
	s.post("/v1/orders/r/confirm", `{}`).is(409, "not-reserved")
	s.post("/v1/orders/old/allocate", strings.Replace(body, "2026-11-23", "2026-11-22", 1)).is(409, "expired").
		want(`"expiresAt"`, "field").want(`"2026-11-22T16:00:00Z"`, "value")
	s.post("/v1/orders/allocate", `{"orders":[{"orderId":"a","lines":[`+line("1", "Amazon", 1)+`]},
		{"orderId":"b","expiresAt":"2026-11-22T16:00:00+01:00","lines":[`+line("1", "Amazon", 1)+`]}]}`).ok().
		want(`"orders[1].expiresAt"`, "orders", 1, "field").want(`"2026-11-22T16:00:00+01:00"`, "orders", 1, "value")
	s.post("/v1/orders/none/return", `{"lines":[{"itemId":"1","upc":"BC76845","location":"Retailer2"}]}`).
		is(400, "missing-field").
		want(`"lines[0].quantity"`, "field").want(`""`, "value")
}

func TestBulkAllocate(t *testing.T) {
	s := newStockedServer(t)
	order := func(id, body string) string { return `{"orderId":"` + id + `",` + body[1:] }
	body := `{"orders":[` + strings.Join([]string{
		order("1", allocateBody("all", line("1", "Amazon", 15))),
		order("2", allocateBody("all", line("1", "Amazon", 15))),
		order("3", allocateBody("all", line("1", "Amazon", 0))),
		order("4", allocateBody("partial", line("1", "Amazon", 15))),
		order("5", allocateBody("all", line("1", "Amazon", 21))),
	}, ",") + `]}`
	check := func(r *reply, replayed string) {
		t.Helper()
		r.ok().want(`200`, "orders", 0, "status").want(`15`, "orders", 0, "lines", 0, "allocated").
			want(replayed, "orders", 0, "replayed")
		r.want(`409`, "orders", 1, "status").want(`"insufficient"`, "orders", 1, "code").
			want(`5`, "orders", 1, "lines", 0, "available")
		r.want(`400`, "orders", 2, "status").want(`"orders[2].lines[0].quantity"`, "orders", 2, "field").
			want(`"0"`, "orders", 2, "value")
		r.want(`200`, "orders", 3, "status").want(`5`, "orders", 3, "lines", 0, "allocated")
		r.want(`409`, "orders", 4, "status")
	}
	check(s.do("POST", "/v1/orders/allocate", body, "Idempotency-Key", "k"), `false`)
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`20`, "records", 0, "allocated")
	s.post("/v1/orders/allocate", `{"orders":[]}`).is(400, "invalid")
	s.post("/v1/orders/allocate", `{"orders":[`+order("1", allocateBody("all", line("1", "Amazon", 1)))+`,`+
		order("1", allocateBody("all", line("2", "Amazon", 1)))+`]}`).
		is(400, "duplicate").want(`"orders[1].orderId"`, "field")

	r := s.do("POST", "/v1/orders/allocate", body, "Idempotency-Key", "k").ok()
	r.want(`true`, "orders", 0, "replayed").want(`true`, "orders", 1, "replayed").
		want(`5`, "orders", 3, "lines", 0, "allocated")
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`20`, "records", 0, "allocated")
}

func TestIdempotencyKey(t *testing.T) {
	s := newStockedServer(t)
	adjust := `{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":%d}]}`
	first := s.do("POST", "/v1/inventory/adjust", fmt.Sprintf(adjust, 5), "Idempotency-Key", "k1").ok()
	again := s.do("POST", "/v1/inventory/adjust", fmt.Sprintf(adjust, 5), "Idempotency-Key", "k1").ok()
	if first.body != again.body || first.header.Get("Idempotency-Replayed") != "" ||
		again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %v %s, again %v %s", first.header, first.body, again.header, again.body)
	}
	s.do("POST", "/v1/inventory/adjust", fmt.Sprintf(adjust, 6), "Idempotency-Key", "k1").
		is(409, "idempotency-key-reused").
		want(`"items[0].quantity"`, "field")
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`45`, "records", 0, "onHand")

	// A refusal is also kept for its key.
	s.do("POST", "/v1/inventory/adjust", fmt.Sprintf(adjust, -100), "Idempotency-Key", "k2").
		is(409, "on-hand-below-zero")
	s.do("POST", "/v1/inventory/adjust", fmt.Sprintf(adjust, 100), "Idempotency-Key", "k3").ok()
	r := s.do("POST", "/v1/inventory/adjust", fmt.Sprintf(adjust, -100), "Idempotency-Key", "k2").
		is(409, "on-hand-below-zero")
	if r.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the kept refusal was not given")
	}

	order := allocateBody("all", line("1", "Amazon", 5))
	s.do("POST", "/v1/orders/1/allocate", order, "Idempotency-Key", "k4").ok()
	if r := s.do("POST", "/v1/orders/1/allocate", order, "idempotency-key", "k4").
		ok(); r.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the kept answer was not given")
	}
	s.do("POST", "/v1/orders/2/allocate", order, "Idempotency-Key", "k4").is(409, "idempotency-key-reused").
		want(`"orderId"`, "field")
	for _, key := range []string{"", " ", "a b", strings.Repeat("k", 65), "schlüssel"} {
		s.do("POST", "/v1/orders/1/allocate", order, "Idempotency-Key", key).is(400, "invalid").
			want(`"Idempotency-Key"`, "field")
	}
}

func TestQuery(t *testing.T) {
	s := newStockedServer(t)
	for location, quantity := range map[string]int{"L1": 5, "L2": 1, "L3": 0} {
		s.post("/v1/inventory/refresh", fmt.Sprintf(
			`{"location":%q,"items":[{"upc":"A","tags":{"Channel":"Kibo"},"quantity":%d},{"upc":"B","tags":{"Channel":"eBay"},"quantity":1}]}`, location, quantity)).ok()
	}
	f := func(body string, want ...string) *reply {
		t.Helper()
		r := s.post("/v1/inventory/query", body).ok()
		got := []string{}
		for _, record := range r.at("records").([]any) {
			got = append(got, fmt.Sprint(record.(map[string]any)["location"], "/", record.(map[string]any)["upc"]))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: records %v, want %v", body, got, want)
		}
		return r
	}
	const items = `"items":[{"upc":"A","quantity":2},{"upc":"B"}]`
	f(`{`+items+`}`, "L1/A", "L1/B", "L2/A", "L2/B", "L3/A", "L3/B")
	f(`{`+items+`,"type":"all-locations"}`, "L1/A", "L1/B", "L2/A", "L2/B", "L3/A", "L3/B")
	f(`{`+items+`,"type":"all"}`, "L1/A", "L1/B")
	f(`{`+items+`,"type":"any"}`, "L1/A", "L1/B", "L2/A", "L2/B", "L3/A", "L3/B")
	f(`{"items":[{"upc":"A","quantity":2}],"type":"any"}`, "L1/A")
	f(`{"items":[{"upc":"A","quantity":2}],"type":"partial"}`, "L1/A", "L2/A")
	f(`{"items":[{"upc":"A","quantity":1,"tags":{"Channel":"eBay"}}],"type":"any"}`)
	f(`{"items":[{"upc":"A","quantity":9}],"type":"any"}`)
	f(`{`+items+`,"locations":["L3","L1","L1","nope"]}`, "L1/A", "L1/B", "L3/A", "L3/B")
	f(`{`+items+`,"type":"any","limit":3}`, "L1/A", "L1/B", "L2/A").more()
	f(`{`+items+`,"limit":6}`, "L1/A", "L1/B", "L2/A", "L2/B", "L3/A", "L3/B").want(`null`, "next")
	f(`{"items":[{"upc":"A"},{"upc":"A","tags":{"Channel":"Kibo"}}],"type":"all"}`, "L1/A", "L2/A")
	f(`{"items":[{"upc":"A","quantity":3},{"upc":"A","quantity":2}],"type":"all"}`, "L1/A")
	f(`{"items":[{"upc":"A","quantity":3},{"upc":"A","quantity":3}],"type":"all"}`)
	f(`{"items":[{"upc":"A","quantity":3},{"upc":"A","quantity":3}],"type":"any"}`, "L1/A")
	f(
		`{"items":[{"upc":"A","quantity":3,"tags":{"Channel":"Kibo","Condition":"New"}},{"upc":"A","quantity":3,"tags":{"Condition":"New","Channel":"Kibo"}}],"type":"all"}`)
	f(`{"items":[{"upc":"A","quantity":9223372036854775807},{"upc":"A","quantity":9223372036854775807}],"type":"all"}`)
	f(`{"locations":["L1","Retailer2"]}`, "L1/A", "L1/B", "Retailer2/BC76845").want(`null`, "next")
	f(`{"locations":["L1","Retailer2"],"limit":2}`, "L1/A", "L1/B").more()
	r := f(`{"items":[{"upc":"BC76845"}],"tags":{"Channel":"Amazon"}}`, "Retailer2/BC76845")
	r.want(`40`, "records", 0, "onHand")
	if n := len(r.at("records", 0, "segments").([]any)); n != 1 {
		t.Errorf("%d segments shown, want Amazon's only", n)
	}
	s.post("/v1/inventory/query", `{}`).is(400, "missing-field")
	s.post("/v1/inventory/query", `{"items":[{"upc":"A","quantity":0}]}`).is(400, "invalid")
	s.post("/v1/inventory/query?consistency=stale", `{"items":[{"upc":"A"}]}`).ok()
}

// A record is read before a schema change reaches it. With the new schema it must show each set of tags once.
func TestSegmentsDuringSchemaChange(t *testing.T) {
	s := newStockedServer(t)
	var before engine.RecordView
	s.store.engine.ReadRecord("BC76845", "Retailer2", &before)
	s.put("/v1/tag-categories/Channel",
		`{"values":[{"value":"Kibo","percent":80,"default":true},{"value":"eBay","percent":20}],"moveTo":{"Amazon":"eBay"}}`).ok()
	schema := s.store.engine.Schema()

	var all stockquery.Sums
	all.Reset(nil)
	all.Add(&before)
	if sums := all.Merge(schema, nil); len(sums) != 1 || sums[0].OnHand != 40 {
		t.Errorf("sums %+v, want one of 40 units", sums)
	}
	before.MergeSegments(schema)
	if len(before.Segments) != 1 || before.Segments[0].OnHand != 40 || before.Segments[0].Floor != 3 ||
		before.Segments[0].LTD != 7 {
		t.Errorf("segments %+v, want one of 40 units, floor 3, ltd 7", before.Segments)
	}
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`{"Channel":"eBay","Condition":"New"}`, "records", 0, "segments",
		0, "tags")
}

func TestAggregate(t *testing.T) {
	s := newStockedServer(t)
	for _, location := range []string{"L1", "L2"} {
		s.post("/v1/inventory/refresh", fmt.Sprintf(
			`{"location":%q,"items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":10,"safetyStock":1}]}`,
			location)).ok()
	}
	s.post("/v1/orders/1/allocate", allocateBody("all", line("1", "Amazon", 4))).ok()
	s.post("/v1/inventory/aggregate", `{"items":[{"upc":"BC76845"},{"upc":"none"}]}`).ok().
		want(`3`, "items", 0, "locations").want(`60`, "items", 0, "onHand").want(`54`, "items", 0, "available").
		want(
			`{"tags":{"Channel":"Amazon","Condition":"New"},"onHand":40,"allocated":4,"pending":0,"safetyStock":2,"available":34}`, "items", 0, "segments", 0).
		want(
			`{"upc":"none","locations":0,"onHand":0,"allocated":0,"pending":0,"safetyStock":0,"available":0,"segments":[]}`, "items", 1)
	s.post("/v1/inventory/aggregate",
		`{"items":[{"upc":"BC76845"}],"locations":["L2","L1","L2"],"tags":{"Channel":"eBay"}}`).ok().
		want(`2`, "items", 0, "locations").want(`20`, "items", 0, "onHand").want(`[]`, "items", 0, "segments")
	s.post("/v1/inventory/aggregate", `{}`).is(400, "missing-field")
}

// Every code of the engine has a status and an explanation.
func TestCodesAreComplete(t *testing.T) {
	for code := engine.CodeOK; code.String() != "unknown-code"; code++ {
		if codeStatus[code] == 0 || code != engine.CodeOK && codeDetails[code] == "" {
			t.Errorf("%s has no status or no detail", code)
		}
	}
}

// TestNothingLeft: an item without units cannot ship, and the answer gives the reason.
func TestNothingLeft(t *testing.T) {
	s := newStockedServer(t)
	f := func(order, reason, detail string) {
		t.Helper()
		for _, body := range []string{`{}`, `{"lines":[{"itemId":"1"}]}`} {
			s.post("/v1/orders/"+order+"/fulfill", body).is(409, "nothing-left").
				want(`"nothing is left of item 1 for this: `+detail+`"`, "detail").
				want(`"nothing-left"`, "lines", 0, "code").want(`"`+reason+`"`, "lines", 0, "reason").
				want(`"refused"`, "lines", 0, "outcome")
		}
	}
	s.post("/v1/orders/held/allocate", `{"expiresAt":"2026-11-23T15:00:01Z","lines":[`+line("1", "Amazon", 2)+`]}`).ok()
	s.store.mu.nowMS += 2000
	s.post("/v1/orders/waits/allocate", `{"backorder":true,"lines":[`+line("1", "Kibo", 2)+`]}`).ok()
	f("held", "expired", "its reservation has ended")
	s.post("/v1/orders/held/fulfill", `{"lines":[{"itemId":"1","quantity":2}]}`).is(409, "exceeds-left").
		want(`"expired"`, "lines", 0, "reason")
	f("waits", "pending", "all of it waits for stock")

	s.post("/v1/orders/o/allocate", allocateBody("all", line("1", "Amazon", 2))).ok()
	s.post("/v1/orders/o/return", `{}`).is(409, "nothing-left").want(`"allocated"`, "lines", 0, "reason")
	s.post("/v1/orders/o/fulfill", `{}`).ok()
	s.post("/v1/orders/o/fulfill", `{}`).ok().want(`true`, "lines", 0, "repeated").want(`2`, "lines", 0, "quantity")
	s.post("/v1/orders/o/deallocate", `{}`).is(409, "nothing-left").want(`"fulfilled"`, "lines", 0, "reason")
	s.post("/v1/orders/held/deallocate", `{}`).ok().want(`[]`, "lines")
	s.post("/v1/inventory/delete", `{"all":true,"force":true}`).ok()
	f("waits", "record-deleted", "its record was deleted, and with it what was promised")
}

// TestOnHandBelowZero: for a fulfillment of more than is on hand, the answer has the units that can ship, and what to
// do.
func TestOnHandBelowZero(t *testing.T) {
	s := newStockedServer(t)
	s.post("/v1/orders/o/allocate", allocateBody("all", line("1", "Amazon", 6))).ok()
	s.post("/v1/inventory/refresh",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":5}]}`).ok()
	r := s.post("/v1/orders/o/fulfill", `{}`).is(409, "on-hand-below-zero").want(`5`, "lines", 0, "available")
	for _, way := range []string{"fulfill as many as the line's available says", "deallocate the others",
		"correct on hand by a refresh or an adjust"} {
		if !strings.Contains(fmt.Sprint(r.at("detail")), way) {
			t.Errorf("the detail does not say %q: %s", way, r.body)
		}
	}
	s.post("/v1/orders/o/fulfill", `{"lines":[{"itemId":"1","quantity":5}]}`).ok()
	s.post("/v1/orders/o/deallocate", `{}`).ok().want(`1`, "lines", 0, "quantity")
}
