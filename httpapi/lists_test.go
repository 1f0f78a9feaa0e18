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
