package peernet

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// A pipeline accepts requests even if nothing reads its answers. A later reader gets all answers, in order.
func TestPipelineNeverWaits(t *testing.T) {
	connect := func() Transport {
		inner, err := raft.NewTCPTransport("127.0.0.1:0", nil, 1, patience, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		transport := newTransport(inner)
		t.Cleanup(func() { _ = transport.Close() }) // the test is over
		return transport
	}
	leader, follower := connect(), connect()
	go func() {
		for {
			select {
			case rpc := <-follower.Consumer():
				rpc.Respond(&raft.AppendEntriesResponse{LastLog: rpc.Command.(*raft.AppendEntriesRequest).PrevLogEntry},
					nil)
			case <-t.Context().Done():
				return
			}
		}
	}()
	inner, err := leader.NetworkTransport.AppendEntriesPipeline("f", follower.LocalAddr())
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(inner)
	const requests = 20
	sent := make(chan error, 1)
	go func() {
		for i := range requests {
			if _, err := p.AppendEntries(&raft.AppendEntriesRequest{PrevLogEntry: uint64(i)},
				new(raft.AppendEntriesResponse)); err != nil {
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

// silentStream calls nodes that never answer.
type silentStream struct{ closed chan struct{} }

func (s silentStream) Accept() (net.Conn, error) { <-s.closed; return nil, net.ErrClosed }
func (s silentStream) Close() error              { close(s.closed); return nil }
func (s silentStream) Addr() net.Addr            { return peerAddr("here") }
func (s silentStream) Dial(raft.ServerAddress, time.Duration) (net.Conn, error) {
	conn, _ := net.Pipe()
	return conn, nil
}

// A leadership transfer to a node that does not answer has a shorter timeout than other calls.
func TestTimeoutNowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := newTransport(raft.NewNetworkTransportWithConfig(
			&raft.NetworkTransportConfig{Stream: silentStream{make(chan struct{})}, Timeout: RaftTimeout}))
		begin := time.Now()
		err := own.TimeoutNow("f", "there", &raft.TimeoutNowRequest{}, &raft.TimeoutNowResponse{})
		if took := time.Since(begin); err == nil || took != timeoutNowMax {
			t.Errorf("after %s: %v", took, err)
		}
		time.Sleep(RaftTimeout) // virtual; the call ends as well
		if err := own.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Raft must use this package's transport, not the transport inside it.
func TestTransport(t *testing.T) {
	leader, follower := newNetwork(t, "a"), newNetwork(t, "b")
	own, other := NewTransport(leader, leader.logger), NewTransport(follower, leader.logger)
	p, err := own.AppendEntriesPipeline(follower.Identity.Self, raft.ServerAddress(follower.Address))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.(*pipeline); !ok {
		t.Errorf("a pipeline is a %T", p)
	}
	if err := errors.Join(p.Close(), own.Close(), other.Close()); err != nil {
		t.Error(err)
	}
}

// A call waits for a node that is down, and ends when this node closes.
func TestDialWaits(t *testing.T) {
	n := newNetwork(t, "a")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	stream := raftStream{n.service(KindRaft)}
	dialled := make(chan error, 1)
	dial := func() {
		conn, err := stream.Dial(calledAs(n.Identity.Self, raft.ServerAddress(address)), DialTimeout)
		if err == nil {
			err = conn.Close()
		}
		dialled <- err
	}
	go dial()
	listener, err = net.Listen("tcp", address)
	if err != nil {
		t.Skip("another process has taken the address")
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.handshake(conn); err != nil {
		t.Error(err)
	}
	if err := <-dialled; err != nil {
		t.Error(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	go dial()
	begin := time.Now()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := <-dialled; err == nil {
		t.Error("a call succeeded, and no node was there")
	}
	t.Logf("the call ended %s after the node", time.Since(begin).Round(time.Millisecond))
}
