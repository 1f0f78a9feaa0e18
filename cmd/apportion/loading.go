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

// loadingPage answers on the listener while the store loads: the process is alive (/healthz) but has nothing to say yet
// (everything else is 503). Then the listener goes to the real server.
//
// One goroutine accepts. stop ends it by a deadline on the listener, which leaves the listener open, so no connection
// that arrives during the change-over is refused: it waits in the kernel's queue for the next to accept.
type loadingPage struct {
	listener *net.TCPListener
	server   fasthttp.Server
	places   chan struct{} // taken by the connections
	done     chan struct{} // closed when the accepting goroutine has ended
	open     sync.WaitGroup
}

// loadingConnectionsMax bounds the connections that are answered at a time while the store loads. None stays for longer
// than a request takes, so what comes meanwhile waits to be accepted.
const loadingConnectionsMax = 256

func startLoadingPage(listener *net.TCPListener, connectionsMax int) *loadingPage {
	page := &loadingPage{
		listener: listener,
		server: fasthttp.Server{
			Handler:          loadingHandler,
			DisableKeepalive: true, // a connection that stays would keep being told that the server loads
			HeaderReceived:   withoutBody,
			ReadTimeout:      time.Second,
			WriteTimeout:     time.Second,
			// The page says nothing that is worth a line in the log.
			Logger: discardLogger{},
		},
		places: make(chan struct{}, min(loadingConnectionsMax, connectionsMax)),
		done:   make(chan struct{}),
	}
	go page.accept()
	return page
}

func (p *loadingPage) accept() {
	defer close(p.done)
	for {
		p.places <- struct{}{}
		conn, err := p.listener.Accept()
		if err == nil {
			p.open.Go(func() {
				_ = p.server.ServeConn(conn) // the client's affair; closes conn
				<-p.places
			})
			continue
		}
		<-p.places
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
			return
		default: // out of file descriptors, for instance: let some connections end
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// stop waits for the answers on their way and gives the listener back, ready for the next server.
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

// withoutBody has no body read: the answer does not depend on it, and ends the connection.
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
