package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// respConn speaks the Redis protocol on a bare connection, with as little work as the HTTP client of bench/wire does.
type respConn struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func dialRESP(address string) (*respConn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &respConn{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

func (c *respConn) close() error { return c.conn.Close() }

// begin appends the head of a command of so many arguments, its name being the first.
func (c *respConn) begin(arguments int) {
	c.out = append(c.out, '*')
	c.out = strconv.AppendInt(c.out, int64(arguments), 10)
	c.out = append(c.out, "\r\n"...)
}

func (c *respConn) argument(text []byte) {
	c.out = append(c.out, '$')
	c.out = strconv.AppendInt(c.out, int64(len(text)), 10)
	c.out = append(c.out, "\r\n"...)
	c.out = append(c.out, text...)
	c.out = append(c.out, "\r\n"...)
}

// flush sends the commands that were appended.
func (c *respConn) flush() error {
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

// number reads a reply that is a number, or a string of one.
func (c *respConn) number() (int64, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 4 {
		return 0, fmt.Errorf("redis answers %q", line)
	}
	kind, text := line[0], line[1:len(line)-2]
	switch kind {
	case '-':
		return 0, errors.New("redis: " + string(text))
	case ':':
		return strconv.ParseInt(string(text), 10, 64)
	case '$':
		return c.bulkNumber(text)
	}
	return 0, fmt.Errorf("redis answers %q, a number is expected", line)
}

func (c *respConn) bulkNumber(length []byte) (int64, error) {
	n, err := strconv.Atoi(string(length))
	if err != nil || n < 0 || n > 20 {
		return 0, fmt.Errorf("redis answers a string of length %s, a number is expected", length)
	}
	var text [22]byte
	if _, err := io.ReadFull(c.in, text[:n+2]); err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text[:n]), 10, 64)
}

// call sends one command and reads its number.
func (c *respConn) call(arguments ...string) (int64, error) {
	c.begin(len(arguments))
	for _, a := range arguments {
		c.argument([]byte(a))
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return c.number()
}
