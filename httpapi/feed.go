package httpapi

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/feed"
	"apportion/httpapi/render"
	"apportion/httpapi/stream"
	"apportion/httpapi/strictjson"
	"apportion/raftstore"
)

// Feeds tell what has happened, in pages or as streams. Package feed has what they hold, package stream the
// connections.

func feedRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/events", params: paramReads | paramAfter | paramLimit | paramTypes |
			paramTags | paramLocations, streams: true, serve: (*request).events},
		{method: methodGet, pattern: "/v1/changes", params: paramReads | paramAfter | paramLimit | paramTags |
			paramLocations | paramUPCPrefix | paramWaitSeconds, streams: true, serve: (*request).changes},
	}
}

// feedParams are the query parameters that feeds share.
type feedParams struct {
	types       []engine.EventKind
	tags        []engine.Tag
	locations   []string
	upcPrefix   string
	after       string // a cursor
	waitSeconds int
}

// The codes of what is no cursor of a feed, and of a cursor behind which something is not known any more.
const (
	codeInvalidCursor = "invalid-cursor"
	codeCursorExpired = "cursor-expired"
)

// afterNow stands for the cursor behind all changes, or the number of the last event.
const afterNow = "now"

// afterLast stands for the number of the last event until the request has waited for what it is to see. No number of an
// event is so large.
const afterLast = engine.EventID(math.MaxUint64)

var waitExpected = fmt.Sprintf("a number of seconds from 0 to %d is expected", feed.WaitSecondsMax)

// newFeeds makes the feeds and the places for their streams.
func (s *Server) newFeeds() {
	s.streams = stream.New(stream.Config{Max: s.config.StreamsMax, StallTimeout: s.config.WriteTimeout,
		OnCut: func() { s.metrics.streamsCut.Inc() }})
	s.events, s.changes = feed.NewEvents(s.store), feed.NewChanges(s.store)
}

// events lists the events after a given one, or sends them as they come.
func (req *request) events() {
	p := &req.feed
	if !req.knows(p.tags, "tags") || !req.barrier() {
		return
	}
	filter := engine.EventFilter{Kinds: p.types, Locations: p.locations, Tags: p.tags}
	streams := req.wantsStream()
	if streams {
		if id := req.lastEventID(); id != "" && req.readParam(paramAfter, id) != "" {
			req.fail(http.StatusBadRequest, codeInvalid, "the id of an event of this stream is expected",
				headerLastEventID, id)
			return
		}
	}
	if req.after == afterLast {
		req.after = req.server.reader.LastEvent()
	}
	if streams {
		req.stream(req.server.events.Stream(req.after, filter))
		return
	}
	asOf := req.server.store.AppliedIndex()
	events, next := req.server.events.Page(req.after, &filter, req.limit, req.reads.events[:0])
	req.reads.events = events
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = strictjson.AppendNumber(req.out, `,"next":`, int64(next))
	req.out = append(req.out, `,"events":[`...)
	schema := req.schema()
	for i := range events {
		req.out = render.AppendEvent(strictjson.Comma(req.out, i), schema, &events[i])
	}
	req.out = append(req.out, "]}"...)
}

// changes lists the records that changed behind a cursor, or sends them as they change.
func (req *request) changes() {
	p := &req.feed
	if !req.knows(p.tags, "tags") || !req.barrier() {
		return
	}
	text, field, streams := p.after, "after", req.wantsStream()
	if id := req.lastEventID(); id != "" && streams {
		text, field = id, headerLastEventID
	}
	at, err := req.changesFrom(text)
	if errors.Is(err, engine.ErrChangesNotCounted) {
		if !req.startChanges() {
			return
		}
		at, err = req.changesFrom(text)
	}
	if err != nil {
		req.problem(changesProblem(err, field, text))
		return
	}
	filter := feed.ChangeFilter{Tags: p.tags, Locations: p.locations, UPCPrefix: p.upcPrefix}
	if streams {
		req.stream(req.server.changes.Stream(at, filter))
		return
	}
	req.changesPage(at, &filter)
}

// changesFrom is the position of a cursor, or without one that before all records.
func (req *request) changesFrom(text string) (at feed.Position, err error) {
	feeds := req.server.changes
	switch text {
	case "":
		return feeds.Begin()
	case afterNow:
		return feeds.End()
	}
	if at, err = feed.Parse(text); err != nil {
		return at, err
	}
	if err = feeds.Check(at); errors.Is(err, feed.ErrAhead) && req.stale {
		err = nil // this node may be behind the one that the cursor is from
	}
	return at, err
}

// startChanges has the leader begin to count changes. False: the request is answered.
func (req *request) startChanges() bool {
	f := req.server.forwarder
	if f == nil || req.forwarded || f.group.Leads() {
		return req.execute(&engine.StartChanges{})
	}
	leader := f.group.Leader()
	if leader == "" {
		req.storeFailed(raftstore.ErrNotLeader)
		return false
	}
	// The leader begins when it is asked the same. Its answer is a page that is not needed here.
	if !req.forward(leader) || req.status != http.StatusOK {
		return false
	}
	req.resetReply()
	return req.barrier()
}

// changesPage answers with a page, for which it waits if the client asks for that.
func (req *request) changesPage(at feed.Position, filter *feed.ChangeFilter) {
	streams, deadline := req.server.streams, time.Time{}
	if seconds := req.feed.waitSeconds; seconds > 0 {
		if !streams.Take() {
			req.noStream()
			return
		}
		defer streams.Give()
		deadline = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	page, err := req.server.changes.Page(at, filter, req.limit, deadline, streams.Closing())
	if err != nil {
		req.problem(changesProblem(err, "after", req.feed.after))
		return
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(page.AsOf))
	req.out = strictjson.AppendText(req.out, `,"next":`, strictjson.Alias(page.Next))
	req.out = strictjson.AppendBool(req.out, `,"more":`, page.More)
	req.out = strictjson.AppendBool(req.out, `,"copying":`, page.Copying)
	req.out = append(append(append(req.out, `,"changes":[`...), page.Changes...), "]}"...)
}

// changesProblem is the problem of a feed of changes that cannot begin or go on.
func changesProblem(err error, field, value string) *problem {
	p := problem{status: http.StatusGone, code: codeCursorExpired, field: field, value: value, offset: -1}
	switch {
	case errors.Is(err, feed.ErrInvalid):
		p.status, p.code = http.StatusBadRequest, codeInvalidCursor
		p.detail = "this is no cursor of this feed: hand back next of an earlier reply, or the id of an event, or " +
			"begin without one"
	case errors.Is(err, engine.ErrChangesForgotten):
		p.detail = "records were deleted since then and are not known any more: begin again without a cursor, and " +
			"drop the records that do not come again"
	case errors.Is(err, feed.ErrAhead):
		p.detail = "the cursor is ahead of all changes, so it is of other data: begin again without a cursor, and " +
			"drop the records that do not come again"
	default:
		p, _ = storeProblem(err)
	}
	return &p
}

// readFeedParam reads one query parameter of a feed. If its value is wrong, it returns what is expected.
func (req *request) readFeedParam(param paramSet, value string) (expected string) {
	p := &req.feed
	switch param {
	case paramTypes:
		for text := range strings.SplitSeq(value, ",") {
			kind := engine.ParseEventKind(text)
			if kind == 0 {
				return "types of events, separated by commas, are expected: see docs/api.md"
			}
			p.types = append(p.types, kind)
		}
		slices.Sort(p.types)
	case paramTags:
		p.tags, expected = req.readTags(value)
	case paramLocations:
		p.locations, expected = req.readNames(value)
		slices.Sort(p.locations)
	case paramUPCPrefix:
		if p.upcPrefix = value; value == "" || len(value) > engine.UPCBytesMax {
			expected = "the beginning of a UPC is expected"
		}
	case paramWaitSeconds:
		seconds, err := strconv.Atoi(value)
		if p.waitSeconds = seconds; err != nil || seconds < 0 || seconds > feed.WaitSecondsMax {
			expected = waitExpected
		}
	}
	return expected
}

// readNames reads names that are separated by commas.
func (req *request) readNames(value string) (names []string, expected string) {
	for _, text := range splitList(value) {
		name, fault := cleanName(unescape(text), req.stored)
		switch {
		case fault != "":
			return nil, fault
		case name == "":
			return nil, "names, separated by commas, are expected; a comma in a name is written \\,"
		case len(names) == feed.NamesMax:
			return nil, fmt.Sprintf("at most %d names are expected", feed.NamesMax)
		}
		names = append(names, name)
	}
	return names, ""
}

// readTags reads tags of the form Channel:Amazon,Region:EU. Each category may be there once.
func (req *request) readTags(value string) (tags []engine.Tag, expected string) {
	const form = "tags are expected, such as Channel:Amazon,Region:EU; each category once; a comma or colon in a " +
		"name is written with \\ before it"
	for _, text := range splitList(value) {
		category, tagValue, _ := cutUnescaped(text, ':')
		category, fault := cleanName(unescape(category), req.stored)
		tagValue, valueFault := cleanName(unescape(tagValue), req.stored)
		if fault != "" || valueFault != "" || category == "" || tagValue == "" || len(tags) == engine.CategoriesMax ||
			slices.ContainsFunc(tags, func(t engine.Tag) bool { return t.Category == category }) {
			return nil, form
		}
		tags = append(tags, engine.Tag{Category: category, Value: tagValue})
	}
	return tags, ""
}

// splitList splits a list at its commas; those after a backslash belong to an element.
func splitList(list string) (elements []string) {
	for rest, more := list, true; more; {
		var element string
		element, rest, more = cutUnescaped(rest, ',')
		elements = append(elements, element)
	}
	return elements
}

// cutUnescaped cuts a text at the first separator that has no backslash before it.
func cutUnescaped(text string, separator byte) (before, after string, found bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case separator:
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

// unescape takes the backslashes away that stand before other characters.
func unescape(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		plain = append(plain, text[i])
	}
	return string(plain)
}

const headerLastEventID = "Last-Event-ID"

// lastEventID is where the stream of a client that connects again goes on. It goes before the after in the URL.
func (req *request) lastEventID() string {
	return string(req.ctx.Request.Header.Peek(headerLastEventID))
}

// wantsStream reports whether the client asks for a stream.
func (req *request) wantsStream() bool {
	if !req.route.streams || string(req.ctx.Method()) == "HEAD" {
		return false
	}
	for media := range strings.SplitSeq(string(req.ctx.Request.Header.Peek("Accept")), ",") {
		name, parameters, _ := strings.Cut(media, ";")
		if strings.EqualFold(strings.TrimSpace(name), stream.MediaType) && !refusesMedia(parameters) {
			return true
		}
	}
	return false
}

// refusesMedia reports whether the parameters of a media type in Accept give it the weight 0.
func refusesMedia(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && weight == 0
		}
	}
	return false
}

// stream answers with what a source sends, as long as the client reads. The connection leaves the HTTP server.
func (req *request) stream(source stream.Source) {
	streams := req.server.streams
	if req.conn == nil || !streams.Take() {
		source.Close()
		req.noStream()
		return
	}
	req.conn.boundSendBuffer(stream.SendBufferBytes)
	conn := req.ctx.Conn()
	req.content = ""
	req.ctx.HijackSetNoResponse(true)
	req.ctx.Hijack(func(net.Conn) { go streams.Serve(conn, openStream{source, req.server}) })
}

// noStream answers that there is no place for another stream.
func (req *request) noStream() {
	req.fail(http.StatusServiceUnavailable, codeBusy, fmt.Sprintf("all %d streams are in use: read pages without "+
		"waiting, or try again later", req.server.config.StreamsMax), "", "")
}

// openStream tells the reader of a stream why it ends.
type openStream struct {
	stream.Source
	server *Server
}

// Next implements stream.Source.
func (s openStream) Next(dst []byte) (out []byte, idle bool, err error) {
	out, idle, err = s.Source.Next(dst)
	if err != nil {
		err = streamProblem(changesProblem(err, "", ""))
	}
	return out, idle, err
}

// Beat implements stream.Source. On a node that has lost the others nothing would come any more.
func (s openStream) Beat(dst []byte) ([]byte, error) {
	if err := s.server.store.Ready(); err != nil {
		return dst, streamProblem(&problem{status: http.StatusServiceUnavailable, code: codeNotReady, offset: -1,
			detail: "this node has lost touch with the others: go on at another node"})
	}
	return s.Source.Beat(dst)
}

func streamProblem(p *problem) error {
	return &stream.Problem{JSON: append(appendProblem(nil, p), '}')}
}
