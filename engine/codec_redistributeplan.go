package engine

import (
	"encoding/binary"
	"fmt"
)

// The binary form of a RedistributePlan, and its checks.

const (
	redistributeItemBytesMin = 2*textBytesMin + 1 + textBytesMin + 1 + 1 + textBytesMin + 1
	segmentTargetBytesMin    = 1 + 1
)

// appendBody: each item has UPC, location, record version, rule, rule version, action, reason, targets of
// tags and units.
func (c *RedistributePlan) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Items)))
	for i := range c.Items {
		it := &c.Items[i]
		dst = appendText(appendText(dst, it.UPC), it.Location)
		dst = binary.AppendUvarint(dst, it.RecordVersion)
		dst = appendText(dst, it.Rule)
		dst = binary.AppendUvarint(dst, uint64(it.RuleVersion))
		dst = append(dst, byte(it.Action))
		dst = appendText(dst, it.Reason)
		dst = binary.AppendUvarint(dst, uint64(len(it.Targets)))
		for k := range it.Targets {
			dst = binary.AppendVarint(appendTags(dst, it.Targets[k].Tags), it.Targets[k].Available)
		}
	}
	return dst
}

func (c *RedistributePlan) readBody(r *bodyReader) {
	c.Items = resize(c.Items, r.count(redistributeItemBytesMin))
	for i := range c.Items {
		it := &c.Items[i]
		it.UPC, it.Location, it.RecordVersion = r.text(), r.text(), r.uvarint()
		it.Rule, it.RuleVersion = r.text(), r.uint32()
		it.Action, it.Reason = RedistributeAction(r.byte()), r.text()
		it.Targets = resize(it.Targets, r.count(segmentTargetBytesMin))
		for k := range it.Targets {
			it.Targets[k] = SegmentTarget{Tags: r.readTags(), Available: r.varint()}
		}
	}
}

func (c *RedistributePlan) check() *Fault {
	if f := checkSize("items", len(c.Items), 1, RedistributeItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkRedistributeItem(&c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func checkRedistributeItem(it *RedistributeItem) *Fault {
	switch {
	case !IsText(it.UPC, UPCBytesMax):
		return textFault("upc", it.UPC, UPCBytesMax)
	case !IsText(it.Location, LocationBytesMax):
		return textFault("location", it.Location, LocationBytesMax)
	case !isOptionalText(it.Rule, RuleNameBytesMax):
		return textFault("rule", it.Rule, RuleNameBytesMax)
	case !isOptionalText(it.Reason, RuleReasonBytesMax):
		return textFault("reason", it.Reason, RuleReasonBytesMax)
	case it.Action < RedistributeToTargets || it.Action > RedistributeKeep:
		return numberFault("action", int64(it.Action), int64(RedistributeToTargets), int64(RedistributeKeep))
	case len(it.Targets) > SegmentsPerRecordMax, (len(it.Targets) > 0) != (it.Action == RedistributeToTargets):
		return sizeFault("targets", len(it.Targets), 0, SegmentsPerRecordMax)
	}
	for k := range it.Targets {
		t := &it.Targets[k]
		if f := checkTags(fmt.Sprintf("targets[%d].tags", k), t.Tags); f != nil {
			return f
		}
		if t.Available < 0 || t.Available > RecordUnitsMax {
			return numberFault(fmt.Sprintf("targets[%d].available", k), t.Available, 0, RecordUnitsMax)
		}
	}
	return nil
}
