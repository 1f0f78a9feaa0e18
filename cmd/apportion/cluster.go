package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/urfave/cli/v3"

	"apportion/httpapi/api"
)

const clusterDescription = `Shows and changes the members of a cluster. --server may name any node: it forwards changes to the leader.

Examples:
  apportion cluster status --server http://10.0.0.2:8080
  apportion cluster add d 10.0.0.4:7000 --non-voter
  apportion cluster remove c
  apportion cluster transfer-leader b`

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
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if word := cmd.Args().First(); word != "" {
				return unknownCommand(cmd, word)
			}
			return cli.ShowSubcommandHelp(cmd)
		},
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
		if m.Leader {
			mark = "leader"
		}
		rows = append(rows, []string{m.ID, m.Address, vote, mark})
	}
	table(w, rows)
}

// clusterCall sends one request and shows the cluster.
func clusterCall(ctx context.Context, cmd *cli.Command, stdout io.Writer, method, path string, body any) error {
	server, err := newRemote(cmd)
	if err != nil {
		return err
	}
	var info api.Cluster
	reply, err := server.send(ctx, method, path, body, &info)
	if err == nil && !printJSON(cmd, stdout, reply) {
		printCluster(stdout, &info)
	}
	return err
}

func clusterStatusCommand(stdout io.Writer) *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show a node and the members of its cluster",
		Description: `Shows the state of the node at --server, its log indexes, its lag behind the leader in seconds, and all members.

Example:
  apportion cluster status --server http://10.0.0.2:8080`,
		Flags: remoteFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return clusterCall(ctx, cmd, stdout, http.MethodGet, "/v1/cluster", nil)
		},
	}
}

func memberPath(id string) string { return "/v1/cluster/members/" + url.PathEscape(id) }

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
		Flags: remoteFlags(&cli.BoolFlag{Name: "non-voter", Usage: "add a read replica, which does not vote; " +
			"default: a voter"}),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			args, err := arguments(cmd, "NODE", "ADDRESS")
			if err != nil {
				return err
			}
			voter := !cmd.Bool("non-voter")
			body := api.PutMember{Address: args[1], Voter: &voter}
			return clusterCall(ctx, cmd, stdout, http.MethodPut, memberPath(args[0]), body)
		},
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
		Flags: remoteFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			args, err := arguments(cmd, "NODE")
			if err != nil {
				return err
			}
			return clusterCall(ctx, cmd, stdout, http.MethodDelete, memberPath(args[0]), nil)
		},
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
		Flags: remoteFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			var body api.TransferLeader
			if cmd.Args().Present() {
				args, err := arguments(cmd, "NODE")
				if err != nil {
					return err
				}
				body.To = args[0]
			}
			return clusterCall(ctx, cmd, stdout, http.MethodPost, "/v1/cluster/transfer-leader", body)
		},
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
		Flags: remoteFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return clusterCall(ctx, cmd, stdout, http.MethodPost, "/v1/cluster/snapshot", nil)
		},
	}
}
