package replay

// This file is the independent count of the stock at the end, from the file and the opening stock alone. It does not
// know requests or replies and shares no bookkeeping with the replay. It is plain loops over the rows, even where that
// is slow.

// SegmentKey names one segment of one UPC at the location of the replay.
type SegmentKey struct {
	UPC  string
	Tags string // canonical: the JSON object with sorted keys
}

// Figures are the units of one segment.
type Figures struct {
	OnHand    int64
	Allocated int64
	Available int64
}

// Counted is the result of the independent count.
type Counted struct {
	Segments map[SegmentKey]Figures
	Shipped  map[string]int64 // units per UPC
	Returned map[string]int64 // units per UPC
	Refused  map[int]bool     // line of the file
}

// parcel is the shipped units of one row.
type parcel struct {
	customer string
	segment  SegmentKey
	left     int64 // units not returned yet
}

// Count goes through the file. orderTags gives the segment that serves the orders of a country, returnTags the segment
// for goods of unknown origin.
func Count(rows []Row, opening map[SegmentKey]Figures, orderTags func(country string) string,
	returnTags string) *Counted {
	c := &Counted{
		Segments: make(map[SegmentKey]Figures, len(opening)),
		Shipped:  make(map[string]int64),
		Returned: make(map[string]int64),
		Refused:  make(map[int]bool),
	}
	for key, figures := range opening {
		c.Segments[key] = figures
	}
	var parcels []*parcel
	for i := range rows {
		row := &rows[i]
		switch kind, _ := kindOf(row); kind {
		case rowSale:
			key := SegmentKey{row.StockCode, orderTags(row.Country)}
			if c.ship(row, key) {
				parcels = append(parcels, &parcel{row.Customer, key, row.Quantity})
			}
		case rowReturn:
			c.takeBack(row, parcels, returnTags)
		}
	}
	return c
}

// ship takes a sale's units from its segment, all of them or none.
func (c *Counted) ship(row *Row, key SegmentKey) bool {
	if c.Segments[key].Available < row.Quantity {
		c.Refused[row.Line] = true
		return false
	}
	c.add(key, -row.Quantity)
	c.Shipped[row.StockCode] += row.Quantity
	return true
}

// takeBack puts a cancellation's units where they came from, the customer's latest parcel of the same goods first.
func (c *Counted) takeBack(row *Row, parcels []*parcel, returnTags string) {
	units := -row.Quantity
	c.Returned[row.StockCode] += units
	for i := len(parcels) - 1; i >= 0 && units > 0 && row.Customer != ""; i-- {
		p := parcels[i]
		if p.customer != row.Customer || p.segment.UPC != row.StockCode {
			continue
		}
		back := min(units, p.left)
		p.left -= back
		units -= back
		c.add(p.segment, back)
	}
	c.add(SegmentKey{row.StockCode, returnTags}, units)
}

// add changes the figures of a segment. A change of 0 must not create the segment.
func (c *Counted) add(key SegmentKey, units int64) {
	if units == 0 {
		return
	}
	figures := c.Segments[key]
	figures.OnHand += units
	figures.Available += units
	c.Segments[key] = figures
}
