package httpapi

import (
	"apportion/engine"
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
	hasDryVersion fields = 1 << iota
	hasDrySource
	hasDryHook
	hasDryItem
	hasDryRecord
)

// dryRun reads the body of a dry run.
func (s *bodyReader) dryRun(d *dryRun) {
	*d = dryRun{hook: engine.HookSelect}
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "version":
			if s.present(&has, hasDryVersion) {
				d.version = s.number32()
			}
		case "source":
			if s.present(&has, hasDrySource) {
				d.source, d.hasSource = s.multilineText(), true
			}
		case "hook":
			if s.present(&has, hasDryHook) {
				d.hook = s.hook()
			}
		case "item":
			s.seen(&has, hasDryItem)
			s.dryItem(d)
		case "record":
			if s.present(&has, hasDryRecord) {
				d.hasRecord = true
				s.dryRecord(&d.record)
			}
		default:
			s.unknown()
		}
	}
	s.require(has, hasDryItem, "item")
}

const (
	hasDryOrderID fields = 1 << iota
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
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "orderId":
			s.seen(&has, hasDryOrderID)
			d.orderID = s.name()
		case "itemId":
			s.seen(&has, hasDryItemID)
			d.item.ItemID = s.name()
		case "upc":
			s.seen(&has, hasDryUPC)
			d.item.UPC = s.name()
		case "location":
			s.seen(&has, hasDryLocation)
			d.item.Location = s.name()
		case "quantity":
			if s.present(&has, hasDryQuantity) {
				d.item.Quantity = s.positive()
			}
		case "tags":
			d.item.Tags = s.optionalTags(&has, hasDryTags, nil)
		case "attributes":
			if s.present(&has, hasDryAttributes) {
				d.item.Attributes = s.attributes(nil)
			}
		default:
			s.unknown()
		}
	}
	s.require(has, hasDryUPC, "upc")
	s.require(has, hasDryLocation, "location")
}

const (
	hasRecordVersion fields = 1 << iota
	hasRecordFloor
	hasRecordLTD
	hasRecordDue
	hasRecordSegments
)

// dryRecord reads a record that is given in place of the stored one. What it has of each is the sum over its segments.
func (s *bodyReader) dryRecord(r *rules.Record) {
	var has fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "version":
			if s.present(&has, hasRecordVersion) {
				r.Version = uint64(s.figure())
			}
		case "floor":
			if s.present(&has, hasRecordFloor) {
				r.Floor = s.figure()
			}
		case "ltd":
			if s.present(&has, hasRecordLTD) {
				r.LTD = s.figure()
			}
		case "due":
			s.optionalBool(&has, hasRecordDue, &r.Due)
		case "segments":
			s.seen(&has, hasRecordSegments)
			r.Segments = s.drySegments()
		default:
			s.unknown()
		}
	}
	s.require(has, hasRecordSegments, "segments")
}

func (s *bodyReader) drySegments() (segments []rules.Segment) {
	s.openArray()
	for s.nextElement() {
		s.atMost(len(segments), engine.SegmentsPerRecordMax)
		segments = append(segments, s.drySegment())
	}
	return segments
}

const (
	hasSegmentTags fields = 1 << iota
	hasSegmentOnHand
	hasSegmentAllocated
	hasSegmentPending
	hasSegmentSafetyStock
	hasSegmentFloor
	hasSegmentLTD
)

func (s *bodyReader) drySegment() (segment rules.Segment) {
	var has fields
	figure := func(field fields, into *int64) {
		if s.present(&has, field) {
			*into = s.figure()
		}
	}
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
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
			s.unknown()
		}
	}
	return segment
}

// figure reads a number from 0 to engine.QuantityMax.
func (s *bodyReader) figure() int64 {
	return s.integerIn(0, engine.QuantityMax, "a number from 0 to 1000000000000 is expected")
}
