package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"apportion/raftstore"
)

// Bad input, one case a row, with the code and the field of the answer. None of it changes the state.
func TestBadInput(t *testing.T) {
	s := newStockedServer(t)
	const (
		category = "/v1/tag-categories/X"
		refresh  = "/v1/inventory/refresh"
		adjust   = "/v1/inventory/adjust"
		transfer = "/v1/inventory/transfer"
		block    = "/v1/inventory/block"
		allocate = "/v1/orders/o/allocate"
		fulfill  = "/v1/orders/o/fulfill"
	)
	item := func(fields string) string { return `{"location":"Retailer2","items":[{` + fields + `}]}` }
	oneLine := func(fields string) string {
		return `{"lines":[{"itemId":"1","upc":"BC76845","location":"Retailer2",` + fields + `}]}`
	}
	values := func(list string) string { return `{"values":[` + list + `]}` }
	many := func(element string, count int) string {
		return `[` + strings.Repeat(element+",", count-1) + element + `]`
	}
	rows := []struct {
		name, method, path, body string
		status                   int
		code, field, value       string
	}{
		{"broken JSON", "POST", refresh, `{"location":`, 400, "bad-json", "location", ""},
		{"no JSON", "POST", refresh, `location=Retailer2`, 400, "bad-json", "", ""},
		{"empty body", "POST", refresh, " ", 400, "bad-json", "", ""},
		{"an array", "POST", refresh, `[]`, 400, "wrong-type", "", ""},
		{"trailing comma", "POST", refresh, `{"location":"a","items":[],}`, 400, "bad-json", "items", ""},
		{"two values", "POST", refresh, item(`"upc":"A","quantity":1`) + `{}`, 400, "bad-json", "", ""},
		{"nested too deeply", "POST", refresh, `{"items":` + strings.Repeat("[", 1000), 400, "wrong-type", "items[0]",
			""},
		{"bad UTF-8", "POST", refresh, item("\"upc\":\"A\xff\",\"quantity\":1"), 400, "bad-json", "items[0].upc", ""},

		{"unknown field", "POST", refresh, item(`"upc":"A","quantity":1,"qty":2`), 400, "unknown-field", "items[0].qty",
			""},
		{"unknown field above", "POST", allocate, `{"orderID":"o","lines":[]}`, 400, "unknown-field", "orderID", ""},
		{"goods where they mean nothing", "POST", fulfill, `{"lines":[{"itemId":"1","upc":"A"}]}`, 400, "unknown-field",
			"lines[0].upc", ""},
		{"count of an adjust", "POST", adjust, `{"location":"a","count":"c","items":[]}`, 400, "unknown-field", "count",
			""},
		{"repeated field", "POST", refresh, item(`"upc":"A","quantity":1,"quantity":2`), 400, "duplicate-field",
			"items[0].quantity", ""},
		{"repeated category", "POST", allocate, oneLine(`"quantity":1,"tags":{"Channel":"eBay","Channel":"Amazon"}`),
			400, "duplicate-field", "lines[0].tags.Channel", ""},
		{"missing field", "POST", refresh, item(`"upc":"A"`), 400, "missing-field", "items[0].quantity", ""},
		{"missing list", "POST", refresh, `{"location":"a"}`, 400, "missing-field", "items", ""},
		{"missing end", "POST", transfer, `{"items":[{"upc":"A","from":{"location":"a"},"quantity":1}]}`, 400,
			"missing-field", "items[0].to", ""},

		{"text for a number", "POST", refresh, item(`"upc":"A","quantity":"1"`), 400, "wrong-type", "items[0].quantity",
			`"1"`},
		{"number for a text", "POST", refresh, item(`"upc":7,"quantity":1`), 400, "wrong-type", "items[0].upc", `7`},
		{"null for a number", "POST", refresh, item(`"upc":"A","quantity":null`), 400, "wrong-type",
			"items[0].quantity", `null`},
		{"fraction", "POST", refresh, item(`"upc":"A","quantity":1.5`), 400, "wrong-type", "items[0].quantity", `1.5`},
		{"exponent", "POST", refresh, item(`"upc":"A","quantity":1e3`), 400, "wrong-type", "items[0].quantity", `1e3`},
		{"leading zero", "POST", refresh, item(`"upc":"A","quantity":01`), 400, "bad-json", "items[0].quantity", `01`},
		{"object for a list", "POST", refresh, `{"location":"a","items":{}}`, 400, "wrong-type", "items", ""},
		{"text for a flag", "POST", allocate, `{"backorder":"true","lines":[]}`, 400, "wrong-type", "backorder",
			`"true"`},
		{"tags as a list", "POST", refresh, item(`"upc":"A","quantity":1,"tags":["Amazon"]`), 400, "wrong-type",
			"items[0].tags", ""},
		{"a number for a time", "POST", allocate, `{"expiresAt":1764504000123,"lines":[]}`, 400, "wrong-type",
			"expiresAt", "1764504000123"},
		{"a date for a time", "POST", allocate, `{"expiresAt":"2026-11-30","lines":[]}`, 400, "invalid", "expiresAt",
			"2026-11-30"},

		{"negative on hand", "POST", refresh, item(`"upc":"A","quantity":-1`), 400, "invalid", "items[0].quantity",
			"-1"},
		{"negative safety stock", "POST", refresh, item(`"upc":"A","quantity":1,"safetyStock":-1`), 400, "invalid",
			"items[0].safetyStock", "-1"},
		{"huge on hand", "POST", refresh, item(`"upc":"A","quantity":1000000000001`), 400, "invalid",
			"items[0].quantity", "1000000000001"},
		{"beyond 64 bits", "POST", refresh, item(`"upc":"A","quantity":9223372036854775808`), 400, "invalid",
			"items[0].quantity", "9223372036854775808"},
		{"change of zero", "POST", adjust, item(`"upc":"A","quantity":0`), 400, "invalid", "items[0].quantity", "0"},
		{"order of zero", "POST", allocate, oneLine(`"quantity":0`), 400, "invalid", "lines[0].quantity", "0"},
		{"order of less", "POST", allocate, oneLine(`"quantity":-2`), 400, "invalid", "lines[0].quantity", "-2"},
		{"huge order", "POST", allocate, oneLine(`"quantity":1000000000001`), 400, "invalid", "lines[0].quantity",
			"1000000000001"},
		{"shipment of zero", "POST", fulfill, `{"lines":[{"itemId":"1","quantity":0}]}`, 400, "invalid",
			"lines[0].quantity", "0"},
		{"transfer of zero", "POST", transfer,
			`{"items":[{"upc":"A","from":{"location":"a"},"to":{"location":"b"},"quantity":0}]}`, 400, "invalid",
			"items[0].quantity", "0"},

		{"unknown category", "POST", refresh, item(`"upc":"A","quantity":1,"tags":{"Chanel":"Kibo"}`), 400,
			"unknown-category", "items[0].tags", "Chanel"},
		{"unknown value", "POST", refresh, item(`"upc":"A","quantity":1,"tags":{"Channel":"amazon"}`), 400,
			"unknown-value", "items[0].tags.Channel", "amazon"},
		{"unknown category in an order", "POST", allocate, oneLine(`"quantity":1,"tags":{"Chanel":"Kibo"}`), 400,
			"unknown-category", "lines[0].tags", "Chanel"},
		{"unknown value in an order", "POST", allocate, oneLine(`"quantity":1,"tags":{"Channel":"amazon"}`), 400,
			"unknown-value", "lines[0].tags.Channel", "amazon"},
		{"a tag without a value", "POST", refresh, item(`"upc":"A","quantity":1,"tags":{"Channel":""}`), 400, "invalid",
			"items[0].tags.Channel", ""},
		{"a tag of null", "POST", refresh, item(`"upc":"A","quantity":1,"tags":{"Channel":null}`), 400, "wrong-type",
			"items[0].tags.Channel", "null"},
		{"too many tags", "POST", refresh,
			item(
				`"upc":"A","quantity":1,"tags":{"1":"a","2":"a","3":"a","4":"a","5":"a","6":"a","7":"a","8":"a","9":"a"}`), 400, "invalid", "items[0].tags.9", ""},

		{"percent sum 99.99", "PUT", category,
			values(`{"value":"a","percent":50,"default":true},{"value":"b","percent":49.99}`), 400, "invalid",
			"values.percent", "99.99"},
		{"percent sum 100.01", "PUT", category,
			values(`{"value":"a","percent":50.01,"default":true},{"value":"b","percent":50}`), 400, "invalid",
			"values.percent", "100.01"},
		{"three decimals", "PUT", category, values(`{"value":"a","percent":33.333,"default":true}`), 400, "invalid",
			"values[0].percent", "33.333"},
		{"negative percent", "PUT", category, values(`{"value":"a","percent":-5,"default":true}`), 400, "invalid",
			"values[0].percent", "-5"},
		{"percent for one of two", "PUT", category, values(`{"value":"a","percent":100,"default":true},{"value":"b"}`),
			400, "invalid", "values[1].percent", ""},
		{"no default", "PUT", category, values(`{"value":"a"}`), 400, "invalid", "values.default", "false"},
		{"two defaults", "PUT", category, values(`{"value":"a","default":true},{"value":"b","default":true}`), 400,
			"invalid", "values[1].default", "true"},
		{"a value twice", "PUT", category, values(`{"value":"a","default":true},{"value":"a"}`), 400, "invalid",
			"values[1].value", "a"},
		{"negative max", "PUT", category, values(`{"value":"a","percent":100,"default":true,"max":-1}`), 400, "invalid",
			"values[0].max", "-1"},
		{"unknown rounding", "PUT", category, `{"rounding":"up","values":[]}`, 400, "invalid", "rounding", "up"},
		{"no values", "PUT", category, `{"values":[]}`, 400, "invalid", "values", "0"},
		{"too many values", "PUT", category, `{"values":` + many(`{"value":"a"}`, 257) + `}`, 400, "invalid",
			"values[256]", ""},

		{"too many items", "POST", refresh, `{"location":"a","items":` + many(`{"upc":"A","quantity":1}`, 12001) + `}`,
			400, "invalid", "items[12000]", ""},
		{"too many lines", "POST", allocate, `{"lines":` +
			many(`{"itemId":"1","upc":"A","location":"a","quantity":1}`, 1001) + `}`, 400, "invalid", "lines[1000]",
			""},
		{"no items", "POST", refresh, `{"location":"a","items":[]}`, 400, "invalid", "items", "0"},
		{"no lines", "POST", allocate, `{"lines":[]}`, 400, "invalid", "lines", "0"},
		{"an empty list of lines", "POST", fulfill, `{"lines":[]}`, 400, "invalid", "lines", ""},
		{"empty UPC", "POST", refresh, item(`"upc":"","quantity":1`), 400, "invalid", "items[0].upc", ""},
		{"empty location", "POST", refresh, `{"location":"","items":[{"upc":"A","quantity":1}]}`, 400, "invalid",
			"location", ""},
		{"empty order id", "POST", "/v1/orders//allocate", oneLine(`"quantity":1`), 400, "invalid", "orderId", ""},
		{"long UPC", "POST", refresh, item(`"upc":"` + strings.Repeat("u", 65) + `","quantity":1`), 400, "invalid",
			"items[0].upc", strings.Repeat("u", 64)},
		{"control character", "POST", refresh, item("\"upc\":\"A\x01\",\"quantity\":1"), 400, "bad-json",
			"items[0].upc", ""},
		{"escaped control character", "POST", refresh, item(`"upc":"A\u0001","quantity":1`), 400, "invalid",
			"items[0].upc", `\u0001`},
		{"control character of two bytes", "POST", refresh, item("\"upc\":\"A\u0085\",\"quantity\":1"), 400, "invalid",
			"items[0].upc", `A\u0085`},
		{"control character in the path", "GET", "/v1/inventory/a%00/b", "", 400, "invalid", "path", "a%00"},
		{"bad percent-encoding", "GET", "/v1/inventory/a%2/b", "", 400, "invalid", "path", "a%2"},
		{"bad UTF-8 in the path", "GET", "/v1/orders/%ff", "", 400, "invalid", "path", "%ff"},

		{"the same segment twice", "POST", refresh,
			`{"location":"a","items":[{"upc":"A","quantity":1,"tags":{"Channel":"Kibo"}},{"upc":"A","quantity":2,"tags":{"Condition":"New","Channel":"Kibo"}}]}`, 400, "duplicate", "items[1].upc", "A"},
		{"an item twice", "POST", allocate, allocateBody("all", line("1", "eBay", 1), line("1", "eBay", 1)), 400,
			"invalid", "lines[1].itemId", "1"},
		{"no item to block", "POST", block, `{"location":"Retailer2","items":[]}`, 400, "invalid", "items", "0"},
		{"block of nobody", "POST", block, item(`"upc":"A"`), 400, "missing-field", "items[0].blocked", ""},
		{"block of perhaps", "POST", block, item(`"upc":"A","blocked":null`), 400, "wrong-type", "items[0].blocked",
			"null"},
		{"block with a long reason", "POST", block, `{"location":"Retailer2","reason":"` + strings.Repeat("x", 65) +
			`","items":[{"upc":"A","blocked":true}]}`, 400, "invalid", "reason", strings.Repeat("x", 64)},
		{"block with a comment", "POST", block, `{"location":"Retailer2","comment":"x","items":[]}`, 400,
			"unknown-field", "comment", ""},
		{"block of a quantity", "POST", block, item(`"upc":"A","blocked":true,"quantity":1`), 400, "unknown-field",
			"items[0].quantity", ""},
		{"block without location", "POST", block, `{"items":[{"upc":"A","blocked":true}]}`, 400, "missing-field",
			"location", ""},
		{"block twice", "POST", block, `{"location":"Retailer2","items":[{"upc":"A","blocked":true},` +
			`{"upc":"A","blocked":false}]}`, 400, "invalid", "items[1].upc", "A"},
		{"block of too many", "POST", block, `{"location":"Retailer2","items":` +
			many(`{"upc":"A","blocked":true}`, 1001) + `}`, 400, "invalid", "items[1000]", ""},
		{"block of what is not there", "POST", block, item(`"upc":"gone","blocked":true`), 404, "unknown-record",
			"items[0].upc", "gone"},
		{"nothing selected", "POST", "/v1/inventory/delete", `{"dryRun":true}`, 400, "invalid", "all", "false"},
		{"force of a redistribute", "POST", "/v1/inventory/redistribute", `{"all":true,"force":true}`, 400,
			"unknown-field", "force", ""},
		{"unknown mode", "POST", allocate, `{"mode":"best","lines":[]}`, 400, "invalid", "mode", "best"},
		{"unknown category in a query", "POST", "/v1/inventory/query",
			`{"items":[{"upc":"A"},{"upc":"A","tags":{"Chanel":"Kibo"}}]}`, 400, "unknown-category", "items[1].tags",
			"Chanel"},
		{"unknown value in a query", "POST", "/v1/inventory/query",
			`{"items":[{"upc":"A","tags":{"Condition":"New","Channel":"amazon"}}]}`, 400, "unknown-value",
			"items[0].tags.Channel", "amazon"},
		{"unknown category that filters", "POST", "/v1/inventory/query", `{"locations":["a"],"tags":{"Chanel":"Kibo"}}`,
			400, "unknown-category", "tags", "Chanel"},
		{"unknown value in an aggregate", "POST", "/v1/inventory/aggregate",
			`{"items":[{"upc":"A"}],"tags":{"Channel":"amazon"}}`, 400, "unknown-value", "tags.Channel", "amazon"},
		{"limit of a query", "POST", "/v1/inventory/query", `{"locations":["a"],"limit":10001}`, 400, "invalid",
			"limit", "10001"},

		{"unknown parameter", "GET", "/v1/orders/o?consistancy=stale", "", 400, "unknown-parameter", "consistancy",
			"stale"},
		{"parameter of another route", "POST", allocate + "?consistency=stale", oneLine(`"quantity":1`), 400,
			"unknown-parameter", "consistency", "stale"},
		{"bad consistency", "GET", "/v1/orders/o?consistency=strong", "", 400, "invalid", "consistency", "strong"},
		{"consistency twice", "GET", "/v1/orders/o?consistency=stale&consistency=stale", "", 400, "invalid",
			"consistency", "stale"},
		{"bad limit", "GET", "/v1/events?limit=1001", "", 400, "invalid", "limit", "1001"},
		{"bad after", "GET", "/v1/events?after=-1", "", 400, "invalid", "after", "-1"},

		{"no such path", "GET", "/v2/orders", "", 404, "not-found", "", "/v2/orders"},
		{"a path too long", "GET", "/v1/orders/a/b/c/d/e/f", "", 404, "not-found", "", "/v1/orders/a/b/c/d/e/f"},
		{"a slash too many", "GET", "/v1/orders/a/", "", 404, "not-found", "", "/v1/orders/a/"},
		{"wrong method", "GET", refresh, "", 405, "method-not-allowed", "", "GET"},
		{"unknown method", "PATCH", "/v1/tag-categories/X", "", 405, "method-not-allowed", "", "PATCH"},
	}
	before := s.store.engine.Stats()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s.t = t
			r := s.do(row.method, row.path, row.body).is(row.status, row.code)
			if r.at("field") != row.field || r.at("value") != row.value && row.value != "" {
				t.Errorf("field %q of %q, want %q of %q: %s", r.at("field"), r.at("value"), row.field, row.value,
					r.body)
			}
		})
	}
	s.t = t
	if after := s.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
	s.get("/v1/inventory/Retailer2/BC76845").ok().want(`40`, "records", 0, "available")
	s.get("/v1/inventory/a/A").is(404, "unknown-record")
}

func TestAllow(t *testing.T) {
	s := newTestServer(t, Config{})
	f := func(method, path, allow string) {
		t.Helper()
		if r := s.do(method, path, "").is(405, "method-not-allowed"); r.header.Get("Allow") != allow {
			t.Errorf("%s %s: Allow: %s, want %s", method, path, r.header.Get("Allow"), allow)
		}
	}
	f("DELETE", "/v1/inventory/refresh", "POST")
	f("POST", "/v1/tag-categories/X", "GET, HEAD, PUT, DELETE")
	f("PUT", "/v1/orders/allocate", "GET, HEAD, POST")
	f("POST", "/healthz", "GET, HEAD")
}

func TestMediaTypes(t *testing.T) {
	s := newStockedServer(t)
	body := allocateBody("all", line("1", "eBay", 1))
	f := func(status int, headers ...string) {
		t.Helper()
		code := map[int]string{415: "unsupported-media-type"}[status]
		s.do("POST", "/v1/orders/o/allocate", body, headers...).is(status, code)
	}
	f(200, "Content-Type", "application/json")
	f(200, "Content-Type", "Application/JSON; charset=UTF-8")
	f(200, "Content-Type", `application/json;charset="utf-8"`)
	f(200, "Content-Encoding", "identity")
	f(415, "Content-Type", "text/plain")
	f(415, "Content-Type", "application/x-www-form-urlencoded")
	f(415, "Content-Type", "application/json; charset=latin1")
	f(415, "Content-Type", "application/json5")
	f(415, "Content-Type", "multipart/form-data; boundary=x")
	f(415, "Content-Encoding", "gzip")
	s.do("POST", "/v1/orders/o/fulfill", `{}`, "Content-Type", "text/plain").is(415, "unsupported-media-type")
	s.do("POST", "/v1/orders/o/fulfill", "").ok()
}

func TestBodyTooLarge(t *testing.T) {
	s := newTestServer(t, Config{BodyBytesMax: 1000})
	s.post("/v1/inventory/refresh", `{"location":"`+strings.Repeat("x", 2000)+`"}`).is(413, "body-too-large")
}

// raw sends bytes that no client library sends, and returns status and body of the answer.
func (s *testServer) raw(request string) (status int, body string) {
	s.t.Helper()
	conn, err := s.client.Dial("test")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		s.t.Fatal(err)
	}
	return readRaw(s.t, conn)
}

func readRaw(t *testing.T, conn net.Conn) (status int, body string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestUnreadableRequests(t *testing.T) {
	s := newTestServer(t, Config{})
	f := func(request string, status int, code string) {
		t.Helper()
		got, body := s.raw(request)
		var p struct{ Code string }
		if err := json.Unmarshal([]byte(body), &p); err != nil || got != status || p.Code != code {
			t.Errorf("%.60q: %d %s, want %d %s (%v)", request, got, body, status, code, err)
		}
		s.api.mustValidate(t, request, body, []string{"components", "schemas", "Problem"})
	}
	f("nonsense\r\n\r\n", 400, "bad-request")
	f("GET /healthz HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", HeaderBytesMax)+"\r\n\r\n", 431,
		"headers-too-large")
	f("POST /v1/inventory/refresh HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413, "body-too-large")
	if status, body := s.raw("GET http://test/v1/orders/%61 HTTP/1.1\r\nHost: a\r\n\r\n"); status != 404 ||
		!strings.Contains(body, `"unknown-order"`) {
		t.Errorf("a request with an absolute URI: %d %s", status, body)
	}
}

// The answer to an error of the store has one of two outcomes: nothing changed, or unknown.
func TestStoreErrors(t *testing.T) {
	s := newStockedServer(t)
	order := allocateBody("all", line("1", "eBay", 1))
	f := func(err error, status int, code string) {
		t.Helper()
		s.store.doErr, s.store.barrierErr = fmt.Errorf("wrapped: %w", err), err
		defer func() { s.store.doErr, s.store.barrierErr = nil, nil }()
		for _, r := range []*reply{
			s.post("/v1/orders/1/allocate", order).is(status, code),
			s.post("/v1/orders/allocate", `{"orders":[{"orderId":"1",`+order[1:]+`]}`).is(status, code),
			s.get("/v1/inventory/Retailer2/BC76845").is(status, code),
			s.get("/v1/events").is(status, code),
			s.post("/v1/rules/unknown-here/activate", "").is(status, code), // the leader may know the rule
		} {
			if retry := r.header.Get("Retry-After"); (retry != "") != (status == 503) {
				t.Errorf("%s: Retry-After: %q", r.body, retry)
			}
		}
		s.get("/v1/inventory/Retailer2/BC76845?consistency=stale").ok()
	}
	f(raftstore.ErrQueueFull, 503, "busy")
	f(raftstore.ErrTimeout, 503, "busy")
	f(raftstore.ErrNotLeader, 503, "not-leader")
	f(raftstore.ErrClosed, 503, "shutting-down")
	f(raftstore.ErrOutcomeUnknown, 503, "outcome-unknown")
	f(raftstore.ErrTooLarge, 413, "body-too-large")
	f(errors.New("a disk on fire"), 500, "internal")
}

// Only a leader with a lease may refuse early.
func TestRefusalNeedsLease(t *testing.T) {
	s := newStockedServer(t)
	refuse := allocateBody("all", line("1", "eBay", 21))
	index := s.store.mu.index
	s.post("/v1/orders/1/allocate", refuse).is(409, "insufficient").want(fmt.Sprint(index), "asOf")
	if s.store.mu.index != index {
		t.Error("a refusal cost a log entry")
	}
	s.store.noLease = true
	s.post("/v1/orders/1/allocate", refuse).is(409, "insufficient").want(fmt.Sprint(index+1), "asOf")
}

// A panic is answered with 500 and logged as a bug. Later requests are answered.
func TestPanic(t *testing.T) {
	var logged bytes.Buffer
	s := newTestServer(t, Config{Log: slog.New(slog.NewTextHandler(&logged, nil))})
	s.store.panics = true
	s.post("/v1/orders/1/allocate", allocateBody("all", line("1", "eBay", 1)))
	s.put("/v1/tag-categories/Channel", channels).is(500, "internal")
	s.store.panics = false
	s.put("/v1/tag-categories/Channel", channels).ok()
	if !strings.Contains(logged.String(), "BUG: ") || !strings.Contains(logged.String(), "a test's panic") {
		t.Errorf("log: %s", logged.String())
	}
}

func TestConfigFaults(t *testing.T) {
	_, err := newServer(Config{BodyBytesMax: -1, IdleTimeout: -1}, newTestStore())
	if err == nil || !strings.Contains(err.Error(), "BodyBytesMax") || !strings.Contains(err.Error(), "IdleTimeout") {
		t.Errorf("New: %v", err)
	}
}

func TestOperations(t *testing.T) {
	s := newTestServer(t, Config{AdminToken: "secret"})
	s.get("/healthz").ok().want(`"ok"`, "status")
	for _, path := range []string{"/", "/v1"} {
		for _, href := range []string{"/v1/inventory", "/v1/orders", "/v1/changes", "/v1/events", "/v1/webhooks"} {
			if !strings.Contains(s.get(path).ok().body, `"href":"`+href+`"`) {
				t.Errorf("%s does not lead to %s", path, href)
			}
		}
		for _, link := range s.get(path).ok().want(`"apportion"`, "name").at("links").([]any) {
			if href := link.(map[string]any)["href"].(string); href != "/v1/cluster" { // this store has none
				s.get(href).ok()
			}
		}
	}
	s.get("/readyz").ok().want(`"ready"`, "status")
	s.store.checkpointErr = errors.New(`3 checkpoints have failed: "disk full"`)
	s.get("/readyz?verbose").ok().want(`[{"name":"caught-up","status":"ok","detail":""},`+
		`{"name":"checkpoints","status":"failed","detail":"3 checkpoints have failed: \"disk full\""}]`, "checks")
	if plain := s.get("/readyz").ok(); strings.Contains(plain.body, "checks") {
		t.Errorf("checks without a request for them: %s", plain.body)
	}
	s.get("/readyz?verbose=maybe").is(400, "invalid")
	s.store.readyErr = errors.New("replaying the log: entry 3 of 9")
	s.get("/readyz").is(503, "not-ready").want(`"replaying the log: entry 3 of 9"`, "detail")
	if r := s.do("HEAD", "/healthz", ""); r.status != 200 || r.body != "" {
		t.Errorf("HEAD: %d %q", r.status, r.body)
	}
	if r := s.get("/v1/openapi.yaml"); r.status != 200 || !strings.HasPrefix(r.body, "openapi: 3.1") {
		t.Errorf("openapi.yaml: %d %.40s", r.status, r.body)
	}
	s.get("/nope").is(404, "not-found")
	text := s.get("/metrics").body
	for _, want := range []string{
		`apportion_http_requests_total{method="GET",path="/healthz",status="2xx"} 4`,
		`apportion_http_requests_total{method="",path="other",status="4xx"} 1`,
		`# TYPE apportion_http_requests_total counter`,
		`apportion_http_request_duration_seconds_bucket{method="GET",path="/healthz",le="0.001"}`,
		`apportion_http_open_connections`,
		`go_goroutines`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestProfilesNeedTheToken(t *testing.T) {
	open := newTestServer(t, Config{AdminToken: "secret"})
	open.get("/debug/pprof/cmdline").is(401, "unauthorized")
	open.do("GET", "/debug/pprof/cmdline", "", "Authorization", "Bearer wrong").is(401, "unauthorized")
	if r := open.do("GET", "/debug/pprof/cmdline", "", "Authorization", "Bearer secret"); r.status != 200 ||
		!strings.Contains(r.body, "httpapi") {
		t.Errorf("cmdline: %d %s", r.status, r.body)
	}
	closed := newTestServer(t, Config{})
	closed.do("GET", "/debug/pprof/cmdline", "", "Authorization", "Bearer ").is(404, "not-found")
}
