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
	"apportion/httpapi/console"
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

// consoleRoutes are the web page's. They are open: the page itself shows nothing of the server.
func consoleRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/console", open: true, serve: func(req *request) { req.redirect("console/") }},
		{method: methodGet, pattern: "/console/", open: true, serve: func(req *request) { req.consoleFile("") }},
		{method: methodGet, pattern: "/console/assets/{name}", open: true, serve: func(req *request) {
			req.consoleFile("assets/" + req.path[0])
		}},
		{method: methodGet, pattern: "/console/session", open: true, serve: (*request).showSession},
		{method: methodPost, pattern: "/console/session", body: bodyRequired, open: true, serve: (*request).logIn},
		{method: methodDelete, pattern: "/console/session", open: true, serve: (*request).logOut},
	}
}

// consoleFile answers with a file of the console.
func (req *request) consoleFile(name string) {
	if !console.Answer(req.ctx, name) {
		req.fail(http.StatusNotFound, codeNotFound, "there is no such path", "", req.pathText())
		return
	}
	req.content = "" // the response is written
	req.status = req.ctx.Response.StatusCode()
}

// redirect sends a browser to a path that is relative to the request's, so that a proxy may serve all of this below a
// path of its own.
func (req *request) redirect(to string) {
	req.ctx.Response.Header.Set("Location", to)
	req.status, req.content = http.StatusFound, contentText
}

//go:embed openapi.yaml
var openAPIDocument []byte

const (
	contentYAML = "application/yaml"
	contentText = "text/plain; charset=utf-8"
)

// indexLinks are the places from where a newcomer finds everything else.
var indexLinks = []api.Link{
	{Href: "/console/", Title: "the console, a web page"},
	{Href: "/v1/openapi.yaml", Title: "this API as OpenAPI 3.1"},
	{Href: "/v1/inventory", Title: "records with their segments"},
	{Href: "/v1/locations", Title: "locations, with what they have"},
	{Href: "/v1/tag-categories", Title: "tag categories: what stock is split by"},
	{Href: "/v1/orders", Title: "orders"},
	{Href: "/v1/changes", Title: "all records, then each as it changes"},
	{Href: "/v1/events", Title: "what has happened"},
	{Href: "/v1/webhooks", Title: "where events are sent"},
	{Href: "/v1/rules", Title: "Lua rules"},
	{Href: "/v1/cluster", Title: "this node and its cluster"},
	{Href: "/healthz", Title: "whether the process runs"},
	{Href: "/readyz", Title: "whether the node has caught up"},
	{Href: "/metrics", Title: "metrics in the Prometheus text format"},
}

// index says what this is, and where to go on. A browser that opens the server is sent to the console.
func (req *request) index() {
	req.ctx.Response.Header.Set("Vary", "Accept")
	if req.route.pattern == "/" && bytes.Contains(req.ctx.Request.Header.Peek("Accept"), []byte("text/html")) {
		req.redirect("console/")
		return
	}
	req.reply(api.Index{Name: "apportion", Links: indexLinks})
}

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
