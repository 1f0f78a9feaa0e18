package e2e

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"apportion/cmd/apportion/servertest"
)

// network is the network between the nodes of a cluster. Each node has a proxy, and the others call the proxy's
// address. The proxy reads the caller's name from the handshake (raftstore/peernet) and delivers bytes by the rules.
// Bytes from a to b flow on connections that a or b has opened, so a direction is cut on both.
type network struct {
	mu        sync.Mutex
	changed   chan struct{} // closed and replaced when a rule changes
	rules     map[link]linkRule
	conns     map[*proxied]struct{}
	closed    bool
	running   sync.WaitGroup
	listening []net.Listener
}

// link is one direction between two nodes.
type link struct{ from, to string }

// linkRule is the rule for bytes in one direction. The zero value delivers them.
type linkRule struct {
	cut   bool          // nothing is delivered; the connections stay open
	reset bool          // connections are closed
	delay time.Duration // added to the time of each message
}

func newNetwork(t *testing.T) *network {
	n := &network{changed: make(chan struct{}), rules: map[link]linkRule{}, conns: map[*proxied]struct{}{}}
	t.Cleanup(n.close)
	return n
}

// proxy opens the address at which others call a node that listens at target.
func (n *network) proxy(node, target string) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	n.mu.Lock()
	n.listening = append(n.listening, listener)
	n.mu.Unlock()
	n.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the listener is closed
			}
			n.running.Go(func() { n.serve(node, target, conn) })
		}
	})
	return listener.Addr().String(), nil
}

// set makes a rule for some directions. When a rule ends a cut, connections with held bytes are closed. With resume
// they stay open, and even old bytes are delivered.
func (n *network) set(rule linkRule, resume bool, links ...link) {
	n.mu.Lock()
	for _, l := range links {
		n.rules[l] = rule
		for c := range n.conns {
			if (c.out == l || c.in == l) && (rule.reset || !rule.cut && !resume && c.held) {
				c.closeLocked()
			}
			c.held = c.held && rule.cut
		}
	}
	close(n.changed)
	n.changed = make(chan struct{})
	n.mu.Unlock()
}

// heal delivers everything.
func (n *network) heal(resume bool) {
	n.mu.Lock()
	var links []link
	for l := range n.rules {
		links = append(links, l)
	}
	n.mu.Unlock()
	n.set(linkRule{}, resume, links...)
}

// holds reports whether a cut holds any bytes.
func (n *network) holds() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		if c.held {
			return true
		}
	}
	return false
}

func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	for _, l := range n.listening {
		_ = l.Close()
	}
	for c := range n.conns {
		c.closeLocked()
	}
	close(n.changed)
	n.changed = make(chan struct{})
	n.mu.Unlock()
	n.running.Wait()
}

// proxied is a connection that a proxy carries.
type proxied struct {
	network *network
	out, in link // from the caller to the called, and back
	caller  net.Conn
	called  net.Conn
	held    bool // a cut has held bytes
	closed  bool
}

func (c *proxied) closeLocked() {
	c.closed = true
	_, _ = c.caller.Close(), c.called.Close() // both ends see the close
}

// helloTimeout bounds the wait for the handshake.
const helloTimeout = 10 * time.Second

// serve carries one connection to a node.
func (n *network) serve(node, target string, caller net.Conn) {
	defer caller.Close()
	_ = caller.SetReadDeadline(time.Now().Add(helloTimeout))
	from, first, err := readHello(caller)
	if err != nil {
		return
	}
	_ = caller.SetReadDeadline(time.Time{})
	called, err := net.Dial("tcp", target)
	if err != nil {
		return // the node is down
	}
	c := &proxied{network: n, out: link{from, node}, in: link{node, from}, caller: caller, called: called}
	n.mu.Lock()
	n.conns[c] = struct{}{}
	if n.closed || n.rules[c.out].reset || n.rules[c.in].reset {
		c.closeLocked()
	}
	n.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		if c.deliver(c.out, called, first) {
			c.pump(c.out, caller, called)
		}
	})
	both.Go(func() { c.pump(c.in, called, caller) })
	both.Wait()
	n.mu.Lock()
	c.closeLocked()
	delete(n.conns, c)
	n.mu.Unlock()
}

// readHello reads the first message of the handshake, and the name of its sender. With TLS it cannot be read, and the
// name is empty.
func readHello(r io.Reader) (from string, first []byte, err error) {
	const tlsHandshake = 0x16
	first = make([]byte, 2)
	if _, err := io.ReadFull(r, first); err != nil || first[0] == tlsHandshake {
		return "", first, err
	}
	body := make([]byte, binary.BigEndian.Uint16(first))
	if _, err := io.ReadFull(r, body); err != nil {
		return "", nil, err
	}
	var hello struct {
		From string `json:"from"`
	}
	if err := json.Unmarshal(body, &hello); err != nil {
		return "", nil, err
	}
	return hello.From, append(first, body...), nil
}

// pump carries one direction until an end is closed. A cut also delays the close of an end.
func (c *proxied) pump(l link, from, to net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if !c.deliver(l, to, buffer[:n]) || err != nil {
			_ = to.Close()
			return
		}
	}
}

// deliver waits until it may write a message, and writes it. It reports false once the connection is closed.
func (c *proxied) deliver(l link, to net.Conn, message []byte) bool {
	if !c.pass(l) {
		return false
	}
	_, err := to.Write(message)
	return err == nil
}

// pass waits until the direction is open, and then for its delay.
func (c *proxied) pass(l link) bool {
	n := c.network
	delayed := false
	for {
		n.mu.Lock()
		rule, changed, closed := n.rules[l], n.changed, c.closed
		c.held = c.held || rule.cut
		n.mu.Unlock()
		switch {
		case closed:
			return false
		case rule.cut:
			<-changed
		case rule.delay > 0 && !delayed:
			delayed = true
			timer := time.NewTimer(rule.delay)
			<-timer.C
		default:
			return true
		}
	}
}

// between returns all directions between two groups of nodes.
func between(some, others []string) (links []link) {
	for _, a := range some {
		for _, b := range others {
			if a != b {
				links = append(links, link{a, b}, link{b, a})
			}
		}
	}
	return links
}

// oneWay returns the directions from a node to others.
func oneWay(from string, others []string) (links []link) {
	for _, b := range others {
		if b != from {
			links = append(links, link{from, b})
		}
	}
	return links
}

// inWay returns the directions from others to a node.
func inWay(to string, others []string) (links []link) {
	for _, a := range others {
		if a != to {
			links = append(links, link{a, to})
		}
	}
	return links
}

// echoNode answers each byte with the same byte.
func echoNode(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	return listener.Addr().String()
}

// TestProxy: bytes pass, and a cut holds them in each direction. When the network heals, they are delivered or lost. A
// reset closes connections.
func TestProxy(t *testing.T) {
	n := newNetwork(t)
	address, err := n.proxy("b", echoNode(t))
	if err != nil {
		t.Fatal(err)
	}
	const patience, moment = 30 * time.Second, 50 * time.Millisecond
	call := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		hello := `{"protocol":1,"from":"a","to":"b"}`
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(hello))), hello...)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	// answers reports whether bytes come back within a time.
	answers := func(conn net.Conn, count int, within time.Duration) error {
		_ = conn.SetReadDeadline(time.Now().Add(within))
		_, err := io.ReadFull(conn, make([]byte, count))
		return err
	}
	expect := func(conn net.Conn, count int, what string) {
		t.Helper()
		if err := answers(conn, count, patience); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	const helloBytes = 2 + len(`{"protocol":1,"from":"a","to":"b"}`)
	for _, cut := range []link{{"a", "b"}, {"b", "a"}} {
		conn := call()
		expect(conn, helloBytes, "an open network")
		n.set(linkRule{cut: true}, false, cut)
		_, _ = conn.Write([]byte("x"))
		var timeout net.Error
		if err := answers(conn, 1, moment); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("%v is cut: %v", cut, err)
		}
		n.heal(true)
		expect(conn, 1, "resumed")
		n.set(linkRule{cut: true}, false, cut)
		_, _ = conn.Write([]byte("x"))
		servertest.Await(t, "something is held back", n.holds)
		n.heal(false)
		if err := answers(conn, 1, patience); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatalf("%v was cut, and the connection lives: %v", cut, err)
		}
	}
	n.set(linkRule{cut: true}, false, link{"c", "b"}, link{"a", "c"})
	conn := call()
	expect(conn, helloBytes, "others are cut")
	n.set(linkRule{delay: moment}, false, link{"a", "b"})
	begin := time.Now()
	_, _ = conn.Write([]byte("x"))
	expect(conn, 1, "delayed")
	if took := time.Since(begin); took < moment {
		t.Errorf("a delay of %s took %s", moment, took)
	}
	n.set(linkRule{reset: true}, false, link{"a", "b"})
	if err := answers(conn, 1, patience); err == nil {
		t.Error("a connection that was reset answers")
	}
	if err := answers(call(), helloBytes, patience); err == nil {
		t.Error("a connection that is reset answers")
	}
}
