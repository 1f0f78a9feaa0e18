package webhook

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"code.dny.dev/ssrf"
)

// target decides where messages may go: to public addresses, unless the operator allows others.
type target struct {
	guard *ssrf.Guardian // nil: everywhere
}

func newTarget(allowPrivate bool) target {
	if allowPrivate {
		return target{}
	}
	return target{guard: ssrf.New(ssrf.WithAnyPort())}
}

// check tells what is wrong with a URL, or "". What a name leads to shows at each dial.
func (t target) check(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return "a URL with https:// or http://, a host and a path is expected"
	case u.User != nil:
		return "a URL without a name and a password is expected: every message is signed with the secret"
	case u.Fragment != "":
		return "a URL without # is expected"
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err == nil && t.guard != nil && t.guard.SafeAddr(ip) != nil {
		return errPrivate.Error()
	}
	return ""
}

var errPrivate = fmt.Errorf("the address is private, of this machine, or not public otherwise: start the server with " +
	"--webhook-allow-private to allow it")

// transport makes the connections. The guard sees the address that is about to be dialled, after the look-up of the
// name, so a name that leads elsewhere the second time does not pass. There is no proxy: behind one, no address would
// be seen.
func (t target) transport() *http.Transport {
	dialer := &net.Dialer{Timeout: attemptTimeout, KeepAlive: 30 * time.Second}
	if t.guard != nil {
		dialer.Control = t.guard.Safe
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    attemptTimeout,
		ResponseHeaderTimeout:  attemptTimeout,
		MaxResponseHeaderBytes: answerHeaderBytesMax,
		MaxIdleConns:           idleConnectionsMax,
		IdleConnTimeout:        idleConnectionAge,
		DisableCompression:     true,
	}
}
