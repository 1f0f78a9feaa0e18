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
	f := func(body, want string, more bool) {
		t.Helper()
		r := s.post("/v1/inventory/query", body).ok()
		if got := r.queried(); got != want || (r.at("next") != nil) != more {
			t.Errorf("%s gives %s, next %v, want %s, more %t", body, got, r.at("next"), want, more)
		}
	}
	f(`{"items":[{"upc":"A","quantity":99}]}`, "L1/A L2/A", false)
	// a negative segment does not reduce another one
	f(`{"items":[{"upc":"A","quantity":5}],"type":"any"}`, "L1/A", false)
	f(`{"items":[{"upc":"B","quantity":5}],"type":"any"}`, "L1/B", false)
	f(`{"items":[{"upc":"B","quantity":5}],"type":"any","tags":{"Channel":"Kibo"}}`, "", false)
	f(`{"items":[{"upc":"A"},{"upc":"C"}],"type":"all","limit":2}`, "L2/A L2/C", false)
	f(`{"items":[{"upc":"A"},{"upc":"C"}]}`, "L1/A L2/A L2/C L3/C", false)
	f(`{"items":[{"upc":"A","quantity":3},{"upc":"B","quantity":3}],"type":"all"}`, "L1/A L1/B", false)
	f(
		`{"items":[{"upc":"B","quantity":3,"tags":{"Channel":"Kibo"}},{"upc":"B","quantity":3,"tags":{"Channel":"eBay"}}],"type":"all"}`, "L1/B", false)
	f(`{"items":[{"upc":"A","quantity":9223372036854775807},{"upc":"A"}],"type":"all"}`, "", false)

	s.server.queryReadsMax = 0
	f(`{"items":[{"upc":"A"}]}`, "L1/A", true)
	s.post("/v1/inventory/aggregate", `{"items":[{"upc":"A"}]}`).is(400, "invalid").want(`"items"`, "field")
	s.server.queryReadsMax = 2
	f(`{"items":[{"upc":"A"}]}`, "L1/A L2/A", false)
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
		r := s.post("/v1/inventory/query", `{"locations":["L"]`+more+`}`).ok()
		n, next := len(r.at("records").([]any)), r.at("next") != nil
		if n != want || next != (want <= QueryRecordsDefault) {
			t.Errorf("%s: %d records, a next page: %t, want %d", more, n, next, want)
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

// more demands a cursor.
func (r *reply) more() *reply {
	r.t.Helper()
	if r.at("next") == nil {
		r.t.Fatalf("%s: there is no next page: %s", r.request, r.body)
	}
	return r
}

// queryPages reads a query to its end, in pages of a limit, and counts them.
func (s *testServer) queryPages(body string, limit int) (list string, pages int) {
	s.t.Helper()
	var all []string
	cursor := `null`
	for {
		r := s.post("/v1/inventory/query", fmt.Sprintf(`{%s,"limit":%d,"cursor":%s}`, body, limit, cursor)).ok()
		if pages++; r.queried() != "" {
			all = append(all, r.queried())
		}
		if r.at("next") == nil {
			return strings.Join(all, " "), pages
		}
		cursor = `"` + r.at("next").(string) + `"`
	}
}

// TestQueryPages: pages of any size have the same records as one page, each once, also when a page may look at few
// records.
func TestQueryPages(t *testing.T) {
	s := newTestServer(t, Config{})
	for _, location := range []string{"L3", "L1", "L2"} {
		s.post("/v1/inventory/refresh", `{"location":"`+location+
			`","items":[{"upc":"B","quantity":1},{"upc":"A","quantity":2},{"upc":"C","quantity":0}]}`).ok()
	}
	f := func(body, want string) {
		t.Helper()
		for limit := 1; limit <= 10; limit++ {
			for _, s.server.queryReadsMax = range []int{0, 2, 100} {
				got, pages := s.queryPages(body, limit)
				if got != want {
					t.Errorf("%s in pages of %d, %d reads: %s, want %s", body, limit, s.server.queryReadsMax, got, want)
				}
				if s.server.queryReadsMax == 100 && pages > 1+strings.Count(want, " ")/limit {
					t.Errorf("%s in pages of %d: %d pages", body, limit, pages)
				}
			}
		}
	}
	f(`"items":[{"upc":"C"},{"upc":"B"},{"upc":"A"},{"upc":"none"}]`, "L1/C L1/B L1/A L2/C L2/B L2/A L3/C L3/B L3/A")
	f(`"items":[{"upc":"A"},{"upc":"B"},{"upc":"A"}],"locations":["L3","L2"]`, "L2/A L2/B L3/A L3/B")
	f(`"items":[{"upc":"A","quantity":2},{"upc":"B"}],"type":"all"`, "L1/A L1/B L2/A L2/B L3/A L3/B")
	f(`"items":[{"upc":"A","quantity":3}],"type":"any"`, "")
	f(`"locations":["L3","none","L1"]`, "L1/A L1/B L1/C L3/A L3/B L3/C")

	s.server.queryReadsMax = QueryReadsMax
	items := s.post("/v1/inventory/query", `{"items":[{"upc":"A"},{"upc":"B"}],"limit":1}`).more().at("next").(string)
	listing := s.post("/v1/inventory/query", `{"locations":["L1"],"limit":1}`).more().at("next").(string)
	for _, body := range []string{`{"items":[{"upc":"A"}],"cursor":"x"}`, `{"locations":["L1"],"cursor":"` + items + `"}`,
		`{"items":[{"upc":"A"}],"cursor":"` + listing + `"}`} {
		s.post("/v1/inventory/query", body).is(400, "invalid-cursor").want(`"cursor"`, "field")
	}
}

// TestAggregateGroups: sums are grouped by location and by any of the tag categories.
func TestAggregateGroups(t *testing.T) {
	s := newTestServer(t, Config{})
	s.put("/v1/tag-categories/Channel", `{"values":[{"value":"Kibo","default":true},{"value":"eBay"}]}`).ok()
	s.put("/v1/tag-categories/Condition", `{"values":[{"value":"New","default":true},{"value":"Used"}]}`).ok()
	for i, location := range []string{"L1", "L2"} {
		s.post("/v1/inventory/refresh", fmt.Sprintf(`{"location":%q,"items":[
			{"upc":"A","tags":{"Channel":"Kibo"},"quantity":%d},
			{"upc":"A","tags":{"Channel":"Kibo","Condition":"Used"},"quantity":10,"safetyStock":1},
			{"upc":"A","tags":{"Channel":"eBay"},"quantity":100}]}`, location, i+1)).ok()
	}
	f := func(more, want string) {
		t.Helper()
		r := s.post("/v1/inventory/aggregate", `{"items":[{"upc":"A"}]`+more+`}`).ok().want(`223`, "items", 0, "onHand")
		got := ""
		for _, segment := range r.at("items", 0, "segments").([]any) {
			m := segment.(map[string]any)
			tags := m["tags"].(map[string]any)
			for _, word := range []any{m["location"], tags["Channel"], tags["Condition"]} {
				if word != nil {
					got += word.(string) + " "
				}
			}
			got += fmt.Sprint(m["onHand"], "/", m["available"], ", ")
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", more, got, want)
		}
	}
	f(``, "Kibo New 3/3, Kibo Used 20/18, eBay New 200/200, ")
	f(`,"groupBy":null`, "Kibo New 3/3, Kibo Used 20/18, eBay New 200/200, ")
	f(`,"groupBy":[]`, "223/221, ")
	f(`,"groupBy":["Channel"]`, "Kibo 23/21, eBay 200/200, ")
	f(`,"groupBy":["Channel"],"tags":{"Condition":"New"}`, "Kibo 3/3, eBay 200/200, ")
	f(`,"groupBy":["location"]`, "L1 111/110, L2 112/111, ")
	f(`,"groupBy":["Condition","location"],"tags":{"Channel":"Kibo"}`,
		"L1 New 1/1, L1 Used 10/9, L2 New 2/2, L2 Used 10/9, ")

	// A value leaves the schema: its units are another one's at once.
	s.put("/v1/tag-categories/Condition", `{"values":[{"value":"New","default":true}],"moveTo":{"Used":"New"}}`).ok()
	f(`,"groupBy":["location","Channel","Condition"]`,
		"L1 Kibo New 11/10, L1 eBay New 100/100, L2 Kibo New 12/11, L2 eBay New 100/100, ")

	refused := func(groupBy, code, field string) {
		t.Helper()
		s.post("/v1/inventory/aggregate", `{"items":[{"upc":"A"}],"groupBy":`+groupBy+`}`).is(400, code).
			want(`"`+field+`"`, "field")
	}
	refused(`["Channel","channel"]`, "unknown-category", "groupBy[1]")
	refused(`["location","location"]`, "duplicate", "groupBy[1]")
	s.server.querySumsMax = 3
	refused(`["location","Channel"]`, "invalid", "items")
	s.server.querySumsMax = 4
	f(`,"groupBy":["location","Channel"]`, "L1 Kibo 11/10, L1 eBay 100/100, L2 Kibo 12/11, L2 eBay 100/100, ")
	s.post("/v1/inventory/query", `{"items":[{"upc":"A"}],"groupBy":["location"]}`).is(400, "unknown-field")
}
