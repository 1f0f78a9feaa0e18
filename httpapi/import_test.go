package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"apportion/raftstore"
)

// importFile sends a file of stock.
func (s *testServer) importFile(params, body string, headers ...string) *reply {
	s.t.Helper()
	return s.do("POST", "/v1/import/stock"+params, body, append([]string{"Content-Type", "text/csv"}, headers...)...)
}

func TestImportStock(t *testing.T) {
	s := newStockedServer(t)
	const header = "upc,location,quantity,Channel\n"
	s.importFile("", header+"A,L,5,Amazon\nB,L,x,\nC,L,1,amazon\n").ok().want("3", "rows").want("1", "applied").
		want("2", "bad").want("5", "units").want(`"quantity"`, "errors", 0, "column").want("3", "errors", 0, "line").
		want(`"unknown-value"`, "errors", 1, "code")
	s.importFile("?dryRun", header+"C,L,1,amazon\nB,L,x,\n").ok().want("2", "errors", 0, "line").
		want("3", "errors", 1, "line")
	s.get("/v1/inventory/L/A").ok().want("5", "records", 0, "onHand")
	s.importFile("?dryRun=true&location=L", "upc,quantity\nD,7\n").ok().want("1", "applied").want("true", "dryRun")
	s.get("/v1/inventory/L/D").is(404, "unknown-record")
	s.importFile("?action=adjust&location=L", `{"upc":"A","quantity":-2,"tags":{"Channel":"Amazon"}}`, "Content-Type",
		"application/x-ndjson; charset=utf-8").ok().want("1", "applied").want("2", "units")
	s.get("/v1/inventory/L/A").ok().want("3", "records", 0, "onHand")
	for range 2 {
		s.importFile("?action=adjust", header+"A,L,1,Amazon\n", "Idempotency-Key", "k").ok().want("1", "applied")
	}
	s.get("/v1/inventory/L/A").ok().want("4", "records", 0, "onHand")
	s.importFile("?action=adjust", header+"A,L,2,Amazon\n", "Idempotency-Key", "k").is(409, "idempotency-key-reused")

	s.importFile("?allOrNothing=true", header+"A,L,9,\nB,L,x,\n").is(400, "bad-rows").want("0", "import", "applied").
		want("3", "import", "errors", 0, "line")
	s.importFile("?allOrNothing", header+"A,L,9,\nA,M,9,\n").is(400, "invalid").want(`"allOrNothing"`, "field")
	s.importFile("", "upc,location,amount\nA,L,9\n").is(400, "unknown-field").want(`"amount"`, "field")
	s.importFile("?count=c", header+"A,L,9,\n").is(404, "unknown-count")
	s.importFile("?action=count", header).is(400, "invalid").want(`"action"`, "field")
	s.importFile("?action=adjust&reason=received&reference=PO+1", header+"A,L,1,Amazon\n").ok()
	s.get("/v1/inventory/L/A/history").ok().want(`"received"`, "events", 0, "reason").
		want(`"PO 1"`, "events", 0, "reference")
	s.importFile("?action=adjust", header+"A,L,-1,Amazon\n").ok()
	s.importFile("?reason=", header).is(400, "invalid").want(`"reason"`, "field")
	s.importFile("?reference="+strings.Repeat("x", 65), header).is(400, "invalid").want(`"reference"`, "field")
	s.importFile("?dryRun=1", header).is(400, "invalid").want(`"dryRun"`, "field")
	s.importFile("", header, "Content-Type", "application/json").is(415, "unsupported-media-type")
	s.store.doErr = raftstore.ErrQueueFull
	s.importFile("", header+"A,L,9,\n").is(503, "busy").want("0", "import", "applied").want("1", "import", "rows")
	s.store.doErr = nil
	s.get("/v1/inventory/L/A").ok().want("4", "records", 0, "onHand")
}

// TestImportStreams: a file is applied while it comes; it may be longer than any other body, and pause for longer than
// a request may take in all.
func TestImportStreams(t *testing.T) {
	const timeout = 2 * time.Second
	s := newTestServer(t, Config{BodyBytesMax: 64 << 10, BodiesBytesMax: 2 * importBytes, ReadTimeout: timeout})
	applied := make(chan struct{})
	s.store.before = func() { close(applied) }
	in, out := io.Pipe()
	client := s.netHTTP()
	done := make(chan string)
	go func() {
		response, err := client.Post("http://test/v1/import/stock", "text/csv", in)
		if err != nil {
			done <- err.Error()
			return
		}
		text, _ := io.ReadAll(response.Body)
		done <- response.Status + " " + string(text)
	}()
	write := func(text string) {
		t.Helper()
		if _, err := io.WriteString(out, text); err != nil {
			t.Fatal(err)
		}
	}
	var rows bytes.Buffer
	for i := range 12_000 {
		fmt.Fprintf(&rows, "U%d,L,1\n", i)
	}
	write("upc,location,quantity\n" + rows.String() + "V,L,1\n" + strings.Repeat("\n", 64<<10))
	select {
	case <-applied: // while the file is still open
	case got := <-done:
		t.Fatalf("the answer came before the file: %.300s", got)
	}
	write("W,L,x\n")
	_ = out.Close()
	if got := <-done; !strings.Contains(got, `200 OK {"asOf":2,"dryRun":false,"rows":12002,"applied":12001,"bad":1,`) ||
		!strings.Contains(got, `"line":77539`) {
		t.Errorf("the answer is %.300s", got)
	}
}

// TestBrokenImport: a file that ends too early is not applied beyond its whole chunks.
func TestBrokenImport(t *testing.T) {
	s := newTestServer(t, Config{ReadTimeout: 200 * time.Millisecond})
	status, body := s.raw("POST /v1/import/stock HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n" +
		"Content-Length: 20000\r\n\r\nupc,location,quantity\n" +
		strings.Repeat("A,L,1\n", 2000))
	if status < 400 || !strings.Contains(body, `"applied":0`) {
		t.Errorf("%d %s", status, body)
	}
	s = newTestServer(t, Config{})
	s.importFile("", "upc,location,quantity,Size\n"+strings.Repeat("A,L,1,2\n", 100_000)).is(400, "unknown-field")
	s.get("/v1/inventory/L/A").is(404, "unknown-record")
}

// netHTTP is a client of another library, whose bodies are sent and read while they come.
func (s *testServer) netHTTP() *http.Client {
	dial := func(context.Context, string, string) (net.Conn, error) { return s.client.Dial("test") }
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}

// clusterStore is the store of a leader, or of a follower that reaches the leader's server over an in-memory network.
type clusterStore struct {
	electingStore
	leads     bool
	forwarded *fasthttputil.InmemoryListener // of this node
	leader    *fasthttputil.InmemoryListener // that of the leader
}

func (s *clusterStore) Forwarded() net.Listener { return s.forwarded }
func (s *clusterStore) Leads() bool             { return s.leads }
func (s *clusterStore) Leader() string          { return "leader" }
func (s *clusterStore) DialMember(string, time.Duration) (net.Conn, error) {
	return s.leader.Dial()
}
func (s *clusterStore) ReadBarrier(time.Time) error {
	if s.leads {
		return nil
	}
	return raftstore.ErrNotLeader
}

// TestImportForwarded: a follower hands a file on while it comes, and hands back the answer.
func TestImportForwarded(t *testing.T) {
	config := Config{BodyBytesMax: 64 << 10, BodiesBytesMax: 2 * importBytes}
	store, link := newTestStore(), fasthttputil.NewInmemoryListener()
	leader := &clusterStore{electingStore: electingStore{testStore: store}, leads: true, forwarded: link}
	serveTest(t, config, leader, store)
	other := newTestStore()
	other.doErr = raftstore.ErrNotLeader
	s := serveTest(t, config, &clusterStore{electingStore: electingStore{testStore: other},
		forwarded: fasthttputil.NewInmemoryListener(), leader: link}, other)

	const rows = 30_000 // more than a body may have, in several chunks
	file := []byte("upc,location,quantity\n")
	for i := range rows {
		file = fmt.Appendf(file, "forwarded-%05d,L,1\n", i)
	}
	s.importFile("", string(file), "Idempotency-Key", "k").ok().want(fmt.Sprint(rows), "applied").want("0", "bad")
	if v, _ := store.Reader().ReadLocation("L"); v.Records != rows || v.OnHand != rows {
		t.Errorf("the leader has %+v", v)
	}
	index := store.AppliedIndex()
	s.importFile("", string(file), "Idempotency-Key", "k").ok()
	if v, _ := store.Reader().ReadLocation("L"); index < 2 || v.OnHand != rows {
		t.Errorf("applied in %d entries", index)
	}
	s.importFile("", "upc,location,amount\nA,L,9\n").is(400, "unknown-field").want(`"amount"`, "field")
	s.importFile("?allOrNothing=true", "upc,location,quantity\nA,L,9\nA,L,x\n").is(400, "bad-rows").
		want("3", "import", "errors", 0, "line")
	if v, _ := other.Reader().ReadLocation("L"); v.Records != 0 {
		t.Errorf("the follower has %+v", v)
	}
}

// TestCompleteCount: what a complete count has not named is set to zero, but for what came since, in several commands,
// with a dry run first. A failure between them leaves the count open, and the same request goes on.
func TestCompleteCount(t *testing.T) {
	s := newTestServer(t, Config{})
	rows := []byte("upc,location,quantity\n")
	for i := range 12_000 {
		rows = fmt.Appendf(rows, "U%05d,M,2\n", i)
	}
	s.importFile("", string(rows)).ok()
	s.post("/v1/counts/M/start", `{"count":"c"}`).ok()
	s.importFile("?location=M&count=c", "upc,quantity\nU00000,2\nU00001,5\n").ok()
	s.post("/v1/inventory/adjust", `{"location":"M","items":[{"upc":"U00002","quantity":3}]}`).ok()

	s.post("/v1/counts/M/close", `{"count":"c","dryRun":true}`).is(400, "invalid").want(`"dryRun"`, "field")
	s.post("/v1/counts/M/close", `{"count":"d","complete":true}`).is(404, "unknown-count")
	s.post("/v1/counts/M/close", `{"count":"c","complete":true,"all":true}`).is(400, "unknown-field")
	dry := s.post("/v1/counts/M/close", `{"count":"c","complete":true,"dryRun":true}`).ok().
		want("true", "unnamed", "dryRun").want("11998", "unnamed", "records").want("23996", "unnamed", "units").
		want(`"U00002"`, "unnamed", "changes", 0, "upc").want(`{}`, "unnamed", "changes", 0, "tags").
		want("5", "unnamed", "changes", 0, "before").want("3", "unnamed", "changes", 0, "after")
	if n := strings.Count(dry.body, `"before"`); n != 1000 {
		t.Errorf("a dry run lists %d", n)
	}
	if v, _ := s.store.Reader().ReadLocation("M"); v.OnHand != 24_000+3+3 {
		t.Errorf("after a dry run %d are on hand", v.OnHand)
	}

	s.store.before = func() {
		s.store.before = func() { s.store.doErr = raftstore.ErrQueueFull } // at the second command
	}
	s.do("POST", "/v1/counts/M/close", `{"count":"c","complete":true}`, "Idempotency-Key", "k").is(503, "busy")
	s.store.doErr = nil
	if v, _ := s.store.Reader().ReadLocation("M"); v.OnHand != 2+5+3+2*2_000 {
		t.Errorf("after the first command %d are on hand", v.OnHand)
	}
	for range 2 {
		s.do("POST", "/v1/counts/M/close", `{"count":"c","complete":true}`, "Idempotency-Key", "k").ok().
			want(`"c"`, "count").want("11998", "unnamed", "records").want("23996", "unnamed", "units")
	}
	if v, _ := s.store.Reader().ReadLocation("M"); v.OnHand != 2+5+3 {
		t.Errorf("%d are on hand", v.OnHand)
	}
	s.post("/v1/counts/M/close", `{"count":"c"}`).is(404, "unknown-count")
}

// TestCompleteImport: a complete file closes its count. If a row is bad, nothing is set to zero, and the count is open.
func TestCompleteImport(t *testing.T) {
	s := newStockedServer(t)
	const file = "upc,quantity\nA,4\nB,6\n"
	s.importFile("?location=M", "upc,quantity\nA,1\nB,2\nC,3\n").ok()
	s.post("/v1/counts/M/start", `{"count":"c"}`).ok()
	for params, field := range map[string]string{"location=M": "count", "count=c": "location",
		"location=M&count=c&dryRun=true": "dryRun", "location=M&action=adjust": "action", "complete=1": "complete"} {
		s.importFile("?complete=true&"+params, file).is(400, "invalid").want(`"`+field+`"`, "field")
	}
	s.importFile("?location=M&count=c&complete=true", "upc,location,quantity\nA,M,4\nB,L,1\nB,M,x\n").
		is(400, "bad-rows").
		want("1", "import", "applied").want("2", "import", "bad").want(`"location"`, "import", "errors", 0, "column")
	s.importFile("?location=M&count=c&complete=true", "upc,quantity\n").is(400, "bad-rows")
	s.get("/v1/inventory/M/C").ok().want("3", "records", 0, "onHand")
	for range 2 {
		s.importFile("?location=M&count=c&complete=true", file, "Idempotency-Key", "k").ok().want("2", "applied").
			want("1", "unnamed", "records").want(`"C"`, "unnamed", "changes", 0, "upc")
	}
	s.get("/v1/inventory/M/C").ok().want("0", "records", 0, "onHand")
	s.get("/v1/inventory/M/B").ok().want("6", "records", 0, "onHand")
	s.importFile("?location=M&count=c&complete=true", file).is(404, "unknown-count")
}
