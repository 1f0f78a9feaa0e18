package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"apportion/cmd/apportion/cmdline"
	"apportion/raftstore"
)

const (
	raftListenFlag = "raft-listen"
	electionFlag   = "election-timeout"
	stallFlag      = "stall-timeout"
)

// peerFlags make the server a node of a cluster.
func peerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "node-id", Value: "node1",
			Usage:   "`NAME` of this node in its cluster; it stays the same for the life of the data directory",
			Sources: cmdline.Env("node-id")},
		&cli.StringFlag{Name: raftListenFlag,
			Usage:   "`ADDRESS` to listen on for other nodes, HOST:PORT; without it the node runs alone",
			Sources: cmdline.Env(raftListenFlag)},
		&cli.StringFlag{Name: "raft-address", Usage: "`ADDRESS` at which other nodes reach this one; by default " +
			"that of --raft-listen", Sources: cmdline.Env("raft-address")},
		&cli.BoolFlag{Name: "bootstrap", Usage: "found a new cluster if the data directory is empty and no cluster " +
			"has this node as a member; otherwise no effect", Sources: cmdline.Env("bootstrap")},
		&cli.StringSliceFlag{Name: "join", Usage: "`ADDRESSES` (--raft-address) of members that this node asks to " +
			"be added",
			Sources: cmdline.Env("join")},
		&cli.BoolFlag{Name: "non-voter", Usage: "join as a read replica, without a vote",
			Sources: cmdline.Env("non-voter")},
		&cli.StringFlag{Name: "raft-cert", Usage: "`FILE` with this node's certificate in PEM form, for connections " +
			"between nodes",
			Sources: cmdline.Env("raft-cert")},
		&cli.StringFlag{Name: "raft-key", Usage: "`FILE` with the private key of that certificate",
			Sources: cmdline.Env("raft-key")},
		&cli.StringFlag{Name: "raft-ca", Usage: "`FILE` with the authorities that sign the certificates of other nodes",
			Sources: cmdline.Env("raft-ca")},
		&cli.DurationFlag{Name: electionFlag, Sources: cmdline.Env(electionFlag),
			DefaultText: raftstore.PeerElectionTimeoutDefault.String(),
			Usage:       "a follower that hears no leader for this `TIME` starts an election"},
		&cli.DurationFlag{Name: stallFlag, Value: raftstore.StallTimeoutDefault, Sources: cmdline.Env(stallFlag),
			Usage: "a leader whose disk does not answer for this `TIME` steps down"},
	}
}

// peersOf reads the flags of a node of a cluster; nil: the node runs alone.
func peersOf(cmd *cli.Command) (*raftstore.PeersConfig, error) {
	listen := cmd.String(raftListenFlag)
	if listen == "" {
		for _, name := range []string{"raft-address", "bootstrap", "join", "non-voter", "raft-cert", "raft-key",
			"raft-ca"} {
			if cmd.IsSet(name) {
				return nil, cmdline.Usage(fmt.Errorf("--%s needs --%s: without it the node runs alone", name,
					raftListenFlag))
			}
		}
		return nil, nil
	}
	config := &raftstore.PeersConfig{Listen: listen, Address: cmd.String("raft-address"),
		Bootstrap: cmd.Bool("bootstrap"),
		Join:      splitAddresses(cmd.StringSlice("join")), NonVoter: cmd.Bool("non-voter")}
	for _, address := range append([]string{config.Address, listen}, config.Join...) {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return nil, cmdline.Usage(fmt.Errorf("%q: an address with a port is expected, such as 10.0.0.1:7000: %w",
				address, err))
		}
	}
	switch {
	case config.Bootstrap && len(config.Join) > 0:
		return nil, cmdline.Usage(fmt.Errorf("--bootstrap and --join: only one of them is expected. The first node " +
			"founds the cluster, the others join it"))
	case config.Bootstrap && config.NonVoter:
		return nil, cmdline.Usage(fmt.Errorf("--bootstrap and --non-voter: the first node of a cluster needs a vote"))
	case !cmd.IsSet("node-id"):
		return nil, cmdline.Usage(fmt.Errorf(
			"--node-id: a node of a cluster needs a name of its own, such as --node-id a"))
	}
	var err error
	config.TLS, err = peerTLS(cmd.String("raft-cert"), cmd.String("raft-key"), cmd.String("raft-ca"))
	return config, err
}

// splitAddresses also takes lists with commas and blanks, as an environment variable has them.
func splitAddresses(values []string) (addresses []string) {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			addresses = append(addresses, strings.TrimSpace(part))
		}
	}
	return slices.DeleteFunc(addresses, func(a string) bool { return a == "" })
}

// peerTLS makes both ends of a connection show certificates. Without any of the files it is nil.
func peerTLS(cert, key, ca string) (*tls.Config, error) {
	if cert == "" && key == "" && ca == "" {
		return nil, nil
	}
	if cert == "" || key == "" || ca == "" {
		return nil, cmdline.Usage(fmt.Errorf("--raft-cert, --raft-key and --raft-ca belong together: all three are " +
			"expected"))
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, cmdline.Usage(fmt.Errorf("--raft-cert, --raft-key: %w", err))
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, cmdline.Usage(fmt.Errorf("--raft-ca: %w", err))
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, cmdline.Usage(fmt.Errorf("--raft-ca: %s has no certificate in PEM form", ca))
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities, RootCAs: authorities}, nil
}
