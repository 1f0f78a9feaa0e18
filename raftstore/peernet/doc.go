// Package peernet is a node's end of the network between nodes: one listener for Raft's calls, forwarded requests,
// short questions, joins and the files of checkpoints, and the connections to the other nodes.
//
// It owns the handshake that begins each connection, the node's identity and that of its cluster (kept in the log's
// stable store), Raft's transport, and the bounds on connections. It never looks at what travels on a connection after
// the handshake, and it knows no store.
//
// A member of a cluster is a data directory, not a name: a node whose disk is lost comes back as another one, which has
// given no vote. See identity.go.
//
// # Reading order
//
// network.go, handshake.go, identity.go; askconn.go with the short questions; transport.go, heartbeat.go and
// pipeline.go with what Raft gets; logger.go; limits.go.
//
// # Concurrency
//
// All methods may be called from any goroutine. Handle is called before Run, Close at the end.
package peernet
