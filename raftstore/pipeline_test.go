package raftstore

import (
	"io"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// A pipeline takes requests although nobody takes its answers, and has all answers, in order, for who does later.
func TestPipelineNeverWaits(t *testing.T) {
	connect := func() transport {
		inner, err := raft.NewTCPTransport("127.0.0.1:0", nil, 1, patience, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = inner.Close() }) // the test is over
		return transport{inner}
	}
	leader, follower := connect(), connect()
	go func() {
		for {
			select {
			case rpc := <-follower.Consumer():
				rpc.Respond(&raft.AppendEntriesResponse{LastLog: rpc.Command.(*raft.AppendEntriesRequest).PrevLogEntry}, nil)
			case <-t.Context().Done():
				return
			}
		}
	}()
	p, err := leader.AppendEntriesPipeline("f", follower.LocalAddr())
	if err != nil {
		t.Fatal(err)
	}
	const requests = 20
	sent := make(chan error, 1)
	go func() {
		for i := range requests {
			if _, err := p.AppendEntries(&raft.AppendEntriesRequest{PrevLogEntry: uint64(i)}, new(raft.AppendEntriesResponse)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	timeout := time.After(patience)
	select {
	case err := <-sent:
		if err != nil {
			t.Fatal(err)
		}
	case <-timeout:
		t.Fatal("a request waits for answers to be taken")
	}
	for i := range requests {
		select {
		case answer := <-p.Consumer():
			if got := answer.Response().LastLog; got != uint64(i) {
				t.Errorf("answer %d is that to request %d", i, got)
			}
		case <-timeout:
			t.Fatalf("%d of %d answers came", i, requests)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}
