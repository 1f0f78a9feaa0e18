package httpapi

import (
	"fmt"
	"math"

	"apportion/engine"
	"apportion/httpapi/lists"
	"apportion/httpapi/strictjson"
)

// The bodies of the order commands.

// modeWords are the modes' names, in the order of engine.Mode.
var modeWords = []string{engine.ModeAll: "all", engine.ModeLine: "line", engine.ModePartial: "partial"}

const (
	hasOrderID strictjson.Fields = 1 << iota
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
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "lines":
			s.Seen(&has, hasLines)
			c.Lines = s.allocateLines(c.Lines)
		case key == "mode":
			if s.Present(&has, hasMode) {
				c.Mode = engine.Mode(s.OneOf(modeWords, "all, line or partial is expected"))
			}
		case key == "backorder":
			s.OptionalBool(&has, hasBackorder, &c.Backorder)
		case key == "expiresAt":
			if s.Present(&has, hasExpiresAt) {
				c.ExpiresAtMS, expiresAt = s.TimeText()
			}
		case key == "orderId" && listed:
			s.Seen(&has, hasOrderID)
			c.OrderID = s.name()
		default:
			s.Unknown()
		}
	}
	s.expiresAt = append(s.expiresAt, expiresAt)
	s.Require(has, hasLines, "lines")
	if listed {
		s.Require(has, hasOrderID, "orderId")
	}
}

func (s *bodyReader) allocateLines(lines []engine.AllocateLine) []engine.AllocateLine {
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(lines), engine.OrderLinesMax)
		var line *engine.AllocateLine
		lines, line = strictjson.Extend(lines)
		s.allocateLine(line)
	}
	return lines
}

const (
	hasLineItemID strictjson.Fields = 1 << iota
	hasLineUPC
	hasLineLocation
	hasLineQuantity
	hasLineTags
	hasLineAttributes
)

func (s *bodyReader) allocateLine(line *engine.AllocateLine) {
	*line = engine.AllocateLine{Tags: line.Tags[:0], Attributes: line.Attributes[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "itemId":
			s.Seen(&has, hasLineItemID)
			line.ItemID = s.name()
		case "upc":
			s.Seen(&has, hasLineUPC)
			line.UPC = s.name()
		case "location":
			s.Seen(&has, hasLineLocation)
			line.Location = s.name()
		case "quantity":
			s.Seen(&has, hasLineQuantity)
			line.Quantity = s.Integer()
		case "tags":
			line.Tags = s.optionalTags(&has, hasLineTags, line.Tags)
		case "attributes":
			if s.Present(&has, hasLineAttributes) {
				line.Attributes = s.attributes(line.Attributes)
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasLineItemID, "itemId")
	s.Require(has, hasLineUPC, "upc")
	s.Require(has, hasLineLocation, "location")
	s.Require(has, hasLineQuantity, "quantity")
}

// attributes reads an object of names and texts, numbers or booleans; all are kept as texts.
func (s *bodyReader) attributes(dst []engine.Attribute) []engine.Attribute {
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		s.AtMost(len(dst), engine.AttributesMax)
		for i := range dst {
			if dst[i].Name == key {
				s.Fail(codeDuplicateField, "the attribute is given twice: send it once", "")
			}
		}
		dst = append(dst, engine.Attribute{Name: key, Value: s.Scalar()})
	}
	return dst
}

// bulkAllocate reads the body of an allocate of many orders.
func (s *bodyReader) bulkAllocate(orders []engine.Allocate) []engine.Allocate {
	const hasOrders strictjson.Fields = 1
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		if key != "orders" {
			s.Unknown()
			continue
		}
		s.Seen(&has, hasOrders)
		orders = s.bulkOrders(orders)
	}
	s.Require(has, hasOrders, "orders")
	return orders
}

func (s *bodyReader) bulkOrders(orders []engine.Allocate) []engine.Allocate {
	linesCount := 0
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(orders), BulkOrdersMax)
		var order *engine.Allocate
		orders, order = strictjson.Extend(orders)
		s.allocateBody(order, true)
		if linesCount += len(order.Lines); linesCount > BulkLinesMax {
			s.Fail(codeInvalid, fmt.Sprintf("the orders have more than %d lines in all: send several requests",
				BulkLinesMax), "")
		}
	}
	return orders
}

// orderChange reads the body of a confirm, deallocate, fulfill or return, by c.Action. An empty body stands for {}.
func (s *bodyReader) orderChange(c *engine.OrderChange) {
	c.Lines, c.Reason = c.Lines[:0], ""
	if s.Empty() {
		return
	}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "lines":
			if s.Present(&has, hasLines) {
				c.Lines = s.orderLines(c.Lines, c.Action == engine.KindReturn)
			}
		case key == "reason" && c.Action == engine.KindDeallocate:
			if s.Present(&has, hasReason) {
				c.Reason = s.Text()
			}
		default:
			s.Unknown()
		}
	}
}

const (
	hasState strictjson.Fields = 1 << iota
	hasFilterLocation
	hasFilterUPC
	hasOlderThan
	hasReleaseReason
	hasDryRun
	hasLimit
	hasCursor
)

var limitExpected = fmt.Sprintf("a number from 1 to %d is expected", lists.LimitMax)

// deallocateMany reads the body of a deallocate of all orders that a filter finds. It must not be forgotten to say
// which: an empty body would release everything.
func (s *bodyReader) deallocateMany(q *lists.OrderQuery, r *lists.Release) {
	q.Limit = lists.LimitDefault
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "state":
			s.Seen(&has, hasState)
			q.State = lists.ReleasableStates[s.OneOf(lists.ReleasableStates, "open, reserved or pending is expected")]
		case "location":
			s.Seen(&has, hasFilterLocation)
			q.Location = s.name()
		case "upc":
			s.Seen(&has, hasFilterUPC)
			q.UPC = s.name()
		case "olderThanSeconds":
			s.Seen(&has, hasOlderThan)
			q.OlderThanSeconds = s.IntegerIn(0, lists.OlderThanSecondsMax, olderThanExpected)
		case "reason":
			if s.Present(&has, hasReleaseReason) {
				r.Reason = s.Text()
			}
		case "dryRun":
			s.OptionalBool(&has, hasDryRun, &r.DryRun)
		case "limit":
			if s.Present(&has, hasLimit) {
				q.Limit = int(s.IntegerIn(1, lists.LimitMax, limitExpected))
			}
		case "cursor":
			if s.Present(&has, hasCursor) {
				q.Cursor = s.Text()
			}
		default:
			s.Unknown()
		}
	}
	if has&(hasState|hasFilterLocation|hasFilterUPC|hasOlderThan) == 0 && s.OK() {
		s.Fail(codeMissingField, "one of state, location, upc and olderThanSeconds has to be given: state open alone "+
			"is all orders that hold units", "")
	}
}

func (s *bodyReader) orderLines(lines []engine.OrderLine, goods bool) []engine.OrderLine {
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(lines), engine.OrderLinesMax)
		var line *engine.OrderLine
		lines, line = strictjson.Extend(lines)
		s.orderLine(line, goods)
	}
	if len(lines) == 0 {
		// For the engine, no lines mean the whole order. A client that sends an empty list does not mean that.
		s.Fail(codeInvalid, "lines is empty; leave it out to act on everything that is left", "")
	}
	return lines
}

// orderLine reads a line. goods allows the line to name UPC and location.
func (s *bodyReader) orderLine(line *engine.OrderLine, goods bool) {
	*line = engine.OrderLine{Tags: line.Tags[:0]}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch {
		case key == "itemId":
			s.Seen(&has, hasLineItemID)
			line.ItemID = s.name()
		case key == "quantity":
			if s.Present(&has, hasLineQuantity) {
				line.Quantity = s.positive()
			}
		case key == "upc" && goods:
			if s.Present(&has, hasLineUPC) {
				line.UPC = s.name()
			}
		case key == "location" && goods:
			if s.Present(&has, hasLineLocation) {
				line.Location = s.name()
			}
		case key == "tags" && goods:
			line.Tags = s.optionalTags(&has, hasLineTags, line.Tags)
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasLineItemID, "itemId")
}

// positive reads a quantity for which the engine takes 0 as everything: an explicit 0 is refused here.
func (s *bodyReader) positive() int64 {
	return s.IntegerIn(1, math.MaxInt64, "a quantity from 1 on is expected")
}
