package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// loadingPage answers on the listener while the store loads: 200 to /healthz, since the process is alive, and 503 to
// all other requests. Then the real server gets the listener.
//
// One goroutine accepts. stop ends it by a deadline on the listener, which stays open: a connection that arrives
// meanwhile is not refused, but waits in the kernel's queue until the real server accepts it.
type loadingPage struct {
	listener *net.TCPListener
	server   fasthttp.Server
	slots    chan struct{} // one for each open connection
	done     chan struct{} // closed when the accepting goroutine has ended
	open     sync.WaitGroup
}

// loadingConnectionsMax bounds the connections that are answered at a time while the store loads. Each stays for one
// request only, so further ones wait to be accepted.
const loadingConnectionsMax = 256

func startLoadingPage(listener *net.TCPListener, connectionsMax int) *loadingPage {
	page := &loadingPage{
		listener: listener,
		server: fasthttp.Server{
			Handler:          loadingHandler,
			DisableKeepalive: true, // or a kept connection would see this page for ever
			HeaderReceived:   withoutBody,
			ReadTimeout:      time.Second,
			WriteTimeout:     time.Second,
			// Nothing that happens here is worth a line in the log.
			Logger: discardLogger{},
		},
		slots: make(chan struct{}, min(loadingConnectionsMax, connectionsMax)),
		done:  make(chan struct{}),
	}
	go page.accept()
	return page
}

func (p *loadingPage) accept() {
	defer close(p.done)
	for {
		p.slots <- struct{}{}
		conn, err := p.listener.Accept()
		if err == nil {
			p.open.Go(func() {
				_ = p.server.ServeConn(conn) // closes conn; an error is the client's affair
				<-p.slots
			})
			continue
		}
		<-p.slots
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
			return
		default: // such as too few file descriptors: let some connections end
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// stop waits for the requests in flight and leaves the listener ready for the real server.
func (p *loadingPage) stop() error {
	if err := p.listener.SetDeadline(time.Now()); err != nil {
		return fmt.Errorf("hand over the listener: %w", err)
	}
	<-p.done
	p.open.Wait()
	if err := p.listener.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("hand over the listener: %w", err)
	}
	return nil
}

// withoutBody skips the body of a request: the answer does not depend on it, and ends the connection.
func withoutBody(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	header.SetContentLength(0)
	header.Del("Expect")
	return fasthttp.RequestConfig{}
}

func loadingHandler(ctx *fasthttp.RequestCtx) {
	if string(ctx.Path()) == "/healthz" {
		ctx.SetContentType("application/json")
		ctx.SetBodyString(`{"status":"ok"}`)
		return
	}
	ctx.Response.Header.Set("Retry-After", "1")
	ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
	ctx.SetContentType("application/problem+json")
	ctx.SetBodyString(
		`{"type":"urn:apportion:problem:not-ready","title":"Service Unavailable","status":503,"code":"not-ready",` +
			`"detail":"the node is loading its state","field":"","value":""}`)
}

type discardLogger struct{}

func (discardLogger) Printf(string, ...any) {}
