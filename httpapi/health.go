package httpapi

import (
	"bytes"
	"crypto/subtle"
	_ "embed" // openapi.yaml
	"net/http"
	"strings"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp/pprofhandler"

	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
)

func healthRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/", open: true, serve: (*request).index},
		{method: methodGet, pattern: "/v1", open: true, serve: (*request).index},
		{method: methodGet, pattern: "/v1/openapi.yaml", serve: (*request).openAPI},
		{method: methodGet, pattern: "/healthz", open: true, serve: (*request).health},
		{method: methodGet, pattern: "/readyz", open: true, params: paramVerbose, serve: (*request).ready},
		{method: methodGet, pattern: "/metrics", open: true, serve: (*request).metricsText},
	}
}

//go:embed openapi.yaml
var openAPIDocument []byte

const (
	contentYAML = "application/yaml"
	contentText = "text/plain; charset=utf-8"
)

// indexLinks are the places from where a newcomer finds everything else.
var indexLinks = []api.Link{
	{Href: "/v1/openapi.yaml", Title: "this API as OpenAPI 3.1"},
	{Href: "/v1/tag-categories", Title: "tag categories: what stock is split by"},
	{Href: "/v1/orders", Title: "orders"},
	{Href: "/v1/events", Title: "what has happened"},
	{Href: "/v1/rules", Title: "Lua rules"},
	{Href: "/v1/cluster", Title: "this node and its cluster"},
	{Href: "/healthz", Title: "whether the process runs"},
	{Href: "/readyz", Title: "whether the node has caught up"},
	{Href: "/metrics", Title: "metrics in the Prometheus text format"},
}

// index says what this is, and where to go on.
func (req *request) index() { req.reply(api.Index{Name: "apportion", Links: indexLinks}) }

// health reports whether the process runs and answers.
func (req *request) health() { req.out = append(req.out, `{"status":"ok"}`...) }

// ready reports whether the node has caught up and can take traffic.
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

// metricsText writes the metrics of the server and of the process.
func (req *request) metricsText() {
	req.content = contentText
	var text bytes.Buffer
	req.server.config.Metrics.WritePrometheus(&text)
	metrics.WriteProcessMetrics(&text)
	req.out = append(req.out, text.Bytes()...)
}

const profilesPath = "/debug/pprof"

// profiles answers a request for a Go profile, and reports whether the request is one. A server without an admin token
// has no such path.
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
