package api

// Cluster is a node's view of its cluster.
type Cluster struct {
	Node            string   `json:"node"`
	Cluster         string   `json:"cluster"` // empty: the node runs alone
	Address         string   `json:"address"`
	State           string   `json:"state"` // leader, follower, candidate or stopped
	Ready           bool     `json:"ready"`
	Leader          string   `json:"leader"` // empty: not known
	Term            uint64   `json:"term"`
	AsOf            uint64   `json:"asOf"`
	CommitIndex     uint64   `json:"commitIndex"`
	LogIndex        uint64   `json:"logIndex"`
	CheckpointIndex uint64   `json:"checkpointIndex"`
	LagSeconds      *float64 `json:"lagSeconds"` // null: not known
	Members         []Member `json:"members"`
}

// Member is one node of a cluster.
type Member struct {
	ID           string   `json:"id"`
	Address      string   `json:"address"`
	Voter        bool     `json:"voter"`
	Leader       bool     `json:"leader"`
	HeardSeconds *float64 `json:"heardSeconds"` // null: not known, or it has not answered
}

// PutMember is the body that adds a node to the cluster, or changes its address or its vote.
type PutMember struct {
	Address string `json:"address" required:"true"`
	Voter   *bool  `json:"voter,omitempty"` // true by default
}

// TransferLeader is the body that transfers the leadership.
type TransferLeader struct {
	To string `json:"to,omitempty"` // any other voter by default
}
