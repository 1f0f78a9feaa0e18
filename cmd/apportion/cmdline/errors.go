package cmdline

import (
	"errors"
	"net/http"

	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// The exit statuses of all commands. raftstore.ExitDiskFailed, 74, is one more, of serve and verify.
const (
	ExitFailed  = 1 // it could not be done
	ExitUsage   = 2 // a mistake in the command line
	ExitRefused = 3 // the server answered that stock, orders or rules do not allow it; nothing was changed
	ExitUnknown = 4 // the write may have taken effect: see client.ErrOutcomeUnknown
)

// ErrReported means that the output of the command has told the user: only the exit status is left to set.
var ErrReported = errors.New("already reported")

// ErrRefused means that a part of what was asked for was refused. The output has told the user.
var ErrRefused = errors.Join(errors.New("refused"), ErrReported)

// usage is a mistake in the command line.
type usage struct{ error }

// Unwrap gives the mistake.
func (u usage) Unwrap() error { return u.error }

// Usage marks an error as a mistake in the command line.
func Usage(err error) error { return usage{err} }

// Status is the exit status for an error.
func Status(err error) int {
	var problem *api.Problem
	switch {
	case err == nil:
		return 0
	case errors.As(err, new(usage)):
		return ExitUsage
	case errors.Is(err, client.ErrOutcomeUnknown):
		return ExitUnknown
	case errors.Is(err, ErrRefused):
		return ExitRefused
	case errors.As(err, &problem) && refuses(problem):
		return ExitRefused
	default:
		return ExitFailed
	}
}

// refuses reports whether a problem is about the state of things, rather than about the request or the server.
func refuses(problem *api.Problem) bool {
	switch problem.Status {
	case http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}
