package httpapi

import (
	"apportion/engine"
	"apportion/httpapi/strictjson"
	"apportion/rules"
)

// The body of a dry run.

// dryRun is the body of a dry run.
type dryRun struct {
	version   uint32
	source    string
	hasSource bool
	hook      engine.RuleHook
	item      engine.AllocateLine
	orderID   string
	record    rules.Record // if it is given
	hasRecord bool
}

const (
	hasDryVersion strictjson.Fields = 1 << iota
	hasDrySource
	hasDryHook
	hasDryItem
	hasDryRecord
)

// dryRun reads the body of a dry run.
func (s *bodyReader) dryRun(d *dryRun) {
	*d = dryRun{hook: engine.HookSelect}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "version":
			if s.Present(&has, hasDryVersion) {
				d.version = s.number32()
			}
		case "source":
			if s.Present(&has, hasDrySource) {
				d.source, d.hasSource = s.MultilineText(), true
			}
		case "hook":
			if s.Present(&has, hasDryHook) {
				d.hook = s.hook()
			}
		case "item":
			s.Seen(&has, hasDryItem)
			s.dryItem(d)
		case "record":
			if s.Present(&has, hasDryRecord) {
				d.hasRecord = true
				s.dryRecord(&d.record)
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasDryItem, "item")
}

const (
	hasDryOrderID strictjson.Fields = 1 << iota
	hasDryItemID
	hasDryUPC
	hasDryLocation
	hasDryQuantity
	hasDryTags
	hasDryAttributes
)

// dryItem reads the item of a dry run. Only where the stock is has to be said.
func (s *bodyReader) dryItem(d *dryRun) {
	d.orderID = "dry-run"
	d.item = engine.AllocateLine{ItemID: "1", Quantity: 1}
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "orderId":
			s.Seen(&has, hasDryOrderID)
			d.orderID = s.name()
		case "itemId":
			s.Seen(&has, hasDryItemID)
			d.item.ItemID = s.name()
		case "upc":
			s.Seen(&has, hasDryUPC)
			d.item.UPC = s.name()
		case "location":
			s.Seen(&has, hasDryLocation)
			d.item.Location = s.name()
		case "quantity":
			if s.Present(&has, hasDryQuantity) {
				d.item.Quantity = s.positive()
			}
		case "tags":
			d.item.Tags = s.optionalTags(&has, hasDryTags, nil)
		case "attributes":
			if s.Present(&has, hasDryAttributes) {
				d.item.Attributes = s.attributes(nil)
			}
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasDryUPC, "upc")
	s.Require(has, hasDryLocation, "location")
}

const (
	hasRecordVersion strictjson.Fields = 1 << iota
	hasRecordFloor
	hasRecordLTD
	hasRecordDue
	hasRecordSegments
)

// dryRecord reads a record that is given in place of the stored one. What it has of each is the sum over its segments.
func (s *bodyReader) dryRecord(r *rules.Record) {
	var has strictjson.Fields
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "version":
			if s.Present(&has, hasRecordVersion) {
				r.Version = uint64(s.figure())
			}
		case "floor":
			if s.Present(&has, hasRecordFloor) {
				r.Floor = s.figure()
			}
		case "ltd":
			if s.Present(&has, hasRecordLTD) {
				r.LTD = s.figure()
			}
		case "due":
			s.OptionalBool(&has, hasRecordDue, &r.Due)
		case "segments":
			s.Seen(&has, hasRecordSegments)
			r.Segments = s.drySegments()
		default:
			s.Unknown()
		}
	}
	s.Require(has, hasRecordSegments, "segments")
}

func (s *bodyReader) drySegments() (segments []rules.Segment) {
	s.OpenArray()
	for s.NextElement() {
		s.AtMost(len(segments), engine.SegmentsPerRecordMax)
		segments = append(segments, s.drySegment())
	}
	return segments
}

const (
	hasSegmentTags strictjson.Fields = 1 << iota
	hasSegmentOnHand
	hasSegmentAllocated
	hasSegmentPending
	hasSegmentSafetyStock
	hasSegmentFloor
	hasSegmentLTD
)

func (s *bodyReader) drySegment() (segment rules.Segment) {
	var has strictjson.Fields
	figure := func(field strictjson.Fields, into *int64) {
		if s.Present(&has, field) {
			*into = s.figure()
		}
	}
	s.OpenObject()
	for key, ok := s.NextField(); ok; key, ok = s.NextField() {
		switch key {
		case "tags":
			segment.Tags = s.optionalTags(&has, hasSegmentTags, nil)
		case "onHand":
			figure(hasSegmentOnHand, &segment.OnHand)
		case "allocated":
			figure(hasSegmentAllocated, &segment.Allocated)
		case "pending":
			figure(hasSegmentPending, &segment.Pending)
		case "safetyStock":
			figure(hasSegmentSafetyStock, &segment.SafetyStock)
		case "floor":
			figure(hasSegmentFloor, &segment.Floor)
		case "ltd":
			figure(hasSegmentLTD, &segment.LTD)
		default:
			s.Unknown()
		}
	}
	return segment
}

// figure reads a number from 0 to engine.QuantityMax.
func (s *bodyReader) figure() int64 {
	return s.IntegerIn(0, engine.QuantityMax, "a number from 0 to 1000000000000 is expected")
}
