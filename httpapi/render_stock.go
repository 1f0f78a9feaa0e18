package httpapi

import "apportion/engine"

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
	dst = appendUnits(dst, `,"onHand":`, f.onHand)
	dst = appendUnits(dst, `,"allocated":`, f.allocated)
	dst = appendUnits(dst, `,"pending":`, f.pending)
	dst = appendUnits(dst, `,"safetyStock":`, f.safetyStock)
	return appendUnits(dst, `,"available":`, f.available())
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
	dst = appendText(dst, `{"upc":`, v.UPC)
	dst = appendText(dst, `,"location":`, v.Location)
	dst = appendUnits(dst, `,"version":`, int64(v.Version))
	dst = appendFigures(dst, &figures{v.OnHand, v.Allocated, v.Pending, v.SafetyStock})
	dst = appendUnits(dst, `,"floor":`, v.Floor)
	dst = appendUnits(dst, `,"ltd":`, v.LTD)
	dst = appendFlag(dst, `,"due":`, v.Due)
	if v.Planned {
		dst = append(dst, `,"waitsForPlan":true`...)
	}
	dst = append(dst, `,"segments":[`...)
	shown := 0
	for i := range v.Segments {
		if s := &v.Segments[i]; schema.Matches(s.TagSet, tags) {
			dst = appendSegment(comma(dst, shown), schema, s)
			shown++
		}
	}
	dst = append(dst, `],"future":[`...)
	shown = 0
	for i := range v.Future {
		if f := &v.Future[i]; schema.Matches(f.TagSet, tags) {
			dst = appendFuture(comma(dst, shown), schema, f)
			shown++
		}
	}
	return append(dst, "]}"...)
}

func appendSegment(dst []byte, schema *engine.Schema, s *engine.SegmentView) []byte {
	dst = append(dst, `{"tags":`...)
	dst = append(dst, schema.TagsJSON(s.TagSet)...)
	dst = appendFigures(dst, &figures{s.OnHand, s.Allocated, s.Pending, s.SafetyStock})
	dst = appendUnits(dst, `,"floor":`, s.Floor)
	dst = appendUnits(dst, `,"ltd":`, s.LTD)
	return append(dst, '}')
}

func appendFuture(dst []byte, schema *engine.Schema, f *engine.FutureView) []byte {
	dst = appendTime(dst, `{"deliveryDate":`, f.DeliveryDateMS)
	dst = appendUnits(dst, `,"quantity":`, f.Quantity)
	dst = append(dst, `,"tags":`...)
	dst = append(dst, schema.TagsJSON(f.TagSet)...)
	dst = appendFlag(dst, `,"split":`, f.Split)
	return append(dst, '}')
}

// appendStockResult appends the answer to a refresh, an adjust or a transfer.
func appendStockResult(dst []byte, r *engine.Result) []byte {
	dst = appendUnits(dst, `{"asOf":`, int64(r.Index))
	dst = appendUnits(dst, `,"items":`, r.Stock.Items)
	dst = appendUnits(dst, `,"records":`, r.Stock.Records)
	dst = appendUnits(dst, `,"units":`, r.Stock.Units)
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
		dst = appendUnits(comma(dst, i), `{"item":`, int64(s.Item))
		dst = appendText(dst, `,"upc":`, items[s.Item].UPC)
		dst = appendUnits(dst, `,"counted":`, items[s.Item].Quantity)
		dst = appendUnits(dst, `,"units":`, s.Units)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// appendDeleteResult appends the answer to a delete.
func appendDeleteResult(dst []byte, r *engine.Result, dryRun bool) []byte {
	dst = appendUnits(dst, `{"asOf":`, int64(r.Index))
	dst = appendFlag(dst, `,"dryRun":`, dryRun)
	dst = appendUnits(dst, `,"records":`, r.Stock.Records)
	dst = appendUnits(dst, `,"units":`, r.Stock.Units)
	dst = appendUnits(dst, `,"promised":`, r.Stock.Promised)
	dst = appendBlocked(dst, r.Blocked)
	return append(dst, '}')
}

// appendBlocked appends the records that stand in the way, as a member.
func appendBlocked(dst []byte, blocked []engine.BlockedRecord) []byte {
	dst = append(dst, `,"blocked":[`...)
	for i := range blocked {
		b := &blocked[i]
		dst = appendText(comma(dst, i), `{"upc":`, b.UPC)
		dst = appendText(dst, `,"location":`, b.Location)
		dst = appendUnits(dst, `,"onHand":`, b.OnHand)
		dst = appendUnits(dst, `,"allocated":`, b.Allocated)
		dst = appendUnits(dst, `,"pending":`, b.Pending)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendSchemaResult appends the answer to a change of a tag category.
func appendSchemaResult(dst []byte, r *engine.Result, name string) []byte {
	dst = appendUnits(dst, `{"asOf":`, int64(r.Index))
	dst = appendText(dst, `,"name":`, name)
	dst = appendUnits(dst, `,"records":`, r.Stock.Records)
	dst = appendUnits(dst, `,"units":`, r.Stock.Units)
	dst = appendUnits(dst, `,"promised":`, r.Stock.Promised)
	return append(dst, '}')
}

// appendCategory appends the members of a category, without the braces.
func appendCategory(dst []byte, c *engine.Category) []byte {
	dst = appendText(dst, `"name":`, c.Name)
	dst = append(dst, `,"rounding":"`...)
	dst = append(dst, roundingWords[c.Rounding]...)
	dst = appendFlag(dst, `","distributed":`, c.Distributed())
	dst = append(dst, `,"values":[`...)
	for i := range c.Values {
		dst = appendValue(comma(dst, i), &c.Values[i])
	}
	return append(dst, ']')
}

func appendValue(dst []byte, v *engine.Value) []byte {
	dst = appendText(dst, `{"value":`, v.Name)
	dst = append(dst, `,"percent":`...)
	dst = appendPercent(dst, v.Percent)
	dst = appendFlag(dst, `,"default":`, v.Default)
	dst = appendUnits(dst, `,"min":`, v.Min)
	if v.Max == engine.NoMax {
		return append(dst, `,"max":null}`...)
	}
	dst = appendUnits(dst, `,"max":`, v.Max)
	return append(dst, '}')
}
