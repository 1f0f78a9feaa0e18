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
	gotDryVersion fields = 1 << iota
	gotDrySource
	gotDryHook
	gotDryItem
	gotDryRecord
)

// dryRun reads the body of a dry run.
func (s *scanner) dryRun(d *dryRun) {
	*d = dryRun{hook: engine.HookSelect}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "version":
			if s.given(&got, gotDryVersion) {
				d.version = s.number32()
			}
		case "source":
			if s.given(&got, gotDrySource) {
				d.source, d.hasSource = s.source(), true
			}
		case "hook":
			if s.given(&got, gotDryHook) {
				d.hook = s.hook()
			}
		case "item":
			s.mark(&got, gotDryItem)
			s.dryItem(d)
		case "record":
			if s.given(&got, gotDryRecord) {
				d.hasRecord = true
				s.dryRecord(&d.record)
			}
		default:
			s.unknown()
		}
	}
	s.need(got, gotDryItem, "item")
}

const (
	gotDryOrderID fields = 1 << iota
	gotDryItemID
	gotDryUPC
	gotDryLocation
	gotDryQuantity
	gotDryTags
	gotDryAttributes
)

// dryItem reads the item of a dry run. Only where the stock is has to be said.
func (s *scanner) dryItem(d *dryRun) {
	d.orderID = "dry-run"
	d.item = engine.AllocateLine{ItemID: "1", Quantity: 1}
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "orderId":
			s.mark(&got, gotDryOrderID)
			d.orderID = s.name()
		case "itemId":
			s.mark(&got, gotDryItemID)
			d.item.ItemID = s.name()
		case "upc":
			s.mark(&got, gotDryUPC)
			d.item.UPC = s.name()
		case "location":
			s.mark(&got, gotDryLocation)
			d.item.Location = s.name()
		case "quantity":
			if s.given(&got, gotDryQuantity) {
				d.item.Quantity = s.positive()
			}
		case "tags":
			d.item.Tags = s.optionalTags(&got, gotDryTags, nil)
		case "attributes":
			if s.given(&got, gotDryAttributes) {
				d.item.Attributes = s.attributes(nil)
			}
		default:
			s.unknown()
		}
	}
	s.need(got, gotDryUPC, "upc")
	s.need(got, gotDryLocation, "location")
}

const (
	gotRecordVersion fields = 1 << iota
	gotRecordFloor
	gotRecordLTD
	gotRecordDue
	gotRecordSegments
)

// dryRecord reads a record that is given in place of the stored one. What it has of each is the sum over its segments.
func (s *scanner) dryRecord(r *rules.Record) {
	var got fields
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "version":
			if s.given(&got, gotRecordVersion) {
				r.Version = uint64(s.figure())
			}
		case "floor":
			if s.given(&got, gotRecordFloor) {
				r.Floor = s.figure()
			}
		case "ltd":
			if s.given(&got, gotRecordLTD) {
				r.LTD = s.figure()
			}
		case "due":
			s.optionalBoolean(&got, gotRecordDue, &r.Due)
		case "segments":
			s.mark(&got, gotRecordSegments)
			r.Segments = s.drySegments()
		default:
			s.unknown()
		}
	}
	s.need(got, gotRecordSegments, "segments")
}

func (s *scanner) drySegments() (segments []rules.Segment) {
	s.openArray()
	for s.nextElement() {
		s.atMost(len(segments), engine.SegmentsPerRecordMax)
		segments = append(segments, s.drySegment())
	}
	return segments
}

const (
	gotSegmentTags fields = 1 << iota
	gotSegmentOnHand
	gotSegmentAllocated
	gotSegmentPending
	gotSegmentSafetyStock
	gotSegmentFloor
	gotSegmentLTD
)

func (s *scanner) drySegment() (segment rules.Segment) {
	var got fields
	figure := func(field fields, into *int64) {
		if s.given(&got, field) {
			*into = s.figure()
		}
	}
	s.openObject()
	for key, ok := s.nextField(); ok; key, ok = s.nextField() {
		switch key {
		case "tags":
			segment.Tags = s.optionalTags(&got, gotSegmentTags, nil)
		case "onHand":
			figure(gotSegmentOnHand, &segment.OnHand)
		case "allocated":
			figure(gotSegmentAllocated, &segment.Allocated)
		case "pending":
			figure(gotSegmentPending, &segment.Pending)
		case "safetyStock":
			figure(gotSegmentSafetyStock, &segment.SafetyStock)
		case "floor":
			figure(gotSegmentFloor, &segment.Floor)
		case "ltd":
			figure(gotSegmentLTD, &segment.LTD)
		default:
			s.unknown()
		}
	}
	return segment
}

// figure reads a number from 0 to engine.QuantityMax.
func (s *scanner) figure() int64 {
	s.space()
	begin := s.at
	n := s.integer()
	if n < 0 || n > engine.QuantityMax {
		s.failAt(begin, codeInvalid, "a number from 0 to 1000000000000 is expected", "", string(s.text[begin:s.at]))
		return 0
	}
	return n
}
