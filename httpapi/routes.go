package httpapi

import (
	"slices"
	"strings"

	"apportion/httpapi/strictjson"
)

// method is an HTTP method that some route has.
type method uint8

const (
	methodGet method = iota
	methodPut
	methodPost
	methodDelete
	methodsCount

	methodOther = methodsCount
)

var methodWords = [methodsCount]string{"GET", "PUT", "POST", "DELETE"}

// bodyRule is what body a route takes.
type bodyRule uint8

const (
	bodyNone     bodyRule = iota // none; one that is sent is ignored
	bodyRequired                 // JSON
	bodyOptional                 // JSON or nothing
	bodySource                   // JSON, or a rule's source as it is
	bodyFile                     // a file of stock, read while it comes
)

// paramSet is a set of query parameters.
type paramSet uint32

const (
	paramConsistency paramSet = 1 << iota
	paramMoveTo
	paramAfter
	paramLimit
	paramAuthor
	paramVersion
	paramMaxLag
	paramVerbose
	paramState
	paramLocation
	paramUPC
	paramOlderThan
	paramCursor
	paramTypes
	paramTags
	paramLocations
	paramSearch
	paramSort
	paramFrom
	paramUPCPrefix
	paramWaitSeconds
	paramAction
	paramCount
	paramDryRun
	paramAllOrNothing
	paramComplete
	paramReason
	paramReference
	paramFormat
)

// paramReads are those of every read.
const paramReads = paramConsistency | paramMaxLag

var paramWords = map[string]paramSet{
	"consistency": paramConsistency,
	"moveTo":      paramMoveTo,
	"after":       paramAfter,
	"limit":       paramLimit,
	"author":      paramAuthor,
	"version":     paramVersion,

	"maxLagSeconds": paramMaxLag,
	"verbose":       paramVerbose,

	"state":            paramState,
	"location":         paramLocation,
	"upc":              paramUPC,
	"olderThanSeconds": paramOlderThan,
	"cursor":           paramCursor,
	"types":            paramTypes,
	"tags":             paramTags,
	"locations":        paramLocations,
	"search":           paramSearch,
	"sort":             paramSort,
	"from":             paramFrom,
	"upcPrefix":        paramUPCPrefix,
	"waitSeconds":      paramWaitSeconds,

	"action":       paramAction,
	"count":        paramCount,
	"dryRun":       paramDryRun,
	"allOrNothing": paramAllOrNothing,
	"complete":     paramComplete,
	"reason":       paramReason,
	"reference":    paramReference,
	"format":       paramFormat,
}

// route is one method of one path. Segments in braces are parameters; request.path has their values in the same order.
type route struct {
	method  method
	pattern string
	body    bodyRule
	params  paramSet
	write   bool // proposes to the log, so an idempotency key means something
	lead    bool // otherwise only the leader can do it
	nodes   bool // its path names a node of the cluster
	open    bool // to everybody, also if the server has tokens
	streams bool // to clients that accept server-sent events
	serve   func(*request)

	// A foreign route belongs to another API, which reads its requests itself. It may have another path too.
	foreign bool
	also    string

	metrics routeMetrics
}

// leader reports whether only the leader can answer.
func (r *route) leader() bool { return r.write || r.lead }

// routes is the whole API, except /debug/pprof, the other API and the console's files.
func routes() []*route {
	return slices.Concat(orderRoutes(), inventoryRoutes(), listRoutes(), countRoutes(), schemaRoutes(),
		ruleRoutes(), backtestRoutes(), clusterRoutes(), feedRoutes(), webhookRoutes(), healthRoutes())
}

// node is one segment of the paths.
type node struct {
	word     string // empty for a parameter
	children []*node
	param    *node
	methods  [methodsCount]*route
}

func newTree(all []*route) *node {
	root := &node{}
	for _, r := range all {
		root.add(r, r.pattern)
		if r.also != "" {
			root.add(r, r.also)
		}
	}
	return root
}

func (n *node) add(r *route, pattern string) {
	for word := range strings.SplitSeq(pattern[1:], "/") {
		n = n.child(word)
	}
	n.methods[r.method] = r
}

func (n *node) child(word string) *node {
	if strings.HasPrefix(word, "{") {
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
	}
	for _, c := range n.children {
		if c.word == word {
			return c
		}
	}
	c := &node{word: word}
	n.children = append(n.children, c)
	return c
}

// match is what a path leads to. A path can lead to several nodes, since an order may be called "allocate": the first
// node with the method wins, and allow collects the methods of all.
type match struct {
	route *route
	path  [pathParamsMax]string // raw parameters
	allow [methodsCount]bool
}

// pathParamsMax is the most parameters that a pattern has.
const pathParamsMax = 2

// find looks for the raw segments of a path below n.
func (n *node) find(m method, segments []string, params int, into *match) {
	if len(segments) == 0 {
		for i, r := range n.methods {
			into.allow[i] = into.allow[i] || r != nil
		}
		if m < methodsCount && into.route == nil {
			into.route = n.methods[m]
		}
		return
	}
	for _, c := range n.children {
		if c.word == segments[0] {
			c.find(m, segments[1:], params, into)
			break
		}
	}
	if into.route == nil && n.param != nil && params < pathParamsMax {
		into.path[params] = segments[0]
		n.param.find(m, segments[1:], params+1, into)
	}
}

// splitPath cuts a raw path into its segments. ok is false if there are too many for any route.
func splitPath(path string, into *[pathSegmentsMax]string) (segments []string, ok bool) {
	if path == "" || path[0] != '/' {
		return nil, false
	}
	count := 0
	for rest, more := path[1:], true; more; count++ {
		if count == pathSegmentsMax {
			return nil, false
		}
		into[count], rest, more = strings.Cut(rest, "/")
	}
	return into[:count], true
}

// decodeSegment undoes the percent-encoding of a path segment. A plus sign stays one.
func decodeSegment(raw string) (segment string, ascii, ok bool) {
	if strings.IndexByte(raw, '%') < 0 {
		ascii, ok = strictjson.PlainText(raw)
		return raw, ascii, ok
	}
	decoded := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			if i+2 >= len(raw) {
				return "", false, false
			}
			high, ok1 := strictjson.HexDigit(raw[i+1])
			low, ok2 := strictjson.HexDigit(raw[i+2])
			if !ok1 || !ok2 {
				return "", false, false
			}
			c = high<<4 | low
			i += 2
		}
		decoded = append(decoded, c)
	}
	segment = string(decoded)
	ascii, ok = strictjson.PlainText(segment)
	return segment, ascii, ok
}
