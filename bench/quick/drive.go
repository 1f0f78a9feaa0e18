package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"apportion/bench/rig"
	"apportion/bench/wire"
)

// workload is one kind of request to one server, and its results.
type workload struct {
	name        string
	process     *rig.Process
	connections int
	others      []*rig.Process // their processor time counts too
	perRequest  int            // units of work in one request
	unit        string
	wantStatus  int

	// request appends a whole HTTP request. id is different in every call.
	request func(dst []byte, id uint64) []byte

	nextWorker uint64 // far enough apart that two workloads never write the same orders
	requests   int
	took       time.Duration
	cpu        time.Duration
	latencies  []time.Duration

	// syncs, if set, sums the log's figures over all turns.
	syncs *wire.Server
}

// idsPerTurn keeps the ids of two turns, and of two workers, apart.
const idsPerTurn = 1 << 32

// run drives the server for a time over all connections. Each connection has a goroutine that sends a request, waits
// for the reply, and repeats.
func (w *workload) run(duration time.Duration) error {
	conns, err := dialAll(w.process.Address, w.connections)
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
		*w.syncs = w.syncs.Add(after.Since(before))
	}
	return err
}

func (w *workload) usedCPU() (sum time.Duration) {
	for _, p := range w.others {
		if p != w.process {
			sum += p.CPU()
		}
	}
	return sum + w.process.CPU()
}

// readSyncs reads the log's figures if syncs is set.
func (w *workload) readSyncs() (wire.Server, error) {
	if w.syncs == nil {
		return wire.Server{}, nil
	}
	return wire.Scrape(context.Background(), wire.Target{Address: w.process.Address, Host: w.process.Address})
}

type result struct {
	latencies []time.Duration
	err       error
}

func (w *workload) drive(conn *wire.Conn, id uint64, end time.Time) (r result) {
	var out []byte
	for now := time.Now(); now.Before(end); {
		out = w.request(out[:0], id)
		id++
		if _, r.err = conn.Write(out); r.err != nil {
			return r
		}
		reply, err := conn.ReadReply(false)
		if err == nil && reply.Status != w.wantStatus {
			err = fmt.Errorf("status %d, want %d: %s", reply.Status, w.wantStatus, reply.Body)
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

func dialAll(address string, count int) ([]*wire.Conn, error) {
	conns := make([]*wire.Conn, 0, count)
	for range count {
		conn, err := wire.Target{Address: address}.Dial()
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, wire.NewConn(conn))
	}
	return conns, nil
}

func closeAll(conns []*wire.Conn) {
	for _, conn := range conns {
		_ = conn.Close() // nothing is lost: every reply was read
	}
}
