package engine_test

import (
	"encoding/base64"
	"strings"

	"apportion/engine"
)

// changeWebhooks carries out a command about webhooks.
func (m *model) changeWebhooks(c engine.Command) answer {
	switch c := c.(type) {
	case *engine.PutWebhook:
		return m.putWebhook(c)
	case *engine.DeleteWebhook:
		if _, ok := m.webhooks[c.Name]; !ok {
			return answer{Code: engine.CodeUnknownWebhook}
		}
		delete(m.webhooks, c.Name)
		return answer{}
	}
	c2 := c.(*engine.SetWebhookPosition)
	a := answer{Stock: engine.StockResult{Items: int64(len(c2.Items))}}
	for _, it := range c2.Items {
		w, ok := m.webhooks[it.Name]
		wish := it.Revision == 0
		switch {
		case wish && !ok:
			return answer{Code: engine.CodeUnknownWebhook}
		case it.Position > m.lastEvent:
			return answer{Code: engine.CodeInvalid}
		case !ok || !wish && w.Revision != it.Revision:
			continue
		}
		if wish {
			w.Revision = m.index
		}
		if wish || it.Position > w.Position {
			w.Position = it.Position
		}
		if it.DisabledReason != "" {
			w.DisabledReason = it.DisabledReason
		}
		m.webhooks[it.Name] = w
		a.Stock.Records++
	}
	return a
}

func (m *model) putWebhook(c *engine.PutWebhook) answer {
	if _, code := m.resolve(c.Tags); code != engine.CodeOK {
		return answer{Code: code}
	}
	was, exists := m.webhooks[c.Name]
	w := engine.Webhook{Name: c.Name, URL: c.URL, EventFilter: c.EventFilter, Secret: c.Secret, Revision: m.index,
		Position: m.lastEvent}
	if exists {
		w.Position, w.PreviousSecret, w.PreviousUntilMS = was.Position, was.PreviousSecret, was.PreviousUntilMS
		switch c.Secret {
		case "", was.Secret:
			w.Secret = was.Secret
		default:
			w.PreviousSecret, w.PreviousUntilMS = was.Secret, m.nowMS+engine.WebhookSecretAgeMS
		}
	}
	if w.Secret == "" {
		return answer{Code: engine.CodeInvalid}
	}
	if c.Disabled {
		w.DisabledReason = "it was put as disabled"
	}
	m.webhooks[c.Name] = w
	return answer{}
}

// webhookSecret is a secret of a letter.
func webhookSecret(letter string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, engine.WebhookSecretBytesMin)))
}

func (g generator) webhookCommand(kind engine.Kind) engine.Command {
	name := func() string { return g.pick("webhook", []string{"w1", "w2"}) }
	switch kind {
	case engine.KindPutWebhook:
		c := &engine.PutWebhook{Name: name(), URL: g.pick("url", []string{"https://a.example/x", "http://b.example"}),
			Secret: g.pick("secret", []string{"", webhookSecret("a"), webhookSecret("b")}),
			EventFilter: engine.EventFilter{Kinds: engine.EventKinds()[:below(3).Draw(g.t, "types")],
				Locations: locations[:below(2).Draw(g.t, "locations")]},
			Disabled: g.chance("disabled", 20)}
		if g.chance("with tags", 30) {
			c.Tags = g.tags("tags")
		}
		return c
	case engine.KindDeleteWebhook:
		return &engine.DeleteWebhook{Name: name()}
	}
	c := &engine.SetWebhookPosition{Items: make([]engine.WebhookPosition, 1+below(2).Draw(g.t, "items"))}
	for i := range c.Items {
		it := engine.WebhookPosition{Name: []string{"w1", "w2"}[i], Position: engine.EventID(below(6).Draw(g.t, "at"))}
		if w, ok := g.m.webhooks[it.Name]; ok && g.chance("report", 60) {
			it.Revision = w.Revision
			it.Position += w.Position
		} else if g.chance("old report", 50) {
			it.Revision = 1
		}
		if g.chance("disables", 15) {
			it.DisabledReason = "gone"
		}
		c.Items[i] = it
	}
	return c
}
