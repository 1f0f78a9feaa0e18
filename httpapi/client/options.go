package client

import (
	"net/url"
	"strconv"
	"time"
)

// Option changes one request.
type Option func(*call)

// Key gives a write its idempotency key, in place of a random one: 1 to 64 visible ASCII characters. A caller that
// keeps the key with its own data can send the write again after a crash of its own.
func Key(key string) Option { return func(c *call) { c.key = key } }

// Stale lets a read be answered at once from what the node has applied. A node that may be further behind than lagMax
// refuses; 0 stands for any lag.
func Stale(lagMax time.Duration) Option {
	return func(c *call) {
		c.query.Set("consistency", "stale")
		if lagMax > 0 {
			c.query.Set("maxLagSeconds", strconv.FormatFloat(lagMax.Seconds(), 'f', -1, 64))
		}
	}
}

// Reply keeps the text of the reply.
func Reply(into *[]byte) Option { return func(c *call) { c.text = into } }

// Replayed tells whether the reply is the kept one to an earlier request with the same key.
func Replayed(into *bool) Option { return func(c *call) { c.replayed = into } }

// parameter adds a parameter of the query, unless its value is empty.
func parameter(name, value string) Option {
	return func(c *call) {
		if value != "" {
			c.query.Set(name, value)
		}
	}
}

// number is parameter for a number, unless it is 0.
func number(name string, value int64) Option {
	if value == 0 {
		return func(*call) {}
	}
	return parameter(name, strconv.FormatInt(value, 10))
}

// newCall makes a request with its options.
func newCall(kind kind, method, path string, options []Option) *call {
	c := &call{kind: kind, method: method, path: path, query: url.Values{}}
	for _, option := range options {
		option(c)
	}
	return c
}
