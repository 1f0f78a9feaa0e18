package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

const clusterDescription = `Shows and changes the members of a cluster. --server may name any node: it forwards changes to the leader.

Examples:
  apportion cluster status --server http://10.0.0.2:8080
  apportion cluster add d 10.0.0.4:7000 --non-voter
  apportion cluster remove c
  apportion cluster transfer-leader b`

// silentSeconds is how long a member may say nothing before the status says so. Nodes that run answer several times a
// second.
const silentSeconds = 5

// clusterCommand holds the commands about nodes.
func clusterCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:        "cluster",
		Usage:       "show and change the nodes of a cluster",
		Description: clusterDescription,
		Commands: []*cli.Command{
			clusterStatusCommand(stdout), clusterAddCommand(stdout), clusterRemoveCommand(stdout),
			clusterTransferCommand(stdout),
			clusterSnapshotCommand(stdout),
		},
		Action: cmdline.GroupAction,
	}
}

func printCluster(w io.Writer, c *api.Cluster) {
	if c.Cluster == "" {
		fmt.Fprintf(w, "node %s runs alone: %s at log index %d\n", c.Node, c.State, c.AsOf)
		return
	}
	leader, ready, lag := c.Leader, "ready", "not known"
	if leader == "" {
		leader = "nobody"
	}
	if !c.Ready {
		ready = "NOT READY"
	}
	if c.LagSeconds != nil {
		lag = fmt.Sprintf("%.3f s", *c.LagSeconds)
	}
	fmt.Fprintf(w, "cluster %s, led by %s in term %d\n", c.Cluster, leader, c.Term)
	fmt.Fprintf(w, "node %s: %s, %s, as of log index %d, log committed to %d, checkpoint at %d, lag %s\n\n", c.Node,
		c.State, ready, c.AsOf, c.CommitIndex, c.CheckpointIndex, lag)
	rows := [][]string{{"NODE", "ADDRESS", "VOTE", ""}}
	for _, m := range c.Members {
		vote, mark := "yes", ""
		if !m.Voter {
			vote = "no"
		}
		switch {
		case m.Leader:
			mark = "leader"
		case m.HeardSeconds == nil && c.Node == c.Leader: // it asks all of them
			mark = "has not answered yet"
		case m.HeardSeconds != nil && *m.HeardSeconds > silentSeconds:
			mark = fmt.Sprintf("has not answered for %.0f s", *m.HeardSeconds)
		}
		rows = append(rows, []string{m.ID, m.Address, vote, mark})
	}
	table(w, rows)
}

// askCluster is a request whose reply is the cluster.
type askCluster func(ctx context.Context, cmd *cli.Command, server *client.Client, args []string,
	reply client.Option) (*api.Cluster, error)

// clusterAction makes the action of a command that shows the cluster after its request.
func clusterAction(stdout io.Writer, ask askCluster, names ...string) cli.ActionFunc {
	return cmdline.ServerAction(func(ctx context.Context, cmd *cli.Command, server *client.Client,
		args []string) error {
		var reply []byte
		info, err := ask(ctx, cmd, server, args, client.Reply(&reply))
		if err == nil && !cmdline.PrintJSON(cmd, stdout, reply) {
			printCluster(stdout, info)
		}
		return err
	}, names...)
}

func clusterStatusCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show a node and the members of its cluster",
		Description: `Shows the state of the node at --server, its log indexes, its lag behind the leader in seconds, and all members.

Example:
  apportion cluster status --server http://10.0.0.2:8080`,
		Flags: cmdline.ReportFlags(),
		Action: clusterAction(stdout, func(ctx context.Context, _ *cli.Command, server *client.Client, _ []string,
			reply client.Option) (*api.Cluster, error) {
			return server.Cluster(ctx, reply)
		}),
	}
}

func clusterAddCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "add",
		Usage:     "add a node, or change a member's address or vote",
		ArgsUsage: "NODE ADDRESS",
		Description: `The node must run already: with --raft-listen, with an empty data directory, and without --bootstrap. ADDRESS is its Raft
address, host:port. A node with --join adds itself; then this command is not needed.

Examples:
  apportion cluster add d 10.0.0.4:7000
  apportion cluster add d 10.0.0.4:7000 --non-voter`,
		Flags: cmdline.ReportFlags(&cli.BoolFlag{Name: "non-voter", Usage: "add a read replica, which does not vote; " +
			"default: a voter"}),
		Action: clusterAction(stdout, func(ctx context.Context, cmd *cli.Command, server *client.Client, args []string,
			reply client.Option) (*api.Cluster, error) {
			voter := !cmd.Bool("non-voter")
			return server.PutMember(ctx, args[0], api.PutMember{Address: args[1], Voter: &voter}, reply)
		}, "NODE", "ADDRESS"),
	}
}

func clusterRemoveCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "remove",
		Usage:     "remove a member",
		ArgsUsage: "NODE",
		Description: `Removes the node from the cluster. The quorum is then a majority of the voters that stay.

Example:
  apportion cluster remove c`,
		Flags: cmdline.ReportFlags(),
		Action: clusterAction(stdout, func(ctx context.Context, _ *cli.Command, server *client.Client, args []string,
			reply client.Option) (*api.Cluster, error) {
			return server.RemoveMember(ctx, args[0], reply)
		}, "NODE"),
	}
}

func clusterTransferCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "transfer-leader",
		Usage:     "transfer the leadership to another member",
		ArgsUsage: "[NODE]",
		Description: `Without NODE, the leader chooses the new leader among the other voters.

Examples:
  apportion cluster transfer-leader
  apportion cluster transfer-leader b`,
		Flags: cmdline.ReportFlags(),
		Action: clusterAction(stdout, func(ctx context.Context, _ *cli.Command, server *client.Client, args []string,
			reply client.Option) (*api.Cluster, error) {
			var body api.TransferLeader
			if len(args) > 0 {
				body.To = args[0]
			}
			return server.TransferLeader(ctx, body, reply)
		}, "[NODE]"),
	}
}

func clusterSnapshotCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "snapshot",
		Usage: "make a checkpoint on the node that --server names",
		Description: `Writes the state to disk now and waits for the end. A node makes checkpoints by itself; this command makes one before a backup
or a restart, for example.

Example:
  apportion cluster snapshot --server http://10.0.0.2:8080`,
		Flags: cmdline.ReportFlags(),
		Action: clusterAction(stdout, func(ctx context.Context, _ *cli.Command, server *client.Client, _ []string,
			reply client.Option) (*api.Cluster, error) {
			return server.Snapshot(ctx, reply)
		}),
	}
}
