package render

import (
	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// Figures are the counts that every segment, record and aggregate has.
type Figures struct {
	OnHand, Allocated, Pending, SafetyStock int64
}

// Available is what can be promised; it may be negative.
func (f *Figures) Available() int64 { return f.OnHand - f.Allocated - f.Pending - f.SafetyStock }

// Add adds those of a segment.
func (f *Figures) Add(v *engine.SegmentView) {
	f.OnHand += v.OnHand
	f.Allocated += v.Allocated
	f.Pending += v.Pending
	f.SafetyStock += v.SafetyStock
}

// AppendFigures appends them as members.
func AppendFigures(dst []byte, f *Figures) []byte {
	dst = strictjson.AppendNumber(dst, `,"onHand":`, f.OnHand)
	dst = strictjson.AppendNumber(dst, `,"allocated":`, f.Allocated)
	dst = strictjson.AppendNumber(dst, `,"pending":`, f.Pending)
	dst = strictjson.AppendNumber(dst, `,"safetyStock":`, f.SafetyStock)
	return strictjson.AppendNumber(dst, `,"available":`, f.Available())
}

// AppendRecord appends a record with the segments that have all the given tags. The totals are those of the whole
// record.
func AppendRecord(dst []byte, schema *engine.Schema, v *engine.RecordView, tags []engine.Tag) []byte {
	dst = strictjson.AppendText(dst, `{"upc":`, v.UPC)
	dst = strictjson.AppendText(dst, `,"location":`, v.Location)
	dst = strictjson.AppendNumber(dst, `,"version":`, int64(v.Version))
	dst = AppendFigures(dst, &Figures{v.OnHand, v.Allocated, v.Pending, v.SafetyStock})
	dst = strictjson.AppendNumber(dst, `,"floor":`, v.Floor)
	dst = strictjson.AppendNumber(dst, `,"ltd":`, v.LTD)
	dst = strictjson.AppendBool(dst, `,"due":`, v.Due)
	if v.Blocked {
		dst = append(dst, `,"blocked":true`...)
	}
	if v.Planned {
		dst = append(dst, `,"waitsForPlan":true`...)
	}
	dst = append(dst, `,"segments":[`...)
	shown := 0
	for i := range v.Segments {
		if s := &v.Segments[i]; schema.Matches(s.TagSet, tags) {
			dst = appendSegment(strictjson.Comma(dst, shown), schema, s)
			shown++
		}
	}
	dst = append(dst, `],"future":[`...)
	shown = 0
	for i := range v.Future {
		if f := &v.Future[i]; schema.Matches(f.TagSet, tags) {
			dst = appendFuture(strictjson.Comma(dst, shown), schema, f)
			shown++
		}
	}
	return append(dst, "]}"...)
}

func appendSegment(dst []byte, schema *engine.Schema, s *engine.SegmentView) []byte {
	dst = append(dst, `{"tags":`...)
	dst = append(dst, schema.TagsJSON(s.TagSet)...)
	dst = AppendFigures(dst, &Figures{s.OnHand, s.Allocated, s.Pending, s.SafetyStock})
	dst = strictjson.AppendNumber(dst, `,"floor":`, s.Floor)
	dst = strictjson.AppendNumber(dst, `,"ltd":`, s.LTD)
	return append(dst, '}')
}

func appendFuture(dst []byte, schema *engine.Schema, f *engine.FutureView) []byte {
	dst = strictjson.AppendTime(dst, `{"deliveryDate":`, f.DeliveryDateMS)
	dst = strictjson.AppendNumber(dst, `,"quantity":`, f.Quantity)
	dst = append(dst, `,"tags":`...)
	dst = append(dst, schema.TagsJSON(f.TagSet)...)
	dst = strictjson.AppendBool(dst, `,"split":`, f.Split)
	return append(dst, '}')
}
