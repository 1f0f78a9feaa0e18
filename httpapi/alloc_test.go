//go:build !race

package httpapi

import (
	"strings"
	"testing"

	"apportion/engine"
)

// The parser of a one-line allocate allocates nothing.
func TestParseAllocations(t *testing.T) {
	var s bodyReader
	var c engine.Allocate
	body := []byte(oneLineBody)
	f := func() {
		s.reset(body)
		s.allocate(&c)
		s.End()
		if !s.OK() {
			t.Fatal(s.Fault)
		}
	}
	f()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A repeated kind and size of request allocates nothing on its way to the store and back.
func TestHandlerAllocations(t *testing.T) {
	f := func(name string, allocationsMax float64, run func()) {
		t.Helper()
		for range 100 {
			run()
		}
		if n := testing.AllocsPerRun(1000, run); n > allocationsMax {
			t.Errorf("%s: %v allocations, want at most %v", name, n, allocationsMax)
		}
	}
	accepted := newHandlerRun(t, oneLineBody)
	f("allocate", 0, func() { accepted.next(t, accepted.server.handle, 200) })

	known := newHandlerRun(t, oneLineBody)
	var err error
	if known.server.access, err = newAccess(testTokens); err != nil {
		t.Fatal(err)
	}
	known.ctx.Request.Header.Set("Authorization", "Bearer "+storeSecret)
	f("allocate with a token", 0, func() { known.next(t, known.server.handle, 200) })

	refused := newHandlerRun(t, strings.Replace(oneLineBody, "BC76845", "none", 1))
	// One allocation is the engine's path of the refused line.
	f("refusal", 1, func() { refused.next(t, refused.server.handle, 409) })

	read := newHandlerRun(t, "")
	read.ctx.Request.Header.SetMethod("GET")
	read.ctx.Request.Header.SetRequestURI("/v1/inventory/Retailer2/BC76845")
	f("read", 0, func() { read.server.handle(&read.ctx) })
}
