package httpapi

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"time"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// readParams reads the query parameters, of which a route knows few and refuses the others: a misspelt one that went
// unnoticed would be worse than an error.
func (req *request) readParams() bool {
	if req.route.foreign || bytes.IndexByte(req.ctx.RequestURI(), '?') < 0 {
		return true
	}
	var seen paramSet
	for key, value := range req.ctx.QueryArgs().All() {
		param := paramWords[string(key)]
		switch {
		case param&req.route.params == 0:
			req.fail(http.StatusBadRequest, codeUnknownParam, "no such query parameter here", string(key),
				string(value))
			return false
		case param&seen != 0:
			req.fail(http.StatusBadRequest, codeInvalid, "the query parameter is given twice", string(key),
				string(value))
			return false
		case !req.readParam(param, string(value)):
			req.fail(http.StatusBadRequest, codeInvalid, "a query parameter is outside its limits", string(key),
				string(value))
			return false
		}
		seen |= param
	}
	if seen&paramMaxLag != 0 && !req.stale {
		req.fail(http.StatusBadRequest, codeInvalid, "maxLagSeconds is for consistency=stale", "maxLagSeconds", "")
		return false
	}
	return true
}

func (req *request) readParam(param paramSet, value string) bool {
	switch param {
	case paramConsistency:
		req.stale = value == "stale"
		return req.stale || value == "linearizable"
	case paramMaxLag:
		seconds, err := strconv.ParseFloat(value, 64)
		req.maxLag = time.Duration(seconds * float64(time.Second))
		return err == nil && seconds >= 0 && seconds <= maxLagSecondsMax
	case paramMoveTo:
		var fault string
		req.moveTo, fault = cleanName(value, req.stored)
		return value != "" && fault == ""
	case paramAfter:
		if value == "" {
			return true
		}
		after, err := strconv.ParseUint(value, 10, 64)
		// No event has such a number, neither is there one after it: replies tell numbers as 64 bits with a sign.
		req.after = engine.EventID(min(after, math.MaxInt64))
		return err == nil
	case paramLimit:
		limit, err := strconv.Atoi(value)
		req.limit = limit
		return err == nil && limit >= 1 && limit <= EventsMax
	case paramAuthor:
		req.author = value
		_, ok := strictjson.PlainText(value)
		return ok && len(value) <= engine.RuleAuthorBytesMax
	case paramVerbose:
		req.verbose = value == "" || value == "true"
		return req.verbose || value == "false"
	case paramVersion:
		version, err := strconv.ParseUint(value, 10, 32)
		req.version = uint32(version)
		return err == nil && version > 0
	}
	return false
}
