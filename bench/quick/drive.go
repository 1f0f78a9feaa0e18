package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// workload is one kind of request to one server, and what came of it.
type workload struct {
	name        string
	process     *process
	connections int
	others      []*process // whose processor time counts too
	perRequest  int        // units of work in one request
	unit        string
	wantStatus  int

	// request appends a whole HTTP request. id is different in every call.
	request func(dst []byte, id uint64) []byte

	nextWorker uint64 // no two workloads that write come to the same numbers
	requests   int
	took       time.Duration
	cpu        time.Duration
	latencies  []time.Duration

	// syncs, if set, gathers the log's figures over all turns.
	syncs *syncs
}

// idsPerTurn keeps the ids of two turns, and of two workers, apart.
const idsPerTurn = 1 << 32

// run drives the server for a while over all connections, each a goroutine that sends a request, waits for the reply,
// and goes on.
func (w *workload) run(duration time.Duration) error {
	conns, err := dialAll(w.process.address, w.connections)
	if err != nil {
		return err
	}
	defer closeAll(conns)
	before, err := w.readSyncs()
	if err != nil {
		return err
	}
	cpu, started := w.usedCPU(), time.Now()
	results := make([]result, len(conns))
	var wg sync.WaitGroup
	for i, conn := range conns {
		id := w.nextWorker * idsPerTurn
		w.nextWorker++
		wg.Go(func() { results[i] = w.drive(conn, id, started.Add(duration)) })
	}
	wg.Wait()
	w.took += time.Since(started)
	w.cpu += w.usedCPU() - cpu
	for _, r := range results {
		if r.err != nil {
			return r.err
		}
		w.requests += len(r.latencies)
		w.latencies = append(w.latencies, r.latencies...)
	}
	after, err := w.readSyncs()
	if w.syncs != nil {
		w.syncs.commands += after.commands - before.commands
		w.syncs.writes += after.writes - before.writes
		w.syncs.bytes += after.bytes - before.bytes
	}
	return err
}

func (w *workload) usedCPU() (sum time.Duration) {
	for _, p := range w.others {
		if p != w.process {
			sum += p.cpu()
		}
	}
	return sum + w.process.cpu()
}

// readSyncs reads the log's figures, if they are wanted.
func (w *workload) readSyncs() (syncs, error) {
	if w.syncs == nil {
		return syncs{}, nil
	}
	return readSyncs(w.process.address)
}

type result struct {
	latencies []time.Duration
	err       error
}

func (w *workload) drive(conn net.Conn, id uint64, end time.Time) (r result) {
	in := bufio.NewReaderSize(conn, 16<<10)
	var out []byte
	for now := time.Now(); now.Before(end); {
		out = w.request(out[:0], id)
		id++
		if _, r.err = conn.Write(out); r.err != nil {
			return r
		}
		status, body, err := readReply(in)
		if err == nil && status != w.wantStatus {
			err = fmt.Errorf("status %d, want %d: %s", status, w.wantStatus, body)
		}
		if err != nil {
			r.err = err
			return r
		}
		then := now
		now = time.Now()
		r.latencies = append(r.latencies, now.Sub(then))
	}
	return r
}

var contentLength = []byte("Content-Length: ")

// readReply reads one reply with a Content-Length, which is all that fasthttp sends here. The body is kept only if the
// status is not 200, for the error message.
func readReply(in *bufio.Reader) (status int, body []byte, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("no status line: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, err
	}
	length := 0
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
	if status == 200 {
		_, err = in.Discard(length)
		return status, nil, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(in, body)
	return status, body, err
}

func dialAll(address string, count int) ([]net.Conn, error) {
	conns := make([]net.Conn, 0, count)
	for range count {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, conn)
	}
	return conns, nil
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		_ = conn.Close() // nothing is lost: every reply was read
	}
}
