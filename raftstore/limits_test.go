package raftstore

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/wal"
)

// TestLimits asks for as much as each limit allows, which is taken, and for one more, which is refused.
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
	f("bytes of a message", messageBytesMax, func(n int) error { return writeMessage(io.Discard, long(n-len(`""`))) })
	f("bytes of a node's name", nodeNameBytesMax, func(n int) error {
		return Config{Dir: "d", NodeID: long(n)}.Validate()
	})
	f("bytes of a member's name", nodeNameBytesMax, func(n int) error {
		m := Member{ID: long(n), Address: "127.0.0.1:1"}
		return m.check()
	})
	f("bytes of a cluster's name", clusterNameBytesMax, func(n int) error {
		log, err := wal.Open(wal.Config{Dir: "log", FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		i, err := loadIdentity("a", log, true, bytes.NewReader(make([]byte, 64)))
		if err != nil {
			t.Fatal(err)
		}
		err = i.adopt(long(n))
		if kept, _ := getKey(log, keyCluster); (err == nil) != (len(kept) == n) {
			t.Errorf("a cluster's name of %d bytes: %v, and %d bytes are kept", n, err, len(kept))
		}
		return err
	})
	f("bytes of an entry's target", entryBytesMax, func(n int) error {
		return Config{Dir: "d", EntryBytesTarget: n}.Validate()
	})
	f("connections for a purpose", peerConnectionsMax, func(n int) error {
		conn, other := net.Pipe()
		defer conn.Close()
		defer other.Close()
		p := &peers{}
		p.mu.open = map[net.Conn]kind{conn: ""}
		p.mu.taken = map[kind]int{kindAsk: n - 1}
		return p.assign(conn, kindAsk)
	})
}
