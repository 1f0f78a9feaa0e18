package peernet

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

// Kind is the purpose of a connection between two nodes.
type Kind string

const (
	KindRaft  Kind = "raft"  // Raft's own calls
	KindHTTP  Kind = "http"  // requests that a follower forwards to the leader
	KindAsk   Kind = "ask"   // short questions, see AskConn
	KindJoin  Kind = "join"  // a node asks to become a member
	KindFiles Kind = "files" // a node fetches a checkpoint
	KindGreet Kind = "greet" // who is there?
)

// Protocol is the version of all messages between nodes, the handshake first.
const Protocol = 1

// Hello is the first message on a connection: who connects to whom, and for what. Nodes have the ids that Raft knows.
// Both messages of the handshake are two bytes of length, big-endian, and JSON: they are rare, and every later version
// has to understand them.
type Hello struct {
	Protocol int           `json:"protocol"`
	Cluster  string        `json:"cluster"` // empty: the client is in none yet
	From     raft.ServerID `json:"from"`
	To       raft.ServerID `json:"to"` // empty: whichever node is there
	Kind     Kind          `json:"kind"`
}

// helloReply accepts the connection, or refuses it with an error.
type helloReply struct {
	Protocol int           `json:"protocol"`
	Cluster  string        `json:"cluster"`
	Node     raft.ServerID `json:"node"`
	Error    string        `json:"error,omitempty"`
}

// The refusals of a handshake.
var (
	ErrOtherCluster   = errors.New("raftstore: the other node is of another cluster")
	errOtherNode      = errors.New("raftstore: another node is at that address")
	errOtherDirectory = errors.New("raftstore: the node has another data directory than the member of that name")
	ErrProtocol       = errors.New("raftstore: the nodes do not speak the same version")
	ErrRefused        = errors.New("raftstore: the other node refuses the connection")
	errConnections    = errors.New("raftstore: too many connections from other nodes")
)

// clientHandshake is the side of the node that connects.
func (p *Network) clientHandshake(conn net.Conn, deadline time.Time, node raft.ServerID, k Kind) (reply helloReply,
	err error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return reply, err
	}
	own := p.Identity.Cluster()
	if err := WriteMessage(conn, Hello{Protocol: Protocol, Cluster: own, From: p.Identity.Self, To: node,
		Kind: k}); err != nil {
		return reply, err
	}
	if err := ReadMessage(conn, &reply); err != nil {
		return reply, err
	}
	switch {
	case reply.Error != "":
		return reply, fmt.Errorf("%w: %s", ErrRefused, reply.Error)
	case reply.Protocol != Protocol:
		return reply, fmt.Errorf("%w: version %d there, %d here", ErrProtocol, reply.Protocol, Protocol)
	case own != "" && reply.Cluster != own:
		return reply, fmt.Errorf("%w: %s there, %s here", ErrOtherCluster, reply.Cluster, own)
	case node != "" && reply.Node != node:
		return reply, notTheOne(node, reply.Node)
	}
	return reply, conn.SetDeadline(time.Time{})
}

// serverHandshake is the side of the node that accepts.
func (p *Network) serverHandshake(conn net.Conn) (h Hello, err error) {
	if err := conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return h, err
	}
	if err := ReadMessage(conn, &h); err != nil {
		return h, err
	}
	refusal := p.Check(&h)
	if refusal == nil {
		refusal = p.assign(conn, h.Kind)
	}
	reply := helloReply{Protocol: Protocol, Cluster: p.Identity.Cluster(), Node: p.Identity.Self}
	if refusal != nil {
		reply.Error = refusal.Error()
	}
	if err := errors.Join(WriteMessage(conn, reply), refusal); err != nil {
		return h, err
	}
	return h, conn.SetDeadline(time.Time{})
}

// Check returns why a connection must be refused. A node without a cluster joins the cluster of a leader or a candidate
// that names it by its id: such a node has it in its log as a member. No other node gets an answer or a vote.
func (p *Network) Check(h *Hello) error {
	if h.Protocol != Protocol {
		return fmt.Errorf("%w: version %d there, %d here", ErrProtocol, h.Protocol, Protocol)
	}
	own := p.Identity.Cluster()
	if own != "" && h.Cluster != "" && h.Cluster != own {
		return fmt.Errorf("%w: a node of cluster %s connects to one of %s", ErrOtherCluster, h.Cluster, own)
	}
	if h.To != "" && h.To != p.Identity.Self {
		return notTheOne(h.To, p.Identity.Self)
	}
	if _, ok := p.Accepted[h.Kind]; !ok && p.serve[h.Kind] == nil {
		return fmt.Errorf("%w: connections for %q are not known here", ErrProtocol, h.Kind)
	}
	if h.To == "" && h.Kind == KindRaft {
		return fmt.Errorf("%w: no node is named", errOtherNode)
	}
	switch {
	case h.Kind == KindGreet, h.Cluster == "" && h.Kind == KindJoin && own != "":
		return nil
	case own == "" && h.Cluster != "" && h.Kind == KindRaft:
		return p.Identity.Adopt(h.Cluster)
	case own == "":
		return fmt.Errorf("%w: this node is in no cluster yet", ErrOtherCluster)
	case h.Cluster == "":
		return fmt.Errorf("%w: the client is in none, and this is %s", ErrOtherCluster, own)
	}
	return nil
}

// WriteMessage writes a message as two bytes of length and JSON.
func WriteMessage(w io.Writer, message any) error {
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

// ReadMessage reads what WriteMessage wrote. Its error is ErrProtocol if the message has another form.
func ReadMessage(r io.Reader, message any) error {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, message); err != nil {
		return fmt.Errorf("%w: a message that cannot be read: %w", ErrProtocol, err)
	}
	return nil
}
