package httpapi

import (
	"bytes"
	"net/http"
)

// What fasthttp lets pass of a request's head and others read otherwise. What stands between a client and this server,
// and this server, must not each go by another of two headers.

// singleHeaders are those that this server goes by, so that each may be there once.
var singleHeaders = [...]string{"Authorization", "Content-Type", "Content-Length", "Content-Encoding", "Host",
	"Idempotency-Key", "Expect", "x-vol-tenant"}

// soundHead answers a request whose head is ambiguous, which also ends the connection.
func (req *request) soundHead() bool {
	header := &req.ctx.Request.Header
	detail, value := "", ""
	if version := string(header.Protocol()); version != "HTTP/1.1" && version != "HTTP/1.0" {
		detail, value = "HTTP/1.1 or HTTP/1.0 is expected", version
	} else {
		detail, value = headFault(header.RawHeaders())
	}
	if detail == "" {
		return true
	}
	req.ctx.SetConnectionClose()
	req.fail(http.StatusBadRequest, codeBadRequest, detail, "", value)
	return false
}

// headFault finds what is wrong with headers as they came, line by line; detail is empty if nothing is.
func headFault(raw []byte) (detail, value string) {
	var seen [len(singleHeaders)]bool
	for len(raw) > 0 {
		line := raw
		if end := bytes.IndexByte(raw, '\n'); end >= 0 {
			line, raw = raw[:end], raw[end+1:]
		} else {
			raw = nil
		}
		colon := bytes.IndexByte(line, ':')
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			return "a header of one line is expected", string(line)
		}
		if colon < 0 {
			continue // the blank line at the end
		}
		name := line[:colon]
		if bytes.IndexByte(name, ' ') >= 0 {
			return "the name of a header has no blank", string(name)
		}
		for i, single := range singleHeaders {
			if len(name) == len(single) && name[0]|0x20 == single[0]|0x20 && bytes.EqualFold(name, []byte(single)) {
				if seen[i] {
					return "this header is expected once", single
				}
				seen[i] = true
			}
		}
	}
	return "", ""
}
