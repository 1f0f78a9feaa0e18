package httpapi

import (
	"apportion/httpapi/render"
	"apportion/httpapi/strictjson"
)

func eventRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/events", params: paramReads | paramAfter | paramLimit,
			serve: (*request).events},
	}
}

// events lists the events after a given one.
func (req *request) events() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	req.reads.events = req.server.store.Events(req.after, req.limit, req.reads.events[:0])
	next := req.after
	if last := len(req.reads.events) - 1; last >= 0 {
		next = req.reads.events[last].ID
	}
	req.out = strictjson.AppendNumber(req.out, `{"asOf":`, int64(asOf))
	req.out = strictjson.AppendNumber(req.out, `,"next":`, int64(next))
	req.out = append(req.out, `,"events":[`...)
	schema := req.schema()
	for i := range req.reads.events {
		req.out = render.AppendEvent(strictjson.Comma(req.out, i), schema, &req.reads.events[i])
	}
	req.out = append(req.out, "]}"...)
}
