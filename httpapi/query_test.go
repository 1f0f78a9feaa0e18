package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// queried returns the records of a query's reply as "location/upc ...".
func (r *reply) queried() string {
	r.t.Helper()
	var list []string
	for _, record := range r.at("records").([]any) {
		m := record.(map[string]any)
		list = append(list, fmt.Sprint(m["location"], "/", m["upc"]))
	}
	return strings.Join(list, " ")
}

// TestQueryCounts: a query counts the units of a location by item, by tags and by segment. Omitted records do not count
// for the limit.
func TestQueryCounts(t *testing.T) {
	s := newStockedServer(t)
	for location, items := range map[string]string{
		"L1": `{"upc":"A","tags":{"Channel":"Kibo"},"quantity":5},{"upc":"A","tags":{"Channel":"eBay"},"quantity":1,"safetyStock":4},
			{"upc":"B","tags":{"Channel":"Kibo"},"quantity":4},{"upc":"B","tags":{"Channel":"eBay"},"quantity":4}`,
		"L2": `{"upc":"A","tags":{"Channel":"Kibo"},"quantity":4},{"upc":"C","tags":{"Channel":"eBay"},"quantity":1}`,
		"L3": `{"upc":"C","tags":{"Channel":"Kibo"},"quantity":1}`,
	} {
		s.post("/v1/inventory/refresh", `{"location":"`+location+`","items":[`+items+`]}`).ok()
	}
	f := func(body, want, truncated string) {
		t.Helper()
		if got := s.post("/v1/inventory/query", body).ok().want(truncated, "truncated").queried(); got != want {
			t.Errorf("%s gives %s, want %s", body, got, want)
		}
	}
	f(`{"items":[{"upc":"A","quantity":99}]}`, "L1/A L2/A", `false`)
	// a negative segment does not reduce another one
	f(`{"items":[{"upc":"A","quantity":5}],"type":"any"}`, "L1/A", `false`)
	f(`{"items":[{"upc":"B","quantity":5}],"type":"any"}`, "L1/B", `false`)
	f(`{"items":[{"upc":"B","quantity":5}],"type":"any","tags":{"Channel":"Kibo"}}`, "", `false`)
	f(`{"items":[{"upc":"A"},{"upc":"C"}],"type":"all","limit":2}`, "L2/A L2/C", `false`)
	f(`{"items":[{"upc":"A"},{"upc":"C"}]}`, "L1/A L2/A L2/C L3/C", `false`)
	f(`{"items":[{"upc":"A","quantity":3},{"upc":"B","quantity":3}],"type":"all"}`, "L1/A L1/B", `false`)
	f(
		`{"items":[{"upc":"B","quantity":3,"tags":{"Channel":"Kibo"}},{"upc":"B","quantity":3,"tags":{"Channel":"eBay"}}],"type":"all"}`, "L1/B", `false`)
	f(`{"items":[{"upc":"A","quantity":9223372036854775807},{"upc":"A"}],"type":"all"}`, "", `false`)

	s.server.queryReadsMax = 0
	f(`{"items":[{"upc":"A"}]}`, "L1/A", `true`)
	s.post("/v1/inventory/aggregate", `{"items":[{"upc":"A"}]}`).is(400, "invalid").want(`"items"`, "field")
	s.server.queryReadsMax = 2
	f(`{"items":[{"upc":"A"}]}`, "L1/A L2/A", `false`)
	s.post("/v1/inventory/aggregate", `{"items":[{"upc":"A"}]}`).ok()

	s.post("/v1/inventory/aggregate", `{"locations":["L1"]}`).is(400, "missing-field")
	s.post("/v1/inventory/aggregate", `{"items":[{"upc":"A","tags":{"Channel":"Kibo"}}]}`).is(400, "unknown-field")
	s.post("/v1/inventory/aggregate", `{"items":[{"upc":"A","quantity":1}]}`).is(400, "unknown-field")
}

// TestQueryDefaultLimit: without a limit in the query, a reply has a thousand records, and reports that there are more.
func TestQueryDefaultLimit(t *testing.T) {
	s := newStockedServer(t)
	items := make([]string, QueryRecordsDefault+1)
	for i := range items {
		items[i] = fmt.Sprintf(`{"upc":"U%d","tags":{"Channel":"Kibo"},"quantity":1}`, i)
	}
	s.post("/v1/inventory/refresh", `{"location":"L","items":[`+strings.Join(items, ",")+`]}`).ok()
	for more, want := range map[string]int{"": 1_000, `,"limit":1001`: 1_001, `,"limit":3`: 3} {
		truncated := fmt.Sprint(want <= QueryRecordsDefault)
		if n := len(s.post("/v1/inventory/query", `{"locations":["L"]`+more+`}`).ok().want(truncated, "truncated").
			at("records").([]any)); n != want {
			t.Errorf("%s: %d records, want %d", more, n, want)
		}
	}
}

// TestEventsTellAll: the reply has each member of an event.
func TestEventsTellAll(t *testing.T) {
	s := newStockedServer(t)
	after := fmt.Sprint(s.get("/v1/events").ok().at("next"))
	s.post("/v1/orders/7/allocate", `{"expiresAt":"2026-11-23T16:00:00Z","lines":[`+line("a", "Amazon", 18)+`]}`).ok()
	s.post("/v1/counts/Retailer2/start", `{"count":"n1"}`).ok()
	s.store.mu.nowMS = kiboNowMS + 3_600_000
	s.post("/v1/inventory/adjust", `{"location":"L","items":[{"upc":"A","quantity":1}]}`).ok()
	r := s.get("/v1/events?after=" + after).ok()
	r.want(`"floor-crossed"`, "events", 0, "type").want(`"BC76845"`, "events", 0, "upc").
		want(`"Retailer2"`, "events", 0, "location").
		want(`{"Channel":"Amazon","Condition":"New"}`, "events", 0, "tags").want(`2`, "events", 0, "units").
		want(`3`, "events", 0, "limit")
	r.want(`"count-started"`, "events", 1, "type").want(`"n1"`, "events", 1, "name").want(`0`, "events", 1, "units")
	r.want(`"reservation-expired"`, "events", 2, "type").want(`"7"`, "events", 2, "orderId").
		want(`"a"`, "events", 2, "itemId").want(`18`, "events", 2, "units")
	for i, want := range []string{"4", "5", "6"} {
		r.want(want, "events", i, "index")
	}
	if next := fmt.Sprint(r.at("events", 2, "id")); next != fmt.Sprint(r.at("next")) {
		t.Errorf("next is %v after event %s", r.at("next"), next)
	}
	s.get("/v1/events?limit=2&after="+after).ok().want(fmt.Sprint(r.at("events", 1, "id")), "next")
}
