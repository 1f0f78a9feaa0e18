package httpapi

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"apportion/engine"
)

// hookSecret is a secret of a letter.
func hookSecret(letter string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 24)))
}

const publicURL = "https://shop.example/hook?token=1"

func hookBody(url, more string) string {
	return `{"url":"` + url + `","secret":"` + hookSecret("1") + `"` + more + `}`
}

// TestWebhookLife: a webhook is put, shown without its secret, changed, moved and deleted.
func TestWebhookLife(t *testing.T) {
	s := newStockedServer(t)
	s.get("/v1/webhooks").ok().want(`[]`, "webhooks")
	s.put("/v1/webhooks/shop", hookBody(publicURL, `,"types":["floor-crossed","delivered","floor-crossed"],`+
		`"locations":["Z","Retailer2"],"tags":{"Channel":"Amazon"}`)).ok().want(`"shop"`, "name")
	r := s.get("/v1/webhooks/shop").ok().want(`["floor-crossed","delivered"]`, "types").
		want(`["Retailer2","Z"]`, "locations").want(`{"Channel":"Amazon"}`, "tags").want(`false`, "disabled").
		want(`0`, "lag").want(`"`+publicURL+`"`, "url")
	position := r.at("position").(float64)
	s.put("/v1/webhooks/shop", `{"url":"`+publicURL+`","secret":"`+hookSecret("2")+`","disabled":true}`).ok()
	if r := s.get("/v1/webhooks/shop").ok().want(`[]`, "types").want(`true`, "disabled"); r.at("disabledReason") == nil ||
		r.at("position") != position {
		t.Error(r.body)
	}
	s.put("/v1/webhooks/shop", `{"url":"`+publicURL+`"}`).ok()
	for _, path := range []string{"/v1/webhooks", "/v1/webhooks/shop"} {
		if body := s.get(path).ok().body; strings.Contains(body, "secret\"") || strings.Contains(body, "whsec_") {
			t.Errorf("%s shows the secret: %s", path, body)
		}
	}
	s.post("/v1/webhooks/shop/replay?from=1", "").ok().want(`1`, "from")
	s.do("DELETE", "/v1/webhooks/shop", "").ok()
	for _, r := range []*reply{s.get("/v1/webhooks/shop"), s.do("DELETE", "/v1/webhooks/shop", ""),
		s.post("/v1/webhooks/shop/test", ""), s.post("/v1/webhooks/shop/replay?from=1", "")} {
		r.is(404, "unknown-webhook")
	}
}

// TestWebhookRefusals: what is no webhook is refused with the field, and never with the secret.
func TestWebhookRefusals(t *testing.T) {
	s := newStockedServer(t)
	f := func(body, code, field string) {
		t.Helper()
		r := s.put("/v1/webhooks/shop", body).is(400, code).want(`"`+field+`"`, "field")
		if strings.Contains(r.body, "whsec_x") {
			t.Errorf("the secret is repeated: %s", r.body)
		}
	}
	f(`{}`, "missing-field", "url")
	f(`{"url":"`+publicURL+`"}`, "invalid", "secret")
	f(`{"url":"`+publicURL+`","secret":"whsec_x"}`, "invalid", "secret")
	f(hookBody("shop.example", ""), "invalid", "url")
	f(hookBody("http://127.0.0.1/", ""), "invalid", "url")
	f(hookBody("https://a:b@shop.example", ""), "invalid", "url")
	f(hookBody("https://shop.example/"+strings.Repeat("x", engine.WebhookURLBytesMax), ""), "invalid", "url")
	f(hookBody(publicURL, `,"types":["delivered","sold"]`), "invalid", "types[1]")
	f(hookBody(publicURL, `,"locations":[""]`), "invalid", "locations[0]")
	f(hookBody(publicURL, `,"tags":{"Zone":"x"}`), "unknown-category", "tags.Zone")
	f(hookBody(publicURL, `,"tag":{}`), "unknown-field", "tag")
	s.put("/v1/webhooks/shop", hookBody(publicURL, "")).ok()
	s.post("/v1/webhooks/shop/replay", "").is(400, "missing-field").want(`"from"`, "field")
	s.post("/v1/webhooks/shop/replay?from=0", "").is(400, "invalid").want(`"from"`, "field")
	s.post("/v1/webhooks/shop/replay?from=1000", "").is(400, "invalid").want(`"from"`, "field")
	s.get("/v1/webhooks/shop?from=1").is(400, "unknown-parameter")
}

// TestWebhookNames: a name is found in either form of Unicode, on the routes of the leader too.
func TestWebhookNames(t *testing.T) {
	s := newTestServer(t, Config{})
	s.put("/v1/webhooks/Caf%C3%A9", hookBody(publicURL, "")).ok()
	s.get("/v1/webhooks/Cafe%CC%81").ok().want(`"Café"`, "name")
}

// TestWebhookDelivery: events reach the receiver, signed, and the status tells so; a test message is answered with what
// became of it.
func TestWebhookDelivery(t *testing.T) {
	type message struct {
		body   string
		header http.Header
	}
	got := make(chan message, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(r.URL.Path, "broken") {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		got <- message{string(body), r.Header}
	}))
	defer receiver.Close()
	s := newTestServer(t, Config{WebhookAllowPrivate: true})
	s.put("/v1/webhooks/shop", hookBody(receiver.URL, `,"types":["count-started"],"locations":["L"]`)).ok()
	verify := func(want string) {
		t.Helper()
		m := <-got
		v, err := standardwebhooks.NewWebhook(hookSecret("1"))
		if err == nil {
			err = v.Verify([]byte(m.body), m.header)
		}
		if err != nil || !strings.Contains(m.body, want) {
			t.Errorf("%s: %v, want %s", m.body, err, want)
		}
	}
	s.post("/v1/webhooks/shop/test", "").ok().want(`true`, "delivered").want(`200`, "status")
	verify(`"type":"test"`)
	s.post("/v1/counts/K/start", `{"count":"other"}`).ok()
	s.post("/v1/counts/L/start", `{"count":"night"}`).ok()
	verify(`"name":"night"`)
	for s.get("/v1/webhooks/shop").ok().at("sent") != 1.0 { // the receiver has it before the sender knows
	}
	s.get("/v1/webhooks").ok().want(`0`, "webhooks", 0, "lag").want(`0`, "webhooks", 0, "failures")
	s.put("/v1/webhooks/broken", hookBody(receiver.URL+"/broken", "")).ok()
	s.post("/v1/webhooks/broken/test", "").ok().want(`false`, "delivered").want(`418`, "status").
		want(`"answered 418"`, "error")
	s.post("/v1/counts/L/close", `{"count":"night"}`).ok()
	for s.get("/v1/webhooks/broken").ok().at("lastError") == nil {
	}
	r := s.get("/v1/webhooks/broken").ok().want(`1`, "lag").want(`"answered 418"`, "lastError")
	if r.at("nextTryAt") == nil || r.at("lastErrorAt") == nil {
		t.Error(r.body)
	}
	if text := s.get("/metrics").body; !strings.Contains(text, `apportion_webhook_attempts_total{outcome="delivered"}`) {
		t.Error("no metrics")
	}
}
