package httpapi

import (
	"apportion/engine"
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
		req.out = appendEvent(strictjson.Comma(req.out, i), schema, &req.reads.events[i])
	}
	req.out = append(req.out, "]}"...)
}

// appendEvent appends an event with the members of its kind.
func appendEvent(dst []byte, schema *engine.Schema, ev *engine.Event) []byte {
	dst = strictjson.AppendNumber(dst, `{"id":`, int64(ev.ID))
	dst = append(dst, `,"type":"`...)
	dst = append(dst, ev.Kind.String()...)
	dst = strictjson.AppendNumber(dst, `","index":`, int64(ev.Index))
	dst = strictjson.AppendTime(dst, `,"time":`, ev.TimeMS)
	for _, member := range [...]struct{ name, text string }{
		{`,"upc":`, ev.UPC}, {`,"location":`, ev.Location}, {`,"orderId":`, ev.OrderID}, {`,"itemId":`, ev.ItemID},
		{`,"name":`, ev.Name}, {`,"reason":`, ev.Reason},
	} {
		if member.text != "" {
			dst = strictjson.AppendText(dst, member.name, member.text)
		}
	}
	if ev.TagSet != 0 {
		dst = append(dst, `,"tags":`...)
		dst = append(dst, schema.TagsJSON(ev.TagSet)...)
	}
	dst = strictjson.AppendNumber(dst, `,"units":`, ev.Units)
	dst = strictjson.AppendNumber(dst, `,"limit":`, ev.Limit)
	return append(dst, '}')
}
