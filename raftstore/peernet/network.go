package peernet

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

// Config configures a Network.
type Config struct {
	Listen  string // the address at which this node accepts connections
	Address string // the address that other nodes use; Listen by default, with the port that was bound

	// TLS is used on both ends of each connection if it is set. It has to ask for the other's certificate.
	TLS *tls.Config

	// ForwardedMax bounds the connections on which other nodes forward requests.
	ForwardedMax int
}

// Network is the node's end of the network: one listener, and the connections to and from other nodes. Each connection
// begins with a handshake that names its purpose (see Hello).
type Network struct {
	cfg      Config
	Identity *Identity
	logger   *slog.Logger
	rarely   *rarely
	listener net.Listener
	Address  string // as other nodes use it
	serve    map[Kind]func(net.Conn)
	Accepted map[Kind]chan net.Conn // for Accept of a Service

	life    context.Context // ended by HangUp, with all dialling
	end     context.CancelFunc
	workers sync.WaitGroup

	mu struct {
		sync.Mutex
		closed   bool
		isolated bool
		open     map[net.Conn]Kind // the purpose of a connection that another node opened; else ""

		// greeting are the connections from other nodes before the end of their handshake; taken counts the others by
		// purpose.
		greeting map[net.Conn]struct{}
		taken    map[Kind]int
	}
}

// errIsolated means that this node talks to no other node at present.
var errIsolated = errors.New("raftstore: this node is isolated: its disk does not answer, or it is about to stop")

// Listen binds the address. No connection is accepted before Run.
func Listen(cfg Config, id *Identity, logger *slog.Logger) (*Network, error) {
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("raftstore: listen for other nodes: %w", err)
	}
	life, end := context.WithCancel(context.Background())
	p := &Network{
		cfg: cfg, Identity: id, logger: logger, rarely: newRarely(logger), listener: listener, Address: cfg.Address,
		life: life, end: end,
		serve:    map[Kind]func(net.Conn){},
		Accepted: map[Kind]chan net.Conn{KindRaft: make(chan net.Conn), KindHTTP: make(chan net.Conn)},
	}
	if p.Address == "" {
		p.Address = listener.Addr().String()
	}
	p.mu.open, p.mu.greeting, p.mu.taken = map[net.Conn]Kind{}, map[net.Conn]struct{}{}, map[Kind]int{}
	return p, nil
}

// Handle sets what serves connections of a kind, each on a goroutine of its own. A connection is closed when serve
// returns. Handle is called before Run.
func (p *Network) Handle(k Kind, serve func(net.Conn)) { p.serve[k] = serve }

// Warn logs a warning, but one message at most every few seconds.
func (p *Network) Warn(msg string, args ...any) { p.rarely.warn(msg, args...) }

// CheckAddress refuses an address that other machines cannot use, such as 0.0.0.0.
func (p *Network) CheckAddress() error {
	host, _, err := net.SplitHostPort(p.Address)
	if err != nil {
		return fmt.Errorf("raftstore: the address %q for other nodes: %w", p.Address, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("raftstore: other nodes cannot connect to %q: name an address of this machine that they "+
			"can reach",
			p.Address)
	}
	return nil
}

// Run accepts connections until Close.
func (p *Network) Run() {
	p.workers.Go(func() {
		var nextWarning time.Time
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				if !p.pause(acceptPause) { // too many open files, most likely
					return
				}
				if now := time.Now(); now.After(nextWarning) {
					nextWarning = now.Add(logInterval)
					p.logger.Error("peers: connections cannot be accepted; trying again", "error", err)
				}
				continue
			}
			p.workers.Go(func() { p.receive(conn) })
		}
	})
}

// Overhear comes before Run, on a node without a cluster. It refuses every connection, and returns the first Hello that
// was meant for a node of this name, nil if none comes within the time.
func (p *Network) Overhear(ctx context.Context, wait time.Duration) (*Hello, error) {
	listener := p.listener.(*net.TCPListener)
	if err := listener.SetDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	heard := make(chan *Hello, 1)
	hush := func() { _ = listener.SetDeadline(time.Now()) } // fails only if closed, which ends the waiting too
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
			conn, h, _ := p.handshake(conn)
			_ = conn.Close()
			if h.Cluster != "" && NodeName(h.To) == p.Identity.node {
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

// handshake does the handshake on an incoming connection. The caller closes the connection, also after an error.
func (p *Network) handshake(conn net.Conn) (net.Conn, Hello, error) {
	if p.cfg.TLS != nil {
		conn = tls.Server(conn, p.cfg.TLS)
	}
	if !p.track(conn) {
		return conn, Hello{}, errIsolated // the other end gets no reason, and tries again
	}
	p.greet(conn)
	conn = &peerConn{conn, p}
	h, err := p.serverHandshake(conn)
	return conn, h, err
}

// receive does the handshake and hands the connection to what serves its purpose.
func (p *Network) receive(conn net.Conn) {
	conn, h, err := p.handshake(conn)
	if err != nil {
		log := p.rarely.warn // a node that is refused tries again, and again
		if h == (Hello{}) {
			// no handshake: a probe of the port, or a network that fails
			log = p.logger.Debug
		}
		log("peers: a connection was refused", "from", conn.RemoteAddr().String(), "node", NodeName(h.From), "error",
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
	case p.Accepted[h.Kind] <- conn:
	case <-p.life.Done():
		_ = conn.Close()
	}
}

// Dial opens a connection to a node; an empty node means whichever node is at the address.
func (p *Network) Dial(address string, node raft.ServerID, k Kind, timeout time.Duration) (net.Conn, helloReply,
	error) {
	if !p.MayTalk() {
		return nil, helloReply{}, errIsolated
	}
	deadline := time.Now().Add(timeout)
	conn, err := (&net.Dialer{Deadline: deadline}).DialContext(p.life, "tcp", address)
	if err != nil {
		return nil, helloReply{}, fmt.Errorf("raftstore: connect to %s: %w", address, err)
	}
	if p.cfg.TLS != nil {
		conn = tls.Client(conn, clientTLS(p.cfg.TLS, address))
	}
	if !p.track(conn) {
		return nil, helloReply{}, errors.Join(errIsolated, conn.Close())
	}
	conn = &peerConn{conn, p}
	reply, err := p.clientHandshake(conn, deadline, node, k)
	if err != nil {
		return nil, reply, errors.Join(fmt.Errorf("raftstore: connect to %s: %w", address, err), conn.Close())
	}
	return conn, reply, nil
}

// WhoIsAt asks which node is at an address. A node of another cluster, or of none, answers too.
func (p *Network) WhoIsAt(address string, timeout time.Duration) (helloReply, error) {
	conn, there, err := p.Dial(address, "", KindGreet, timeout)
	if err == nil {
		_ = conn.Close() // the handshake was all
	}
	if there.Node != "" {
		return there, nil
	}
	return there, err
}

// pause waits. False: HangUp ended it.
func (p *Network) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.life.Done():
		return false
	}
}

// clientTLS checks the other node's certificate against the name in its address.
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

// peerConn takes itself out of the open connections when it is closed.
type peerConn struct {
	net.Conn
	peers *Network
}

func (c *peerConn) Close() error {
	c.peers.forget(c.Conn)
	return c.Conn.Close()
}

// forget removes a connection that is about to be closed.
func (p *Network) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k := p.mu.open[conn]; k != "" {
		p.mu.taken[k]--
	}
	delete(p.mu.open, conn)
	delete(p.mu.greeting, conn)
}

// greet counts an incoming connection until the end of its handshake. One too many closes one of those that wait, no
// matter which: members finish the handshake at once, so silent connections cannot keep them out.
func (p *Network) greet(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.greeting) >= greetingsMax {
		for other := range p.mu.greeting {
			delete(p.mu.greeting, other)
			_ = other.Close() // its goroutine sees the error
			break
		}
	}
	p.mu.greeting[conn] = struct{}{}
}

// assign counts a connection by its purpose. An error means that there are too many.
func (p *Network) assign(conn net.Conn, k Kind) error {
	if tracked, ok := conn.(*peerConn); ok {
		conn = tracked.Conn
	}
	most := connectionsMax
	if k == KindHTTP {
		most = p.cfg.ForwardedMax
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.greeting, conn)
	if _, open := p.mu.open[conn]; !open {
		return errIsolated
	}
	if p.mu.taken[k] >= most {
		return fmt.Errorf("%w: %d for %q are open, the most that this node accepts", errConnections, most, k)
	}
	p.mu.taken[k]++
	p.mu.open[conn] = k
	return nil
}

// MayTalk reports whether connections may be opened.
func (p *Network) MayTalk() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mayTalkLocked()
}

func (p *Network) mayTalkLocked() bool { return !p.mu.closed && !p.mu.isolated }

// track notes an open connection. False: it must not be opened.
func (p *Network) track(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.mayTalkLocked() {
		return false
	}
	p.mu.open[conn] = ""
	return true
}

// Isolate cuts this node off from the others, or ends that.
func (p *Network) Isolate(muted bool) {
	p.mu.Lock()
	p.mu.isolated = muted
	var open []net.Conn
	if muted {
		open = p.takeOpenLocked()
	}
	p.mu.Unlock()
	closeAll(open)
}

func (p *Network) takeOpenLocked() (open []net.Conn) {
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
		_ = conn.Close() // its user sees the error
	}
}

// HangUp closes all connections and the listener.
func (p *Network) HangUp() error {
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

// Close does HangUp and waits until no connection is served any more.
func (p *Network) Close() error {
	err := p.HangUp()
	p.workers.Wait()
	return err
}

// service is the listener for the connections of one kind.
type service struct {
	peers *Network
	kind  Kind
	done  chan struct{} // closed by Close
	once  sync.Once
}

var _ net.Listener = (*service)(nil)

// Service is the listener for the connections of one kind: Raft's, or those of forwarded requests.
func (p *Network) Service(k Kind) net.Listener { return p.service(k) }

func (p *Network) service(k Kind) *service {
	return &service{peers: p, kind: k, done: make(chan struct{})}
}

// Accept implements net.Listener.
func (s *service) Accept() (net.Conn, error) {
	select {
	case conn := <-s.peers.Accepted[s.kind]:
		return conn, nil
	case <-s.done:
		return nil, net.ErrClosed
	case <-s.peers.life.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. The network's own listener serves all kinds, and stays open.
func (s *service) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// Addr implements net.Listener.
func (s *service) Addr() net.Addr { return peerAddr(s.peers.Address) }

// peerAddr is an address as other nodes use it.
type peerAddr string

// Network implements net.Addr.
func (peerAddr) Network() string { return "tcp" }

// String implements net.Addr.
func (a peerAddr) String() string { return string(a) }
