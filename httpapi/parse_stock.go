package httpapi

import (
	"fmt"
	"math"

	"apportion/engine"
	"apportion/httpapi/kibo"
	"apportion/httpapi/strictjson"
)

// The bodies of the stock commands.

const (
	hasLocation strictjson.Fields = 1 << iota
	hasCount
	hasItems
	hasReason
	hasReference
)

// noteField reads a field that may be one of a note's.
func (s *bodyReader) noteField(key string, has *strictjson.Fields, n *engine.StockNote) {
	switch key {
	case "reason":
		if s.Present(has, hasReason) {
			n.Reason = s.Text()
		}
	case "reference":
		if s.Present(has, hasReference) {
			n.Reference = s.Text()
		}
	default:
		s.Unknown()
	}
}

// refresh reads the body of a refresh.
func (s *bodyReader) refresh(c *engine.Refresh) {
	*c = engine.Refresh{Items: c.Items[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "location":
			s.Seen(&has, hasLocation)
			c.Location = s.name()
		case "count":
			if s.Present(&has, hasCount) {
				c.Count = s.Text()
			}
		case "items":
			s.Seen(&has, hasItems)
			c.Items = s.stockItems(c.Items, engine.RefreshItemsMax)
		default:
			s.noteField(key, &has, &c.StockNote)
		}
	}
	s.Require(has, hasLocation, "location")
	s.Require(has, hasItems, "items")
}

// adjust reads the body of an adjust.
func (s *bodyReader) adjust(c *engine.Adjust) {
	*c = engine.Adjust{Items: c.Items[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "location":
			s.Seen(&has, hasLocation)
			c.Location = s.name()
		case "items":
			s.Seen(&has, hasItems)
			c.Items = s.stockItems(c.Items, engine.AdjustItemsMax)
		default:
			s.noteField(key, &has, &c.StockNote)
		}
	}
	s.Require(has, hasLocation, "location")
	s.Require(has, hasItems, "items")
}

func (s *bodyReader) stockItems(items []engine.StockItem, countMax int) []engine.StockItem {
	s.OpenArray()
	for s.NextElement() {
		if s.AtMost(len(items), countMax); !s.OK() {
			break
		}
		var item *engine.StockItem
		items, item = strictjson.Extend(items)
		begin := s.Mark()
		s.stockItem(item)
		s.endRow(len(items)-1, begin)
	}
	return items
}

const (
	hasStockUPC strictjson.Fields = 1 << iota
	hasStockTags
	hasStockQuantity
	hasStockSafety
	hasStockFloor
	hasStockLTD
	hasStockDelivery
	hasStockVersion
)

func (s *bodyReader) stockItem(item *engine.StockItem) {
	*item = engine.StockItem{Tags: item.Tags[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "upc":
			s.Seen(&has, hasStockUPC)
			item.UPC = s.name()
		case "tags":
			item.Tags = s.optionalTags(&has, hasStockTags, item.Tags)
		case "quantity":
			s.Seen(&has, hasStockQuantity)
			item.Quantity = s.Integer()
		case "safetyStock":
			if s.Present(&has, hasStockSafety) {
				item.Has |= engine.HasSafetyStock
				item.SafetyStock = s.Integer()
			}
		case "floor":
			if s.Present(&has, hasStockFloor) {
				item.Has |= engine.HasFloor
				item.Floor = s.Integer()
			}
		case "ltd":
			if s.Present(&has, hasStockLTD) {
				item.Has |= engine.HasLTD
				item.LTD = s.Integer()
			}
		case "deliveryDate":
			if s.Present(&has, hasStockDelivery) {
				item.DeliveryDateMS = s.TimeMS()
			}
		case "ifVersion":
			if s.Present(&has, hasStockVersion) {
				item.Has |= engine.HasVersion
				item.IfVersion = s.version()
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasStockUPC, "upc")
	s.Require(has, hasStockQuantity, "quantity")
}

// version reads the version of a record, 0 for none.
func (s *bodyReader) version() uint64 {
	return uint64(s.IntegerIn(0, math.MaxInt64, "the version of the record is expected, or 0 if there is to be none"))
}

// transfer reads the body of a transfer.
func (s *bodyReader) transfer(c *engine.Transfer) {
	*c = engine.Transfer{Items: c.Items[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		if key != "items" {
			s.noteField(key, &has, &c.StockNote)
			continue
		}
		s.Seen(&has, hasItems)
		s.OpenArray()
		for s.NextElement() {
			s.AtMost(len(c.Items), engine.TransferItemsMax)
			var item *engine.TransferItem
			c.Items, item = strictjson.Extend(c.Items)
			s.transferItem(item)
		}
	}
	s.Require(has, hasItems, "items")
}

const (
	hasTransferUPC strictjson.Fields = 1 << iota
	hasTransferFrom
	hasTransferTo
	hasTransferQuantity
	hasTransferVersion
)

func (s *bodyReader) transferItem(item *engine.TransferItem) {
	*item = engine.TransferItem{FromTags: item.FromTags[:0], ToTags: item.ToTags[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "upc":
			s.Seen(&has, hasTransferUPC)
			item.UPC = s.name()
		case "from":
			s.Seen(&has, hasTransferFrom)
			item.FromLocation, item.FromTags = s.transferEnd(item.FromTags)
		case "to":
			s.Seen(&has, hasTransferTo)
			item.ToLocation, item.ToTags = s.transferEnd(item.ToTags)
		case "quantity":
			s.Seen(&has, hasTransferQuantity)
			item.Quantity = s.Integer()
		case "ifVersion":
			if s.Present(&has, hasTransferVersion) {
				item.Has, item.IfVersion = engine.HasVersion, s.version()
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasTransferUPC, "upc")
	s.Require(has, hasTransferFrom, "from")
	s.Require(has, hasTransferTo, "to")
	s.Require(has, hasTransferQuantity, "quantity")
}

// transferEnd reads one end of a transfer: a location with tags.
func (s *bodyReader) transferEnd(tags []engine.Tag) (string, []engine.Tag) {
	const hasTags = hasCount
	var has strictjson.Fields
	location := ""
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "location":
			s.Seen(&has, hasLocation)
			location = s.name()
		case "tags":
			tags = s.optionalTags(&has, hasTags, tags)
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasLocation, "location")
	return location, tags
}

const (
	hasScopeUPCs strictjson.Fields = 1 << iota
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

// block reads the body that blocks records, or unblocks them.
func (s *bodyReader) block(c *engine.Block) {
	*c = engine.Block{Items: c.Items[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "location":
			s.Seen(&has, hasLocation)
			c.Location = s.name()
		case "items":
			s.Seen(&has, hasItems)
			s.OpenArray()
			for s.NextElement() {
				s.AtMost(len(c.Items), engine.OrderLinesMax)
				var item *engine.BlockItem
				c.Items, item = strictjson.Extend(c.Items)
				s.blockItem(item)
			}
		default:
			s.noteField(key, &has, &c.StockNote)
		}
	}
	s.Require(has, hasLocation, "location")
	s.Require(has, hasItems, "items")
}

const (
	hasBlockUPC strictjson.Fields = 1 << iota
	hasBlocked
)

func (s *bodyReader) blockItem(item *engine.BlockItem) {
	*item = engine.BlockItem{}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "upc":
			s.Seen(&has, hasBlockUPC)
			item.UPC = s.name()
		case "blocked":
			item.Blocked = s.RequiredBool(&has, hasBlocked)
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasBlockUPC, "upc")
	s.Require(has, hasBlocked, "blocked")
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
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "upcs":
			if s.Present(&has, hasScopeUPCs) {
				c.UPCs = s.names(c.UPCs, engine.ScopeNamesMax)
			}
		case key == "locations":
			if s.Present(&has, hasScopeLocations) {
				c.Locations = s.names(c.Locations, engine.ScopeNamesMax)
			}
		case key == "all":
			s.OptionalBool(&has, hasScopeAll, &c.All)
		case key == "dryRun":
			s.OptionalBool(&has, hasScopeDryRun, dryRun)
		case key == "now" && now != nil:
			s.OptionalBool(&has, hasScopeNow, now)
		case key == "force" && force != nil:
			s.OptionalBool(&has, hasScopeForce, force)
		default:
			s.Unknown()
		}
	}
}

// count reads the body that names a stock count.
func (s *bodyReader) count() (name string) {
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		if key != "count" {
			s.Unknown()
			continue
		}
		s.Seen(&has, hasCount)
		name = s.Text()
	}
	s.Require(has, hasCount, "count")
	return name
}

const (
	hasComplete = hasItems << iota
	hasCompleteDry
)

// closeCount reads the body that closes a stock count.
func (s *bodyReader) closeCount(c *engine.CloseCount) {
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "count":
			s.Seen(&has, hasCount)
			c.Count = s.Text()
		case "complete":
			s.OptionalBool(&has, hasComplete, &c.Complete)
		case "dryRun":
			s.OptionalBool(&has, hasCompleteDry, &c.DryRun)
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasCount, "count")
}

// The bad rows of a load. One answer lists up to kibo.RowFaultsMax, so that the client can mend a file of thousands in
// one go.

// rowFault is the fault of one row of a body.
type rowFault struct {
	strictjson.Fault
	row int
}

// loaded ends the reading of a refresh or an adjust. It reports whether the body is sound, and otherwise answers with
// all bad rows.
func (req *request) loaded(cmd engine.Command) bool {
	req.scan.End()
	if req.scan.OK() && len(req.scan.rows) == 0 {
		if engine.CheckCommand(cmd) == nil {
			return true
		}
	}
	rows := req.badRows(cmd)
	if len(rows) == 0 {
		return req.parsed() && req.check(cmd)
	}
	p := faultProblem(&rows[0].Fault)
	p.rows = rows
	req.problem(&p)
	return false
}

// tellRows adds all bad rows to the refusal of a load for a tag that the schema does not have.
func (req *request) tellRows(p *problem) {
	if req.result().Code != engine.CodeUnknownCategory && req.result().Code != engine.CodeUnknownValue {
		return
	}
	switch req.result().Kind {
	case engine.KindRefresh:
		p.rows = req.badRows(&req.commands.refresh)
	case engine.KindAdjust:
		p.rows = req.badRows(&req.commands.adjust)
	}
}

// badRows lists the faults of a load's items: unreadable items, values outside the limits, and tags that the schema
// does not have. The fault that ended the reading comes last.
func (req *request) badRows(cmd engine.Command) (rows []rowFault) {
	var items []engine.StockItem
	switch cmd := cmd.(type) {
	case *engine.Refresh:
		items = cmd.Items
	case *engine.Adjust:
		items = cmd.Items
	}
	unread, schema := req.scan.rows, req.schema()
	for i := range items {
		if len(rows) == kibo.RowFaultsMax {
			return rows
		}
		if len(unread) > 0 && unread[0].row == i {
			rows, unread = append(rows, unread[0]), unread[1:]
		} else if req.scan.OK() || i < len(items)-1 { // the last one may not have been read to its end
			if f, ok := badItem(cmd.Kind(), schema, &items[i], i); !ok {
				rows = append(rows, rowFault{f, i})
			}
		}
	}
	if n := len(rows); n > 0 && n < kibo.RowFaultsMax && !req.scan.OK() {
		rows = append(rows, rowFault{req.scan.Fault, len(items)})
	}
	return rows
}

// badItem finds the fault of an item. ok means that there is none.
func badItem(kind engine.Kind, schema *engine.Schema, it *engine.StockItem, i int) (f strictjson.Fault, ok bool) {
	if f := engine.CheckItem(kind, it); f != nil {
		return strictjson.Fault{Code: codeInvalid, Detail: f.Reason, Field: fmt.Sprintf("items[%d].%s", i, f.Field),
			Value: f.Value, Offset: -1}, false
	}
	if _, code, _ := schema.Resolve(it.Tags); code == engine.CodeOK {
		return strictjson.Fault{}, true
	}
	return unknownTag(schema, it.Tags, fmt.Sprintf("items[%d].tags", i))
}
