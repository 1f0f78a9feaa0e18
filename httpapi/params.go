package httpapi

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// What some parameters may be.
var (
	maxLagExpected      = fmt.Sprintf("a number of seconds from 0 to %d is expected", maxLagSecondsMax)
	eventsLimitExpected = fmt.Sprintf("a number from 1 to %d is expected", EventsMax)
	authorExpected      = fmt.Sprintf("at most %d bytes of text without control characters are expected",
		engine.RuleAuthorBytesMax)
)

// readParams reads the query parameters. It refuses those that the route does not have, and so misspelt ones.
func (req *request) readParams() bool {
	if req.route.foreign || bytes.IndexByte(req.ctx.RequestURI(), '?') < 0 {
		return true
	}
	var seen paramSet
	for key, value := range req.ctx.QueryArgs().All() {
		param, code, detail := paramWords[string(key)], codeInvalid, ""
		switch {
		case param&req.route.params == 0:
			code, detail = codeUnknownParam, "this path has no such query parameter"
		case param&seen != 0:
			detail = "the query parameter is given twice"
		default:
			detail = req.readParam(param, string(value))
		}
		if detail != "" {
			req.fail(http.StatusBadRequest, code, detail, string(key), string(value))
			return false
		}
		seen |= param
	}
	if seen&paramMaxLag != 0 && !req.stale {
		req.fail(http.StatusBadRequest, codeInvalid, "maxLagSeconds is for reads with consistency=stale",
			"maxLagSeconds",
			"")
		return false
	}
	return true
}

// readParam reads one query parameter. If its value is no good, it gives what is expected.
func (req *request) readParam(param paramSet, value string) (expected string) {
	ok := false
	switch param {
	case paramConsistency:
		req.stale = value == "stale"
		ok, expected = req.stale || value == "linearizable", "stale or linearizable is expected"
	case paramMaxLag:
		seconds, err := strconv.ParseFloat(value, 64)
		req.maxLag = time.Duration(seconds * float64(time.Second))
		ok = err == nil && seconds >= 0 && seconds <= maxLagSecondsMax
		expected = maxLagExpected
	case paramMoveTo:
		req.moveTo, expected = cleanName(value, req.stored)
		if value == "" {
			expected = "the value of the category that takes over the stock is expected"
		}
		return expected
	case paramAfter:
		after, err := strconv.ParseUint(value, 10, 64)
		// No event has a number beyond 63 bits, and replies have room for no other.
		req.after = engine.EventID(min(after, math.MaxInt64))
		ok, expected = err == nil || value == "", "the number of an event is expected, next of an earlier reply"
	case paramLimit:
		limit, err := strconv.Atoi(value)
		req.limit = limit
		ok = err == nil && limit >= 1 && limit <= EventsMax
		expected = eventsLimitExpected
	case paramAuthor:
		req.author = value
		_, plain := strictjson.PlainText(value)
		ok = plain && len(value) <= engine.RuleAuthorBytesMax
		expected = authorExpected
	case paramVerbose:
		req.verbose = value == "" || value == "true"
		ok, expected = req.verbose || value == "false", "true or false is expected"
	case paramVersion:
		version, err := strconv.ParseUint(value, 10, 32)
		req.version = uint32(version)
		ok, expected = err == nil && version > 0, "the number of a version is expected, from 1 on"
	}
	if ok {
		return ""
	}
	return expected
}
