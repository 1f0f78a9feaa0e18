package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// readers are the open streams.
type readers struct {
	stock *stock

	mu     sync.Mutex
	delays []time.Duration
	bytes  int64

	bodies  []func() error
	running sync.WaitGroup
}

// delaysOf is how many readers look at delays if each reads everything; the others only read.
const delaysOf = 4

// openReaders opens the streams, and returns when each has its copy.
func openReaders(address string, o options, s *stock) (*readers, error) {
	all := &readers{stock: s}
	copied := make(chan error, o.streams)
	for i := range o.streams {
		url := "http://" + address + "/v1/changes"
		if !o.all {
			url += fmt.Sprintf("?locations=L%04d", i%o.locations)
		}
		request, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept", "text/event-stream")
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		if reply.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", url, reply.Status)
		}
		all.bodies = append(all.bodies, reply.Body.Close)
		all.running.Go(func() { all.read(bufio.NewReaderSize(reply.Body, 64<<10), copied, !o.all || i < delaysOf) })
	}
	for range o.streams {
		if err := <-copied; err != nil {
			return nil, err
		}
	}
	return all, nil
}

// read reads a stream to its end.
func (r *readers) read(in *bufio.Reader, copied chan<- error, looks bool) {
	seen := map[string]int64{}
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
			seen[text(line, `"upc":"`)] = number(line, `"allocated":`)
		case looks && bytes.HasPrefix(line, []byte("data: {")):
			delays = r.look(line, seen, delays)
			fallthrough
		default:
			read += int64(len(line))
		}
	}
}

// look appends the delays of the acknowledgements that an event shows.
func (r *readers) look(line []byte, seen map[string]int64, delays []time.Duration) []time.Duration {
	now := int64(time.Since(r.stock.start))
	record := r.stock.of[text(line, `"upc":"`)]
	if record == nil {
		return delays
	}
	allocated := number(line, `"allocated":`)
	for unit := seen[record.upc]; unit < allocated; unit++ {
		acked := record.acks[unit%acksMax].Load()
		if acked == 0 || acked > now {
			acked = now
		}
		delays = append(delays, time.Duration(now-acked))
	}
	seen[record.upc] = allocated
	return delays
}

// close ends the streams, and gives all delays and how many bytes the changes had.
func (r *readers) close() ([]time.Duration, int64) {
	for _, end := range r.bodies {
		_ = end() // the reader sees it
	}
	r.running.Wait()
	return r.delays, r.bytes
}

// text gives the text behind a name in a line of JSON.
func text(line []byte, name string) string {
	_, rest, _ := bytes.Cut(line, []byte(name))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// number gives the first number behind a name in a line of JSON.
func number(line []byte, name string) int64 {
	_, rest, _ := bytes.Cut(line, []byte(name))
	end := bytes.IndexAny(rest, ",}")
	n, _ := strconv.ParseInt(string(rest[:max(end, 0)]), 10, 64)
	return n
}
