package httpapi

import (
	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// figures are what every segment, record and aggregate has.
type figures struct {
	onHand, allocated, pending, safetyStock int64
}

func (f *figures) available() int64 { return f.onHand - f.allocated - f.pending - f.safetyStock }

func (f *figures) add(v *engine.SegmentView) {
	f.onHand += v.OnHand
	f.allocated += v.Allocated
	f.pending += v.Pending
	f.safetyStock += v.SafetyStock
}

func appendFigures(dst []byte, f *figures) []byte {
	dst = strictjson.AppendNumber(dst, `,"onHand":`, f.onHand)
	dst = strictjson.AppendNumber(dst, `,"allocated":`, f.allocated)
	dst = strictjson.AppendNumber(dst, `,"pending":`, f.pending)
	dst = strictjson.AppendNumber(dst, `,"safetyStock":`, f.safetyStock)
	return strictjson.AppendNumber(dst, `,"available":`, f.available())
}

// mergeSums is RecordView.MergeSegments for the sums of an aggregate.
func mergeSums(schema *engine.Schema, sums []aggregateSum) []aggregateSum {
	stale := false
	for i := range sums {
		id := schema.Canonical(sums[i].tagSet)
		stale = stale || id != sums[i].tagSet
		sums[i].tagSet = id
	}
	if !stale {
		return sums
	}
	at := make(map[engine.TagSetID]int, len(sums))
	merged := sums[:0]
	for _, s := range sums {
		i, ok := at[s.tagSet]
		if !ok {
			at[s.tagSet] = len(merged)
			merged = append(merged, s)
			continue
		}
		m := &merged[i].figures
		m.onHand += s.onHand
		m.allocated += s.allocated
		m.pending += s.pending
		m.safetyStock += s.safetyStock
	}
	return merged
}

// appendRecord appends a record with those of its segments that have all of the tags. The totals are the record's.
func appendRecord(dst []byte, schema *engine.Schema, v *engine.RecordView, tags []engine.Tag) []byte {
	dst = strictjson.AppendText(dst, `{"upc":`, v.UPC)
	dst = strictjson.AppendText(dst, `,"location":`, v.Location)
	dst = strictjson.AppendNumber(dst, `,"version":`, int64(v.Version))
	dst = appendFigures(dst, &figures{v.OnHand, v.Allocated, v.Pending, v.SafetyStock})
	dst = strictjson.AppendNumber(dst, `,"floor":`, v.Floor)
	dst = strictjson.AppendNumber(dst, `,"ltd":`, v.LTD)
	dst = strictjson.AppendBool(dst, `,"due":`, v.Due)
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
	dst = appendFigures(dst, &figures{s.OnHand, s.Allocated, s.Pending, s.SafetyStock})
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

// appendStockResult appends the answer to a refresh, an adjust or a transfer.
func appendStockResult(dst []byte, r *engine.Result) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(r.Index))
	dst = strictjson.AppendNumber(dst, `,"items":`, r.Stock.Items)
	dst = strictjson.AppendNumber(dst, `,"records":`, r.Stock.Records)
	dst = strictjson.AppendNumber(dst, `,"units":`, r.Stock.Units)
	return append(dst, '}')
}

// appendRefreshResult appends the answer to a refresh: with what a count was short of, if it was.
func appendRefreshResult(dst []byte, r *engine.Result, items []engine.StockItem) []byte {
	dst = appendStockResult(dst, r)
	if len(r.Shortfalls) == 0 {
		return dst
	}
	dst = append(dst[:len(dst)-1], `,"shortfalls":[`...)
	for i, s := range r.Shortfalls {
		dst = strictjson.AppendNumber(strictjson.Comma(dst, i), `{"item":`, int64(s.Item))
		dst = strictjson.AppendText(dst, `,"upc":`, items[s.Item].UPC)
		dst = strictjson.AppendNumber(dst, `,"counted":`, items[s.Item].Quantity)
		dst = strictjson.AppendNumber(dst, `,"units":`, s.Units)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// appendDeleteResult appends the answer to a delete.
func appendDeleteResult(dst []byte, r *engine.Result, dryRun bool) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(r.Index))
	dst = strictjson.AppendBool(dst, `,"dryRun":`, dryRun)
	dst = strictjson.AppendNumber(dst, `,"records":`, r.Stock.Records)
	dst = strictjson.AppendNumber(dst, `,"units":`, r.Stock.Units)
	dst = strictjson.AppendNumber(dst, `,"promised":`, r.Stock.Promised)
	dst = appendBlocked(dst, r.Blocked)
	return append(dst, '}')
}

// appendBlocked appends the records that stand in the way, as a member.
func appendBlocked(dst []byte, blocked []engine.BlockedRecord) []byte {
	dst = append(dst, `,"blocked":[`...)
	for i := range blocked {
		b := &blocked[i]
		dst = strictjson.AppendText(strictjson.Comma(dst, i), `{"upc":`, b.UPC)
		dst = strictjson.AppendText(dst, `,"location":`, b.Location)
		dst = strictjson.AppendNumber(dst, `,"onHand":`, b.OnHand)
		dst = strictjson.AppendNumber(dst, `,"allocated":`, b.Allocated)
		dst = strictjson.AppendNumber(dst, `,"pending":`, b.Pending)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendSchemaResult appends the answer to a change of a tag category.
func appendSchemaResult(dst []byte, r *engine.Result, name string) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(r.Index))
	dst = strictjson.AppendText(dst, `,"name":`, name)
	dst = strictjson.AppendNumber(dst, `,"records":`, r.Stock.Records)
	dst = strictjson.AppendNumber(dst, `,"units":`, r.Stock.Units)
	dst = strictjson.AppendNumber(dst, `,"promised":`, r.Stock.Promised)
	return append(dst, '}')
}

// appendCategory appends the members of a category, without the braces.
func appendCategory(dst []byte, c *engine.Category) []byte {
	dst = strictjson.AppendText(dst, `"name":`, c.Name)
	dst = append(dst, `,"rounding":"`...)
	dst = append(dst, roundingWords[c.Rounding]...)
	dst = strictjson.AppendBool(dst, `","distributed":`, c.Distributed())
	dst = append(dst, `,"values":[`...)
	for i := range c.Values {
		dst = appendValue(strictjson.Comma(dst, i), &c.Values[i])
	}
	return append(dst, ']')
}

func appendValue(dst []byte, v *engine.Value) []byte {
	dst = strictjson.AppendText(dst, `{"value":`, v.Name)
	dst = append(dst, `,"percent":`...)
	dst = strictjson.AppendPercent(dst, v.Percent)
	dst = strictjson.AppendBool(dst, `,"default":`, v.Default)
	dst = strictjson.AppendNumber(dst, `,"min":`, v.Min)
	if v.Max == engine.NoMax {
		return append(dst, `,"max":null}`...)
	}
	dst = strictjson.AppendNumber(dst, `,"max":`, v.Max)
	return append(dst, '}')
}
