package engine

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// webhookSecret is a secret of the shortest length.
func webhookSecret(letter byte) string {
	key := strings.Repeat(string(letter), WebhookSecretBytesMin)
	return webhookSecretPrefix + base64.StdEncoding.EncodeToString([]byte(key))
}

func webhookOf(change func(*PutWebhook)) *PutWebhook {
	c := &PutWebhook{Name: "shop", URL: "https://shop.example/hook", Secret: webhookSecret('1')}
	change(c)
	return c
}

func asIs(*PutWebhook) {}

func (h *host) webhook(name string) Webhook {
	h.t.Helper()
	w, ok := h.e.Webhook(name)
	if !ok {
		h.t.Fatalf("there is no webhook %s", name)
	}
	return w
}

// TestPutWebhook: a new webhook begins behind the last event, one that is put again goes on where it is.
func TestPutWebhook(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	h.must(webhookOf(func(c *PutWebhook) {
		c.Kinds, c.Locations, c.Tags = []EventKind{EventFloorCrossed, EventDelivered}, []string{"K", "L"},
			[]Tag{{"Channel", "A"}}
	}))
	w := h.webhook("shop")
	if w.Position != h.e.LastEvent() || w.Position == 0 || w.Revision != h.index || len(w.Kinds) != 2 ||
		w.DisabledReason != "" {
		t.Errorf("%+v, the last event is %d", w, h.e.LastEvent())
	}
	h.must(&StartCount{Location: "L", Count: "c"})
	h.must(webhookOf(func(c *PutWebhook) { c.URL, c.Secret, c.Disabled = "http://other.example", "", true }))
	again := h.webhook("shop")
	if again.Position != w.Position || again.Secret != w.Secret || again.PreviousSecret != "" ||
		len(again.Kinds) != 0 || again.URL != "http://other.example" || again.Revision == w.Revision ||
		again.DisabledReason == "" {
		t.Errorf("%+v, was %+v", again, w)
	}
	h.must(webhookOf(func(c *PutWebhook) { c.Name = "a" }))
	if all := h.e.Webhooks(); len(all) != 2 || all[0].Name != "a" || h.webhook("a").Position != h.e.LastEvent() {
		t.Errorf("%+v", all)
	}
	h.must(&DeleteWebhook{Name: "shop"})
	if _, ok := h.e.Webhook("shop"); ok {
		t.Error("what was deleted is there")
	}
	h.wantCode(&DeleteWebhook{Name: "shop"}, CodeUnknownWebhook, "name")
}

// TestWebhookSecrets: the secret that was replaced signs for a day more.
func TestWebhookSecrets(t *testing.T) {
	h := newHost(t)
	h.must(&Expire{})
	h.wantCode(webhookOf(func(c *PutWebhook) { c.Secret = "" }), CodeInvalid, "secret")
	h.must(webhookOf(asIs))
	h.must(webhookOf(func(c *PutWebhook) { c.Secret = webhookSecret('2') }))
	if w := h.webhook("shop"); w.Secret != webhookSecret('2') || w.PreviousSecret != webhookSecret('1') ||
		w.PreviousUntilMS != h.nowMS+WebhookSecretAgeMS {
		t.Errorf("%+v", w)
	}
	h.must(webhookOf(func(c *PutWebhook) { c.Secret = webhookSecret('2') }))
	if w := h.webhook("shop"); w.PreviousSecret != webhookSecret('1') {
		t.Errorf("the same secret again changed the one before: %+v", w)
	}
}

// TestWebhookRefusals: what is no webhook is refused, and a refusal never repeats a secret.
func TestWebhookRefusals(t *testing.T) {
	h := newHost(t)
	h.must(channels(5000, 5000))
	f := func(field string, change func(*PutWebhook)) {
		t.Helper()
		c := webhookOf(change)
		h.wantCode(c, CodeInvalid, field)
		if fault := CheckCommand(c); fault == nil || field == "secret" && fault.Value != "" {
			t.Errorf("%s: %+v", field, fault)
		}
	}
	f("name", func(c *PutWebhook) { c.Name = "" })
	for _, url := range []string{"", "shop.example", "ftp://shop.example", "https://", "https://a b", "https://a\n",
		"https://" + textOf(WebhookURLBytesMax)} {
		f("url", func(c *PutWebhook) { c.URL = url })
	}
	f("types[0]", func(c *PutWebhook) { c.Kinds = []EventKind{0} })
	f("types[0]", func(c *PutWebhook) { c.Kinds = []EventKind{eventKinds} })
	f("types[1]", func(c *PutWebhook) { c.Kinds = []EventKind{2, 2} })
	f("types", func(c *PutWebhook) { c.Kinds = make([]EventKind, eventKinds) })
	f("locations[1]", func(c *PutWebhook) { c.Locations = []string{"L", "K"} })
	f("tags", func(c *PutWebhook) { c.Tags = []Tag{{"", "x"}} })
	key := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(textOf(n))) }
	for _, secret := range []string{"x", key(24), webhookSecretPrefix + key(WebhookSecretBytesMin-1),
		webhookSecretPrefix + key(WebhookSecretBytesMax+1), webhookSecretPrefix + key(24) + "!",
		webhookSecretPrefix + textOf(1000)} {
		f("secret", func(c *PutWebhook) { c.Secret = secret })
	}
	h.must(webhookOf(func(c *PutWebhook) { c.Secret = webhookSecretPrefix + key(WebhookSecretBytesMax) }))
	h.wantCode(webhookOf(func(c *PutWebhook) { c.Tags = []Tag{{"Zone", "x"}} }), CodeUnknownCategory, "tags.Zone")
	h.wantCode(webhookOf(func(c *PutWebhook) { c.Tags = []Tag{{"Channel", "x"}} }), CodeUnknownValue, "tags.Channel")
	h.wantCode(&SetWebhookPosition{Items: []WebhookPosition{{Name: "a"}, {Name: "a"}}}, CodeInvalid, "items[1].name")
}

func TestWebhooksAreBounded(t *testing.T) {
	h := newHost(t)
	for i := range WebhooksMax {
		h.must(webhookOf(func(c *PutWebhook) { c.Name = fmt.Sprint("w", i) }))
	}
	h.wantCode(webhookOf(asIs), CodeTooMany, "name")
	h.must(webhookOf(func(c *PutWebhook) { c.Name, c.Secret = "w7", "" }))
	h.must(&DeleteWebhook{Name: "w7"})
	h.must(webhookOf(asIs))
}

// TestSetWebhookPosition: a report of a sender goes forward only, and only in the webhook that it saw.
func TestSetWebhookPosition(t *testing.T) {
	h := newHost(t)
	h.must(webhookOf(asIs))
	for i := range 5 {
		h.must(&StartCount{Location: fmt.Sprint("L", i), Count: "c"})
	}
	h.must(webhookOf(func(c *PutWebhook) { c.Name = "late" }))
	first := h.webhook("shop").Revision
	report := func(revision uint64, at EventID) WebhookPosition {
		return WebhookPosition{Name: "shop", Revision: revision, Position: at}
	}
	f := func(it WebhookPosition, changed int64, want EventID) {
		t.Helper()
		r := h.must(&SetWebhookPosition{Items: []WebhookPosition{it}})
		if w := h.webhook("shop"); r.Stock.Records != changed || w.Position != want {
			t.Errorf("%+v: %d changed, at %d, want %d", it, r.Stock.Records, w.Position, want)
		}
	}
	f(report(first, 3), 1, 3)
	f(report(first, 2), 1, 3)
	f(report(first+1, 4), 0, 3)
	if h.webhook("shop").Revision != first {
		t.Error("a report changed the revision")
	}
	f(report(0, 1), 1, 1) // a client's wish goes back
	f(report(first, 4), 0, 1)
	f(WebhookPosition{Name: "gone", Revision: first, Position: 1}, 0, 1)
	h.wantCode(&SetWebhookPosition{Items: []WebhookPosition{{Name: "gone"}}}, CodeUnknownWebhook, "items[0].name")
	h.wantCode(&SetWebhookPosition{Items: []WebhookPosition{report(0, 2), {Name: "late", Position: 6}}}, CodeInvalid,
		"items[1].position")
	if at := h.webhook("shop").Position; at != 1 {
		t.Errorf("a refused command moved a webhook to %d", at)
	}
	f(WebhookPosition{Name: "shop", Revision: h.webhook("shop").Revision, Position: 2, DisabledReason: "gone"}, 1, 2)
	if w := h.webhook("shop"); w.DisabledReason != "gone" {
		t.Errorf("%+v", w)
	}
	h.must(webhookOf(asIs))
	if w := h.webhook("shop"); w.DisabledReason != "" || w.Position != 2 {
		t.Errorf("put again: %+v", w)
	}
}

// TestReadersOfWebhooksSeeNoChange: what a reader has got stays as it was.
func TestReadersOfWebhooksSeeNoChange(t *testing.T) {
	h := newHost(t)
	h.must(webhookOf(asIs))
	seen := h.e.Webhooks()
	was := slices.Clone(seen)
	h.must(&StartCount{Location: "L", Count: "c"})
	h.must(&SetWebhookPosition{Items: []WebhookPosition{{Name: "shop", Position: 1}}})
	h.must(webhookOf(func(c *PutWebhook) { c.Name = "a" }))
	h.must(&DeleteWebhook{Name: "shop"})
	if len(seen) != 1 || seen[0].Position != was[0].Position || seen[0].Name != "shop" {
		t.Errorf("%+v, was %+v", seen, was)
	}
}

// TestWebhooksLeaveTheDurableForm: the last webhook that is deleted takes the row with it.
func TestWebhooksLeaveTheDurableForm(t *testing.T) {
	h := newHost(t)
	before := h.e.Hash()
	h.must(webhookOf(asIs))
	kept := rowsOf(h.e)
	h.must(&DeleteWebhook{Name: "shop"})
	c := h.e.Freeze()
	c.Next(new(Rows), 1, new(sync.Mutex))
	c.Abort()
	e := merged(t, kept, rowsOf(h.e))
	if len(e.Webhooks()) != 0 || e.Hash() != h.e.Hash() || h.e.Hash() == before {
		t.Errorf("%+v is left", e.Webhooks())
	}
}

// TestVerifyWebhooks: a webhook ahead of the events, or of the log, is found.
func TestVerifyWebhooks(t *testing.T) {
	for what, change := range map[string]func(w *Webhook){
		"events": func(w *Webhook) { w.Position = 1 }, "log": func(w *Webhook) { w.Revision = 1000 },
	} {
		h := newHost(t)
		h.must(webhookOf(asIs))
		w := h.webhook("shop")
		change(&w)
		h.e.setWebhook(&w)
		found := 0
		h.e.Verify(func(string) { found++ })
		if found != 1 {
			t.Errorf("ahead of the %s: %d problems", what, found)
		}
	}
}
