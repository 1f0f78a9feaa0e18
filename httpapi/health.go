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
	"apportion/httpapi/strictjson"
)

// What operators and downstream systems read.

//go:embed openapi.yaml
var openAPIDocument []byte

const (
	contentYAML = "application/yaml"
	contentText = "text/plain; charset=utf-8"
)

// events lists what happened after an event.
func (req *request) events() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	req.reads.events = req.server.store.Events(req.after, req.limit, req.reads.events[:0])
	next := req.after
	if last := len(req.reads.events) - 1; last >= 0 {
		next = req.reads.events[last].ID
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = strictjson.AppendNumber(req.out, `,"next":`, int64(next))
	req.out = append(req.out, `,"events":[`...)
	schema := req.schema()
	for i := range req.reads.events {
		req.out = appendEvent(strictjson.Comma(req.out, i), schema, &req.reads.events[i])
	}
	req.out = append(req.out, "]}"...)
}

// appendEvent appends an event with those of its members that its kind has.
func appendEvent(dst []byte, schema *engine.Schema, ev *engine.Event) []byte {
	dst = strictjson.AppendNumber(dst, `{"id":`, int64(ev.ID))
	dst = append(dst, `,"type":"`...)
	dst = append(dst, ev.Kind.String()...)
	dst = strictjson.AppendNumber(dst, `","index":`, int64(ev.Index))
	dst = strictjson.AppendTime(dst, `,"time":`, ev.TimeMS)
	for _, member := range [...]struct{ name, text string }{
		{`,"upc":`, ev.UPC}, {`,"location":`, ev.Location}, {`,"orderId":`, ev.OrderID}, {`,"itemId":`, ev.ItemID},
		{`,"name":`, ev.Name}, {`,"reason":`, ev.Reason},
	} {
		if member.text != "" {
			dst = strictjson.AppendText(dst, member.name, member.text)
		}
	}
	if ev.TagSet != 0 {
		dst = append(dst, `,"tags":`...)
		dst = append(dst, schema.TagsJSON(ev.TagSet)...)
	}
	dst = strictjson.AppendNumber(dst, `,"units":`, ev.Units)
	dst = strictjson.AppendNumber(dst, `,"limit":`, ev.Limit)
	return append(dst, '}')
}

// health reports whether the process runs and answers.
func (req *request) health() { req.out = append(req.out, `{"status":"ok"}`...) }

// ready reports whether the node has caught up, so that traffic may come.
func (req *request) ready() {
	if err := req.server.store.Ready(); err != nil {
		req.fail(http.StatusServiceUnavailable, codeNotReady, err.Error(), "", "")
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"status":"ready","asOf":`, int64(req.server.store.AppliedIndex()))
	if req.verbose {
		req.out = append(req.out, `,"checks":[`...)
		for i, condition := range req.server.store.Conditions() {
			if i > 0 {
				req.out = append(req.out, ',')
			}
			status, detail := "ok", ""
			if condition.Err != nil {
				status, detail = "failed", condition.Err.Error()
			}
			req.out = strictjson.AppendText(req.out, `{"name":`, condition.Name)
			req.out = strictjson.AppendText(req.out, `,"status":`, status)
			req.out = append(strictjson.AppendText(req.out, `,"detail":`, detail), '}')
		}
		req.out = append(req.out, ']')
	}
	req.out = append(req.out, '}')
}

func (req *request) openAPI() {
	req.content = contentYAML
	req.out = append(req.out, openAPIDocument...)
}

// metricsText writes the metrics of the server's set and of the process.
func (req *request) metricsText() {
	req.content = contentText
	var text bytes.Buffer
	req.server.config.Metrics.WritePrometheus(&text)
	metrics.WriteProcessMetrics(&text)
	req.out = append(req.out, text.Bytes()...)
}

const profilesPath = "/debug/pprof"

// profiles answers requests for Go profiles, and reports whether this is one. Without an admin token there is no such
// path.
func (req *request) profiles() bool {
	token := req.server.config.AdminToken
	if token == "" || !strings.HasPrefix(req.pathText(), profilesPath) {
		return false
	}
	want := []byte("Bearer " + token)
	if subtle.ConstantTimeCompare(req.ctx.Request.Header.Peek("Authorization"), want) != 1 {
		req.ctx.Response.Header.Set("WWW-Authenticate", "Bearer")
		req.fail(http.StatusUnauthorized, codeUnauthorized, "the admin token is expected", "Authorization", "")
		return true
	}
	req.content = "" // the handler writes the response itself
	pprofhandler.PprofHandler(req.ctx)
	req.status = req.ctx.Response.StatusCode()
	return true
}
