package rig

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// SoldOutUPC is the product that the constant handler refuses, as a server without stock would.
const SoldOutUPC = "HOT"

// ServeConstant serves the constant handler: fasthttp with the server's own settings, the body parsed into the fields
// of an allocation, a constant answer. It ends with the process.
func ServeConstant(stdout io.Writer) error {
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

// The constants have the lengths of real answers.
const (
	constantAllocated = `{"orderId":"1001","asOf":10,"lines":[{"itemId":"1","outcome":"allocated","code":"ok","requested":2,"allocated":2,` +
		`"pending":0,"segments":[{"tags":{},"quantity":2,"pending":0}]}]}`
	constantRefused = `{"type":"urn:apportion:problem:insufficient","title":"Conflict","status":409,"code":"insufficient",` +
		`"detail":"fewer units are available than the line asks for","field":"lines[0]","value":"1","orderId":"1001","asOf":10,` +
		`"lines":[{"itemId":"1","outcome":"refused","code":"insufficient","requested":1,"allocated":0,"pending":0,"available":0,"segments":[]}]}`
	constantRecord = `{"asOf":9,"records":[{"upc":"B0000001","location":"bench-123456","version":4,` +
		`"onHand":1000000000,"allocated":2,"pending":0,"safetyStock":0,"available":999999998,"floor":0,"ltd":0,"due":false,` +
		`"segments":[{"tags":{},"onHand":1000000000,"allocated":2,"pending":0,"safetyStock":0,"available":999999998,"floor":0,"ltd":0}],"future":[]}]}`
)

var parsedOrders = sync.Pool{New: func() any { return new(parsedOrder) }}

func parseOnly(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("application/json")
	if ctx.IsGet() {
		ctx.SetBodyString(constantRecord)
		return
	}
	order := parsedOrders.Get().(*parsedOrder)
	defer parsedOrders.Put(order)
	switch {
	case !order.parse(ctx.PostBody()):
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
	case len(order.lines) > 0 && string(order.lines[0].upc) == SoldOutUPC:
		ctx.SetStatusCode(fasthttp.StatusConflict)
		ctx.SetContentType("application/problem+json")
		ctx.SetBodyString(constantRefused)
	default:
		ctx.SetBodyString(constantAllocated)
	}
}
