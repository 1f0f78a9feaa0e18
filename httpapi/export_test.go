package httpapi

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// exportServer is a server with a log, and some stock, orders and events.
func exportServer(t *testing.T) *testServer {
	t.Helper()
	set := metrics.NewSet()
	store := openRaftStore(t, t.TempDir(), set)
	t.Cleanup(func() { _ = store.Close() })
	s := serveTest(t, Config{Metrics: set, RequestTimeout: time.Minute}, store, nil)
	s.put("/v1/tag-categories/Channel", channels).ok()
	s.put("/v1/tag-categories/Condition", conditions).ok()
	return s
}

func TestExports(t *testing.T) {
	s := exportServer(t)
	s.post("/v1/inventory/refresh", `{"location":"L","items":[
		{"upc":"=A","tags":{"Channel":"Amazon"},"quantity":20,"safetyStock":1,"floor":30,"ltd":7},
		{"upc":"=A","tags":{"Channel":"Amazon","Condition":"Defective"},"quantity":4},
		{"upc":"B","quantity":40,"deliveryDate":"2036-12-01T06:00:00Z"}]}`).ok()
	s.post("/v1/orders/o1/allocate", `{"backorder":true,"lines":[{"itemId":"1","upc":"=A","location":"L","quantity":21,
		"tags":{"Channel":"Amazon"}}]}`).ok()
	f := func(path, media string, want ...string) {
		t.Helper()
		r := s.get(path).ok()
		if got := r.header.Get("Content-Type"); got != media+"; charset=utf-8" {
			t.Errorf("%s has the media type %s", path, got)
		}
		if r.header.Get("Apportion-As-Of") == "" {
			t.Errorf("%s does not tell its log index", path)
		}
		lines := strings.Split(strings.TrimSuffix(r.body, "\n"), "\n")
		if len(lines) != len(want) && !strings.Contains(path, "events") {
			t.Fatalf("%s has %d lines, want %d:\n%s", path, len(lines), len(want), r.body)
		}
		for i := range want {
			if !strings.HasPrefix(lines[i], want[i]) {
				t.Errorf("%s, line %d:\n%s\nwant\n%s", path, i+1, lines[i], want[i])
			}
		}
	}
	f("/v1/export/stock", "text/csv",
		"upc,location,Channel,Condition,quantity,allocated,pending,safetyStock,available,floor,ltd,deliveryDate,"+
			"version",
		`"'=A",L,Amazon,New,20,19,2,1,-2,30,7,,`, `"'=A",L,Amazon,Defective,4,0,0,0,4,0,0,,`,
		"B,L,,New,40,,,,,,,2036-12-01T06:00:00.000Z,")
	f("/v1/export/stock?format=ndjson", "application/x-ndjson",
		`{"upc":"=A","location":"L","tags":{"Channel":"Amazon","Condition":"New"},"quantity":20,"allocated":19,"pending":2,`,
		`{"upc":"=A","location":"L","tags":{"Channel":"Amazon","Condition":"Defective"},"quantity":4,`,
		`{"upc":"B","location":"L","tags":{"Condition":"New"},"quantity":40,"deliveryDate":"2036-12-01T06:00:00.000Z",`)
	f("/v1/export/orders", "text/csv", "orderId,itemId,upc,location,Channel,Condition,requested,allocated,pending,",
		`o1,1,"'=A",L,Amazon,New,21,19,2,0,0,0,,20`)
	f("/v1/export/events?format=ndjson", "application/x-ndjson", `{"id":`, `{"id":`)
	s.post("/v1/inventory/block", `{"location":"L","reason":"lost","reference":"case 12","items":[{"upc":"B",
		"blocked":true}]}`).ok()
	if file := s.get("/v1/export/events").ok().body; !strings.HasSuffix(file, ",B,L,,,,,,lost,case 12,0,0\n") ||
		!strings.Contains(file, ",name,reason,reference,units,limit\n") {
		t.Errorf("an export of events does not say why:\n%s", file)
	}
	const head = "upc,location,Channel"
	f("/v1/export/stock?search=B&location=L", "text/csv", head, "B,L,,New,40,")
	f("/v1/export/stock?upc=%3DA&tags=Condition:Defective", "text/csv", head, `"'=A",L,Amazon,Defective,4,`)
	f("/v1/export/stock?state=below-floor", "text/csv", head, `"'=A",L,Amazon,New,20,`, `"'=A",L,Amazon,Defective,4,`)
	f("/v1/export/stock?location=M", "text/csv", head)
	s.get("/v1/export/stock?state=lost").is(400, "invalid").want(`"state"`, "field")
	s.get("/v1/export/stock?tags=Channel:amazon").is(400, "unknown-value")
	s.get("/v1/export/orders?upc=B").is(400, "unknown-parameter").want(`"upc"`, "field")
	s.get("/v1/export/events?tags=Channel:Amazon").is(400, "unknown-parameter").want(`"tags"`, "field")
	s.get("/v1/export/rules").is(404, "not-found")
	s.get("/v1/export/stock?format=xml").is(400, "invalid")

	// What was exported can be imported: the same stock again.
	for format, media := range map[string]string{"csv": "text/csv", "ndjson": "application/x-ndjson"} {
		file := s.get("/v1/export/stock?format=" + format).ok().body
		again := exportServer(t)
		again.importFile("", file, "Content-Type", media).ok().want("3", "applied").want("0", "bad")
		again.get("/v1/inventory/L/%3DA").ok().want("24", "records", 0, "onHand").want("1", "records", 0, "safetyStock")
		again.get("/v1/inventory/L/B").ok().want("40", "records", 0, "future", 0, "quantity").
			want("true", "records", 0, "future", 0, "split")
	}
}

// TestExportIsOfOneIndex: writes during an export do not show, and it gives its place back at its end.
func TestExportIsOfOneIndex(t *testing.T) {
	s := exportServer(t)
	const upcs = 8_000
	load := func(quantity int) {
		t.Helper()
		var file strings.Builder
		file.WriteString("upc,quantity,Channel\n")
		for i := range upcs {
			fmt.Fprintf(&file, "U%d,%d,Amazon\n", i, quantity)
		}
		s.importFile("?location=L", file.String()).ok().want(fmt.Sprint(upcs), "applied")
	}
	load(1)
	client := s.netHTTP()
	for quantity := range 2 * ExportsMax {
		response, err := client.Get("http://test/v1/export/stock")
		if err != nil {
			t.Fatal(err)
		}
		begin := make([]byte, 1000)
		if _, err := io.ReadFull(response.Body, begin); err != nil {
			t.Fatal(err)
		}
		load(quantity + 2)
		rest, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		text := string(begin) + string(rest)
		if got := strings.Count(text, fmt.Sprintf(",New,%d,0,0,", quantity+1)); got != upcs {
			t.Fatalf("%d rows of %d units, want %d", got, quantity+1, upcs)
		}
	}
}
