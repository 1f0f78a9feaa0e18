package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// listed reads a list to its end, in pages of a limit, and joins what show makes of each element.
func (s *testServer) listed(path, member string, limit int, show func(m map[string]any) string) string {
	s.t.Helper()
	var all []string
	for next := ""; ; {
		page := s.get(fmt.Sprintf("%s&limit=%d&cursor=%s", path, limit, url.QueryEscape(next))).ok()
		elements := page.at(member).([]any)
		if len(elements) > limit {
			s.t.Fatalf("%s: a page of %d", path, len(elements))
		}
		for _, element := range elements {
			all = append(all, show(element.(map[string]any)))
		}
		if page.at("next") == nil {
			return strings.Join(all, " ")
		}
		next = page.at("next").(string)
	}
}

// TestListOrders: the list goes by the age of the last change, with the units that each item holds.
func TestListOrders(t *testing.T) {
	s := newTestServer(t, Config{})
	s.put("/v1/tag-categories/Channel", channels).ok()
	s.post("/v1/inventory/refresh", `{"location":"L","items":[{"upc":"A","tags":{"Channel":"Kibo"},"quantity":9}]}`).ok()
	s.store.mu.nowMS = time.Now().UnixMilli() - 7_200_000
	for _, id := range []string{"b", "a"} {
		s.post("/v1/orders/"+id+"/allocate",
			`{"lines":[{"itemId":"1","upc":"A","location":"L","quantity":2,"tags":{"Channel":"Kibo"}}]}`).ok()
	}
	s.store.mu.nowMS = time.Now().UnixMilli()
	s.post("/v1/orders/new/allocate", `{"backorder":true,"lines":[{"itemId":"1","upc":"A","location":"L","quantity":1}]}`).ok()
	s.post("/v1/orders/b/fulfill", "").ok()
	f := func(path, want string) {
		t.Helper()
		for limit := 1; limit <= 3; limit += 2 {
			got := s.listed(path, "orders", limit, func(m map[string]any) string { return m["orderId"].(string) })
			if got != want {
				t.Errorf("%s in pages of %d: %s, want %s", path, limit, got, want)
			}
		}
	}
	f("/v1/orders?state=", "a new b")
	f("/v1/orders?state=open", "a new")
	f("/v1/orders?state=closed", "b")
	f("/v1/orders?state=open&location=L&upc=A", "a new")
	f("/v1/orders?location=M", "")
	f("/v1/orders?olderThanSeconds=3600", "a")
	s.get("/v1/orders?state=open&limit=1").ok().want(`[{"itemId":"1","upc":"A","location":"L","requested":2,
		"expiresAt":null,"allocated":2,"pending":0,"lines":[{"tags":{"Channel":"Kibo"},"allocated":2,"pending":0}]}]`,
		"orders", 0, "items")

	s.get("/v1/orders?state=stuck").is(400, "invalid").want(`"state"`, "field")
	s.get("/v1/orders?cursor=1").is(400, "invalid-cursor").want(`"cursor"`, "field")
	s.get("/v1/orders?olderThanSeconds=1.5").is(400, "invalid").want(`"olderThanSeconds"`, "field")
	s.get("/v1/orders?location=%20").is(400, "invalid").want(`"location"`, "field")
	s.get("/v1/orders?limit=1001").is(400, "invalid")
	s.get("/v1/orders?after=1").is(400, "unknown-parameter")
}

// TestListRecords: records, locations and UPCs by their parameters.
func TestListRecords(t *testing.T) {
	s := newTestServer(t, Config{})
	s.put("/v1/tag-categories/Channel", `{"values":[{"value":"Web","default":true},{"value":"A,B"}]}`).ok()
	for _, location := range []string{"L2", "L1"} {
		s.post("/v1/inventory/refresh", `{"location":"`+location+`","items":[{"upc":"A1","quantity":5},
			{"upc":"B12","quantity":0},{"upc":"B12","tags":{"Channel":"A,B"},"quantity":7}]}`).ok()
	}
	f := func(path, want string) {
		t.Helper()
		for limit := 1; limit <= 4; limit++ {
			got := s.listed(path, "records", limit, func(m map[string]any) string {
				return fmt.Sprint(m["location"], "/", m["upc"], ":", len(m["segments"].([]any)))
			})
			if got != want {
				t.Errorf("%s in pages of %d: %s, want %s", path, limit, got, want)
			}
		}
	}
	f("/v1/inventory?location=", "L1/A1:1 L1/B12:2 L2/A1:1 L2/B12:2")
	f("/v1/inventory?location=L2", "L2/A1:1 L2/B12:2")
	f("/v1/inventory?upc=A1", "L1/A1:1 L2/A1:1")
	f("/v1/inventory?search=2", "L1/B12:2 L2/B12:2")
	f("/v1/inventory?sort=upc", "L1/A1:1 L2/A1:1 L1/B12:2 L2/B12:2")
	f("/v1/inventory?tags=Channel:Web&state=sold-out", "L1/B12:1 L2/B12:1")
	f(`/v1/inventory?tags=`+url.QueryEscape(`Channel:A\,B`), "L1/B12:1 L2/B12:1")
	name := func(member string) func(m map[string]any) string {
		return func(m map[string]any) string { return m[member].(string) }
	}
	if got := s.listed("/v1/locations?search=L", "locations", 1, name("location")); got != "L1 L2" {
		t.Errorf("the locations are %s", got)
	}
	s.get("/v1/locations").ok().want(`{"location":"L1","records":2,"onHand":12}`, "locations", 0)
	if got := s.listed("/v1/upcs?search=1", "upcs", 1, name("upc")); got != "A1 B12" {
		t.Errorf("the UPCs are %s", got)
	}

	s.get("/v1/inventory?tags=Channel:web").is(400, "unknown-value").want(`"tags.Channel"`, "field")
	s.get("/v1/inventory?tags=Channel").is(400, "invalid").want(`"tags"`, "field")
	s.get("/v1/inventory?sort=available").is(400, "invalid").want(`"sort"`, "field")
	s.get("/v1/inventory?state=new").is(400, "invalid").want(`"state"`, "field")
	s.get("/v1/upcs?cursor=x").is(400, "invalid-cursor")
	s.get("/v1/upcs?location=L1").is(400, "unknown-parameter")
}

// TestRecordHistory: what happened to a record, newest first, with reasons, also once it is deleted.
func TestRecordHistory(t *testing.T) {
	s := newTestServer(t, Config{})
	const history = "/v1/inventory/L/A/history"
	s.get(history).is(404, "unknown-record").want(`"A"`, "value")
	s.post("/v1/inventory/refresh", `{"location":"L","items":[{"upc":"A","quantity":9},{"upc":"B","quantity":1}]}`).ok()
	s.get(history).ok().want(`[]`, "events").want(`null`, "since").want(`null`, "next")
	for _, reason := range []string{"damaged", "count"} {
		s.post("/v1/inventory/adjust", `{"location":"L","reason":"`+reason+`","reference":"sheet-7",
			"items":[{"upc":"A","quantity":-2},{"upc":"B","quantity":1}]}`).ok()
	}
	s.post("/v1/inventory/delete", `{"upcs":["A"]}`).ok()
	got := s.listed(history+"?consistency=linearizable", "events", 1, func(m map[string]any) string {
		return fmt.Sprint(m["upc"], " ", m["type"], " ", m["reason"], " ", m["reference"], " ", m["units"])
	})
	if got != "A stock-changed count sheet-7 -2 A stock-changed damaged sheet-7 -2" {
		t.Error(got)
	}
	s.store.mu.nowMS += 8 * 24 * 3600 * 1000
	s.post("/v1/inventory/adjust", `{"location":"L","reason":"count","items":[{"upc":"B","quantity":1}]}`).ok()
	s.get("/v1/inventory/L/B/history").ok().want(`{"index":5,"time":"2026-12-01T15:00:00.005Z"}`, "since")
	s.get(history).is(404, "unknown-record")
	s.get(history+"?cursor=1").is(400, "invalid-cursor")
	s.get(history+"?after=1").is(400, "unknown-parameter")
}
