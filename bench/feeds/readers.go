package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"apportion/bench/wire"
)

// readers are the open streams, on bare connections.
type readers struct {
	stock *stock

	mu     sync.Mutex
	delays []time.Duration
	bytes  int64

	conns   []net.Conn
	running sync.WaitGroup
}

const (
	// delaysOf is how many readers look at delays if each reads everything; the others only read.
	delaysOf = 4

	// readBytes is what a reader reads at a time at most.
	readBytes = 64 << 10
)

// openReaders opens the streams, and returns when each has its copy.
func openReaders(address string, o options, s *stock) (*readers, error) {
	all := &readers{stock: s}
	copied := make(chan error, o.streams)
	target := wire.Target{Address: address, Host: address}
	for i := range o.streams {
		path := "/v1/changes"
		if !o.all {
			path += fmt.Sprintf("?locations=L%04d", i%o.locations)
		}
		conn, err := target.Dial()
		if err != nil {
			return nil, err
		}
		all.conns = append(all.conns, conn)
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", path,
			target.Host); err != nil {
			return nil, err
		}
		in := bufio.NewReaderSize(conn, readBytes)
		if err := readHead(in); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all.running.Go(func() { all.read(in, copied, !o.all || i < delaysOf) })
	}
	for range o.streams {
		if err := <-copied; err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readHead reads the head of a reply.
func readHead(in *bufio.Reader) error {
	status, err := in.ReadString('\n')
	for line := status; err == nil && len(line) > len("\r\n"); {
		line, err = in.ReadString('\n')
	}
	if err == nil && !bytes.HasPrefix([]byte(status), []byte("HTTP/1.1 200 ")) {
		err = fmt.Errorf("expected a stream, got %q", status)
	}
	return err
}

// read reads a stream to its end.
func (r *readers) read(in *bufio.Reader, copied chan<- error, looks bool) {
	seen := map[*record]int64{}
	var delays []time.Duration
	read, live := int64(0), false
	defer func() {
		if !live {
			copied <- fmt.Errorf("a stream ended in its copy")
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.delays, r.bytes = append(r.delays, delays...), r.bytes+read
	}()
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case !live:
			if bytes.HasPrefix(line, []byte("event: copied")) {
				live = true
				copied <- nil
			}
			if record := r.stock.of[string(text(line, `"upc":"`))]; record != nil {
				seen[record] = number(line, `"allocated":`)
			}
		case looks && bytes.HasPrefix(line, []byte("data: {")):
			delays = r.look(line, seen, delays)
			fallthrough
		default:
			read += int64(len(line))
		}
	}
}

// look appends the delays of the acknowledgements that an event shows.
func (r *readers) look(line []byte, seen map[*record]int64, delays []time.Duration) []time.Duration {
	now := int64(time.Since(r.stock.start))
	record := r.stock.of[string(text(line, `"upc":"`))]
	if record == nil {
		return delays
	}
	allocated := number(line, `"allocated":`)
	for unit := seen[record]; unit < allocated; unit++ {
		acked := record.acks[unit%acksMax].Load()
		if acked == 0 || acked > now {
			acked = now
		}
		delays = append(delays, time.Duration(now-acked))
	}
	seen[record] = allocated
	return delays
}

// close ends the streams, and gives all delays and how many bytes the changes had.
func (r *readers) close() ([]time.Duration, int64) {
	for _, conn := range r.conns {
		_ = conn.Close() // the reader sees it
	}
	r.running.Wait()
	return r.delays, r.bytes
}

// text gives the text behind a name in a line of JSON.
func text(line []byte, name string) []byte {
	_, rest, _ := bytes.Cut(line, []byte(name))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return value
}

// number gives the first number behind a name in a line of JSON.
func number(line []byte, name string) int64 {
	_, rest, _ := bytes.Cut(line, []byte(name))
	end := bytes.IndexAny(rest, ",}")
	n, _ := strconv.ParseInt(string(rest[:max(end, 0)]), 10, 64)
	return n
}
