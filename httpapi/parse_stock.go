package httpapi

import "apportion/engine"

// The bodies of the stock commands.

const (
	hasLocation fields = 1 << iota
	hasCount
	hasItems
)

// refresh reads the body of a refresh.
func (s *bodyReader) refresh(c *engine.Refresh) {
	*c = engine.Refresh{Items: c.Items[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "location":
			s.seen(&has, hasLocation)
			c.Location = s.name()
		case "count":
			if s.present(&has, hasCount) {
				c.Count = s.text()
			}
		case "items":
			s.seen(&has, hasItems)
			c.Items = s.stockItems(c.Items, engine.RefreshItemsMax)
		default:
			s.unknown()
		}
	}
	s.require(has, hasLocation, "location")
	s.require(has, hasItems, "items")
}

// adjust reads the body of an adjust.
func (s *bodyReader) adjust(c *engine.Adjust) {
	*c = engine.Adjust{Items: c.Items[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "location":
			s.seen(&has, hasLocation)
			c.Location = s.name()
		case "items":
			s.seen(&has, hasItems)
			c.Items = s.stockItems(c.Items, engine.AdjustItemsMax)
		default:
			s.unknown()
		}
	}
	s.require(has, hasLocation, "location")
	s.require(has, hasItems, "items")
}

func (s *bodyReader) stockItems(items []engine.StockItem, countMax int) []engine.StockItem {
	s.openArray()
	for s.nextElement() {
		if s.atMost(len(items), countMax); !s.ok() {
			break
		}
		var item *engine.StockItem
		items, item = extend(items)
		begin := s.mark()
		s.stockItem(item)
		s.endRow(len(items)-1, begin)
	}
	return items
}

const (
	hasStockUPC fields = 1 << iota
	hasStockTags
	hasStockQuantity
	hasStockSafety
	hasStockFloor
	hasStockLTD
	hasStockDelivery
)

func (s *bodyReader) stockItem(item *engine.StockItem) {
	*item = engine.StockItem{Tags: item.Tags[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "upc":
			s.seen(&has, hasStockUPC)
			item.UPC = s.name()
		case "tags":
			item.Tags = s.optionalTags(&has, hasStockTags, item.Tags)
		case "quantity":
			s.seen(&has, hasStockQuantity)
			item.Quantity = s.integer()
		case "safetyStock":
			if s.present(&has, hasStockSafety) {
				item.Has |= engine.HasSafetyStock
				item.SafetyStock = s.integer()
			}
		case "floor":
			if s.present(&has, hasStockFloor) {
				item.Has |= engine.HasFloor
				item.Floor = s.integer()
			}
		case "ltd":
			if s.present(&has, hasStockLTD) {
				item.Has |= engine.HasLTD
				item.LTD = s.integer()
			}
		case "deliveryDate":
			if s.present(&has, hasStockDelivery) {
				item.DeliveryDateMS = s.timeMS()
			}
		default:
			s.unknown()
		}
	}
	s.require(has, hasStockUPC, "upc")
	s.require(has, hasStockQuantity, "quantity")
}

// transfer reads the body of a transfer.
func (s *bodyReader) transfer(c *engine.Transfer) {
	c.Items = c.Items[:0]
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		if key != "items" {
			s.unknown()
			continue
		}
		s.seen(&has, hasItems)
		s.openArray()
		for s.nextElement() {
			s.atMost(len(c.Items), engine.TransferItemsMax)
			var item *engine.TransferItem
			c.Items, item = extend(c.Items)
			s.transferItem(item)
		}
	}
	s.require(has, hasItems, "items")
}

const (
	hasTransferUPC fields = 1 << iota
	hasTransferFrom
	hasTransferTo
	hasTransferQuantity
)

func (s *bodyReader) transferItem(item *engine.TransferItem) {
	*item = engine.TransferItem{FromTags: item.FromTags[:0], ToTags: item.ToTags[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "upc":
			s.seen(&has, hasTransferUPC)
			item.UPC = s.name()
		case "from":
			s.seen(&has, hasTransferFrom)
			item.FromLocation, item.FromTags = s.place(item.FromTags)
		case "to":
			s.seen(&has, hasTransferTo)
			item.ToLocation, item.ToTags = s.place(item.ToTags)
		case "quantity":
			s.seen(&has, hasTransferQuantity)
			item.Quantity = s.integer()
		default:
			s.unknown()
		}
	}
	s.require(has, hasTransferUPC, "upc")
	s.require(has, hasTransferFrom, "from")
	s.require(has, hasTransferTo, "to")
	s.require(has, hasTransferQuantity, "quantity")
}

// place reads one end of a transfer.
func (s *bodyReader) place(tags []engine.Tag) (string, []engine.Tag) {
	const hasTags = hasCount
	var has fields
	location := ""
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "location":
			s.seen(&has, hasLocation)
			location = s.name()
		case "tags":
			tags = s.optionalTags(&has, hasTags, tags)
		default:
			s.unknown()
		}
	}
	s.require(has, hasLocation, "location")
	return location, tags
}

const (
	hasScopeUPCs fields = 1 << iota
	hasScopeLocations
	hasScopeAll
	hasScopeDryRun
	hasScopeNow
	hasScopeForce
)

// redistribute reads the body of a redistribute.
func (s *bodyReader) redistribute(c *engine.Redistribute) {
	*c = engine.Redistribute{Scope: emptyScope(&c.Scope)}
	s.scope(&c.Scope, &c.DryRun, &c.Now, nil)
}

// deletion reads the body of a delete.
func (s *bodyReader) deletion(c *engine.Delete) {
	*c = engine.Delete{Scope: emptyScope(&c.Scope)}
	s.scope(&c.Scope, &c.DryRun, nil, &c.Force)
}

func emptyScope(c *engine.Scope) engine.Scope {
	return engine.Scope{UPCs: c.UPCs[:0], Locations: c.Locations[:0]}
}

// scope reads a scope and the switches beside it; now or force is nil where there is no such field.
func (s *bodyReader) scope(c *engine.Scope, dryRun, now, force *bool) {
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch {
		case key == "upcs":
			if s.present(&has, hasScopeUPCs) {
				c.UPCs = s.names(c.UPCs, engine.ScopeNamesMax)
			}
		case key == "locations":
			if s.present(&has, hasScopeLocations) {
				c.Locations = s.names(c.Locations, engine.ScopeNamesMax)
			}
		case key == "all":
			s.optionalBool(&has, hasScopeAll, &c.All)
		case key == "dryRun":
			s.optionalBool(&has, hasScopeDryRun, dryRun)
		case key == "now" && now != nil:
			s.optionalBool(&has, hasScopeNow, now)
		case key == "force" && force != nil:
			s.optionalBool(&has, hasScopeForce, force)
		default:
			s.unknown()
		}
	}
}

// count reads the body that names a stock count.
func (s *bodyReader) count() (name string) {
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		if key != "count" {
			s.unknown()
			continue
		}
		s.seen(&has, hasCount)
		name = s.text()
	}
	s.require(has, hasCount, "count")
	return name
}
