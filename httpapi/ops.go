package httpapi

import (
	"bytes"
	"crypto/subtle"
	_ "embed" // openapi.yaml
	"net/http"
	"strings"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp/pprofhandler"

	"apportion/engine"
)

// What operators and downstream systems read.

//go:embed openapi.yaml
var openAPIDocument []byte

const (
	contentYAML = "application/yaml"
	contentText = "text/plain; charset=utf-8"
)

// events lists what happened after an event.
func (c *call) events() {
	if !c.barrier() {
		return
	}
	asOf := c.server.store.AppliedIndex()
	c.reads.events = c.server.store.Events(c.after, c.limit, c.reads.events[:0])
	next := c.after
	if last := len(c.reads.events) - 1; last >= 0 {
		next = c.reads.events[last].ID
	}
	c.out = appendUnits(c.out, `{"asOf":`, int64(asOf))
	c.out = appendUnits(c.out, `,"next":`, int64(next))
	c.out = append(c.out, `,"events":[`...)
	schema := c.schema()
	for i := range c.reads.events {
		c.out = appendEvent(comma(c.out, i), schema, &c.reads.events[i])
	}
	c.out = append(c.out, "]}"...)
}

// appendEvent appends an event with those of its members that its kind has.
func appendEvent(dst []byte, schema *engine.Schema, ev *engine.Event) []byte {
	dst = appendUnits(dst, `{"id":`, int64(ev.ID))
	dst = append(dst, `,"type":"`...)
	dst = append(dst, ev.Kind.String()...)
	dst = appendUnits(dst, `","index":`, int64(ev.Index))
	dst = appendTime(dst, `,"time":`, ev.TimeMS)
	for _, member := range [...]struct{ name, text string }{
		{`,"upc":`, ev.UPC}, {`,"location":`, ev.Location}, {`,"orderId":`, ev.OrderID}, {`,"itemId":`, ev.ItemID},
		{`,"name":`, ev.Name}, {`,"reason":`, ev.Reason},
	} {
		if member.text != "" {
			dst = appendText(dst, member.name, member.text)
		}
	}
	if ev.TagSet != 0 {
		dst = append(dst, `,"tags":`...)
		dst = append(dst, schema.TagsJSON(ev.TagSet)...)
	}
	dst = appendUnits(dst, `,"units":`, ev.Units)
	dst = appendUnits(dst, `,"limit":`, ev.Limit)
	return append(dst, '}')
}

// health reports whether the process runs and answers.
func (c *call) health() { c.out = append(c.out, `{"status":"ok"}`...) }

// ready reports whether the node has caught up, so that traffic may come.
func (c *call) ready() {
	if err := c.server.store.Ready(); err != nil {
		c.fail(http.StatusServiceUnavailable, codeNotReady, err.Error(), "", "")
		return
	}
	c.out = appendUnits(c.out, `{"status":"ready","asOf":`, int64(c.server.store.AppliedIndex()))
	if c.verbose {
		c.out = append(c.out, `,"checks":[`...)
		for i, condition := range c.server.store.Conditions() {
			if i > 0 {
				c.out = append(c.out, ',')
			}
			status, detail := "ok", ""
			if condition.Err != nil {
				status, detail = "failed", condition.Err.Error()
			}
			c.out = appendText(c.out, `{"name":`, condition.Name)
			c.out = appendText(c.out, `,"status":`, status)
			c.out = append(appendText(c.out, `,"detail":`, detail), '}')
		}
		c.out = append(c.out, ']')
	}
	c.out = append(c.out, '}')
}

func (c *call) openAPI() {
	c.content = contentYAML
	c.out = append(c.out, openAPIDocument...)
}

// metricsText writes the metrics of the server's set and of the process.
func (c *call) metricsText() {
	c.content = contentText
	var text bytes.Buffer
	c.server.config.Metrics.WritePrometheus(&text)
	metrics.WriteProcessMetrics(&text)
	c.out = append(c.out, text.Bytes()...)
}

const profilesPath = "/debug/pprof"

// profiles answers requests for Go profiles, and reports whether this is one. Without an admin token there is no such
// path.
func (c *call) profiles() bool {
	token := c.server.config.AdminToken
	if token == "" || !strings.HasPrefix(c.pathText(), profilesPath) {
		return false
	}
	want := []byte("Bearer " + token)
	if subtle.ConstantTimeCompare(c.ctx.Request.Header.Peek("Authorization"), want) != 1 {
		c.ctx.Response.Header.Set("WWW-Authenticate", "Bearer")
		c.fail(http.StatusUnauthorized, codeUnauthorized, "the admin token is expected", "Authorization", "")
		return true
	}
	c.content = "" // the handler writes the response itself
	pprofhandler.PprofHandler(c.ctx)
	c.status = c.ctx.Response.StatusCode()
	return true
}
