package main

import (
	"log/slog"

	"apportion/httpapi"
	"apportion/raftstore"
)

// A process has a limited number of file descriptors. If connections could take all of them, the log could not begin
// its next file, which ends the process. So they are shared out before the first connection.
const (
	// filesOfProcess is for files that are always open, and for those that are open for a moment: standard streams,
	// listeners, the poller, the files to which log and state are written.
	filesOfProcess = 32

	// filesOfHistory is for the files of refused orders: a backtest opens all of them at once.
	filesOfHistory = 256

	// databases is the number of databases that may have raftstore.Config.OpenFilesMax files open each.
	databases = 4

	// connectionsMin is served even if the limit leaves fewer.
	connectionsMin = 8
)

// fileShares says how many files each part may have open at a time.
type fileShares struct {
	connections int // of clients
	forwarded   int // requests of other nodes
	database    int // files of each
}

// shareFiles shares out a limit on open files. The databases get all that they can use, or half of a limit that is too
// small for that. Clients get as many connections as were asked for, if there are that many. A node of a cluster also
// needs connections on which it forwards requests, and as many for the forwarded requests of two other nodes.
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
	share = max(share*8/9-1, share-httpapi.ConnectionsSpare) // the server accepts an eighth more, or this many
	shares.connections = min(connections, max(share, connectionsMin))
	forward := min(shares.connections, httpapi.ForwardConnectionsMax)
	shares.forwarded = min(raftstore.ForwardedConnectionsMax,
		max(left-shares.connections*9/8-1-forward, connectionsMin))
	return shares
}

// shareOpenFiles fits the connections into the limit of the process. It logs a warning if they are fewer than asked
// for.
func (s *service) shareOpenFiles(limit int) {
	asked := s.http.ConnectionsMax
	shares := shareFiles(limit, asked, s.store.Peers != nil)
	s.http.ConnectionsMax, s.store.OpenFilesMax = shares.connections, shares.database
	if s.store.Peers != nil {
		s.store.Peers.ConnectionsMax = shares.forwarded
	}
	if shares.connections < asked {
		s.logger.Warn("the limit on open files allows for fewer connections than asked for: raise the limit "+
			"(ulimit -n, or LimitNOFILE= of systemd), or lower --connections-max",
			slog.Int("limit", limit), slog.Int("asked", asked), slog.Int("connections", shares.connections))
	}
}
