package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
)

// many joins the texts for n numbers with commas.
func many(n int, each func(i int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = each(i)
	}
	return strings.Join(parts, ",")
}

func numbered(format string) func(n int) string {
	return func(n int) string { return many(n, func(i int) string { return fmt.Sprintf(format, i) }) }
}

// long is a text of n bytes.
func long(n int) string { return strings.Repeat("x", n) }

// TestLimits: each limit accepts its value, and refuses one more with the field.
func TestLimits(t *testing.T) {
	s := newTestServer(t, Config{})
	// send sends a request with n of something.
	f := func(what string, limit int, field string, send func(n int) *reply) {
		t.Helper()
		if r := send(limit); r.status != 200 {
			t.Errorf("%s: %d are refused: %d %.300s", what, limit, r.status, r.body)
		}
		r := send(limit + 1)
		if r.status != 400 || r.json["code"] != "invalid" || r.json["field"] != field {
			t.Errorf("%s: %d are answered with %d %.300s, want 400 invalid for %q", what, limit+1, r.status, r.body,
				field)
		}
	}
	// post replaces %s in the body with the text for n.
	post := func(path, body string, text func(n int) string) func(n int) *reply {
		return func(n int) *reply { return s.post(path, strings.ReplaceAll(body, "%s", text(n))) }
	}
	s.put("/v1/tag-categories/Channel", `{"values":[{"value":"Kibo","default":true},{"value":"Amazon"}]}`).ok()
	s.post("/v1/inventory/refresh",
		`{"location":"L","items":[{"upc":"U","quantity":100000},{"upc":"U","quantity":100000,"tags":{"Channel":"Amazon"}}]}`).
		ok()

	const refresh, line = "/v1/inventory/refresh", `{"itemId":"%d","upc":"U","location":"L","quantity":1}`
	f("bytes of a UPC", engine.UPCBytesMax, "items[0].upc",
		post(refresh, `{"location":"L","items":[{"upc":"%s","quantity":1}]}`, long))
	f("bytes of a location", engine.LocationBytesMax, "location",
		post(refresh, `{"location":"%s","items":[{"upc":"U1","quantity":1}]}`, long))
	f("bytes of an order id", engine.OrderIDBytesMax, "orderId", func(n int) *reply {
		return s.post("/v1/orders/"+long(n)+"/allocate", `{"lines":[`+fmt.Sprintf(line, 1)+`]}`)
	})
	f("bytes of an item id", engine.ItemIDBytesMax, "lines[0].itemId",
		post("/v1/orders/o1/allocate", `{"lines":[{"itemId":"%s","upc":"U","location":"L","quantity":1}]}`, long))
	f("bytes of a category", engine.TagBytesMax, "name", func(n int) *reply {
		return s.put("/v1/tag-categories/"+long(n), `{"values":[{"value":"a","default":true}]}`)
	})
	f("bytes of a value", engine.TagBytesMax, "values[0].value", func(n int) *reply {
		return s.put("/v1/tag-categories/C2", `{"values":[{"value":"`+long(n)+`","default":true}]}`)
	})
	f("bytes of a count", engine.TagBytesMax, "count", post("/v1/counts/L/start", `{"count":"%s"}`, long))
	f("bytes of an idempotency key", IdempotencyKeyBytesMax, "Idempotency-Key", func(n int) *reply {
		return s.do("POST", refresh, `{"location":"L","items":[{"upc":"U2","quantity":1}]}`, "Idempotency-Key", long(n))
	})
	f("units", engine.QuantityMax, "items[0].quantity",
		post(refresh, `{"location":"L","items":[{"upc":"U3","quantity":%s}]}`, func(n int) string {
			return fmt.Sprint(n)
		}))

	f("items of a refresh", engine.RefreshItemsMax, fmt.Sprintf("items[%d]", engine.RefreshItemsMax),
		post(refresh, `{"location":"L","items":[%s]}`, numbered(`{"upc":"R%d","quantity":1}`)))
	f("items of an adjust", engine.AdjustItemsMax, fmt.Sprintf("items[%d]", engine.AdjustItemsMax),
		post("/v1/inventory/adjust", `{"location":"L","items":[%s]}`, numbered(`{"upc":"R%d","quantity":1}`)))
	f("items of a transfer", engine.TransferItemsMax, fmt.Sprintf("items[%d]", engine.TransferItemsMax),
		post("/v1/inventory/transfer", `{"items":[%s]}`,
			numbered(`{"upc":"R%d","quantity":1,"from":{"location":"L"},"to":{"location":"M"}}`)))
	f("lines of an order", engine.OrderLinesMax, fmt.Sprintf("lines[%d]", engine.OrderLinesMax),
		post("/v1/orders/o2/allocate", `{"lines":[%s]}`, numbered(line)))
	f("lines of a change", engine.OrderLinesMax, fmt.Sprintf("lines[%d]", engine.OrderLinesMax),
		post("/v1/orders/o2/fulfill", `{"lines":[%s]}`, numbered(`{"itemId":"%d"}`)))
	f("orders of a request", BulkOrdersMax, fmt.Sprintf("orders[%d]", BulkOrdersMax),
		post("/v1/orders/allocate", `{"orders":[%s]}`,
			numbered(`{"orderId":"b%d","lines":[{"itemId":"1","upc":"U","location":"L","quantity":1}]}`)))
	f("lines of all orders of a request", BulkLinesMax, fmt.Sprintf("orders[%d]", BulkLinesMax/engine.OrderLinesMax),
		post("/v1/orders/allocate", `{"orders":[%s]}`, func(n int) string {
			const each = engine.OrderLinesMax
			return many((n+each-1)/each, func(i int) string {
				return fmt.Sprintf(`{"orderId":"l%d","mode":"line","lines":[%s]}`, i,
					numbered(line)(min(each, n-i*each)))
			})
		}))
	const attributed = `{"lines":[{"itemId":"1","upc":"U","location":"L","quantity":1,"attributes":{%s}}]}`
	f("attributes of a line", engine.AttributesMax, fmt.Sprintf("lines[0].attributes.a%d", engine.AttributesMax),
		post("/v1/orders/o3/allocate", attributed, numbered(`"a%d":1`)))
	f("bytes of an attribute's name", engine.AttributeBytesMax, "lines[0].attributes",
		post("/v1/orders/o4/allocate", attributed, func(n int) string { return `"` + long(n) + `":1` }))
	f("bytes of an attribute's value", engine.AttributeBytesMax, "lines[0].attributes.a",
		post("/v1/orders/o5/allocate", attributed, func(n int) string { return `"a":"` + long(n) + `"` }))

	for _, path := range []string{"/v1/inventory/query", "/v1/inventory/aggregate"} {
		f("items of "+path, QueryItemsMax, fmt.Sprintf("items[%d]", QueryItemsMax),
			post(path, `{"items":[%s]}`, numbered(`{"upc":"R%d"}`)))
		f("locations of "+path, QueryLocationsMax, fmt.Sprintf("locations[%d]", QueryLocationsMax),
			post(path, `{"items":[{"upc":"U"}],"locations":[%s]}`, numbered(`"L%d"`)))
	}
	f("records of a query", QueryRecordsMax, "limit", post("/v1/inventory/query", `{"items":[{"upc":"U"}],"limit":%s}`,
		func(n int) string {
			return fmt.Sprint(n)
		}))
	f("events", EventsMax, "limit", func(n int) *reply { return s.get(fmt.Sprint("/v1/events?limit=", n)) })
	f("seconds behind", maxLagSecondsMax, "maxLagSeconds", func(n int) *reply {
		return s.get(fmt.Sprint("/v1/tag-categories?consistency=stale&maxLagSeconds=", n))
	})
	for _, path := range []string{"/v1/inventory/redistribute", "/v1/inventory/delete"} {
		f("UPCs of "+path, engine.ScopeNamesMax, fmt.Sprintf("upcs[%d]", engine.ScopeNamesMax),
			post(path, `{"upcs":[%s],"dryRun":true}`, numbered(`"R%d"`)))
		f("locations of "+path, engine.ScopeNamesMax, fmt.Sprintf("locations[%d]", engine.ScopeNamesMax),
			post(path, `{"locations":[%s],"dryRun":true}`, numbered(`"L%d"`)))
	}
	// The smallest limit is one, and the smallest lag is not negative.
	query := func(limit int) *reply {
		return s.post("/v1/inventory/query", fmt.Sprintf(`{"items":[{"upc":"U"}],"limit":%d}`, limit))
	}
	query(1).ok()
	query(0).is(400, "invalid").want(`"limit"`, "field").want(`"0"`, "value")
	for _, lag := range []string{"-1", "x"} {
		s.get("/v1/tag-categories?consistency=stale&maxLagSeconds="+lag).is(400, "invalid").
			want(`"maxLagSeconds"`, "field")
	}
}

// TestLimitsOfParts tests limits that no request, or only a very long one, reaches.
func TestLimitsOfParts(t *testing.T) {
	f := func(what string, limit int, taken func(n int) bool) {
		t.Helper()
		if !taken(limit) {
			t.Errorf("%s: %d are refused", what, limit)
		}
		if taken(limit + 1) {
			t.Errorf("%s: %d are taken", what, limit+1)
		}
	}
	token := func(name, secret int) bool {
		_, err := ParseTokens([]byte(long(name) + ":" + long(secret)))
		return err == nil
	}
	f("bytes of a token's name", tokenNameBytesMax, func(n int) bool { return token(n, tokenSecretBytesMin) })
	f("bytes of a secret", tokenSecretBytesMax, func(n int) bool { return token(1, n) })
	if token(1, tokenSecretBytesMin-1) {
		t.Error("a secret that is too short is taken")
	}
	f("tokens", TokensMax, func(n int) bool {
		_, err := ParseTokens([]byte(strings.ReplaceAll(numbered("a:%d-"+long(tokenSecretBytesMin))(n), ",", "\n")))
		return err == nil
	})
	f("differences of a backtest", BacktestDifferencesMax, func(n int) bool {
		k, differences := new(bodyCheck), int64(n)
		newBacktestBody(&api.StartBacktest{DifferencesMax: &differences}, k)
		return k.fault.Code == ""
	})
	f("bytes of a query's reply before its last record", QueryBytesMax-1, func(n int) bool {
		r := queryRun{request: &request{out: make([]byte, n)}, q: &stockQuery{limit: 1}}
		return r.room()
	})
}

// TestLimitOfShownField: a problem shows only the beginning of a long field path.
func TestLimitOfShownField(t *testing.T) {
	s := newTestServer(t, Config{})
	for _, bytes := range []int{strictjson.FieldBytesMax, strictjson.FieldBytesMax + 1} {
		r := s.post("/v1/inventory/refresh", `{"`+long(bytes)+`":1}`)
		if r.status != 400 || r.json["field"] != long(strictjson.FieldBytesMax) {
			t.Errorf("a field of %d bytes is answered with %d %.400s", bytes, r.status, r.body)
		}
	}
}
