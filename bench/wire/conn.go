package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// replyBytesMax bounds the stored part of one reply.
const replyBytesMax = 256 << 20

// Conn is a keep-alive connection with at most one request in flight. It is for one goroutine at a time.
type Conn struct {
	net.Conn
	in   *bufio.Reader
	body []byte
}

// NewConn makes a Conn from a connection.
func NewConn(conn net.Conn) *Conn {
	return &Conn{Conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}
}

// Reply is an HTTP response.
type Reply struct {
	Status int
	Body   []byte // valid until the next reply; nil for a 200 if ReadReply skipped it
	Close  bool   // the server will close the connection
}

// ReadReply reads one reply. It needs a Content-Length, which the server always sends. It skips the body of a 200
// unless the caller wants it.
func (c *Conn) ReadReply(wanted bool) (r Reply, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return r, err
	}
	if r.Status, err = statusOf(line); err != nil {
		return r, err
	}
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return r, err
		}
		if len(line) <= 2 {
			break
		}
		if err = r.header(line, &length); err != nil {
			return r, err
		}
	}
	if length < 0 || length > replyBytesMax {
		return r, fmt.Errorf("a reply of status %d without a Content-Length that can be read: proxies that send in "+
			"chunks are not supported", r.Status)
	}
	if r.Status == 200 && !wanted {
		_, err = c.in.Discard(length)
		return r, err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	r.Body = c.body[:length]
	_, err = io.ReadFull(c.in, r.Body)
	return r, err
}

func statusOf(line []byte) (int, error) {
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, fmt.Errorf("no status line: %q", line)
	}
	return strconv.Atoi(string(line[9:12]))
}

var (
	lengthHeader     = []byte("Content-Length:")
	connectionHeader = []byte("Connection:")
)

// header reads the two headers that ReadReply needs.
func (r *Reply) header(line []byte, length *int) (err error) {
	if value, ok := cutHeader(line, lengthHeader); ok {
		if *length, err = strconv.Atoi(string(value)); err != nil || *length < 0 {
			return errors.New("the Content-Length is no number")
		}
	}
	if value, ok := cutHeader(line, connectionHeader); ok {
		r.Close = bytes.EqualFold(value, []byte("close"))
	}
	return nil
}

// cutHeader returns the value if the line is the given header.
func cutHeader(line, name []byte) ([]byte, bool) {
	if len(line) < len(name) || line[0]|0x20 != name[0]|0x20 || !bytes.EqualFold(line[:len(name)], name) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name):]), true
}
