package engine

import "slices"

// inScope gives the records that a scope selects, in order of their rows.
func (e *Engine) inScope(c *Scope) []uint32 {
	rows := e.scratch.rows[:0]
	locations := make(map[uint32]bool, len(c.Locations))
	for _, l := range c.Locations {
		if row := e.findName(&e.locations, l); row != 0 {
			locations[row] = true
		}
	}
	want := func(row uint32) {
		if len(c.Locations) == 0 || locations[e.records.At(row).location] {
			rows = append(rows, row)
		}
	}
	if len(c.UPCs) == 0 {
		for row := uint32(1); row < e.records.Used(); row++ {
			if e.records.At(row).flags&recordLive != 0 {
				want(row)
			}
		}
	}
	for _, upc := range c.UPCs {
		if name := e.findName(&e.upcs, upc); name != 0 {
			for row := e.names.At(name).records; row != 0; row = e.records.At(row).nextOfUPC {
				want(row)
			}
		}
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	e.scratch.rows = rows
	return rows
}
