package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// serveBaseline serves the handler to compare with: fasthttp with the server's own settings, the body parsed into the
// fields of an allocation, a constant answer. It ends with the process.
func serveBaseline(stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "parsing on http://%s (until it is stopped)\n", listener.Addr())
	server := &fasthttp.Server{
		Handler:               parseOnly,
		ReadBufferSize:        8 << 10,
		MaxRequestBodySize:    16 << 20,
		ReadTimeout:           30 * time.Second,
		WriteTimeout:          30 * time.Second,
		IdleTimeout:           120 * time.Second,
		TCPKeepalive:          true,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
	}
	return server.Serve(listener)
}

// constantAnswer has the length of the real one.
const constantAnswer = `{"orderId":"1001","asOf":10,"lines":[{"itemId":"1","outcome":"allocated","code":"ok","requested":2,"allocated":2,` +
	`"pending":0,"segments":[{"tags":{},"quantity":2,"pending":0}]}]}`

var parsedOrders = sync.Pool{New: func() any { return new(parsedOrder) }}

func parseOnly(ctx *fasthttp.RequestCtx) {
	order := parsedOrders.Get().(*parsedOrder)
	defer parsedOrders.Put(order)
	if !order.parse(ctx.PostBody()) {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBodyString(constantAnswer)
}
