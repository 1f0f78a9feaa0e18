package engine

import (
	"encoding/binary"
	"fmt"
)

// The binary form of a Spread, and its checks.

const (
	spreadBytesMin       = 2*textBytesMin + 1 + textBytesMin + 1 + 1 + textBytesMin + 1
	spreadTargetBytesMin = 1 + 1
)

// appendSpread: each item has UPC, location, record version, rule, rule version, action, reason, targets of tags and
// units.
func appendSpread(dst []byte, c *Spread) []byte {
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

func (s *commandScratch) readSpread() *Spread {
	r, c := &s.r, &s.spread
	c.Items = resize(c.Items, r.count(spreadBytesMin))
	for i := range c.Items {
		it := &c.Items[i]
		it.UPC, it.Location, it.RecordVersion = r.text(), r.text(), r.uvarint()
		it.Rule, it.RuleVersion = r.text(), r.uint32()
		it.Action, it.Reason = SpreadAction(r.byte()), r.text()
		it.Targets = resize(it.Targets, r.count(spreadTargetBytesMin))
		for k := range it.Targets {
			it.Targets[k] = SpreadTarget{Tags: s.readTags(), Available: r.varint()}
		}
	}
	return c
}

func checkSpread(c *Spread) *fault {
	if f := checkSize("items", len(c.Items), 1, SpreadItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkSpreadItem(&c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func checkSpreadItem(it *SpreadItem) *fault {
	switch {
	case !isText(it.UPC, UPCBytesMax):
		return textFault("upc", it.UPC)
	case !isText(it.Location, LocationBytesMax):
		return textFault("location", it.Location)
	case !isOptionalText(it.Rule, RuleNameBytesMax):
		return textFault("rule", it.Rule)
	case !isOptionalText(it.Reason, RuleReasonBytesMax):
		return textFault("reason", it.Reason)
	case it.Action < SpreadTargets || it.Action > SpreadKeep:
		return numberFault("action", int64(it.Action))
	case len(it.Targets) > SegmentsPerRecordMax, (len(it.Targets) > 0) != (it.Action == SpreadTargets):
		return numberFault("targets", int64(len(it.Targets)))
	}
	for k := range it.Targets {
		t := &it.Targets[k]
		if f := checkTags(fmt.Sprintf("targets[%d].tags", k), t.Tags); f != nil {
			return f
		}
		if t.Available < 0 || t.Available > RecordUnitsMax {
			return numberFault(fmt.Sprintf("targets[%d].available", k), t.Available)
		}
	}
	return nil
}
