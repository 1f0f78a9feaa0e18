package render

import (
	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// AppendEvent appends an event with the members of its kind.
func AppendEvent(dst []byte, schema *engine.Schema, ev *engine.Event) []byte {
	dst = strictjson.AppendNumber(dst, `{"id":`, int64(ev.ID))
	dst = append(dst, `,"type":"`...)
	dst = append(dst, ev.Kind.String()...)
	dst = strictjson.AppendNumber(dst, `","index":`, int64(ev.Index))
	dst = strictjson.AppendTime(dst, `,"time":`, ev.TimeMS)
	for _, member := range [...]struct{ name, text string }{
		{`,"upc":`, ev.UPC}, {`,"location":`, ev.Location}, {`,"orderId":`, ev.OrderID}, {`,"itemId":`, ev.ItemID},
		{`,"name":`, ev.Name}, {`,"reason":`, ev.Reason}, {`,"reference":`, ev.Reference},
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
