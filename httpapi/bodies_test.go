package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"

	"apportion/raftstore"
)

// head is the head of a request with the length of a body.
func head(request string, announced int, more ...string) string {
	return fmt.Sprintf("%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n", request, announced,
		strings.Join(more, ""))
}

const (
	isJSON  = "Content-Type: application/json\r\n"
	isToken = "Authorization: Bearer " + routerSecret + "\r\n"
)

// longQuery is a query of a given length.
func longQuery(bytes int) string {
	const query = `{"items":[{"upc":"A"}]}`
	return query + strings.Repeat(" ", bytes-len(query))
}

// If the headers decide the answer, it comes before the body is sent, and no memory is allocated for the body.
func TestBodyRefusedByItsHead(t *testing.T) {
	server, dial := serveWire(t, Config{Tokens: testTokens})
	for _, test := range []struct {
		name, head string
		status     int
		code       string
	}{
		{"no such path", head("POST /v1/nothing", 1<<20, isJSON, isToken), 404, codeNotFound},
		{"no such method", head("PUT /v1/inventory/query", 1<<20, isJSON, isToken), 405, codeMethod},
		{"no token", head("POST /v1/inventory/query", 1<<20, isJSON), 401, codeUnauthorized},
		{"no token, of Kibo's", head("POST "+kiboV5, 1<<20, isJSON), 401, codeUnauthorized},
		{"a parameter", head("POST /v1/inventory/query?x=1", 1<<20, isJSON, isToken), 400, codeUnknownParam},
		{"a media type", head("POST /v1/inventory/query", 1<<20, isToken), 415, codeMediaType},
		{"a media type of what may have a body", head("POST /v1/orders/1/fulfill", 1<<20, isToken), 415, codeMediaType},
		{"an encoding of Kibo's", head("POST "+kiboV5, 1<<20, isToken, "Content-Encoding: gzip\r\n"), 415,
			codeMediaType},
		{"a key", head("POST /v1/inventory/refresh", 1<<20, isJSON, isToken, "Idempotency-Key: a b\r\n"), 400,
			codeInvalid},
		{"a body that is too long", head("POST /v1/inventory/query", BodyBytesMax+1, isJSON, isToken), 413,
			codeBodyTooLarge},
		{"one of Kibo's", head("POST "+kiboV5, BodyBytesMax+1, isJSON, isToken), 413, codeBodyTooLarge},
		{"what waits to be told to go on", head("POST /v1/inventory/query", 1<<20, isJSON, "Expect: 100-continue\r\n"),
			401, codeUnauthorized},
		{"chunks", strings.Replace(head("POST /v1/inventory/query", 1, isJSON), "Content-Length: 1",
			"Transfer-Encoding: chunked", 1), 401, codeUnauthorized},
		{"a body that is not read", head("GET /v1/tag-categories", 1<<30, isToken), 200, ""},
		{"our own header", head("POST /v1/orders/1/fulfill", 0, isToken, isJSON, "Connection: close\r\n",
			headerAnnounced+": 5\r\n"), 400, codeBadRequest},
	} {
		w := dial().send(test.head)
		reply := w.read(test.status, test.code)
		if !reply.Close {
			t.Errorf("%s: the connection would stay", test.name)
		}
		w.ended()
	}
	for range 100 { // fasthttp alone would allocate 1.6 GB for these
		dial().send(head("POST /v1/inventory/query", BodyBytesMax, isJSON, isToken) + longQuery(bodyPrefetchMax))
	}
	if taken := server.bodies.taken.Load(); taken > 100*bodyStepBytes {
		t.Errorf("%d bytes are taken for %d that have come", taken, 100*bodyPrefetchMax)
	}
}

// A client that is refused while it sends reads the refusal, and gets no reset.
func TestRefusedWhileSending(t *testing.T) {
	_, dial := serveWire(t, Config{Tokens: testTokens})
	w := dial()
	w.send(head("POST /v1/inventory/query", 1<<20, isJSON) + longQuery(1<<20))
	w.read(http.StatusUnauthorized, codeUnauthorized)
	w.ended()
}

// Bodies of any length and framing are read completely. The memory of all bodies together has a limit.
func TestBodiesInFlight(t *testing.T) {
	const bodyMax = 100_000
	server, dial := serveWire(t, Config{BodyBytesMax: bodyMax, BodiesBytesMax: 2 * bodyMax})
	wait := func(bytes int64) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); server.bodies.taken.Load() != bytes; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes are in flight, want %d", server.bodies.taken.Load(), bytes)
			}
		}
	}
	query := func(announced int) string { return head("POST /v1/inventory/query", announced, isJSON) }
	for _, length := range []int{23, bodyPrefetchMax - 1, bodyPrefetchMax, bodyPrefetchMax + 1, bodyStepBytes,
		bodyStepBytes + 1, bodyMax} {
		w := dial().send(query(length) + longQuery(length))
		w.read(http.StatusOK, "")
		chunked := strings.Replace(query(1), "Content-Length: 1", "Transfer-Encoding: chunked", 1)
		chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
		body := longQuery(length)
		w.send(chunked+chunk(body[:11])+chunk(body[11:])+"0\r\n\r\n").read(http.StatusOK, "")
		w.send(strings.Replace(query(length), "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1))
		for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
			if line, err := w.in.ReadString('\n'); err != nil || line != want {
				t.Fatalf("%q, %v", line, err)
			}
		}
		w.send(body).read(http.StatusOK, "")
		if length == bodyMax {
			w.send(chunked+chunk(body)+chunk(" ")).read(http.StatusRequestEntityTooLarge, codeBodyTooLarge)
			w.ended()
		}
	}
	wait(0)

	slow := dial().send(query(bodyMax) + longQuery(bodyMax)[:bodyMax-1])
	wait(bodyMax)
	other := dial().send(query(bodyStepBytes) + longQuery(bodyStepBytes)[:bodyStepBytes-1])
	wait(bodyMax + bodyStepBytes)
	for _, path := range []string{"/v1/inventory/query", kiboV5} {
		w := dial().send(head("POST "+path, bodyMax, isJSON) + longQuery(bodyMax))
		w.read(http.StatusServiceUnavailable, codeBusy)
		w.ended()
	}
	dial().send(query(100)+longQuery(100)).read(http.StatusOK, "") // a short body is not counted
	wait(bodyMax + bodyStepBytes)
	other.send(" ").read(http.StatusOK, "")
	slow.send(" ").read(http.StatusOK, "")
	wait(0)
	slow.send(query(bodyMax)+longQuery(bodyMax)).read(http.StatusOK, "")

	gone := dial().send(query(bodyMax) + longQuery(bodyMax)[:bodyMax-1])
	wait(bodyMax)
	gone.Close()
	wait(0)
}

// A long body that stops coming gets a timeout, like a short one.
func TestLongBodyDeadline(t *testing.T) {
	server, dial := serveWire(t, Config{ReadTimeout: 20 * time.Millisecond})
	w := dial().send(head("POST /v1/inventory/query", 1<<20, isJSON) + longQuery(bodyPrefetchMax+1))
	w.read(http.StatusRequestTimeout, codeTimeout)
	w.ended()
	if taken := server.bodies.taken.Load(); taken != 0 {
		t.Errorf("%d bytes are in flight", taken)
	}
}

// The time limit of an answer begins after the body has come.
func TestLongBodyLeavesTheTime(t *testing.T) {
	store := &deadlineStore{testStore: newTestStore()}
	server, dial := serveWireOf(t, Config{}, store)
	body := channels + strings.Repeat(" ", bodyPrefetchMax)
	w := dial().send(head("PUT /v1/tag-categories/Channel", len(body), isJSON) + body[:len(body)-1])
	for server.bodies.taken.Load() == 0 {
		runtime.Gosched()
	}
	sent := time.Now()
	w.send(body[len(body)-1:]).read(http.StatusOK, "")
	if left := store.deadline.Sub(sent); left < RequestTimeout {
		t.Errorf("%s are left for the log, want %s", left, RequestTimeout)
	}
}

// deadlineStore records the deadline of the last write.
type deadlineStore struct {
	*testStore
	deadline time.Time
}

func (s *deadlineStore) Do(deadline time.Time, b *raftstore.Batch) error {
	s.deadline = deadline
	return s.testStore.Do(deadline, b)
}

// The memory of a long body is not kept for the next request.
func TestLongBodyMemoryGoes(t *testing.T) {
	var c request
	if c.reserve(scratchBytesMax); c.tooLargeToKeep() {
		t.Error("what most requests need is given up")
	}
	if c.reserve(scratchBytesMax + 1); !c.tooLargeToKeep() {
		t.Error("a large body stays in memory")
	}
}

// The leader's refusal of a long forwarded body comes back as the answer, not as an unknown outcome.
func TestForwardedBodies(t *testing.T) {
	store := &electingStore{testStore: newTestStore()}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a real network, where an early close resets a connection
	if err != nil {
		t.Fatal(err)
	}
	pair := func(leads bool) testBackend {
		forwarded := fasthttputil.NewInmemoryListener()
		return &wiredStore{&pairStore{electingStore: store, leads: leads, forwarded: forwarded}, listener}
	}
	leading := serveTest(t, Config{}, pair(true), store.testStore)
	follower := serveTest(t, Config{}, pair(false), store.testStore)
	body := channels + strings.Repeat(" ", BodyBytesMax-len(channels))
	follower.do("PUT", "/v1/tag-categories/Channel", body).ok()
	leading.server.bodies.max = bodyStepBytes
	follower.do("PUT", "/v1/tag-categories/Channel", body).is(503, codeBusy)
	leading.server.config.BodyBytesMax = BodyBytesMax - 1
	follower.do("PUT", "/v1/tag-categories/Channel", body).is(413, codeBodyTooLarge)
	if n := leading.server.bodies.taken.Load() + follower.server.bodies.taken.Load(); n != 0 {
		t.Errorf("%d bytes are in flight", n)
	}
}

// wiredStore is one of two nodes, a leader and a follower, on a real network.
type wiredStore struct {
	*pairStore
	listener net.Listener
}

func (s *wiredStore) Forwarded() net.Listener {
	if s.leads {
		return s.listener
	}
	return s.forwarded
}

func (s *wiredStore) DialMember(string, time.Duration) (net.Conn, error) {
	return net.Dial("tcp", s.listener.Addr().String())
}
