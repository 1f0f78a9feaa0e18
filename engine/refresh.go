package engine

import "strconv"

// Refresh sets on hand of items at a location.
type Refresh struct {
	Location string `json:"location"`

	// Count names an open stock count at the location; quantities are then as of the count's start.
	Count string      `json:"count"`
	Items []StockItem `json:"items"`
}

func (*Refresh) Kind() Kind { return KindRefresh }

func (c *Refresh) check() *Fault {
	if !IsText(c.Location, LocationBytesMax) {
		return textFault("location", c.Location, LocationBytesMax)
	}
	if !isOptionalText(c.Count, countBytesMax) {
		return textFault("count", c.Count, countBytesMax)
	}
	if f := checkSize("items", len(c.Items), 1, RefreshItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkItem(KindRefresh, &c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func (c *Refresh) since() (form, meaning byte) {
	form, meaning = formOfItems(c.Items), commandVersionCommon
	if c.Count != "" {
		meaning = commandVersionStrict
	}
	return form, meaning
}

// formOfItems gives the oldest version that can express the items.
func formOfItems(items []StockItem) byte {
	for i := range items {
		if items[i].Has&HasVersion != 0 {
			return commandVersionNoted
		}
	}
	return commandVersionCommon
}

// appendBody: location, count, items.
func (c *Refresh) appendBody(dst []byte) []byte {
	dst = appendText(dst, c.Location)
	dst = appendText(dst, c.Count)
	return appendStockItems(dst, c.Items)
}

func (c *Refresh) readBody(r *bodyReader) {
	c.Location, c.Count = r.text(), r.text()
	c.Items = r.readStockItems(c.Items)
}

func (c *Refresh) digest(dst []byte) []byte {
	return digestList(digestText(digestText(dst, c.Location), c.Count), c.Items)
}

// apply sets on hand: all items, or none if one cannot be done.
func (c *Refresh) apply(e *Engine, envelope *Envelope, r *Result) {
	count := e.counts.find(e, c.Location, c.Count)
	if c.Count != "" && count == nil {
		r.refuse(CodeUnknownCount, "count", c.Count)
		return
	}
	if !e.matchVersions(c.Location, c.Items, r) || !e.targets(c.Location, c.Items, r) {
		return
	}
	for i := range c.Items {
		t := &e.scratch.stock[i]
		t.onHand = c.Items[i].Quantity
		if count != nil && c.Items[i].DeliveryDateMS == 0 {
			t.onHand += e.sinceCount(t)
			if t.onHand < 0 && envelope.strict() {
				t.onHand, t.short = 0, -t.onHand // one wrong figure does not stop the count
			}
		}
		if !e.checkOnHand(t, i, c.Location, c.Items, r) {
			return
		}
	}
	e.counts.loading = count != nil
	e.setStock(c.Location, c.Items, r)
	if count != nil {
		e.reportShortfalls(c, r)
	}
}

// reportShortfalls reports the items of a count that came out below zero: a wrong count, or a sale of units that were
// not there.
func (e *Engine) reportShortfalls(c *Refresh, r *Result) {
	for i := range c.Items {
		t := &e.scratch.stock[i]
		if t.short == 0 {
			continue
		}
		if len(r.Shortfalls) < ReportedItemsMax {
			r.Shortfalls = append(r.Shortfalls, Shortfall{Item: i, Units: t.short})
		}
		ev := Event{Kind: EventCountShort, UPC: c.Items[i].UPC, Location: c.Location, Name: c.Count, Units: t.short,
			Limit: c.Items[i].Quantity}
		if !t.split {
			ev.TagSet = e.tagSetOf(t.key)
		}
		e.emit(&ev)
	}
}

// matchVersions refuses the command if the record of an item does not have the version that the item depends on.
func (e *Engine) matchVersions(location string, items []StockItem, r *Result) bool {
	for i := range items {
		if it := &items[i]; it.Has&HasVersion != 0 {
			e.matchVersion(i, it.UPC, location, it.IfVersion, r)
		}
	}
	return r.Code == CodeOK
}

// matchVersion refuses the command if a record does not have the version that an item depends on. All such records are
// listed, so that the sender can mend all of its items at once.
func (e *Engine) matchVersion(i int, upc, location string, version uint64, r *Result) {
	now := RecordState{Item: i, UPC: upc, Location: location}
	if row := e.findRecord(upc, location); row != 0 {
		now.fill(e.records.At(row))
	}
	if now.Version == version {
		return
	}
	if r.Code == CodeOK {
		r.refuse(CodeVersionMismatch, itemPath(i, "ifVersion"), strconv.FormatUint(version, 10))
	}
	if len(r.Records) < ReportedItemsMax {
		r.Records = append(r.Records, now)
	}
}

// Adjust changes on hand of items at a location by signed amounts.
type Adjust struct {
	Location string      `json:"location"`
	Items    []StockItem `json:"items"`
}

func (*Adjust) Kind() Kind { return KindAdjust }

func (c *Adjust) check() *Fault {
	if !IsText(c.Location, LocationBytesMax) {
		return textFault("location", c.Location, LocationBytesMax)
	}
	if f := checkSize("items", len(c.Items), 1, AdjustItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkItem(KindAdjust, &c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func (c *Adjust) since() (form, meaning byte) { return formOfItems(c.Items), commandVersionCommon }

// appendBody: location, items.
func (c *Adjust) appendBody(dst []byte) []byte {
	return appendStockItems(appendText(dst, c.Location), c.Items)
}

func (c *Adjust) readBody(r *bodyReader) {
	c.Location = r.text()
	c.Items = r.readStockItems(c.Items)
}

func (c *Adjust) digest(dst []byte) []byte { return digestList(digestText(dst, c.Location), c.Items) }

// apply changes on hand: all items, or none if one cannot be done.
func (c *Adjust) apply(e *Engine, _ *Envelope, r *Result) {
	if !e.matchVersions(c.Location, c.Items, r) || !e.targets(c.Location, c.Items, r) {
		return
	}
	for i := range c.Items {
		t := &e.scratch.stock[i]
		if c.Items[i].DeliveryDateMS != 0 {
			t.onHand = e.futureQuantity(t, c.Items[i].DeliveryDateMS) + c.Items[i].Quantity
		} else {
			t.onHand = e.targetOnHand(t) + c.Items[i].Quantity
		}
		if !e.checkOnHand(t, i, c.Location, c.Items, r) {
			return
		}
	}
	e.setStock(c.Location, c.Items, r)
}
