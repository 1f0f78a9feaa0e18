package httpapi

import (
	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// appendOrderResult appends the answer to an order command that was carried out.
func appendOrderResult(dst []byte, schema *engine.Schema, r *engine.Result, orderID string) []byte {
	dst = strictjson.AppendText(dst, `{"orderId":`, orderID)
	dst = strictjson.AppendNumber(dst, `,"asOf":`, int64(r.Index))
	dst = appendLineResults(dst, schema, r)
	return append(dst, '}')
}

// appendLineResults appends the answers to the lines, as a member.
func appendLineResults(dst []byte, schema *engine.Schema, r *engine.Result) []byte {
	dst = append(dst, `,"lines":[`...)
	for i := range r.Lines {
		dst = appendLineResult(strictjson.Comma(dst, i), schema, r.Kind, &r.Lines[i])
	}
	return append(dst, ']')
}

func appendLineResult(dst []byte, schema *engine.Schema, kind engine.Kind, l *engine.LineResult) []byte {
	dst = strictjson.AppendText(dst, `{"itemId":`, l.ItemID)
	dst = append(dst, `,"outcome":"`...)
	dst = append(dst, lineOutcome(kind, l)...)
	dst = append(dst, `","code":"`...)
	dst = append(dst, l.Code.String()...)
	dst = append(dst, '"')
	dst = strictjson.AppendNumber(dst, `,"requested":`, l.Requested)
	dst = strictjson.AppendNumber(dst, unitsName(kind), l.Units)
	dst = strictjson.AppendNumber(dst, `,"pending":`, l.Pending)
	if l.Code != engine.CodeOK {
		dst = strictjson.AppendNumber(dst, `,"available":`, l.Available)
	}
	if l.Rule != "" {
		dst = strictjson.AppendText(dst, `,"rule":`, l.Rule)
		dst = strictjson.AppendNumber(dst, `,"ruleVersion":`, int64(l.RuleVersion))
	}
	if l.Reason != "" {
		dst = strictjson.AppendText(dst, `,"reason":`, l.Reason)
	}
	if l.Repeated {
		dst = append(dst, `,"repeated":true`...)
	}
	dst = append(dst, `,"segments":[`...)
	for i := range l.Parts {
		dst = appendPart(strictjson.Comma(dst, i), schema, &l.Parts[i])
	}
	return append(dst, "]}"...)
}

func appendPart(dst []byte, schema *engine.Schema, p *engine.Part) []byte {
	dst = append(dst, `{"tags":`...)
	dst = append(dst, schema.TagsJSON(p.TagSet)...)
	dst = strictjson.AppendNumber(dst, `,"quantity":`, p.Units)
	dst = strictjson.AppendNumber(dst, `,"pending":`, p.Pending)
	return append(dst, '}')
}

// unitsName is the member for the units that a line moved.
func unitsName(kind engine.Kind) string {
	if kind == engine.KindAllocate {
		return `,"allocated":`
	}
	return `,"quantity":`
}

// lineOutcome says in one word what became of a line.
func lineOutcome(kind engine.Kind, l *engine.LineResult) string {
	if l.Code != engine.CodeOK {
		return "refused"
	}
	switch kind {
	case engine.KindConfirm:
		return "confirmed"
	case engine.KindDeallocate:
		return "released"
	case engine.KindFulfill:
		return "fulfilled"
	case engine.KindReturn:
		return "returned"
	}
	switch {
	case l.Pending > 0:
		return "pending"
	case l.Units < l.Requested:
		return "partial"
	}
	return "allocated"
}

// appendOrder appends an order with its items.
func appendOrder(dst []byte, schema *engine.Schema, v *engine.OrderView, asOf uint64) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(asOf))
	dst = strictjson.AppendText(dst, `,"orderId":`, v.OrderID)
	dst = append(dst, `,"items":[`...)
	for i := range v.Items {
		dst = appendOrderItem(strictjson.Comma(dst, i), schema, &v.Items[i])
	}
	return append(dst, "]}"...)
}

func appendOrderItem(dst []byte, schema *engine.Schema, v *engine.ItemView) []byte {
	dst = strictjson.AppendText(dst, `{"itemId":`, v.ItemID)
	dst = strictjson.AppendText(dst, `,"upc":`, v.UPC)
	dst = strictjson.AppendText(dst, `,"location":`, v.Location)
	dst = strictjson.AppendNumber(dst, `,"requested":`, v.Requested)
	dst = strictjson.AppendTime(dst, `,"expiresAt":`, v.ExpiresAtMS)
	dst = append(dst, `,"lines":[`...)
	for i := range v.Lines {
		dst = appendAllocationLine(strictjson.Comma(dst, i), schema, &v.Lines[i])
	}
	dst = append(dst, `],"history":[`...)
	for i := range v.Movements {
		dst = appendMovement(strictjson.Comma(dst, i), schema, &v.Movements[i])
	}
	return append(dst, "]}"...)
}

func appendAllocationLine(dst []byte, schema *engine.Schema, v *engine.LineView) []byte {
	dst = append(dst, `{"tags":`...)
	dst = append(dst, schema.TagsJSON(v.TagSet)...)
	dst = strictjson.AppendNumber(dst, `,"allocated":`, v.Allocated)
	dst = strictjson.AppendNumber(dst, `,"pending":`, v.Pending)
	dst = strictjson.AppendNumber(dst, `,"fulfilled":`, v.Fulfilled)
	dst = strictjson.AppendNumber(dst, `,"returned":`, v.Returned)
	dst = strictjson.AppendNumber(dst, `,"released":`, v.Released)
	return append(dst, '}')
}

func appendMovement(dst []byte, schema *engine.Schema, m *engine.MovementView) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, m.Kind.String()...)
	dst = append(dst, `","tags":`...)
	dst = append(dst, schema.TagsJSON(m.TagSet)...)
	dst = strictjson.AppendNumber(dst, `,"quantity":`, m.Units)
	dst = strictjson.AppendNumber(dst, `,"index":`, int64(m.Index))
	dst = strictjson.AppendTime(dst, `,"time":`, m.TimeMS)
	return append(dst, '}')
}
