package httpapi

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"time"

	"apportion/engine"
)

// readParams reads the query parameters, of which a route knows few and refuses the others: a misspelt one that went
// unnoticed would be worse than an error.
func (c *call) readParams() bool {
	if c.route.foreign || bytes.IndexByte(c.ctx.RequestURI(), '?') < 0 {
		return true
	}
	var seen paramSet
	for key, value := range c.ctx.QueryArgs().All() {
		param := paramWords[string(key)]
		switch {
		case param&c.route.params == 0:
			c.fail(http.StatusBadRequest, codeUnknownParam, "no such query parameter here", string(key), string(value))
			return false
		case param&seen != 0:
			c.fail(http.StatusBadRequest, codeInvalid, "the query parameter is given twice", string(key), string(value))
			return false
		case !c.readParam(param, string(value)):
			c.fail(http.StatusBadRequest, codeInvalid, "a query parameter is outside its limits", string(key),
				string(value))
			return false
		}
		seen |= param
	}
	if seen&paramMaxLag != 0 && !c.stale {
		c.fail(http.StatusBadRequest, codeInvalid, "maxLagSeconds is for consistency=stale", "maxLagSeconds", "")
		return false
	}
	return true
}

func (c *call) readParam(param paramSet, value string) bool {
	switch param {
	case paramConsistency:
		c.stale = value == "stale"
		return c.stale || value == "linearizable"
	case paramMaxLag:
		seconds, err := strconv.ParseFloat(value, 64)
		c.maxLag = time.Duration(seconds * float64(time.Second))
		return err == nil && seconds >= 0 && seconds <= maxLagSecondsMax
	case paramMoveTo:
		var fault string
		c.moveTo, fault = cleanName(value, c.stored)
		return value != "" && fault == ""
	case paramAfter:
		if value == "" {
			return true
		}
		after, err := strconv.ParseUint(value, 10, 64)
		// No event has such a number, neither is there one after it: replies tell numbers as 64 bits with a sign.
		c.after = engine.EventID(min(after, math.MaxInt64))
		return err == nil
	case paramLimit:
		limit, err := strconv.Atoi(value)
		c.limit = limit
		return err == nil && limit >= 1 && limit <= EventsMax
	case paramAuthor:
		c.author = value
		_, ok := plainText(value)
		return ok && len(value) <= engine.RuleAuthorBytesMax
	case paramVerbose:
		c.verbose = value == "" || value == "true"
		return c.verbose || value == "false"
	case paramVersion:
		version, err := strconv.ParseUint(value, 10, 32)
		c.version = uint32(version)
		return err == nil && version > 0
	}
	return false
}
