package httpapi

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
)

// handlerRun calls a server's handler like fasthttp, but without a network, so that only this package is measured.
type handlerRun struct {
	server *Server
	ctx    fasthttp.RequestCtx
	path   []byte
	order  int
}

func newHandlerRun(tb testing.TB, body string) *handlerRun {
	tb.Helper()
	return newHandlerRunOn(tb, newTestStore(), body)
}

func newHandlerRunOn(tb testing.TB, store testBackend, body string) *handlerRun {
	tb.Helper()
	server, err := newServer(Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, store)
	if err != nil {
		tb.Fatal(err)
	}
	r := &handlerRun{server: server}
	r.ctx.Init(&fasthttp.Request{}, nil, nil)
	r.ctx.Request.Header.SetContentType("application/json")
	r.call(tb, "PUT", "/v1/tag-categories/Channel", channels)
	r.call(tb, "PUT", "/v1/tag-categories/Condition", conditions)
	r.call(tb, "POST", "/v1/inventory/refresh",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":1000000000000}]}`)
	r.ctx.Request.Header.SetMethod("POST")
	r.ctx.Request.SetBodyString(body)
	return r
}

func (r *handlerRun) call(tb testing.TB, method, path, body string) {
	tb.Helper()
	r.ctx.Request.Header.SetMethod(method)
	r.ctx.Request.SetRequestURI(path)
	r.ctx.Request.SetBodyString(body)
	r.server.handle(&r.ctx)
	if r.ctx.Response.StatusCode() != 200 {
		tb.Fatalf("%s %s: %s", method, path, r.ctx.Response.Body())
	}
}

// next sends the body for a new order.
func (r *handlerRun) next(tb testing.TB, handle fasthttp.RequestHandler, status int) {
	r.order++
	r.path = append(r.path[:0], "/v1/orders/"...)
	r.path = strconv.AppendInt(r.path, int64(r.order), 10)
	r.path = append(r.path, "/allocate"...)
	r.ctx.Request.Header.SetRequestURIBytes(r.path)
	r.ctx.Response.Reset()
	handle(&r.ctx)
	if got := r.ctx.Response.StatusCode(); got != status {
		tb.Fatalf("status %d: %s", got, r.ctx.Response.Body())
	}
}

// parseOnly is the least possible work: the same scanner reads the same request, and the answer is fixed.
func parseOnly() fasthttp.RequestHandler {
	server, err := newServer(Config{}, newTestStore())
	if err != nil {
		panic(err)
	}
	pool := newRequestPool(server)
	return func(ctx *fasthttp.RequestCtx) {
		req := pool.Get().(*request)
		defer pool.Put(req)
		req.ctx, req.received = ctx, ctx.PostBody()
		req.body().allocate(&req.commands.allocate)
		if req.scan.End(); !req.scan.OK() {
			ctx.SetStatusCode(fasthttp.StatusBadRequest)
			return
		}
		ctx.SetContentType(contentJSON)
		ctx.SetBodyString(`{"status":"ok"}`)
	}
}

func BenchmarkScanAllocate(b *testing.B) {
	req := &request{}
	body := []byte(oneLineBody)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		req.scan.reset(body)
		req.scan.allocate(&req.commands.allocate)
		if req.scan.End(); !req.scan.OK() {
			b.Fatal(req.scan.Fault)
		}
	}
}

func manyLinesBody(lines int) string {
	all := make([]string, lines)
	for i := range all {
		all[i] = line(strconv.Itoa(i), "Amazon", 1)
	}
	return allocateBody("all", all...)
}

func BenchmarkScanAllocate500Lines(b *testing.B) {
	req := &request{}
	body := []byte(manyLinesBody(500))
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		req.scan.reset(body)
		req.scan.allocate(&req.commands.allocate)
		if req.scan.End(); !req.scan.OK() {
			b.Fatal(req.scan.Fault)
		}
	}
}

// A one-line allocate through the handler and the engine; compare with BenchmarkParseOnlyHandler.
func BenchmarkAllocateHandler(b *testing.B) {
	r := newHandlerRun(b, oneLineBody)
	b.ReportAllocs()
	for b.Loop() {
		r.next(b, r.server.handle, 200)
	}
}

func BenchmarkAllocateHandler500Lines(b *testing.B) {
	r := newHandlerRun(b, manyLinesBody(500))
	b.ReportAllocs()
	for b.Loop() {
		r.next(b, r.server.handle, 200)
	}
	b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// An early refusal, without the log.
func BenchmarkRefusalHandler(b *testing.B) {
	r := newHandlerRun(b, strings.Replace(oneLineBody, "Amazon", "eBay", 1))
	r.call(b, "POST", "/v1/inventory/refresh",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":1}]}`)
	r.ctx.Request.SetBodyString(strings.Replace(oneLineBody, "Amazon", "eBay", 1))
	b.ReportAllocs()
	for b.Loop() {
		r.next(b, r.server.handle, 409)
	}
}

// An early refusal with the real store, with history, which records it, and without. The first 70,000 refusals are all
// recorded (see raftstore's limits): -benchtime 60000x measures only those. More refusals measure a long flash sale.
func BenchmarkRefusalHandlerDurable(b *testing.B) {
	for name, age := range map[string]time.Duration{"recorded": 0, "unrecorded": -1} {
		b.Run(name, func(b *testing.B) {
			store := openRaftStoreKeeping(b, b.TempDir(), metrics.NewSet(), age)
			defer func() { _ = store.Close() }()
			r := newHandlerRunOn(b, store, oneLineBody)
			r.call(b, "POST", "/v1/inventory/refresh",
				`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"eBay"},"quantity":1}]}`)
			r.ctx.Request.SetBodyString(strings.Replace(oneLineBody, "Amazon", "eBay", 1))
			b.ReportAllocs()
			for b.Loop() {
				r.next(b, r.server.handle, 409)
			}
		})
	}
}

func BenchmarkParseOnlyHandler(b *testing.B) {
	r := newHandlerRun(b, oneLineBody)
	handle := parseOnly()
	b.ReportAllocs()
	for b.Loop() {
		r.next(b, handle, 200)
	}
}

func BenchmarkReadRecordHandler(b *testing.B) {
	r := newHandlerRun(b, "")
	r.ctx.Request.Header.SetMethod("GET")
	r.ctx.Request.Header.SetRequestURI("/v1/inventory/Retailer2/BC76845")
	b.ReportAllocs()
	for b.Loop() {
		r.server.handle(&r.ctx)
	}
}
