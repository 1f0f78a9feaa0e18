package peernet

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"apportion/wal"
)

// patience is the longest wait in a test.
const patience = time.Minute

// newIdentity makes the identity of a node with a log in memory.
func newIdentity(t *testing.T, name string) (*Identity, *wal.Log) {
	t.Helper()
	log, err := wal.Open(wal.Config{Dir: "log", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	i, err := LoadIdentity(name, log, true, bytes.NewReader(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return i, log
}

// newNetwork makes the network of a node in a cluster. It accepts questions and Raft's connections.
func newNetwork(t *testing.T, name string) *Network {
	t.Helper()
	i, _ := newIdentity(t, name)
	if err := i.Adopt("cluster"); err != nil {
		t.Fatal(err)
	}
	p, err := Listen(Config{Listen: "127.0.0.1:0", ForwardedMax: 1}, i, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p.Handle(KindAsk, func(net.Conn) {})
	p.Run()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestLimits: each limit accepts its value, and refuses one more.
func TestLimits(t *testing.T) {
	f := func(what string, limit int, take func(n int) error) {
		t.Helper()
		if err := take(limit); err != nil {
			t.Errorf("%s: %d are refused: %v", what, limit, err)
		}
		if err := take(limit + 1); err == nil {
			t.Errorf("%s: %d are taken", what, limit+1)
		}
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	f("bytes of a message", messageBytesMax, func(n int) error { return WriteMessage(io.Discard, long(n-len(`""`))) })
	f("bytes of a cluster's name", clusterNameBytesMax, func(n int) error {
		i, log := newIdentity(t, "a")
		err := i.Adopt(long(n))
		if kept, _ := getKey(log, KeyCluster); (err == nil) != (len(kept) == n) {
			t.Errorf("a cluster's name of %d bytes: %v, and %d bytes are kept", n, err, len(kept))
		}
		return err
	})
	f("connections for a purpose", connectionsMax, func(n int) error {
		conn, other := net.Pipe()
		defer conn.Close()
		defer other.Close()
		p := &Network{}
		p.mu.open = map[net.Conn]Kind{conn: ""}
		p.mu.taken = map[Kind]int{KindAsk: n - 1}
		return p.assign(conn, KindAsk)
	})
}

func TestNodeName(t *testing.T) {
	f := func(id raft.ServerID, want string) {
		t.Helper()
		if got := NodeName(id); got != want {
			t.Errorf("the name of %q is %q, want %q", id, got, want)
		}
	}
	f("c/0f2d6b1a93c85e47", "c")
	f("c", "c") // from a version without identities
	f("shop/c/0f2d6b1a93c85e47", "shop/c")
	f("shop/c", "shop/c")
	f("c/0f2d", "c/0f2d")
	f("", "")
}

// TestClusterNeedsAName: without random bytes there is no name for a new cluster.
func TestClusterNeedsAName(t *testing.T) {
	i, _ := newIdentity(t, "a")
	if err := i.Found(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) || i.Cluster() != "" {
		t.Errorf("the cluster %q, %v", i.Cluster(), err)
	}
}

// TestGreetingsMax: any number of connections without a handshake cannot block connections with one.
func TestGreetingsMax(t *testing.T) {
	p := newNetwork(t, "a")
	for range 2 * greetingsMax {
		conn, err := net.Dial("tcp", p.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	conn, _, err := p.Dial(p.Address, "", KindAsk, DialTimeout) // accepted after all of them
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.mu.greeting); n > greetingsMax {
		t.Errorf("%d connections have not said what they are for", n)
	}
}
