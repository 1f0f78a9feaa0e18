package stream

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a Source with events from a test, one at a time.
type scripted struct {
	events chan string
	wake   chan struct{}
	place  string
	fault  error // of Next
	late   error // of Beat
	closed int
}

func newScripted() *scripted {
	return &scripted{events: make(chan string, 8), wake: make(chan struct{}, 1)}
}

func (s *scripted) send(event string) {
	s.events <- event
	s.wake <- struct{}{}
}

func (s *scripted) Next(dst []byte) ([]byte, bool, error) {
	select {
	case event := <-s.events:
		return append(dst, event...), false, nil
	default:
		return dst, true, s.fault
	}
}

func (s *scripted) Wake() <-chan struct{} { return s.wake }

func (s *scripted) Beat(dst []byte) ([]byte, error) {
	if s.place != "" {
		dst = AppendID(dst, []byte(s.place))
	}
	return dst, s.late
}

func (s *scripted) Close() { s.closed++ }

// serve opens a stream over a pipe. ended is closed when it has ended.
func serve(t *testing.T, streams *Streams, source Source) (client net.Conn, ended chan struct{}) {
	t.Helper()
	if !streams.Take() {
		t.Fatal("there is no place")
	}
	client, server := net.Pipe()
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		streams.Serve(server, source)
	}()
	t.Cleanup(func() {
		_ = client.Close()
		<-ended
	})
	return client, ended
}

// readHead reads the head of the response.
func readHead(t *testing.T, client net.Conn) *Reader {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != MediaType {
		t.Errorf("the head has status %d and Content-Type %q", response.StatusCode, got)
	}
	if _, err := http.ParseTime(response.Header.Get("Date")); err != nil || !response.Close {
		t.Errorf("the head has %v", response.Header)
	}
	return NewReader(response.Body, BytesMax)
}

func TestEventsArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, source := New(Config{Max: 1, StallTimeout: time.Minute}), newScripted()
		client, _ := serve(t, streams, source)
		in := readHead(t, client)
		go source.send("id: 1\nevent: record\ndata: {}\n\n")
		ev, err := in.Read()
		if err != nil || ev.ID != "1" || ev.Type != "record" || string(ev.Data) != "{}" {
			t.Errorf("read %+v %q, %v", ev, ev.Data, err)
		}
		if in.Retry() != Retry {
			t.Errorf("the client is told to wait %s", in.Retry())
		}
	})
}

// TestHeartbeat: a silent stream sends a heartbeat every 15 seconds, with the place that its reader has reached.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newScripted()
		source.place = "here"
		client, _ := serve(t, New(Config{Max: 1, StallTimeout: time.Minute}), source)
		got := make(chan string, 8)
		go func() {
			buffer := make([]byte, 1024)
			for {
				n, err := client.Read(buffer)
				if err != nil {
					return
				}
				got <- string(buffer[:n])
			}
		}()
		<-got
		for range 3 {
			time.Sleep(Heartbeat - time.Millisecond)
			synctest.Wait()
			if len(got) != 0 {
				t.Fatalf("too early: %q", <-got)
			}
			time.Sleep(time.Millisecond)
			if beat := <-got; beat != ":\nid: here\n\n" {
				t.Errorf("the heartbeat is %q", beat)
			}
		}
	})
}

// TestSlowReaderIsCut: the stream of a reader that stops reading is closed after the stall timeout, and its place is
// free again.
func TestSlowReaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := 0
		streams := New(Config{Max: 1, StallTimeout: 30 * time.Second, OnCut: func() { cut++ }})
		source := newScripted()
		client, ended := serve(t, streams, source)
		readHead(t, client)
		begin := time.Now()
		source.send("data: {}\n\n")
		<-ended
		if took := time.Since(begin); took != 30*time.Second || cut != 1 {
			t.Errorf("cut %d times, after %s", cut, took)
		}
		if source.closed != 1 || streams.Taken() != 0 {
			t.Errorf("the source was closed %d times, and %d places are taken", source.closed, streams.Taken())
		}
	})
}

// TestClientGone: a client that closes its connection ends the stream at once, not at the next write.
func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, ended := serve(t, New(Config{Max: 1, StallTimeout: time.Minute}), newScripted())
		readHead(t, client)
		begin := time.Now()
		_ = client.Close()
		<-ended
		if took := time.Since(begin); took != 0 {
			t.Errorf("the stream ended %s later", took)
		}
	})
}

// TestOldStreamEnds: a stream ends soon after the ticket that opened it.
func TestOldStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, ended := serve(t, New(Config{Max: 1, StallTimeout: time.Minute}), newScripted())
		begin := time.Now()
		if _, err := io.Copy(io.Discard, client); err != nil {
			t.Error(err)
		}
		<-ended
		if took := time.Since(begin); took < AgeMax || took > AgeMax+ageSpread {
			t.Errorf("the stream ended after %s", took)
		}
	})
}

// TestClose: the end of the server ends all streams: at once if they wait, and soon if their readers do not read.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := 0
		streams := New(Config{Max: 3, StallTimeout: time.Minute, OnCut: func() { cut++ }})
		waiting, waitingEnded := serve(t, streams, newScripted())
		readHead(t, waiting)
		go func() { _, _ = io.Copy(io.Discard, waiting) }()
		stalled := newScripted()
		client, _ := serve(t, streams, stalled)
		readHead(t, client)
		stalled.send("data: {}\n\n")
		synctest.Wait()
		begin := time.Now()
		closed := make(chan error, 1)
		go func() { closed <- streams.Close(t.Context()) }()
		<-waitingEnded
		if took := time.Since(begin); took != 0 {
			t.Errorf("the waiting stream ended after %s", took)
		}
		if err := <-closed; err != nil || time.Since(begin) != closeTime || cut != 0 {
			t.Errorf("closed after %s with %d cut, %v", time.Since(begin), cut, err)
		}
		late, lateEnded := serve(t, streams, newScripted())
		if <-lateEnded; streams.Taken() != 0 {
			t.Errorf("%d places are taken after the end", streams.Taken())
		}
		if _, err := late.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a stream after the end: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := streams.Close(ended); err != nil && streams.Taken() != 0 {
			t.Error(err)
		}
	})
}

func TestPlaces(t *testing.T) {
	streams := New(Config{Max: 2})
	for i, want := range []bool{true, true, false} {
		if got := streams.Take(); got != want {
			t.Errorf("take %d of two places: got %t, want %t", i+1, got, want)
		}
	}
	streams.Give()
	if !streams.Take() || streams.Taken() != 2 {
		t.Error("a place that was given back is free")
	}
}

// TestProblemIsLast: a problem is the last event of a stream, both from Next and at a heartbeat.
func TestProblemIsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, late := range []bool{false, true} {
			source := newScripted()
			if fault := (&Problem{JSON: []byte(`{"code":"cursor-expired"}`)}); late {
				source.late = fault
			} else {
				source.fault = fault
			}
			client, ended := serve(t, New(Config{Max: 1, StallTimeout: time.Minute}), source)
			in := readHead(t, client)
			ev, err := in.Read()
			if err != nil || ev.Type != "problem" || string(ev.Data) != `{"code":"cursor-expired"}` {
				t.Errorf("late %v: read %+v %q, %v", late, ev, ev.Data, err)
			}
			if _, err := in.Read(); err != io.EOF {
				t.Errorf("late %v: the stream goes on: %v", late, err)
			}
			<-ended
		}
	})
}

// TestReader reads events by the rules of the HTML standard.
func TestReader(t *testing.T) {
	f := func(body string, want ...Event) {
		t.Helper()
		in := NewReader(strings.NewReader(body), 64)
		for i, w := range want {
			ev, err := in.Read()
			if err != nil || ev.ID != w.ID || ev.Type != w.Type || string(ev.Data) != string(w.Data) {
				t.Fatalf("%q: event %d is %+v %q, %v", body, i, ev, ev.Data, err)
			}
		}
		if ev, err := in.Read(); err != io.EOF {
			t.Errorf("%q: read %+v after the last event, %v", body, ev, err)
		}
	}
	f("")
	f(":\n\n")
	f("data: a\n\n", Event{Data: []byte("a")})
	f("data:a\r\ndata: b\r\n\r\n", Event{Data: []byte("a\nb")})
	f("event: x\n\ndata: a\n\n", Event{Data: []byte("a")}) // without data, an event and its type are dropped
	f("id: 1\ndata: a\n\nid: 2\n\ndata: b\n\n", Event{ID: "1", Data: []byte("a")}, Event{ID: "2", Data: []byte("b")})
	f("data: cut off") // without its end
	f("unknown: 1\n: comment\ndata\n\n", Event{})
	in := NewReader(strings.NewReader("data: "+strings.Repeat("a", 64)+"\n\n"), 64)
	if _, err := in.Read(); err != ErrLineTooLong {
		t.Errorf("a line that is too long: %v", err)
	}
}

// FuzzReader: any body is read to its end, and written events are read back.
func FuzzReader(f *testing.F) {
	f.Add("id: 1\nevent: x\ndata: {}\n\n", "{}")
	f.Add("retry: 9\r\n:\r\n\r\n", "")
	f.Fuzz(func(t *testing.T, body, data string) {
		in := NewReader(strings.NewReader(body), 1<<10)
		for range len(body) + 1 {
			if _, err := in.Read(); err != nil {
				break
			}
		}
		if strings.ContainsAny(data, "\r\n") {
			return
		}
		in = NewReader(strings.NewReader(string(AppendData(AppendType(AppendID(nil, []byte("7")), "x"), []byte(data)))),
			64+len(data))
		if ev, err := in.Read(); err != nil || ev.ID != "7" || ev.Type != "x" || string(ev.Data) != data {
			t.Errorf("%q was read as %+v %q, %v", data, ev, ev.Data, err)
		}
	})
}

// TestCutEvent: the id of an event whose end is missing does not count, since the event is lost.
func TestCutEvent(t *testing.T) {
	in := NewReader(strings.NewReader("id: 1\ndata: a\n\nid: 2\n\nid: 3\ndata: b\n"), 100)
	if ev, err := in.Read(); err != nil || ev.ID != "1" {
		t.Fatalf("got %+v, %v", ev, err)
	}
	if ev, err := in.Read(); err == nil || in.LastID() != "2" {
		t.Errorf("got %+v, %v; the last id is %s", ev, err, in.LastID())
	}
}
