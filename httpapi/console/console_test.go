package console

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/valyala/fasthttp"
)

// TestFiles: a file is sent in the form that the client takes, and kept by browsers as long as its name allows.
func TestFiles(t *testing.T) {
	all := readFiles(fstest.MapFS{
		"index.html":         {Data: []byte("page")},
		"assets/a-12.js":     {Data: []byte("script")},
		"assets/a-12.js.gz":  {Data: []byte("gzipped")},
		"assets/a-12.js.br":  {Data: []byte("brotli")},
		"assets/icon-34.svg": {Data: []byte("icon")},
	})
	if len(all) != 3 {
		t.Fatalf("%d files: %v", len(all), all)
	}
	f := func(name, accept, body, encoding, cache, content string) {
		t.Helper()
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.Set("Accept-Encoding", accept)
		all[name].answer(&ctx)
		header := &ctx.Response.Header
		if got := string(ctx.Response.Body()); got != body || string(header.ContentEncoding()) != encoding ||
			!strings.Contains(string(header.Peek("Cache-Control")), cache) ||
			string(header.ContentType()) != content || len(header.Peek("Content-Security-Policy")) == 0 {
			t.Errorf("%s for %q: %q\n%s", name, accept, got, header)
		}
	}
	f("index.html", "gzip, br", "page", "", "no-cache", "text/html; charset=utf-8")
	f("assets/a-12.js", "gzip, deflate, br", "brotli", "br", "immutable", "text/javascript; charset=utf-8")
	f("assets/a-12.js", "gzip", "gzipped", "gzip", "immutable", "text/javascript; charset=utf-8")
	f("assets/a-12.js", "", "script", "", "immutable", "text/javascript; charset=utf-8")
	f("assets/icon-34.svg", "br", "icon", "", "immutable", "image/svg+xml")

	var again fasthttp.RequestCtx
	again.Request.Header.Set("If-None-Match", all["index.html"].tag)
	if all["index.html"].answer(&again); again.Response.StatusCode() != 304 || len(again.Response.Body()) > 0 {
		t.Errorf("what the browser has is sent again: %s", &again.Response)
	}
}

// TestAnswer: without the built page there is one that says how to get it, and nothing else of dist is served.
func TestAnswer(t *testing.T) {
	var ctx fasthttp.RequestCtx
	if !Answer(&ctx, "") || ctx.Response.StatusCode() != 200 {
		t.Fatalf("the page: %s", &ctx.Response)
	}
	if has := strings.Contains(string(ctx.Response.Body()), "make console build"); has == Built() {
		t.Errorf("built: %v, and the page is %s", Built(), ctx.Response.Body())
	}
	for _, name := range []string{"README", "../README", "assets/", "assets/../../README"} {
		if Answer(&ctx, name) {
			t.Errorf("%s is served", name)
		}
	}
}
