package httpapi

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp/fasthttputil"
)

const (
	routerSecret = "0123456789abcdef"
	storeSecret  = "fedcba9876543210"
)

var testTokens = []Token{{"router", routerSecret}, {"store", storeSecret}, {"store", storeSecret + "2"}}

func TestParseTokens(t *testing.T) {
	tokens, err := ParseTokens([]byte("# who may call\n\nrouter:" + routerSecret + "\r\n  store:" + storeSecret +
		":with:colons\n"))
	if err != nil || len(tokens) != 2 || tokens[0] != (Token{"router", routerSecret}) ||
		tokens[1].Secret != storeSecret+":with:colons" {
		t.Fatalf("%+v, %v", tokens, err)
	}
	f := func(text string, want ...string) {
		t.Helper()
		_, err := ParseTokens([]byte(text))
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v, want %q in it", text, err, part)
			}
		}
		if err != nil && strings.Contains(err.Error(), "short") {
			t.Errorf("the secret is in the error: %v", err)
		}
	}
	f("", "there is no token")
	f("# nothing\n", "there is no token")
	f("router\n\na:short\n", "line 1: name:secret", "line 3: the secret is")
	f("router:", "line 1: name:secret")
	f(":"+routerSecret, "line 1: the name")
	f("a b:"+routerSecret, "line 1: the name")
	f("a:"+strings.Repeat("s", tokenSecretBytesMax+1), "line 1: the secret")
	f("a:"+routerSecret+" x", "line 1: the secret")
	f("a:"+routerSecret+"\n#\na:"+routerSecret, "line 3: this token")
	f(strings.Repeat("a:"+routerSecret+"\n", TokensMax+1), "101 tokens")
	if _, err := newServer(Config{Tokens: []Token{{"a", "short"}}}, newTestStore()); err == nil {
		t.Error("a server takes any token")
	}
}

// TestTokens: a server with tokens answers only clients with a token, except for requests of monitors.
func TestTokens(t *testing.T) {
	s := newTestServer(t, Config{Tokens: testTokens})
	open := map[string]bool{"/": true, "/v1": true, "/healthz": true, "/readyz": true, "/metrics": true}
	for _, r := range routes() {
		path := strings.NewReplacer("{", "", "}", "").Replace(r.pattern)
		switch got := s.do(methodWords[r.method], path, ""); {
		case open[path] && got.status != 200:
			t.Errorf("%s answers %d", path, got.status)
		case !open[path]:
			got.is(401, "unauthorized")
			if got.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s: %v", path, got.header)
			}
		}
	}
	s.get("/v1/nothing").is(404, "not-found")
	f := func(header string, status int) {
		t.Helper()
		if got := s.do("GET", "/v1/tag-categories", "", "Authorization", header); got.status != status {
			t.Errorf("%q answers %d %s", header, got.status, got.body)
		}
	}
	f("Bearer "+routerSecret, 200)
	f("bearer "+storeSecret+"2", 200)
	for _, header := range []string{"", "Bearer", "Bearer ", routerSecret, "Basic " + routerSecret,
		"Bearer " + routerSecret + "x", "Bearer " + routerSecret[1:], "Bearer router"} {
		f(header, 401)
	}
	// The token is checked before the body is read.
	s.do("POST", "/v1/inventory/refresh", "{", "Authorization", "Bearer x").is(401, "unauthorized")
	s.do("POST", "/v1/inventory/refresh", "{", "Authorization", "Bearer "+routerSecret).is(400, "bad-json")
}

func TestTickets(t *testing.T) {
	a, err := newAccess(testTokens)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	ticket, ok := a.ticket("store", storeSecret, now)
	if !ok {
		t.Fatal("no ticket for a token")
	}
	if _, ok := a.ticket("store", routerSecret, now); ok {
		t.Error("a ticket for another token's secret")
	}
	if _, ok := a.ticket("nobody", routerSecret, now); ok {
		t.Error("a ticket for an unknown name")
	}
	f := func(a *access, text string, at time.Time, want bool) {
		t.Helper()
		if got := a.opens([]byte("Bearer "+text), at); got != want {
			t.Errorf("%q at %v: %t", text, at, got)
		}
	}
	f(a, ticket, now, true)
	f(a, ticket, now.Add(TicketLifetime-time.Second), true)
	f(a, ticket, now.Add(TicketLifetime), false)

	parts := strings.Split(ticket, ".") // prefix, name, end, signature
	later := strings.Join([]string{parts[0], parts[1], "1900000000", parts[3]}, ".")
	f(a, later, now, false)
	router, _ := a.ticket("router", routerSecret, now)
	f(a, strings.Join([]string{parts[0], strings.Split(router, ".")[1], parts[2], parts[3]}, "."), now, false)
	for _, text := range []string{"apt1.", "apt1...", "apt1." + parts[1] + "." + parts[2], "apt1." + parts[1] + "." +
		parts[2] + ".", ticket + "x", ticket[1:]} {
		f(a, text, now, false)
	}
	// Each node with the token accepts the ticket. A node without the token refuses it.
	other, err := newAccess([]Token{{"x", routerSecret}, {"store", storeSecret}})
	if err != nil {
		t.Fatal(err)
	}
	f(other, ticket, now, true)
	changed, err := newAccess([]Token{{"store", storeSecret + "2"}})
	if err != nil {
		t.Fatal(err)
	}
	f(changed, ticket, now, false)
}

// TestKiboTickets: a client of Kibo's API gets a ticket for a token, and answers with the ticket.
func TestKiboTickets(t *testing.T) {
	const oauth = "/platform/applications/authtickets/oauth"
	s := newTestServer(t, Config{Tokens: testTokens})
	c := &kiboClient{s, loadKiboSpec(t)}
	status, value, text := c.call("GET", kiboV1+"tagCategory", "")
	if status != 401 {
		t.Fatalf("without a ticket: %d %s", status, text)
	}
	c.want(value, `{"code":"unauthorized","errorCode":"unauthorized"}`)
	for _, body := range []string{``, `{}`, `{"client_id":"router"}`, `{"client_id":"router","client_secret":"` +
		storeSecret + `"}`} {
		status, value, text := c.call("POST", oauth, body)
		if status != 401 {
			t.Errorf("%s answers %d %s", body, status, text)
		}
		c.want(value, `{"errorCode":"unauthorized"}`) // with this code its client knows that it has no ticket
	}
	value = c.must("POST", oauth, `{"client_id":"router","client_secret":"`+routerSecret+
		`","grant_type":"client_credentials","refresh_token":"x"}`)
	c.want(value, `{"token_type":"bearer","expires_in":3600}`)
	ticket, _ := value.(map[string]any)["access_token"].(string)
	for _, bearer := range []string{ticket, routerSecret} {
		if status, _, text := c.call("GET", kiboV1+"tagCategory", "", "Authorization",
			"Bearer "+bearer); status != 200 {
			t.Errorf("with it: %d %s", status, text)
		}
	}
	s.do("GET", "/v1/tag-categories", "", "Authorization", "Bearer "+ticket).ok()
	if status, _, _ := c.call("GET", "/platform/tenants/12345", ""); status != 401 {
		t.Errorf("a tenant without a ticket: %d", status)
	}
	_, value, _ = c.call("GET", "/platform/tenants/12345", "", "Authorization", "Bearer "+ticket)
	c.want(value, `{"id":12345,"domain":"test"}`)

	open := newKiboClient(t)
	c.want(open.must("POST", oauth, `{"client_id":"anybody"}`), `{"token_type":"bearer"}`)
	if status, _, text := open.call("GET", "/platform/tenants/x", ""); status != 400 {
		t.Errorf("a tenant without a number: %d %s", status, text)
	}
}

// pairStore is one of two nodes, a leader and a follower. Forwarded requests arrive at its listener.
type pairStore struct {
	*electingStore
	leads     bool
	forwarded *fasthttputil.InmemoryListener
	leader    *fasthttputil.InmemoryListener
}

func (s *pairStore) Forwarded() net.Listener { return s.forwarded }
func (s *pairStore) Leads() bool             { return s.leads }
func (s *pairStore) Leader() string          { return "leader" }
func (s *pairStore) DialMember(string, time.Duration) (net.Conn, error) {
	return s.leader.Dial()
}

// TestForwardedRequestsAreAskedAgain: the leader checks the token of a forwarded request again.
func TestForwardedRequestsAreAskedAgain(t *testing.T) {
	store := &electingStore{testStore: newTestStore()}
	leader := &pairStore{electingStore: store, leads: true, forwarded: fasthttputil.NewInmemoryListener()}
	serveTest(t, Config{Tokens: testTokens}, leader, store.testStore)
	follower := func(tokens []Token) *testServer {
		s := &pairStore{electingStore: store, forwarded: fasthttputil.NewInmemoryListener(), leader: leader.forwarded}
		return serveTest(t, Config{Tokens: tokens}, s, store.testStore)
	}
	put := func(s *testServer, header string) *reply {
		return s.do("PUT", "/v1/tag-categories/Channel", channels, "Authorization", header)
	}
	put(follower(testTokens), "Bearer "+storeSecret).ok()
	put(follower(testTokens), "Bearer x").is(401, "unauthorized")
	put(follower(nil), "Bearer x").is(401, "unauthorized")
	put(follower(nil), "Bearer "+routerSecret).ok()
	const strange = "a-secret-of-another-place"
	put(follower([]Token{{"router", strange}}), "Bearer "+strange).is(401, "unauthorized")
}
