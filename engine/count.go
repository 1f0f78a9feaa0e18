package engine

import "strconv"

// StartCount opens a stock count at a location.
type StartCount struct {
	Location string `json:"location"`
	Count    string `json:"count"`
}

// CloseCount ends a stock count.
type CloseCount struct {
	Location string `json:"location"`
	Count    string `json:"count"`
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

func (c *StartCount) apply(e *Engine, _ *Envelope, r *Result) {
	row := e.findName(&e.locations, c.Location)
	switch {
	case row != 0 && e.counts.at(row) >= 0:
		r.refuse(CodeCountOpen, "location", c.Location)
		return
	case len(e.counts.open) == CountsMax:
		r.refuse(CodeTooMany, "count", strconv.Itoa(CountsMax))
		return
	}
	if e.counts.bases == nil {
		e.counts.bases = make(map[uint32]int64)
	}
	e.counts.open = append(e.counts.open, stockCount{location: e.intern(&e.locations, c.Location),
		name: string([]byte(c.Count)), startedMS: e.nowMS.Load(), index: e.appliedIndex.Load()})
	e.emit(&Event{Kind: EventCountStarted, Location: c.Location, Name: c.Count})
}

func (*CloseCount) Kind() Kind { return KindCloseCount }

func (c *CloseCount) check() *Fault { return checkCount(c.Location, c.Count) }

// appendBody: location, count.
func (c *CloseCount) appendBody(dst []byte) []byte {
	return appendText(appendText(dst, c.Location), c.Count)
}

func (c *CloseCount) readBody(r *bodyReader) { c.Location, c.Count = r.text(), r.text() }

func (c *CloseCount) digest(dst []byte) []byte {
	return digestText(digestText(dst, c.Location), c.Count)
}

func (c *CloseCount) apply(e *Engine, _ *Envelope, r *Result) {
	if e.counts.find(e, c.Location, c.Count) == nil {
		r.refuse(CodeUnknownCount, "count", c.Count)
		return
	}
	e.endCount(e.counts.at(e.findName(&e.locations, c.Location)))
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
	open []stockCount // in the order of their start

	// bases has, while a count is open, on hand as of the count's start of each segment that has changed since.
	bases map[uint32]int64

	// loading reports whether the quantities that are being set were counted.
	loading bool
}

// stockCount is one open count.
type stockCount struct {
	location  uint32 // row in Engine.names
	name      string
	startedMS int64
	index     uint64
}

func (c *stockCounts) at(location uint32) int {
	for i := range c.open {
		if c.open[i].location == location {
			return i
		}
	}
	return -1
}

// find gives the open count of that name at the location, nil if there is none.
func (c *stockCounts) find(e *Engine, location, name string) *stockCount {
	if row := e.findName(&e.locations, location); row != 0 {
		if i := c.at(row); i >= 0 && c.open[i].name == name {
			return &c.open[i]
		}
	}
	return nil
}

// note keeps a segment's on hand before its first change since the count began.
func (c *stockCounts) note(location, segmentRow uint32, onHand int64) {
	if len(c.open) == 0 || c.at(location) < 0 {
		return
	}
	if _, ok := c.bases[segmentRow]; !ok {
		c.bases[segmentRow] = onHand
	}
}

// noteChange keeps a segment's base before on hand changes by d. A counted quantity corrects the base too, since it is
// as of the count's start: the same count again corrects nothing.
func (c *stockCounts) noteChange(location, segmentRow uint32, onHand, d int64) {
	c.note(location, segmentRow, onHand)
	if c.loading {
		c.bases[segmentRow] += d
	}
}

// base is on hand as of the count's start of a segment that has onHand now.
func (c *stockCounts) base(segmentRow uint32, onHand int64) int64 {
	if base, ok := c.bases[segmentRow]; ok {
		return base
	}
	return onHand
}

// forget drops the base of a segment that goes away.
func (c *stockCounts) forget(segmentRow uint32) { delete(c.bases, segmentRow) }

func (c *stockCounts) nextDueMS() (int64, bool) {
	if len(c.open) == 0 {
		return 0, false
	}
	return c.open[0].startedMS + CountAgeMS, true
}

// sinceCount is how on hand of the target has changed since the count began.
func (e *Engine) sinceCount(t *stockTarget) int64 {
	units := int64(0)
	e.eachTargeted(t, func(row uint32, seg *segment) {
		if base, ok := e.counts.bases[row]; ok {
			units += seg.onHand - base
		}
	})
	return units
}

// endCount forgets the count and its bases.
func (e *Engine) endCount(i int) {
	count := e.counts.open[i]
	e.counts.open = append(e.counts.open[:i], e.counts.open[i+1:]...)
	for row := uint32(1); row < e.records.Used(); row++ {
		rec := e.records.At(row)
		if rec.flags&recordLive == 0 || rec.location != count.location {
			continue
		}
		for seg := rec.segments; seg != 0; seg = e.segments.At(seg).next {
			if _, ok := e.counts.bases[seg]; ok {
				e.touchRecord(row)
				e.counts.forget(seg)
			}
		}
	}
	e.emit(&Event{Kind: EventCountClosed, Location: e.text(count.location), Name: count.name})
}

func (e *Engine) closeOldCounts() {
	for len(e.counts.open) > 0 && e.counts.open[0].startedMS+CountAgeMS <= e.nowMS.Load() {
		e.endCount(0)
	}
}
