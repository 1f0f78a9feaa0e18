package httpapi

import "apportion/engine"

// The bodies of the stock commands.

const (
	gotLocation fields = 1 << iota
	gotCount
	gotItems
)

// refresh reads the body of a refresh.
func (s *scanner) refresh(c *engine.Refresh) {
	*c = engine.Refresh{Items: c.Items[:0]}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "location":
			s.mark(&got, gotLocation)
			c.Location = s.name()
		case "count":
			if s.given(&got, gotCount) {
				c.Count = s.string()
			}
		case "items":
			s.mark(&got, gotItems)
			c.Items = s.stockItems(c.Items, engine.RefreshItemsMax)
		default:
			s.unknown()
		}
	}
	s.need(got, gotLocation, "location")
	s.need(got, gotItems, "items")
}

// adjust reads the body of an adjust.
func (s *scanner) adjust(c *engine.Adjust) {
	*c = engine.Adjust{Items: c.Items[:0]}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "location":
			s.mark(&got, gotLocation)
			c.Location = s.name()
		case "items":
			s.mark(&got, gotItems)
			c.Items = s.stockItems(c.Items, engine.AdjustItemsMax)
		default:
			s.unknown()
		}
	}
	s.need(got, gotLocation, "location")
	s.need(got, gotItems, "items")
}

func (s *scanner) stockItems(items []engine.StockItem, countMax int) []engine.StockItem {
	s.openArray()
	for s.nextElement() {
		if s.atMost(len(items), countMax); !s.ok() {
			break
		}
		var item *engine.StockItem
		items, item = extend(items)
		begin, depth := s.at, s.depth
		s.stockItem(item)
		s.endRow(len(items)-1, begin, depth)
	}
	return items
}

const (
	gotStockUPC fields = 1 << iota
	gotStockTags
	gotStockQuantity
	gotStockSafety
	gotStockFloor
	gotStockLTD
	gotStockDelivery
)

func (s *scanner) stockItem(item *engine.StockItem) {
	*item = engine.StockItem{Tags: item.Tags[:0]}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "upc":
			s.mark(&got, gotStockUPC)
			item.UPC = s.name()
		case "tags":
			item.Tags = s.optionalTags(&got, gotStockTags, item.Tags)
		case "quantity":
			s.mark(&got, gotStockQuantity)
			item.Quantity = s.integer()
		case "safetyStock":
			if s.given(&got, gotStockSafety) {
				item.Has |= engine.HasSafetyStock
				item.SafetyStock = s.integer()
			}
		case "floor":
			if s.given(&got, gotStockFloor) {
				item.Has |= engine.HasFloor
				item.Floor = s.integer()
			}
		case "ltd":
			if s.given(&got, gotStockLTD) {
				item.Has |= engine.HasLTD
				item.LTD = s.integer()
			}
		case "deliveryDate":
			if s.given(&got, gotStockDelivery) {
				item.DeliveryDateMS = s.timeMS()
			}
		default:
			s.unknown()
		}
	}
	s.need(got, gotStockUPC, "upc")
	s.need(got, gotStockQuantity, "quantity")
}

// transfer reads the body of a transfer.
func (s *scanner) transfer(c *engine.Transfer) {
	c.Items = c.Items[:0]
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		if key != "items" {
			s.unknown()
			continue
		}
		s.mark(&got, gotItems)
		s.openArray()
		for s.nextElement() {
			s.atMost(len(c.Items), engine.TransferItemsMax)
			var item *engine.TransferItem
			c.Items, item = extend(c.Items)
			s.transferItem(item)
		}
	}
	s.need(got, gotItems, "items")
}

const (
	gotTransferUPC fields = 1 << iota
	gotTransferFrom
	gotTransferTo
	gotTransferQuantity
)

func (s *scanner) transferItem(item *engine.TransferItem) {
	*item = engine.TransferItem{FromTags: item.FromTags[:0], ToTags: item.ToTags[:0]}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "upc":
			s.mark(&got, gotTransferUPC)
			item.UPC = s.name()
		case "from":
			s.mark(&got, gotTransferFrom)
			item.FromLocation, item.FromTags = s.place(item.FromTags)
		case "to":
			s.mark(&got, gotTransferTo)
			item.ToLocation, item.ToTags = s.place(item.ToTags)
		case "quantity":
			s.mark(&got, gotTransferQuantity)
			item.Quantity = s.integer()
		default:
			s.unknown()
		}
	}
	s.need(got, gotTransferUPC, "upc")
	s.need(got, gotTransferFrom, "from")
	s.need(got, gotTransferTo, "to")
	s.need(got, gotTransferQuantity, "quantity")
}

// place reads one end of a transfer.
func (s *scanner) place(tags []engine.Tag) (string, []engine.Tag) {
	const gotTags = gotCount
	var got fields
	location := ""
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "location":
			s.mark(&got, gotLocation)
			location = s.name()
		case "tags":
			tags = s.optionalTags(&got, gotTags, tags)
		default:
			s.unknown()
		}
	}
	s.need(got, gotLocation, "location")
	return location, tags
}

const (
	gotScopeUPCs fields = 1 << iota
	gotScopeLocations
	gotScopeAll
	gotScopeDryRun
	gotScopeNow
	gotScopeForce
)

// redistribute reads the body of a redistribute.
func (s *scanner) redistribute(c *engine.Redistribute) {
	*c = engine.Redistribute{Scope: emptyScope(&c.Scope)}
	s.scope(&c.Scope, &c.DryRun, &c.Now, nil)
}

// deletion reads the body of a delete.
func (s *scanner) deletion(c *engine.Delete) {
	*c = engine.Delete{Scope: emptyScope(&c.Scope)}
	s.scope(&c.Scope, &c.DryRun, nil, &c.Force)
}

func emptyScope(c *engine.Scope) engine.Scope {
	return engine.Scope{UPCs: c.UPCs[:0], Locations: c.Locations[:0]}
}

// scope reads a scope and the switches beside it; now or force is nil where there is no such field.
func (s *scanner) scope(c *engine.Scope, dryRun, now, force *bool) {
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch {
		case key == "upcs":
			if s.given(&got, gotScopeUPCs) {
				c.UPCs = s.names(c.UPCs, engine.ScopeNamesMax)
			}
		case key == "locations":
			if s.given(&got, gotScopeLocations) {
				c.Locations = s.names(c.Locations, engine.ScopeNamesMax)
			}
		case key == "all":
			s.optionalBoolean(&got, gotScopeAll, &c.All)
		case key == "dryRun":
			s.optionalBoolean(&got, gotScopeDryRun, dryRun)
		case key == "now" && now != nil:
			s.optionalBoolean(&got, gotScopeNow, now)
		case key == "force" && force != nil:
			s.optionalBoolean(&got, gotScopeForce, force)
		default:
			s.unknown()
		}
	}
}

func (s *scanner) optionalBoolean(got *fields, field fields, into *bool) {
	if s.given(got, field) {
		*into = s.boolean()
	}
}

// count reads the body that names a stock count.
func (s *scanner) count() (name string) {
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		if key != "count" {
			s.unknown()
			continue
		}
		s.mark(&got, gotCount)
		name = s.string()
	}
	s.need(got, gotCount, "count")
	return name
}
