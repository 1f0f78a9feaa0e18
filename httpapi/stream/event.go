package stream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// MediaType is the media type of server-sent events.
const MediaType = "text/event-stream"

// The parts of an event: lines of fields, and an empty line. Only an event with data is seen by a client's program, but
// an id without data counts as well.
const (
	idField    = "id: "
	typeField  = "event: "
	dataField  = "data: "
	retryField = "retry: "
	comment    = ":"
)

// AppendID appends the line that names the place after an event, which a client hands back as Last-Event-ID.
func AppendID(dst, id []byte) []byte {
	dst = append(append(dst, idField...), id...)
	return append(dst, '\n')
}

// AppendType appends the line with the type of an event. Without it, an event is a message.
func AppendType(dst []byte, name string) []byte {
	dst = append(append(dst, typeField...), name...)
	return append(dst, '\n')
}

// AppendData appends the data and ends the event. The data is JSON, which has no line breaks.
func AppendData(dst, data []byte) []byte { return CloseData(append(OpenData(dst), data...)) }

// OpenData begins the data of an event, which the caller appends.
func OpenData(dst []byte) []byte { return append(dst, dataField...) }

// CloseData ends the data that OpenData has begun, and the event.
func CloseData(dst []byte) []byte { return append(dst, "\n\n"...) }

// appendHead appends the head of the response, and how soon a client should connect again.
func appendHead(dst []byte, now time.Time) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nDate: "...)
	dst = now.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	// X-Accel-Buffering keeps nginx from collecting the events.
	dst = append(dst, "\r\nContent-Type: "+MediaType+"\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"+
		"Connection: close\r\n\r\n"+retryField...)
	return append(strconv.AppendInt(dst, Retry.Milliseconds(), 10), "\n\n"...)
}

// Event is one event as a client reads it.
type Event struct {
	ID   string // of this event, or the last one that had any
	Type string // empty: a message
	Data []byte // valid until the next call of Read
}

// Reader reads the events of a response's body.
type Reader struct {
	in    *bufio.Scanner
	id    string
	data  []byte
	retry time.Duration
}

// ErrLineTooLong is the error of a line that has more bytes than the Reader was made for.
var ErrLineTooLong = errors.New("a line of the stream is too long")

// NewReader reads events whose lines have at most so many bytes.
func NewReader(body io.Reader, lineBytesMax int) *Reader {
	in := bufio.NewScanner(body)
	in.Buffer(nil, lineBytesMax)
	return &Reader{in: in}
}

// LastID is the id that a client sends as Last-Event-ID to go on. It may be newer than that of the last event.
func (r *Reader) LastID() string { return r.id }

// Retry is the time that the server wants a client to wait before it connects again; 0: it has not said.
func (r *Reader) Retry() time.Duration { return r.retry }

// Read reads up to the next event. An event whose end is missing is none: then the error is io.EOF, or that of the
// connection.
func (r *Reader) Read() (Event, error) {
	ev, has, id := Event{}, false, r.id
	r.data = r.data[:0]
	for r.in.Scan() {
		line := r.in.Bytes()
		if len(line) == 0 {
			r.id = id // not before: the rest of its event may be lost
			if has {
				ev.ID, ev.Data = r.id, r.data[:len(r.data)-1]
				return ev, nil
			}
			ev = Event{}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "id":
			id = string(value)
		case "event":
			ev.Type = string(value)
		case "data":
			r.data, has = append(append(r.data, value...), '\n'), true
		case "retry":
			if ms, err := strconv.Atoi(string(value)); err == nil {
				r.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	switch err := r.in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return Event{}, ErrLineTooLong
	case err != nil:
		return Event{}, fmt.Errorf("stream: read: %w", err)
	}
	return Event{}, io.EOF
}
