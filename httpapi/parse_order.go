package httpapi

import (
	"math"

	"apportion/engine"
)

// The bodies of the order commands.

// modeWords are the modes' names, in the order of engine.Mode.
var modeWords = []string{engine.ModeAll: "all", engine.ModeLine: "line", engine.ModePartial: "partial"}

const (
	hasOrderID fields = 1 << iota
	hasMode
	hasBackorder
	hasExpiresAt
	hasLines
)

// allocate reads the body of an allocate. The order's id is in the path.
func (s *bodyReader) allocate(c *engine.Allocate) { s.allocateBody(c, false) }

// allocateBody reads an allocate, in a list of them with the order's id.
func (s *bodyReader) allocateBody(c *engine.Allocate, listed bool) {
	*c = engine.Allocate{Lines: c.Lines[:0]}
	expiresAt := ""
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch {
		case key == "lines":
			s.seen(&has, hasLines)
			c.Lines = s.allocateLines(c.Lines)
		case key == "mode":
			if s.present(&has, hasMode) {
				c.Mode = engine.Mode(s.oneOf(modeWords, "all, line or partial is expected"))
			}
		case key == "backorder":
			s.optionalBool(&has, hasBackorder, &c.Backorder)
		case key == "expiresAt":
			if s.present(&has, hasExpiresAt) {
				c.ExpiresAtMS, expiresAt = s.timeText()
			}
		case key == "orderId" && listed:
			s.seen(&has, hasOrderID)
			c.OrderID = s.name()
		default:
			s.unknown()
		}
	}
	s.expiresAt = append(s.expiresAt, expiresAt)
	s.require(has, hasLines, "lines")
	if listed {
		s.require(has, hasOrderID, "orderId")
	}
}

func (s *bodyReader) allocateLines(lines []engine.AllocateLine) []engine.AllocateLine {
	s.openArray()
	for s.nextElement() {
		s.atMost(len(lines), engine.OrderLinesMax)
		var line *engine.AllocateLine
		lines, line = extend(lines)
		s.allocateLine(line)
	}
	return lines
}

const (
	hasLineItemID fields = 1 << iota
	hasLineUPC
	hasLineLocation
	hasLineQuantity
	hasLineTags
	hasLineAttributes
)

func (s *bodyReader) allocateLine(line *engine.AllocateLine) {
	*line = engine.AllocateLine{Tags: line.Tags[:0], Attributes: line.Attributes[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "itemId":
			s.seen(&has, hasLineItemID)
			line.ItemID = s.name()
		case "upc":
			s.seen(&has, hasLineUPC)
			line.UPC = s.name()
		case "location":
			s.seen(&has, hasLineLocation)
			line.Location = s.name()
		case "quantity":
			s.seen(&has, hasLineQuantity)
			line.Quantity = s.integer()
		case "tags":
			line.Tags = s.optionalTags(&has, hasLineTags, line.Tags)
		case "attributes":
			if s.present(&has, hasLineAttributes) {
				line.Attributes = s.attributes(line.Attributes)
			}
		default:
			s.unknown()
		}
	}
	s.require(has, hasLineItemID, "itemId")
	s.require(has, hasLineUPC, "upc")
	s.require(has, hasLineLocation, "location")
	s.require(has, hasLineQuantity, "quantity")
}

// attributes reads an object of names and texts, numbers or booleans; all are kept as texts.
func (s *bodyReader) attributes(dst []engine.Attribute) []engine.Attribute {
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		s.atMost(len(dst), engine.AttributesMax)
		for i := range dst {
			if dst[i].Name == key {
				s.fail(codeDuplicateField, "the attribute is given twice", "")
			}
		}
		dst = append(dst, engine.Attribute{Name: key, Value: s.scalar()})
	}
	return dst
}

// bulkAllocate reads the body of an allocate of many orders.
func (s *bodyReader) bulkAllocate(orders []engine.Allocate) []engine.Allocate {
	const hasOrders fields = 1
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		if key != "orders" {
			s.unknown()
			continue
		}
		s.seen(&has, hasOrders)
		orders = s.bulkOrders(orders)
	}
	s.require(has, hasOrders, "orders")
	return orders
}

func (s *bodyReader) bulkOrders(orders []engine.Allocate) []engine.Allocate {
	linesCount := 0
	s.openArray()
	for s.nextElement() {
		s.atMost(len(orders), BulkOrdersMax)
		var order *engine.Allocate
		orders, order = extend(orders)
		s.allocateBody(order, true)
		if linesCount += len(order.Lines); linesCount > BulkLinesMax {
			s.fail(codeInvalid, "the orders have too many lines in all", "")
		}
	}
	return orders
}

// orderChange reads the body of a confirm, deallocate, fulfill or return, by c.Action. An empty body stands for {}.
func (s *bodyReader) orderChange(c *engine.OrderChange) {
	c.Lines = c.Lines[:0]
	if s.empty() {
		return
	}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		if key != "lines" {
			s.unknown()
			continue
		}
		if s.present(&has, hasLines) {
			c.Lines = s.orderLines(c.Lines, c.Action == engine.KindReturn)
		}
	}
}

func (s *bodyReader) orderLines(lines []engine.OrderLine, goods bool) []engine.OrderLine {
	s.openArray()
	for s.nextElement() {
		s.atMost(len(lines), engine.OrderLinesMax)
		var line *engine.OrderLine
		lines, line = extend(lines)
		s.orderLine(line, goods)
	}
	if len(lines) == 0 {
		// To the engine no lines mean everything. Whoever sends a list that happens to be empty does not mean that.
		s.fail(codeInvalid, "lines is empty; leave it out to act on everything that is left", "")
	}
	return lines
}

// orderLine reads a line; goods says that it may tell which goods they are.
func (s *bodyReader) orderLine(line *engine.OrderLine, goods bool) {
	*line = engine.OrderLine{Tags: line.Tags[:0]}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch {
		case key == "itemId":
			s.seen(&has, hasLineItemID)
			line.ItemID = s.name()
		case key == "quantity":
			if s.present(&has, hasLineQuantity) {
				line.Quantity = s.positive()
			}
		case key == "upc" && goods:
			if s.present(&has, hasLineUPC) {
				line.UPC = s.name()
			}
		case key == "location" && goods:
			if s.present(&has, hasLineLocation) {
				line.Location = s.name()
			}
		case key == "tags" && goods:
			line.Tags = s.optionalTags(&has, hasLineTags, line.Tags)
		default:
			s.unknown()
		}
	}
	s.require(has, hasLineItemID, "itemId")
}

// positive reads a quantity for which the engine takes 0 as everything: an explicit 0 is refused here.
func (s *bodyReader) positive() int64 {
	return s.integerIn(1, math.MaxInt64, "a quantity is at least 1")
}
