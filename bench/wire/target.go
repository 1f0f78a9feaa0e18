package wire

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"
)

// dialTimeout bounds the making of one connection.
const dialTimeout = 5 * time.Second

// Target is a server.
type Target struct {
	Address string // host:port to connect to
	Host    string // for the Host header
	TLS     bool
	Token   string // secret to send along; empty for none
}

// ParseTarget reads a URL such as http://127.0.0.1:8080.
func ParseTarget(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, fmt.Errorf("target %q is no URL: %w", text, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || (u.Path != "" && u.Path != "/") {
		return Target{}, fmt.Errorf("target %q: expected a URL such as http://127.0.0.1:8080, without a path", text)
	}
	t := Target{Address: u.Host, Host: u.Host, TLS: u.Scheme == "https"}
	if u.Port() == "" {
		t.Address = net.JoinHostPort(u.Hostname(), map[bool]string{false: "80", true: "443"}[t.TLS])
	}
	return t, nil
}

// URL is the target as a URL.
func (t Target) URL() string {
	if t.TLS {
		return "https://" + t.Host
	}
	return "http://" + t.Host
}

// Dial connects.
func (t Target) Dial() (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if t.TLS {
		return tls.DialWithDialer(dialer, "tcp", t.Address, nil)
	}
	return dialer.Dial("tcp", t.Address)
}
