package httpapi

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/stream"
	"apportion/raftstore"
)

// apply puts commands into the log of a store, in one entry.
func (s *testStore) apply(t *testing.T, commands ...engine.Command) {
	t.Helper()
	var b raftstore.Batch
	for _, c := range commands {
		b.Append(new(engine.Envelope), c)
	}
	if err := s.Do(time.Time{}, &b); err != nil {
		t.Fatal(err)
	}
}

// countAt starts and closes a count at a location, which makes two events.
func (s *testStore) countAt(t *testing.T, location string) {
	t.Helper()
	s.apply(t, &engine.StartCount{Location: location, Count: "C"}, &engine.CloseCount{Location: location, Count: "C"})
}

// listen asks for a stream. headers are lines.
func (w *wire) listen(path string, headers ...string) *stream.Reader {
	w.t.Helper()
	request := "GET " + path + " HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
	for _, line := range headers {
		request += line + "\r\n"
	}
	w.send(request + "\r\n")
	reply, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if reply.StatusCode != http.StatusOK || reply.Header.Get("Content-Type") != stream.MediaType {
		text, _ := io.ReadAll(reply.Body)
		w.t.Fatalf("%s: %s, %s", path, reply.Status, text)
	}
	return stream.NewReader(reply.Body, 1<<20)
}

// wantEvents reads events from a stream, and compares "id type".
func wantEvents(t *testing.T, in *stream.Reader, want ...string) {
	t.Helper()
	for _, w := range want {
		ev, err := in.Read()
		if got := ev.ID + " " + ev.Type; err != nil || got != w {
			t.Fatalf("read %q with %s, %v; want %q", got, ev.Data, err, w)
		}
	}
}

// TestEventStream: a client gets what is kept and then what comes, goes on where it was cut, and filters.
func TestEventStream(t *testing.T) {
	store := newTestStore()
	_, dial := serveWireOf(t, Config{}, store)
	store.countAt(t, "L1")
	in := dial().listen("/v1/events")
	wantEvents(t, in, "1 count-started", "2 count-closed")
	places := dial().listen("/v1/events?locations=L2,M\\,1&types=count-closed,delivered")
	again := dial().listen("/v1/events?after=99", "Last-Event-ID: 1")
	after := dial().listen("/v1/events?after=2")
	now := dial().listen("/v1/events?after=now")
	store.countAt(t, "L2")
	store.countAt(t, "L3")
	store.countAt(t, "M,1")
	wantEvents(t, in, "3 count-started", "4 count-closed", "5 count-started")
	wantEvents(t, now, "3 count-started")
	wantEvents(t, again, "2 count-closed", "3 count-started")
	wantEvents(t, after, "3 count-started")
	wantEvents(t, places, "4 count-closed", "8 count-closed")
}

// put makes a record.
func (s *testStore) put(t *testing.T, location, upc string, quantity int64) {
	t.Helper()
	s.apply(t, &engine.Refresh{Location: location, Items: []engine.StockItem{{UPC: upc, Quantity: quantity}}})
}

// TestChangeStream: a client gets a copy of all records and then what changes, and goes on where it was cut.
func TestChangeStream(t *testing.T) {
	store := newTestStore()
	_, dial := serveWireOf(t, Config{}, store)
	store.put(t, "L1", "A", 5)
	store.put(t, "L2", "B", 6)
	read := func(in *stream.Reader, want string) (id string) {
		t.Helper()
		ev, err := in.Read()
		if got := fmt.Sprintf("%s %.30s", ev.Type, ev.Data); err != nil || got != want {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
		return ev.ID
	}
	in := dial().listen("/v1/changes")
	first := read(in, `record {"upc":"A","location":"L1","ve`)
	read(in, `record {"upc":"B","location":"L2","ve`)
	read(in, `copied {"asOf":3}`)
	store.put(t, "L2", "C", 1)
	created := read(in, `record {"upc":"C","location":"L2","ve`)
	store.apply(t, &engine.Delete{Scope: engine.Scope{UPCs: []string{"B"}, Locations: []string{"L2"}}, Force: true})
	read(in, `deleted {"upc":"B","location":"L2","de`)

	again := dial().listen("/v1/changes", "Last-Event-ID: "+first)
	read(again, `record {"upc":"C","location":"L2","ve`)
	read(again, `copied {"asOf":5}`)
	read(again, `record {"upc":"C","location":"L2","ve`)
	read(again, `deleted {"upc":"B","location":"L2","de`)
	read(dial().listen("/v1/changes?after="+created), `deleted {"upc":"B","location":"L2","de`)
	read(dial().listen("/v1/changes?upcPrefix=C&locations=L1,L2"), `record {"upc":"C","location":"L2","ve`)
}

// TestChangesPages: pages begin with a copy, and refuse what is no cursor of theirs.
func TestChangesPages(t *testing.T) {
	s := newStockedServer(t)
	r := s.get("/v1/changes?tags=Channel:Amazon").ok().want(`true`, "more").want(`true`, "copying").
		want(`20`, "changes", 0, "segments", 0, "onHand").want(`40`, "changes", 0, "onHand")
	next := "/v1/changes?after=" + r.at("next").(string)
	r = s.get(next).ok().want(`false`, "more").want(`false`, "copying").want(`[]`, "changes")
	s.post("/v1/inventory/adjust",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":-3}]}`).ok()
	r = s.get("/v1/changes?waitSeconds=9&after="+r.at("next").(string)).ok().want(`37`, "changes", 0, "onHand")
	s.post("/v1/inventory/delete", `{"upcs":["BC76845"],"locations":["Retailer2"]}`).ok()
	s.get(next).ok().want(`{"upc":"BC76845","location":"Retailer2","deleted":true}`, "changes", 0)
	s.get("/v1/changes?limit=1&locations=none&after="+r.at("next").(string)).ok().want(`[]`, "changes")

	s.get("/v1/changes?after=x").is(400, "invalid-cursor").want(`"after"`, "field")
	s.do("GET", "/v1/changes", "", "Accept", "text/event-stream", "Last-Event-ID", "1").is(400, "invalid-cursor").
		want(`"Last-Event-ID"`, "field")
	ahead := string(cursor.Append(nil, cursor.Changes, cursor.Key{Number: 1 << 40}))
	s.get("/v1/changes?after="+ahead).is(410, codeCursorExpired)
	s.get("/v1/changes?consistency=stale&after="+ahead).ok().want(`[]`, "changes")
	before := string(cursor.Append(nil, cursor.Changes, cursor.Key{}))
	s.get("/v1/changes?after="+before).is(410, codeCursorExpired)
	for _, query := range []string{"waitSeconds=61", "waitSeconds=-1", "waitSeconds=x", "upcPrefix=", "limit=0"} {
		s.get("/v1/changes?"+query).is(400, codeInvalid)
	}
}

// TestEventStreamIsThePage: an event of a stream has the data that a page shows.
func TestEventStreamIsThePage(t *testing.T) {
	store := newTestStore()
	_, dial := serveWireOf(t, Config{}, store)
	store.countAt(t, "L1")
	reply := dial().get("/v1/events?limit=1")
	page, err := http.ReadResponse(reply.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := dial().listen("/v1/events").Read()
	if want := fmt.Sprintf(`{"asOf":1,"next":1,"events":[%s]}`, ev.Data); err != nil || string(text) != want {
		t.Errorf("the page has %s, the stream %s, %v", text, ev.Data, err)
	}
}

// TestEventFilters: pages take the filters of streams, and refuse what no event can have.
func TestEventFilters(t *testing.T) {
	s := newStockedServer(t)
	s.store.countAt(t, "Retailer2")
	s.post("/v1/inventory/adjust",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":-18}]}`).ok()
	s.get("/v1/events?types=floor-crossed").ok().want(`"floor-crossed"`, "events", 0, "type").want(`5`, "next")
	s.get("/v1/events?tags=Channel:Amazon,Condition:New").ok().want(`"floor-crossed"`, "events", 0, "type")
	s.get("/v1/events?tags=Channel:eBay&locations=Retailer2").ok().want(`[]`, "events").want(`5`, "next")
	s.get("/v1/events?locations=Retailer2&types=count-closed,count-started&limit=1").ok().
		want(`"count-started"`, "events", 0, "type").want(`3`, "next")
	for _, query := range []string{"types=", "types=floor", "types=,", "tags=", "tags=Channel", "tags=Channel:",
		"tags=:Amazon", "tags=Channel:Amazon,Channel:eBay", "locations=", "locations=a,,b", "locations=a,",
		"tags=Channel:Amazon,"} {
		s.get("/v1/events?"+query).is(400, codeInvalid).want(`"`+strings.Split(query, "=")[0]+`"`, "field")
	}
	s.get("/v1/events?tags=Channel:None").is(400, "unknown-value").want(`"tags.Channel"`, "field")
	s.get("/v1/events?tags=Chanel:Amazon").is(400, "unknown-category")
	s.do("GET", "/v1/events", "", "Accept", "text/event-stream", "Last-Event-ID", "x").is(400, codeInvalid).
		want(`"Last-Event-ID"`, "field")
}

func TestSplitList(t *testing.T) {
	f := func(list string, want ...string) {
		t.Helper()
		var got []string
		for _, element := range splitList(list) {
			got = append(got, unescape(element))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is split into %q, want %q", list, got, want)
		}
	}
	f("", "")
	f("a", "a")
	f("a,b", "a", "b")
	f("a,,b,", "a", "", "b", "")
	f(`a\,b,c`, "a,b", "c")
	f(`a\\,b`, `a\`, "b")
	f(`a\`, `a\`)
	f(`\a\:b`, "a:b")
}

func TestWantsStream(t *testing.T) {
	s := newTestServer(t, Config{})
	for accept, want := range map[string]int{"application/json": 200, "*/*": 200, "text/*": 200, "": 200,
		"text/event-stream;q=0": 200, "text/event-stream ; q=0.0, */*": 200,
		"text/event-stream": 400, "application/json, Text/Event-Stream;q=0.5": 400,
		"text/event-stream;charset=utf-8": 400,
	} {
		r := s.do("GET", "/v1/events", "", "Accept", accept, "Last-Event-ID", "none")
		if r.status != want {
			t.Errorf("Accept: %s: status %d, want %d", accept, r.status, want)
		}
	}
	if r := s.do("HEAD", "/v1/events", "", "Accept", "text/event-stream"); r.status != 200 {
		t.Errorf("HEAD has status %d", r.status)
	}
	if r := s.do("GET", "/healthz", "", "Accept", "text/event-stream"); r.status != 200 {
		t.Errorf("a path without streams: %d", r.status)
	}
}

// TestStreamsMax: a stream more than may be is refused, and its place is free again when a client goes.
func TestStreamsMax(t *testing.T) {
	server, dial := serveWire(t, Config{StreamsMax: 1})
	first := dial()
	first.listen("/v1/events")
	dial().send("GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n").
		read(http.StatusServiceUnavailable, codeBusy)
	dial().get("/v1/events").read(http.StatusOK, "")
	first.Close()
	for server.streams.Taken() > 0 {
		time.Sleep(time.Millisecond)
	}
	dial().listen("/v1/events")
}

// TestStreamsEndWithTheServer: the end of the server ends a stream at the end of an event.
func TestStreamsEndWithTheServer(t *testing.T) {
	store := newTestStore()
	server, dial := serveWireOf(t, Config{}, store)
	store.countAt(t, "L1")
	in := dial().listen("/v1/events")
	wantEvents(t, in, "1 count-started", "2 count-closed")
	if err := server.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if ev, err := in.Read(); err != io.EOF {
		t.Errorf("after the end: %+v, %v", ev, err)
	}
	if server.streams.Taken() != 0 {
		t.Errorf("%d streams are open", server.streams.Taken())
	}
}

// TestStalledStreamIsCut: a reader that stops reading is cut, and its place is free.
func TestStalledStreamIsCut(t *testing.T) {
	store := newTestStore()
	server, dial := serveWireOf(t, Config{WriteTimeout: 50 * time.Millisecond}, store)
	w := dial()
	if err := w.Conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	w.listen("/v1/events")
	long := strings.Repeat("L", 64)
	var commands []engine.Command
	for range 200 {
		commands = append(commands, &engine.StartCount{Location: long, Count: long},
			&engine.CloseCount{Location: long, Count: long})
	}
	for server.streams.Taken() > 0 {
		store.apply(t, commands...)
		time.Sleep(time.Millisecond)
	}
	if n := server.metrics.streamsCut.Get(); n != 1 {
		t.Errorf("%d streams were cut", n)
	}
}

// TestStreamAfterALongBody: a connection that has sent a long body belongs to another HTTP server, and can stream too.
func TestStreamAfterALongBody(t *testing.T) {
	store := newTestStore()
	_, dial := serveWireOf(t, Config{}, store)
	w := dial()
	body := `{"location":"L","items":[{"upc":"A","quantity":1}` + strings.Repeat(" ", 2*bodyPrefetchMax) + `]}`
	w.send(fmt.Sprintf("POST /v1/inventory/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", len(body), body)).read(http.StatusOK, "")
	in := w.listen("/v1/events")
	store.countAt(t, "L1")
	wantEvents(t, in, "1 count-started")
}

// TestEventsFromNow: after=now tells the number of the last event, and goes on behind it.
func TestEventsFromNow(t *testing.T) {
	s := newStockedServer(t)
	change := func() {
		s.post("/v1/inventory/adjust", `{"location":"Retailer2","reason":"found","items":[{"upc":"BC76845","quantity":1}]}`).ok()
	}
	change()
	next := s.get("/v1/events?after=now").ok().want(`[]`, "events").at("next")
	change()
	s.get(fmt.Sprintf("/v1/events?after=%v", next)).ok().want(`"stock-changed"`, "events", 0, "type")
	s.get(fmt.Sprintf("/v1/events?after=%v&limit=1", next.(float64)-1)).ok().
		want(fmt.Sprint(next), "events", 0, "id")
}

// TestChangesFromNow: after=now leaves out the copy, in a page and as a stream.
func TestChangesFromNow(t *testing.T) {
	s := newStockedServer(t)
	r := s.get("/v1/changes?after=now").ok().want(`false`, "copying").want(`[]`, "changes").want(`false`, "more")
	s.post("/v1/inventory/adjust", `{"location":"Retailer2","items":[{"upc":"BC76845","quantity":1}]}`).ok()
	s.get("/v1/changes?after="+r.at("next").(string)).ok().want(`"BC76845"`, "changes", 0, "upc").
		want(`false`, "copying")

	store := newTestStore()
	_, dial := serveWireOf(t, Config{}, store)
	store.put(t, "L1", "A", 5)
	in := dial().listen("/v1/changes?after=now")
	store.put(t, "L1", "B", 6)
	if ev, err := in.Read(); err != nil || ev.Type != "record" || !strings.Contains(string(ev.Data), `"upc":"B"`) {
		t.Fatalf("%+v, %v", ev, err)
	}
}
