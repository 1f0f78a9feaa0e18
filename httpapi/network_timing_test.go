package httpapi

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"
)

// clientsMax is the number of keep-alive clients of the network benchmarks.
const clientsMax = 64

// A durable one-line allocate over TCP, with 64 connections and clients in the same process. Compare it with
// BenchmarkNetworkParseOnly, which does the least possible work.
func BenchmarkNetworkAllocate(b *testing.B) {
	store := openRaftStore(b, b.TempDir(), nil)
	server, err := newServer(Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, store)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	address := listen(b, server.Serve)
	send := sender(b, address)
	send("PUT", "/v1/tag-categories/Channel", channels)
	send("POST", "/v1/inventory/refresh",
		`{"location":"Retailer2","items":[{"upc":"BC76845","tags":{"Channel":"Amazon"},"quantity":1000000000000}]}`)
	benchNetwork(b, address)
}

func BenchmarkNetworkParseOnly(b *testing.B) {
	server := &fasthttp.Server{Handler: parseOnly(), NoDefaultServerHeader: true}
	benchNetwork(b, listen(b, server.Serve))
}

func listen(b *testing.B, serve func(net.Listener) error) (address string) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = serve(listener) }()
	b.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// sender returns a function that sends on its own connection.
func sender(b *testing.B, address string) func(method, path, body string) {
	client := &fasthttp.HostClient{Addr: address, MaxConns: 1}
	var request fasthttp.Request
	var response fasthttp.Response
	return func(method, path, body string) {
		request.Header.SetMethod(method)
		request.Header.SetContentType(contentJSON)
		request.SetRequestURI("http://" + address + path)
		request.SetBodyString(body)
		if err := client.Do(&request, &response); err != nil || response.StatusCode() != 200 {
			b.Errorf("%s %s: %v, %d %s", method, path, err, response.StatusCode(), response.Body())
		}
	}
}

func benchNetwork(b *testing.B, address string) {
	var wait sync.WaitGroup
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	for range clientsMax {
		wait.Go(func() {
			send := sender(b, address)
			for order := next.Add(1); order <= int64(b.N); order = next.Add(1) {
				send("POST", fmt.Sprintf("/v1/orders/%d/allocate", order), oneLineBody)
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
