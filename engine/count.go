package engine

import (
	"slices"
	"strconv"

	"apportion/engine/mem"
)

// StartCount opens a stock count at a location.
type StartCount struct {
	Location string `json:"location"`
	Count    string `json:"count"`
}

// CloseCount ends a stock count.
type CloseCount struct {
	Location string `json:"location"`
	Count    string `json:"count"`

	// Complete first sets what no refresh of the count has named to what came since its start, less what went: the
	// count found nothing of it. One command looks at CloseRecordsMax records. If there are more, the count stays open
	// and Result.Records has the last one: the next command goes on behind it.
	Complete bool   `json:"complete"`
	After    string `json:"after"`  // with Complete: look at the records behind this UPC
	DryRun   bool   `json:"dryRun"` // with Complete: only list what would change
}

// countBytesMax bounds the name of a stock count, in bytes.
const countBytesMax = LocationBytesMax

func (*StartCount) Kind() Kind { return KindStartCount }

func (c *StartCount) check() *Fault { return checkCount(c.Location, c.Count) }

// appendBody: location, count.
func (c *StartCount) appendBody(dst []byte) []byte {
	return appendText(appendText(dst, c.Location), c.Count)
}

func (c *StartCount) readBody(r *bodyReader) { c.Location, c.Count = r.text(), r.text() }

func (c *StartCount) digest(dst []byte) []byte {
	return digestText(digestText(dst, c.Location), c.Count)
}

// since: only since that version does a count note what it has named.
func (*StartCount) since() (form, meaning byte) { return commandVersionCommon, commandVersionNamed }

func (c *StartCount) apply(e *Engine, envelope *Envelope, r *Result) {
	row := e.findName(&e.locations, c.Location)
	switch {
	case row != 0 && e.counts.at(row) >= 0:
		r.refuse(CodeCountOpen, "location", c.Location)
		return
	case len(e.counts.open) == CountsMax:
		r.refuse(CodeTooMany, "count", strconv.Itoa(CountsMax))
		return
	}
	e.counts.open = append(e.counts.open, &stockCount{location: e.intern(&e.locations, c.Location),
		name: string([]byte(c.Count)), startedMS: e.nowMS.Load(), index: e.appliedIndex.Load(),
		notes: envelope.means(commandVersionNamed)})
	e.emit(&Event{Kind: EventCountStarted, Location: c.Location, Name: c.Count})
}

func (*CloseCount) Kind() Kind { return KindCloseCount }

func (c *CloseCount) check() *Fault {
	switch {
	case !c.Complete && c.DryRun:
		return &Fault{"dryRun", "true", "it is for complete: true"}
	case !c.Complete && c.After != "":
		return &Fault{"after", c.After, "it is for complete: true"}
	case !isOptionalText(c.After, UPCBytesMax):
		return textFault("after", c.After, UPCBytesMax)
	}
	return checkCount(c.Location, c.Count)
}

func (c *CloseCount) since() (form, meaning byte) {
	if c.Complete {
		return commandVersionNamed, commandVersionNamed
	}
	return commandVersionCommon, commandVersionCommon
}

// The end of a CloseCount's body, if it is complete: flags, then what they announce.
const (
	closeComplete = 1 << 0
	closeDryRun   = 1 << 1
	closeAfter    = 1 << 2
)

// appendBody: location, count, flags, after.
func (c *CloseCount) appendBody(dst []byte) []byte {
	dst = appendText(appendText(dst, c.Location), c.Count)
	if !c.Complete {
		return dst
	}
	dst = append(dst, closeComplete|flagBit(c.DryRun, closeDryRun)|flagBit(c.After != "", closeAfter))
	if c.After != "" {
		dst = appendText(dst, c.After)
	}
	return dst
}

func (c *CloseCount) readBody(r *bodyReader) {
	*c = CloseCount{Location: r.text(), Count: r.text()}
	if r.left() == 0 {
		return
	}
	flags := r.flags(closeComplete | closeDryRun | closeAfter)
	c.Complete, c.DryRun = flags&closeComplete != 0, flags&closeDryRun != 0
	if !c.Complete {
		r.fail("nothing is announced")
	}
	if flags&closeAfter != 0 {
		if c.After = r.text(); c.After == "" {
			r.fail("an announced text is empty")
		}
	}
}

// digest leaves out what older versions did not have.
func (c *CloseCount) digest(dst []byte) []byte {
	dst = digestText(digestText(dst, c.Location), c.Count)
	if !c.Complete {
		return dst
	}
	return digestBool(digestText(digestBool(dst, c.Complete), c.After), c.DryRun)
}

func (c *CloseCount) apply(e *Engine, _ *Envelope, r *Result) {
	count := e.counts.find(e, c.Location, c.Count)
	switch {
	case count == nil:
		r.refuse(CodeUnknownCount, "count", c.Count)
		return
	case c.Complete && !count.notes:
		r.refuse(CodeInvalid, "complete", "a node of an older version opened the count: close it as it is")
		return
	case c.Complete && e.closeUnnamed(count, c, r), c.DryRun:
		return
	}
	e.endCount(e.counts.at(count.location))
}

func checkCount(location, count string) *Fault {
	if !IsText(location, LocationBytesMax) {
		return textFault("location", location, LocationBytesMax)
	}
	if !IsText(count, countBytesMax) {
		return textFault("count", count, countBytesMax)
	}
	return nil
}

// stockCounts is the open stock counts, by location.
type stockCounts struct {
	open []*stockCount // in the order of their start

	// loading reports whether the quantities that are being set were counted.
	loading bool

	stored []storedCount // while rows are loaded: what they say of counts
}

// stockCount is one open count. What it knows of segments is in their records' rows, with its index; so the rows need
// no change when it ends. A checkpoint may know it for longer.
type stockCount struct {
	location  uint32 // row in Engine.names
	name      string
	startedMS int64
	index     uint64
	notes     bool // named is known; it is not of counts that an older version began

	bases map[uint32]int64    // by segment that has changed since the start: on hand as of then
	named map[uint32]struct{} // segments that a refresh of the count has set
}

func (c *stockCounts) at(location uint32) int {
	for i := range c.open {
		if c.open[i].location == location {
			return i
		}
	}
	return -1
}

// of gives the open count at a location, nil if there is none.
func (c *stockCounts) of(location uint32) *stockCount { return countAt(c.open, location) }

func countAt(counts []*stockCount, location uint32) *stockCount {
	for _, count := range counts {
		if count.location == location {
			return count
		}
	}
	return nil
}

// find gives the open count of that name at the location, nil if there is none.
func (c *stockCounts) find(e *Engine, location, name string) *stockCount {
	if row := e.findName(&e.locations, location); row != 0 {
		if count := c.of(row); count != nil && count.name == name {
			return count
		}
	}
	return nil
}

// note keeps a segment's on hand before its first change since the count began.
func (c *stockCounts) note(location, segmentRow uint32, onHand int64) {
	if count := c.of(location); count != nil {
		count.setBase(segmentRow, count.base(segmentRow, onHand))
	}
}

// noteChange keeps a segment's base before on hand changes by d. A counted quantity corrects the base too, since it is
// as of the count's start: the same count again corrects nothing.
func (c *stockCounts) noteChange(location, segmentRow uint32, onHand, d int64) {
	if count := c.of(location); count != nil {
		base := count.base(segmentRow, onHand)
		if c.loading {
			base += d
		}
		count.setBase(segmentRow, base)
	}
}

// forget drops what is known of a segment that goes away.
func (c *stockCounts) forget(location, segmentRow uint32) {
	if count := c.of(location); count != nil {
		delete(count.bases, segmentRow)
		delete(count.named, segmentRow)
	}
}

// merge has one segment stand for two.
func (c *stockCounts) merge(location, into, from uint32, intoOnHand, fromOnHand int64) {
	count := c.of(location)
	if count == nil {
		return
	}
	count.setBase(into, count.base(into, intoOnHand)+count.base(from, fromOnHand))
	if count.isNamed(from) {
		count.setNamed(into)
	}
}

func (c *stockCounts) nextDueMS() (int64, bool) {
	if len(c.open) == 0 {
		return 0, false
	}
	return c.open[0].startedMS + CountAgeMS, true
}

func (c *stockCounts) memoryBytes() (bytes int64) {
	for _, count := range c.open {
		bytes += int64(len(count.bases))*baseBytes + int64(len(count.named))*namedBytes
	}
	return bytes
}

// baseBytes and namedBytes are what a segment takes in the maps of an open count.
const (
	baseBytes  = 40
	namedBytes = 12
)

// base is on hand as of the count's start of a segment that has onHand now.
func (c *stockCount) base(segmentRow uint32, onHand int64) int64 {
	if base, ok := c.bases[segmentRow]; ok {
		return base
	}
	return onHand
}

func (c *stockCount) setBase(segmentRow uint32, base int64) {
	if c.bases == nil {
		c.bases = make(map[uint32]int64)
	}
	c.bases[segmentRow] = base
}

func (c *stockCount) isNamed(segmentRow uint32) bool {
	_, ok := c.named[segmentRow]
	return ok
}

func (c *stockCount) setNamed(segmentRow uint32) {
	if c.named == nil {
		c.named = make(map[uint32]struct{})
	}
	c.named[segmentRow] = struct{}{}
}

// sinceCount is how on hand of the target has changed since the count began.
func (e *Engine) sinceCount(count *stockCount, t *stockTarget) int64 {
	units := int64(0)
	e.eachTargeted(t, func(row uint32, seg *segment) { units += seg.onHand - count.base(row, seg.onHand) })
	return units
}

// nameTargets notes what a refresh of the count has set.
func (e *Engine) nameTargets(count *stockCount, items []StockItem) {
	for i := range items {
		if count.notes && items[i].DeliveryDateMS == 0 {
			e.eachTargeted(&e.scratch.stock[i], func(row uint32, _ *segment) { count.setNamed(row) })
		}
	}
}

// closeUnnamed sets what the count has not named, of the next records of its location. It reports whether there are
// more.
func (e *Engine) closeUnnamed(count *stockCount, c *CloseCount, r *Result) (more bool) {
	var buffer [mem.SortedPageMax]uint32
	last, after := uint32(0), c.After
	for {
		page := e.listed.Page(func(item uint32) int { return e.compareListed(item, c.Location, after) }, buffer[:0])
		for _, row := range page {
			switch {
			case e.records.At(row).location != count.location:
				return false
			case r.Stock.Items == CloseRecordsMax:
				state := RecordState{UPC: after, Location: c.Location}
				state.fill(e.records.At(last))
				r.Records = append(r.Records, state)
				return true
			}
			e.closeUnnamedOf(count, row, c.DryRun, r)
			r.Stock.Items++
			last, after = row, e.text(e.records.At(row).upc)
		}
		if len(page) == 0 {
			return false
		}
	}
}

// segmentOnHand is what a segment is to have on hand.
type segmentOnHand struct {
	row    uint32
	onHand int64
}

// closeUnnamedOf sets what the count has not named of a record: as if it had counted nothing of it, all of these
// segments together. So units that only went from one to another make none appear.
func (e *Engine) closeUnnamedOf(count *stockCount, row uint32, dryRun bool, r *Result) {
	rec := e.records.At(row)
	since, came := int64(0), int64(0)
	ev := Event{Kind: EventCountShort, UPC: e.text(rec.upc), Location: e.text(rec.location), Name: count.name}
	for s, unnamed := rec.segments, 0; s != 0; s = e.segments.At(s).next {
		if seg := e.segments.At(s); !count.isNamed(s) {
			d := seg.onHand - count.base(s, seg.onHand)
			since, came = since+d, came+max(0, d)
			if ev.TagSet = seg.tagSet; unnamed > 0 {
				ev.TagSet = 0
			}
			unnamed++
		}
	}
	went := came - max(0, since) // of what came to a segment: so much came from, or is owed to, another one
	ev.Units = max(0, -since)
	sets := e.scratch.closing[:0]
	for s := rec.segments; s != 0; s = e.segments.At(s).next {
		if seg := e.segments.At(s); !count.isNamed(s) {
			to := max(0, seg.onHand-count.base(s, seg.onHand))
			less := min(to, went)
			to, went = to-less, went-less
			if to != seg.onHand {
				sets = append(sets, segmentOnHand{s, to})
			}
		}
	}
	e.scratch.closing = sets
	if len(sets) == 0 && ev.Units == 0 {
		return
	}
	e.reportUnnamed(rec, sets, r)
	if dryRun {
		return
	}
	e.setUnnamed(count, row, sets)
	if ev.Units > 0 {
		e.emit(&ev)
	}
}

// reportUnnamed adds what is set of a record to the result.
func (e *Engine) reportUnnamed(rec *record, sets []segmentOnHand, r *Result) {
	if len(sets) > 0 {
		r.Stock.Records++
	}
	for _, set := range sets {
		seg := e.segments.At(set.row)
		r.Stock.Units += seg.onHand - set.onHand
		if len(r.Changes) < ReportedItemsMax {
			r.Changes = append(r.Changes, SegmentChange{UPC: e.text(rec.upc), Location: e.text(rec.location),
				TagSet: seg.tagSet, Before: seg.onHand, After: set.onHand})
		}
	}
}

// reasonCount is the reason of what a complete count sets; the reference is the count's name.
const reasonCount = "count"

// setUnnamed sets segments that the count has not named, and tells why. Then they are named: a repetition sets and
// tells nothing again.
func (e *Engine) setUnnamed(count *stockCount, row uint32, sets []segmentOnHand) {
	e.touchRecord(row)
	rec := e.records.At(row)
	if len(sets) > 0 {
		e.counts.loading = true
		_, w := e.openRecord(row)
		for _, set := range sets {
			seg := e.segments.At(set.row)
			d := set.onHand - seg.onHand
			e.addUnits(rec, &w, set.row, unitDelta{onHand: d})
			e.emit(&Event{Kind: EventStockChanged, UPC: e.text(rec.upc), Location: e.text(rec.location),
				TagSet: seg.tagSet, Units: d, Limit: set.onHand, Reason: reasonCount, Reference: count.name})
		}
		e.closeRecord(rec, &w)
		e.counts.loading = false
	}
	for s := rec.segments; s != 0; s = e.segments.At(s).next {
		count.setNamed(s)
	}
}

// endCount forgets the count.
func (e *Engine) endCount(i int) {
	count := e.counts.open[i]
	e.counts.open = slices.Delete(e.counts.open, i, i+1)
	e.emit(&Event{Kind: EventCountClosed, Location: e.text(count.location), Name: count.name})
}

func (e *Engine) closeOldCounts() {
	for len(e.counts.open) > 0 && e.counts.open[0].startedMS+CountAgeMS <= e.nowMS.Load() {
		e.endCount(0)
	}
}

// What a segment's row says of the count at its location. With one of the later two, the index of the count is there:
// the row may be older than its end.
const (
	storedCounted = 1 << 0 // a base, without an index, before version 8
	storedBase    = 1 << 1
	storedNamed   = 1 << 2
)

// storedCount is what a segment's row says of a count.
type storedCount struct {
	location, segmentRow uint32
	index                uint64 // of the count; 0: an older version wrote the row, of a count that was open then
	base                 int64
	hasBase, named       bool
}

// segmentCount reads what appendSegment, also an older version's, wrote.
func (r *reader) segmentCount() (s storedCount) {
	flags := r.flags(storedCounted | storedBase | storedNamed)
	if flags&(storedBase|storedNamed) != 0 {
		if s.index = r.uvarint(); s.index == 0 || flags&storedCounted != 0 {
			r.fail("a segment of no count")
		}
	}
	if s.hasBase = flags&(storedCounted|storedBase) != 0; s.hasBase {
		s.base = r.varint()
	}
	s.named = flags&storedNamed != 0
	return s
}

// known reports whether the row says anything.
func (s *storedCount) known() bool { return s.hasBase || s.named }

// finishLoad takes over what the rows say of counts that are open.
func (c *stockCounts) finishLoad() {
	for _, s := range c.stored {
		count := c.of(s.location)
		if count == nil || s.index != count.index && s.index != 0 {
			continue // a count that has ended
		}
		if s.hasBase {
			count.setBase(s.segmentRow, s.base)
		}
		if s.named {
			count.setNamed(s.segmentRow)
		}
	}
	c.stored = nil
}
