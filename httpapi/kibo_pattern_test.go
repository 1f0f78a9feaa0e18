package httpapi

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"apportion/engine"
)

// TestKiboPatternsAreBounded: the cost of a delete's pattern is bounded before the first match.
func TestKiboPatternsAreBounded(t *testing.T) {
	c := newKiboStock(t)
	items := func(count int, pattern string) string {
		list := make([]string, count)
		for i := range list {
			list[i] = fmt.Sprintf(`{"upc":%q}`, pattern)
		}
		return `{"items":[` + strings.Join(list, ",") + `],"dryRun":true}`
	}
	const futures = `{"upc":%q,"dryRun":true,"futureStartDate":"2026-01-01","futureEndDate":"2026-12-31"}`
	for _, row := range []struct{ path, body, field, message string }{
		{"/deleteItems", items(60, strings.Repeat("(a|b)*", 2_000)), "items[0].upc", "at most 1024"},
		{"/deleteItems", items(1, strings.Repeat("(a|b)*", 43)), "items[0]", "at most 256"},
		{"/delete", fmt.Sprintf(`{"upc":%q}`, strings.Repeat("a*", 129)), "item", "at most 256"},
		{"/deleteItems", items(21, "A.*"), "items[20]", "more than 20 patterns"},
		{"/deleteItems", items(1, "[a-z]{1000}[a-z]{1000}[a-z]{1000}[a-z]{1000}[a-z]{1000}"), "items[0]",
			"more than 4096 steps"},
		{"/deleteItems", items(5, "[a-z]{1000}"), "items[4]", "more than 4096 steps"},
		{"/deleteItems", items(1, "((a{100}){100}){100}*"), "items[0]", "no pattern"},
		{"/deleteItems", items(1, `(?=A)A*`), "items[0]", "no pattern"}, // lookahead: no linear matcher supports it
		{"/deleteItems", items(1, `(A*)\1`), "items[0]", "no pattern"},
		{"/deleteFutureInventory", fmt.Sprintf(futures, strings.Repeat("a*", 129)), "upc", "at most 256"},
		{"/deleteFutureInventory", fmt.Sprintf(futures, "[a-z]{1000}[a-z]{1000}[a-z]{1000}[a-z]{1000}[a-z]{1000}"),
			"upc", "more than 4096 steps"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		status, value, text := c.call("POST", kiboV5+row.path, row.body)
		runtime.ReadMemStats(&after)
		reply, _ := value.(map[string]any)
		if said, _ := reply["message"].(string); status != 400 || reply["code"] != "invalid" ||
			reply["field"] != row.field || !strings.Contains(said, row.message) || reply["value"] == "" {
			t.Errorf("%s %.100s answers %d %.300s, want 400 at %s with %q", row.path, row.body, status, text, row.field,
				row.message)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 20<<20 {
			t.Errorf("%s %.100s: %d bytes are allocated", row.path, row.body, took)
		}
	}
	c.want(c.must("POST", kiboV5+"/deleteItems", items(20, "A.*")), `{"records":1}`)
	c.want(c.must("POST", kiboV5+"/deleteItems", items(1, "[A-B]")), `{"records":2}`)
	c.want(c.must("POST", kiboV5+"/deleteItems", items(1, "a{0,60}[^b]*B$")), `{"records":1}`)
}

// TestKiboLongLooksEnd: a look at all records ends at the request's timeout, and nothing changes.
func TestKiboLongLooksEnd(t *testing.T) {
	c := newKiboStock(t)
	for i := range 100 {
		c.must("POST", kiboV5+"/refresh", fmt.Sprintf(`{"locationCode":"11","items":[{"upc":"U%d","quantity":1}]}`, i))
	}
	before := c.store.engine.Stats()
	c.server.config.RequestTimeout = time.Nanosecond
	for _, row := range [][3]string{
		{"POST", kiboV5 + "/deleteItems", `{"items":[{"upc":"U.*"}]}`},
		{"POST", kiboV5 + "/deleteFutureInventory",
			`{"upc":"U.*","futureStartDate":"2026-01-01","futureEndDate":"2026-12-31"}`},
		{"PUT", "/adjustFutureDate/7", `{"futureDate":"2027-01-01"}`},
		{"GET", kiboV1 + "export", ""},
	} {
		status, value, text := c.call(row[0], row[1], row[2])
		if reply, _ := value.(map[string]any); status != 503 || reply["code"] != "busy" ||
			!strings.Contains(text, "time was up") {
			t.Errorf("%s %s answers %d %.300s", row[0], row[1], status, text)
		}
	}
	if after := c.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
}

// TestKiboPatternMatchesMax: patterns may match as many items as a delete may name, and not one more.
func TestKiboPatternMatchesMax(t *testing.T) {
	c := newKiboStock(t)
	rows := make([]string, engine.ScopeNamesMax)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"upc":"M%d","quantity":1}`, i)
	}
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"11","items":[`+strings.Join(rows, ",")+`]}`)
	const all = `{"items":[{"upc":"M.*"}],"dryRun":true}`
	c.want(c.must("POST", kiboV5+"/deleteItems", all), fmt.Sprintf(`{"records":%d}`, engine.ScopeNamesMax))
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"11","items":[{"upc":"M-more","quantity":1}]}`)
	status, value, text := c.call("POST", kiboV5+"/deleteItems", all)
	if reply, _ := value.(map[string]any); status != 400 || reply["field"] != "items" ||
		!strings.Contains(text, "more than 12000 items") {
		t.Errorf("one more answers %d %.300s", status, text)
	}
}
