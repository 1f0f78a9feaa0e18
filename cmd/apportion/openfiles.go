package main

import (
	"log/slog"

	"apportion/httpapi"
	"apportion/raftstore"
)

// A process has so many file descriptors and no more. If connections could take all of them, the log could not begin
// its next file, which ends the process. So they are shared out before there is a connection.
const (
	// filesOfProcess is for what is always open and for what is open for a moment: standard streams, listeners, the
	// poller, the files that log and state are being written to.
	filesOfProcess = 32

	// filesOfHistory is for the files of refused orders, which a backtest opens all at once.
	filesOfHistory = 256

	// databases are those of raftstore.Config.OpenFilesMax.
	databases = 4

	// connectionsMin is served even where so many are not to spare.
	connectionsMin = 8
)

// fileShares is what may be open at a time.
type fileShares struct {
	connections int // of clients
	forwarded   int // requests of other nodes
	database    int // files of each
}

// shareFiles shares out a limit on open files. It gives the databases all that they can use, or half of a limit that is
// not large enough for that, and clients as many connections as they were promised if there are as many. A node that is
// one of several also needs connections to forward requests on, and as many for those of two others.
func shareFiles(limit, connections int, oneOfSeveral bool) fileShares {
	const (
		least = filesOfProcess + filesOfHistory + databases*raftstore.OpenFilesMin
		most  = filesOfProcess + filesOfHistory + databases*raftstore.OpenFilesDefault
	)
	kept := min(most, max(limit/2, min(least, limit/4*3)))
	shares := fileShares{database: (kept - filesOfProcess - filesOfHistory) / databases}
	shares.database = max(shares.database, raftstore.OpenFilesMin)

	left := limit - kept
	share := left
	if oneOfSeveral {
		share = max(left/4, left-3*httpapi.ForwardConnectionsMax)
	}
	share = max(share*8/9-1, share-httpapi.ConnectionsSpare) // an eighth more, or so many, are heard
	shares.connections = min(connections, max(share, connectionsMin))
	forward := min(shares.connections, httpapi.ForwardConnectionsMax)
	shares.forwarded = min(raftstore.ForwardedConnectionsMax,
		max(left-shares.connections*9/8-1-forward, connectionsMin))
	return shares
}

// shareOpenFiles fits the connections into the process's limit, and says so if they are fewer than was asked for.
func (s *service) shareOpenFiles(limit int) {
	asked := s.http.ConnectionsMax
	shares := shareFiles(limit, asked, s.store.Peers != nil)
	s.http.ConnectionsMax, s.store.OpenFilesMax = shares.connections, shares.database
	if s.store.Peers != nil {
		s.store.Peers.ConnectionsMax = shares.forwarded
	}
	if shares.connections < asked {
		s.logger.Warn("fewer connections are served than asked for, because of the limit on open files: raise it "+
			"(ulimit -n, or LimitNOFILE= of systemd), or lower --connections-max",
			slog.Int("limit", limit), slog.Int("asked", asked), slog.Int("connections", shares.connections))
	}
}
