package raftstore

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/hashicorp/raft"
)

// kind says what a connection between two nodes is for.
type kind string

const (
	kindRaft  kind = "raft"  // Raft's own calls
	kindHTTP  kind = "http"  // requests that a follower forwards to the leader
	kindAsk   kind = "ask"   // short questions, see peerLine
	kindJoin  kind = "join"  // a node asks to be a member
	kindFiles kind = "files" // a node fetches a checkpoint
	kindGreet kind = "greet" // who is there?
)

// peerProtocol is the version of what nodes say to each other, first of all of the handshake.
const peerProtocol = 1

// hello is the first message on a connection: who calls whom, and what for. Nodes are called as Raft knows them. Both
// messages of the handshake are two bytes of length, big-endian, and JSON: they are rare, and have to be understood by
// every version to come.
type hello struct {
	Protocol int           `json:"protocol"`
	Cluster  string        `json:"cluster"` // empty: the caller is in none yet
	From     raft.ServerID `json:"from"`
	To       raft.ServerID `json:"to"` // empty: who is there
	Kind     kind          `json:"kind"`
}

// helloReply accepts the connection, or says why not.
type helloReply struct {
	Protocol int           `json:"protocol"`
	Cluster  string        `json:"cluster"`
	Node     raft.ServerID `json:"node"`
	Error    string        `json:"error,omitempty"`
}

// The refusals of a handshake.
var (
	errOtherCluster   = errors.New("raftstore: the other node is of another cluster")
	errOtherNode      = errors.New("raftstore: another node is called than the one that is there")
	errOtherDirectory = errors.New("raftstore: the node has another data directory than the one that is called")
	errProtocol       = errors.New("raftstore: the nodes do not speak the same version")
	errRefused        = errors.New("raftstore: the other node refuses the connection")
	errConnections    = errors.New("raftstore: too many connections from other nodes")
)

// introduce is the caller's side of the handshake.
func (p *peers) introduce(conn net.Conn, deadline time.Time, node raft.ServerID, k kind) (reply helloReply, err error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return reply, err
	}
	own := p.identity.cluster()
	if err := writeMessage(conn, hello{Protocol: peerProtocol, Cluster: own, From: p.identity.self, To: node,
		Kind: k}); err != nil {
		return reply, err
	}
	if err := readMessage(conn, &reply); err != nil {
		return reply, err
	}
	switch {
	case reply.Error != "":
		return reply, fmt.Errorf("%w: %s", errRefused, reply.Error)
	case reply.Protocol != peerProtocol:
		return reply, fmt.Errorf("%w: version %d there, %d here", errProtocol, reply.Protocol, peerProtocol)
	case own != "" && reply.Cluster != own:
		return reply, fmt.Errorf("%w: %s there, %s here", errOtherCluster, reply.Cluster, own)
	case node != "" && reply.Node != node:
		return reply, notTheOne(node, reply.Node)
	}
	return reply, conn.SetDeadline(time.Time{})
}

// welcome is the other side of the handshake.
func (p *peers) welcome(conn net.Conn) (h hello, err error) {
	if err := conn.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return h, err
	}
	if err := readMessage(conn, &h); err != nil {
		return h, err
	}
	refusal := p.check(&h)
	if refusal == nil {
		refusal = p.assign(conn, h.Kind)
	}
	reply := helloReply{Protocol: peerProtocol, Cluster: p.identity.cluster(), Node: p.identity.self}
	if refusal != nil {
		reply.Error = refusal.Error()
	}
	if err := errors.Join(writeMessage(conn, reply), refusal); err != nil {
		return h, err
	}
	return h, conn.SetDeadline(time.Time{})
}

// check says why a caller must not come in. A node that is in no cluster yet takes that of a leader or a candidate that
// calls it as what it is: that one has it in its log as a member. Nobody else is told anything, or gets a vote.
func (p *peers) check(h *hello) error {
	if h.Protocol != peerProtocol {
		return fmt.Errorf("%w: version %d there, %d here", errProtocol, h.Protocol, peerProtocol)
	}
	own := p.identity.cluster()
	if own != "" && h.Cluster != "" && h.Cluster != own {
		return fmt.Errorf("%w: %s calls %s", errOtherCluster, h.Cluster, own)
	}
	if h.To != "" && h.To != p.identity.self {
		return notTheOne(h.To, p.identity.self)
	}
	if _, ok := p.accepted[h.Kind]; !ok && p.serve[h.Kind] == nil {
		return fmt.Errorf("%w: connections for %q are not known here", errProtocol, h.Kind)
	}
	if h.To == "" && h.Kind == kindRaft {
		return fmt.Errorf("%w: nobody is called by name", errOtherNode)
	}
	switch {
	case h.Kind == kindGreet, h.Cluster == "" && h.Kind == kindJoin && own != "":
		return nil
	case own == "" && h.Cluster != "" && h.Kind == kindRaft:
		return p.identity.adopt(h.Cluster)
	case own == "":
		return fmt.Errorf("%w: this node is in no cluster yet", errOtherCluster)
	case h.Cluster == "":
		return fmt.Errorf("%w: the caller is in none, and this is %s", errOtherCluster, own)
	}
	return nil
}

func writeMessage(w io.Writer, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("raftstore: encode a message for another node: %w", err)
	}
	if len(body) > messageBytesMax {
		return fmt.Errorf("raftstore: a message of %d bytes for another node", len(body))
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(body))), body...))
	return err
}

func readMessage(r io.Reader, message any) error {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, message); err != nil {
		return fmt.Errorf("%w: a message that cannot be read: %w", errProtocol, err)
	}
	return nil
}
