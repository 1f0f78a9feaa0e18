package raftstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// PeersConfig says how a node meets the others of its group.
type PeersConfig struct {
	// Listen is the address at which this node hears the others, for all that they have to say: Raft, forwarded
	// requests and checkpoints. Address is what it tells them to call; Listen by default, with the port that was bound.
	Listen  string
	Address string

	// TLS is used on both ends of each connection if it is set. It has to ask for the other's certificate.
	TLS *tls.Config

	// Bootstrap makes a new directory a new group, of this node alone, unless a group calls that has a member of its
	// name: that one's disk is lost then, and Open says ErrMember. In a directory that has a group it does nothing.
	Bootstrap bool

	// Join are addresses of members. A node that is none asks them to be taken in, until it is. Without them, a new
	// node that does not bootstrap waits until a member adds it.
	Join []string

	// NonVoter has the node ask to be a read replica: it gets all entries and counts for no majority.
	NonVoter bool

	// ConnectionsMax bounds the connections on which others forward requests; ForwardedConnectionsMax by default.
	ConnectionsMax int
}

// peers is the node's end of the network: one listener and the connections to and from the other nodes. Each connection
// begins with a handshake (see hello) that says what it is for.
type peers struct {
	cfg      PeersConfig
	identity *identity
	logger   *slog.Logger
	rarely   *rarely
	listener net.Listener
	address  string
	serve    map[kind]func(net.Conn)
	accepted map[kind]chan net.Conn // what Accept of a service gets

	life    context.Context // ended by hangUp, with what is being dialled
	end     context.CancelFunc
	workers sync.WaitGroup

	mu struct {
		sync.Mutex
		closed bool
		muted  bool
		open   map[net.Conn]kind // what those that others opened are for; else ""

		// greeting are those that others have opened and have not said yet what for, taken how many there are of the
		// others.
		greeting map[net.Conn]struct{}
		taken    map[kind]int
	}
}

// errMuted means that this node talks to nobody for the moment.
var errMuted = errors.New("raftstore: this node is silent: its disk does not answer, or it is about to end")

// listenPeers binds the address. Nothing is accepted before run.
func listenPeers(cfg PeersConfig, id *identity, logger *slog.Logger) (*peers, error) {
	setDefault(&cfg.ConnectionsMax, ForwardedConnectionsMax)
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("raftstore: listen for other nodes: %w", err)
	}
	life, end := context.WithCancel(context.Background())
	p := &peers{
		cfg: cfg, identity: id, logger: logger, rarely: newRarely(logger), listener: listener, address: cfg.Address,
		life: life, end: end,
		serve:    map[kind]func(net.Conn){},
		accepted: map[kind]chan net.Conn{kindRaft: make(chan net.Conn), kindHTTP: make(chan net.Conn)},
	}
	if p.address == "" {
		p.address = listener.Addr().String()
	}
	p.mu.open, p.mu.greeting, p.mu.taken = map[net.Conn]kind{}, map[net.Conn]struct{}{}, map[kind]int{}
	return p, nil
}

// checkAddress refuses an address that only means something on this machine's own side of the network.
func (p *peers) checkAddress() error {
	host, _, err := net.SplitHostPort(p.address)
	if err != nil {
		return fmt.Errorf("raftstore: the address %q for other nodes: %w", p.address, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("raftstore: other nodes cannot call %q: say which address of this machine they are to call",
			p.address)
	}
	return nil
}

// run accepts connections until close.
func (p *peers) run() {
	p.workers.Go(func() {
		var nextWarning time.Time
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				if !p.pause(acceptPause) { // too many open files, most likely
					return
				}
				if now := time.Now(); now.After(nextWarning) {
					nextWarning = now.Add(raftLogInterval)
					p.logger.Error("peers: connections cannot be accepted; trying again", "error", err)
				}
				continue
			}
			p.workers.Go(func() { p.receive(conn) })
		}
	})
}

// overhear is what comes before run on a node of no cluster: it answers whoever calls that it is not the one, and gives
// the first call that was for a node of its name, or nil if none comes within a time.
func (p *peers) overhear(ctx context.Context, wait time.Duration) (*hello, error) {
	listener := p.listener.(*net.TCPListener)
	if err := listener.SetDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	heard := make(chan *hello, 1)
	hush := func() { _ = listener.SetDeadline(time.Now()) } // fails only if it is closed, which ends the waiting, too
	defer context.AfterFunc(ctx, hush)()
	var answering sync.WaitGroup
	for {
		conn, err := listener.Accept()
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			p.logger.Error("peers: accept", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		answering.Go(func() {
			conn, h, _ := p.meet(conn)
			_ = conn.Close()
			if h.Cluster != "" && nodeName(h.To) == p.identity.node {
				select {
				case heard <- &h:
					hush()
				default:
				}
			}
		})
	}
	p.mu.Lock()
	open := p.takeOpenLocked()
	p.mu.Unlock()
	closeAll(open)
	answering.Wait()
	if err := errors.Join(ctx.Err(), listener.SetDeadline(time.Time{})); err != nil {
		return nil, err
	}
	select {
	case h := <-heard:
		return h, nil
	default:
		return nil, nil
	}
}

// meet does the handshake on a connection that has come in, which is to be closed in any case.
func (p *peers) meet(conn net.Conn) (net.Conn, hello, error) {
	if p.cfg.TLS != nil {
		conn = tls.Server(conn, p.cfg.TLS)
	}
	if !p.track(conn) {
		return conn, hello{}, errMuted // nobody is told why; the other end tries again
	}
	p.greet(conn)
	conn = &peerConn{conn, p}
	h, err := p.welcome(conn)
	return conn, h, err
}

// receive does the handshake and hands the connection to whoever it is for.
func (p *peers) receive(conn net.Conn) {
	conn, h, err := p.meet(conn)
	if err != nil {
		log := p.rarely.warn // whoever calls in vain calls again
		if h == (hello{}) {
			// it said nothing: somebody who looks whether the port is open, or a network that fails
			log = p.logger.Debug
		}
		log("peers: a connection was refused", "from", conn.RemoteAddr().String(), "node", nodeName(h.From), "error",
			err)
		_ = conn.Close()
		return
	}
	if serve := p.serve[h.Kind]; serve != nil {
		serve(conn)
		_ = conn.Close()
		return
	}
	select {
	case p.accepted[h.Kind] <- conn:
	case <-p.life.Done():
		_ = conn.Close()
	}
}

// dial opens a connection to a node: to this one, or to the one that is there if node is empty.
func (p *peers) dial(address string, node raft.ServerID, k kind, timeout time.Duration) (net.Conn, helloReply, error) {
	if !p.mayTalk() {
		return nil, helloReply{}, errMuted
	}
	deadline := time.Now().Add(timeout)
	conn, err := (&net.Dialer{Deadline: deadline}).DialContext(p.life, "tcp", address)
	if err != nil {
		return nil, helloReply{}, fmt.Errorf("raftstore: call %s: %w", address, err)
	}
	if p.cfg.TLS != nil {
		conn = tls.Client(conn, clientTLS(p.cfg.TLS, address))
	}
	if !p.track(conn) {
		return nil, helloReply{}, errors.Join(errMuted, conn.Close())
	}
	conn = &peerConn{conn, p}
	reply, err := p.introduce(conn, deadline, node, k)
	if err != nil {
		return nil, reply, errors.Join(fmt.Errorf("raftstore: call %s: %w", address, err), conn.Close())
	}
	return conn, reply, nil
}

// whoIsAt asks who is at an address. One who is in no cluster, or in another, says so too.
func (p *peers) whoIsAt(address string, timeout time.Duration) (helloReply, error) {
	conn, there, err := p.dial(address, "", kindGreet, timeout)
	if err == nil {
		_ = conn.Close() // all was said
	}
	if there.Node != "" {
		return there, nil
	}
	return there, err
}

// pause waits; false: this node has hung up.
func (p *peers) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.life.Done():
		return false
	}
}

// clientTLS has the other's certificate checked against the name by which it is called.
func clientTLS(cfg *tls.Config, address string) *tls.Config {
	if cfg.ServerName != "" {
		return cfg
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	own := cfg.Clone()
	own.ServerName = host
	return own
}

// peerConn is taken out of the open connections when it is closed.
type peerConn struct {
	net.Conn
	peers *peers
}

func (c *peerConn) Close() error {
	c.peers.forget(c.Conn)
	return c.Conn.Close()
}

// forget lets go of a connection that is about to be closed.
func (p *peers) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.mu.open[conn]; k != "" {
		p.mu.taken[k]--
	}
	delete(p.mu.open, conn)
	delete(p.mu.greeting, conn)
}

// greet counts a connection that another has opened, until that says what it is for. One too many ends one of those
// that wait, whichever it is: who says nothing cannot keep the members out, who say it at once.
func (p *peers) greet(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.greeting) >= peerGreetingsMax {
		for other := range p.mu.greeting {
			delete(p.mu.greeting, other)
			_ = other.Close() // its goroutine finds out
			break
		}
	}
	p.mu.greeting[conn] = struct{}{}
}

// assign counts a connection by what it is for; the error says that there are too many.
func (p *peers) assign(conn net.Conn, k kind) error {
	if tracked, ok := conn.(*peerConn); ok {
		conn = tracked.Conn
	}
	connectionsMax := peerConnectionsMax
	if k == kindHTTP {
		connectionsMax = p.cfg.ConnectionsMax
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.greeting, conn)
	if _, open := p.mu.open[conn]; !open {
		return errMuted
	}
	if p.mu.taken[k] >= connectionsMax {
		return fmt.Errorf("%w: %d for %q are open, the most that this node takes", errConnections, connectionsMax, k)
	}
	p.mu.taken[k]++
	p.mu.open[conn] = k
	return nil
}

// mayTalk reports whether connections may be opened.
func (p *peers) mayTalk() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mayTalkLocked()
}

func (p *peers) mayTalkLocked() bool { return !p.mu.closed && !p.mu.muted }

// track notes an open connection; false: it must not be opened.
func (p *peers) track(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mayTalkLocked() {
		return false
	}
	p.mu.open[conn] = ""
	return true
}

// mute cuts this node off from the others, or ends that.
func (p *peers) mute(muted bool) {
	p.mu.Lock()
	p.mu.muted = muted
	var open []net.Conn
	if muted {
		open = p.takeOpenLocked()
	}
	p.mu.Unlock()
	closeAll(open)
}

func (p *peers) takeOpenLocked() (open []net.Conn) {
	for conn := range p.mu.open {
		open = append(open, conn)
	}
	clear(p.mu.open)
	clear(p.mu.greeting)
	clear(p.mu.taken)
	return open
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		_ = conn.Close() // whoever uses it finds out
	}
}

// hangUp ends all connections, and lets no more begin.
func (p *peers) hangUp() error {
	p.mu.Lock()
	if p.mu.closed {
		p.mu.Unlock()
		return nil
	}
	p.mu.closed = true
	open := p.takeOpenLocked()
	p.mu.Unlock()
	p.end()
	err := p.listener.Close()
	closeAll(open)
	return err
}

// close waits for those who served connections, too.
func (p *peers) close() error {
	err := p.hangUp()
	p.workers.Wait()
	return err
}

// service gives the connections of one kind to somebody who accepts them.
type service struct {
	peers *peers
	kind  kind
	done  chan struct{} // closed by Close
	once  sync.Once
}

var _ net.Listener = (*service)(nil)

func (p *peers) service(k kind) *service {
	return &service{peers: p, kind: k, done: make(chan struct{})}
}

// Accept implements net.Listener.
func (s *service) Accept() (net.Conn, error) {
	select {
	case conn := <-s.peers.accepted[s.kind]:
		return conn, nil
	case <-s.done:
		return nil, net.ErrClosed
	case <-s.peers.life.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. The listener below is everybody's, and the store closes it.
func (s *service) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// Addr implements net.Listener.
func (s *service) Addr() net.Addr { return peerAddr(s.peers.address) }

// peerAddr is an address as nodes call each other.
type peerAddr string

// Network implements net.Addr.
func (peerAddr) Network() string { return "tcp" }

// String implements net.Addr.
func (a peerAddr) String() string { return string(a) }
