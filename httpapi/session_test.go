package httpapi

import (
	"strings"
	"testing"
	"time"
)

// TestConsoleIsFound: a browser that opens the server is sent to the console, other clients get the index, and the page
// comes with headers that keep other sites away from it.
func TestConsoleIsFound(t *testing.T) {
	s := newTestServer(t, Config{Tokens: testTokens})
	if r := s.do("GET", "/", "", "Accept", "text/html,*/*;q=0.8"); r.status != 302 ||
		r.header.Get("Location") != "console/" {
		t.Errorf("a browser: %d %v", r.status, r.header)
	}
	s.do("GET", "/", "", "Accept", "application/json").ok().want(`"apportion"`, "name")
	if r := s.get("/console"); r.status != 302 || r.header.Get("Location") != "console/" {
		t.Errorf("/console: %d %v", r.status, r.header)
	}
	r := s.get("/console/")
	policy := r.header.Get("Content-Security-Policy")
	if r.status != 200 || !strings.Contains(r.body, "Apportion") || strings.Contains(policy, "unsafe") ||
		!strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the page: %d %v %.200s", r.status, r.header, r.body)
	}
	s.get("/console/assets/nothing.js").is(404, "not-found")
	s.get("/console/README").is(404, "not-found")
}

// TestSession: a login with a token gives a cookie that opens the API, for writes only with the console's header.
func TestSession(t *testing.T) {
	s := newTestServer(t, Config{Tokens: testTokens})
	logIn := func(secret string, headers ...string) *reply {
		t.Helper()
		return s.do("POST", "/console/session", `{"token":"`+secret+`"}`, headers...)
	}
	s.get("/console/session").ok().want(`true`, "tokenNeeded").want(`""`, "name")
	logIn("wrong", headerConsole, "1").is(401, "unauthorized")
	logIn(storeSecret).is(401, "unauthorized") // as a form of another site would
	set := logIn(storeSecret, headerConsole, "1").ok().want(`"store"`, "name").header.Get("Set-Cookie")
	for _, part := range []string{"; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"} {
		if !strings.Contains(set, part) || strings.Contains(set, storeSecret) || strings.Contains(set, "Secure") {
			t.Errorf("the cookie is %s", set)
		}
	}
	if tls := logIn(storeSecret, headerConsole, "1", "X-Forwarded-Proto", "https").ok(); !strings.Contains(
		tls.header.Get("Set-Cookie"), "; Secure") {
		t.Errorf("behind TLS the cookie is %s", tls.header.Get("Set-Cookie"))
	}
	cookie, _, _ := strings.Cut(set, ";")
	s.do("GET", "/console/session", "", "Cookie", cookie).ok().want(`"store"`, "name")
	s.do("GET", "/v1/tag-categories", "", "Cookie", cookie).ok()
	s.do("PUT", "/v1/tag-categories/Channel", channels, "Cookie", cookie).is(401, "unauthorized").
		want(`"Apportion-Console"`, "field")
	s.do("PUT", "/v1/tag-categories/Channel", channels, "Cookie", cookie, headerConsole, "1").ok()
	s.do("GET", "/v1/tag-categories", "", "Cookie", cookie[:len(cookie)-2]+"xx").is(401, "unauthorized")
	s.do("GET", "/v1/tag-categories", "", "Cookie", cookie, "Authorization", "Bearer wrong").ok()
	ended := testTokens[1].sign(time.Now().Add(-time.Second).Unix())
	s.do("GET", "/v1/tag-categories", "", "Cookie", sessionCookie+"="+ended).is(401, "unauthorized")
	out := s.do("DELETE", "/console/session", "").ok().header.Get("Set-Cookie")
	if !strings.Contains(out, "Max-Age=-1") {
		t.Errorf("a logout sets %s", out)
	}
}

// TestSessionIsNotNeeded: a server without tokens asks for none.
func TestSessionIsNotNeeded(t *testing.T) {
	s := newTestServer(t, Config{})
	s.get("/console/session").ok().want(`false`, "tokenNeeded")
	if r := s.do("POST", "/console/session", `{"token":"x"}`, headerConsole, "1").ok(); r.header.Get("Set-Cookie") != "" {
		t.Errorf("it sets %s", r.header.Get("Set-Cookie"))
	}
}
