package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// The server refuses an ambiguous head, in both APIs and with a body of any length.
func TestUnsoundHeads(t *testing.T) {
	_, dial := serveWire(t, Config{})
	for _, path := range []string{"/v1/inventory/refresh", kiboV5 + "/refresh", "/v1/nothing"} {
		for _, length := range []int{2, bodyPrefetchMax + 1} {
			f := func(name, version string, headers ...string) {
				t.Helper()
				all := append([]string{"Host: x", "Content-Type: application/json",
					fmt.Sprintf("Content-Length: %d", length)}, headers...)
				w := dial().send("POST " + path + " " + version + "\r\n" + strings.Join(all, "\r\n") + "\r\n\r\n")
				if length == 2 {
					w.send("{}")
				}
				w.read(400, codeBadRequest)
				w.ended()
			}
			f("a version", "HTTP/9.9")
			f("a version", "HTTP/2.0")
			f("a blank in a name", "HTTP/1.1", "Bad Name: x")
			f("a blank behind a name", "HTTP/1.1", "Name : x")
			f("two lines", "HTTP/1.1", "Name: x\r\n y")
			for _, header := range []string{"Idempotency-Key: ", "idempotency-key: ", "Authorization: Bearer ",
				"Content-Type: ", "Content-Encoding: ", "Host: ", "x-vol-tenant: "} {
				f("twice", "HTTP/1.1", header+"a", strings.ToUpper(header)+"a")
			}
			f("two lengths", "HTTP/1.1", fmt.Sprintf("Content-Length: %d", length))
		}
	}
	dial().send("GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\nX: b\r\nAccept: a\r\nAccept: b\r\n\r\n").read(200, "")
	dial().send("GET /healthz HTTP/1.0\r\n\r\n").read(200, "")
	dial().get("/healthz").read(200, "")
}
