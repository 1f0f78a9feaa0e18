package webhook

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"apportion/engine"
)

// verify checks a message as the specification's own library does.
func verify(secret string, g *got) error {
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	return v.VerifyIgnoringTimestamp(g.body, g.header)
}

// TestSignatureVector is the example that the specification's libraries share.
func TestSignatureVector(t *testing.T) {
	m := message{id: "msg_p5jXN8AQM9LWM0D4loKWxJek", body: []byte(`{"test": 2432232314}`)}
	header := http.Header{}
	m.sign(header, &engine.Webhook{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, time.Unix(1614265330, 0))
	if got := header.Get(headerSignature); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" ||
		header.Get(headerTimestamp) != "1614265330" || header.Get(headerID) != m.id {
		t.Errorf("%v", header)
	}
}

// TestMessagesVerify: the specification's library accepts what is sent, with the secret and, while it is valid, with
// the one before, and refuses what was changed on the way.
func TestMessagesVerify(t *testing.T) {
	e := engine.New()
	now := time.Now()
	w := &engine.Webhook{Secret: secretOf('2'), PreviousSecret: secretOf('1'), PreviousUntilMS: now.UnixMilli() + 1}
	m := eventMessage(e.Schema(), &engine.Event{ID: 7, Kind: engine.EventDelivered, Index: 9, TimeMS: now.UnixMilli(),
		UPC: "U", Location: "Łódź", Units: 3})
	f := func(what, secret string, at time.Time, want bool) {
		t.Helper()
		g := got{header: http.Header{}, body: m.body}
		m.sign(g.header, w, at)
		v, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(g.body, g.header); (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("the secret", w.Secret, now, true)
	f("the secret before", w.PreviousSecret, now, true)
	f("another secret", secretOf('3'), now, false)
	f("the secret before, after its end", w.PreviousSecret, now.Add(time.Minute), false)
	f("the secret, then", w.Secret, now.Add(time.Minute), true)
	g := got{header: http.Header{}, body: []byte(strings.Replace(string(m.body), `"units":3`, `"units":4`, 1))}
	m.sign(g.header, w, now)
	if verify(w.Secret, &g) == nil {
		t.Error("a changed body passes")
	}
	var body struct {
		Type, Timestamp string
		Data            struct {
			ID       int
			Type     string
			Location string
		}
	}
	if err := json.Unmarshal(m.body, &body); err != nil || body.Type != "delivered" || body.Data.ID != 7 ||
		body.Data.Type != "delivered" || body.Data.Location != "Łódź" || body.Timestamp == "" {
		t.Errorf("%s: %+v, %v", m.body, body, err)
	}
	if engine.ParseEventKind(testType) != 0 {
		t.Error("a test message has the type of an event")
	}
}
