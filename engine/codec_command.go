package engine

import "encoding/binary"

// A command's layout:
//
//	byte 0   version
//	byte 1   kind
//	byte 2   flags: commandHasKey, commandHasArchived, commandHasRules, commandHasJob, commandHasSeen
//	         key text                                 with commandHasKey
//	         archived row as text, uvarint ArchivedAt with commandHasArchived
//	         uvarint RulesIndex, plans                with commandHasRules
//	         job                                      with commandHasJob
//	         uvarint Seen                             with commandHasSeen
//	         body: see the appendBody of each command
const (
	commandHasKey      = 1 << 0
	commandHasArchived = 1 << 1
	commandHasRules    = 1 << 2
	commandHasJob      = 1 << 3
	commandHasSeen     = 1 << 4
)

// Flags of a stock item: the bits of StockFields, then these.
const (
	stockFieldsKnown = HasSafetyStock | HasFloor | HasLTD

	stockHasDelivery = 1 << 7
)

// Flags of the commands, and of their parts.
const (
	scopeAll     = 1 << 0
	scopeDryRun  = 1 << 1
	scopeNow     = 1 << 2 // Redistribute
	scopeForce   = 1 << 3 // Delete
	allocBack    = 1 << 0
	allocExpires = 1 << 1
	allocFacts   = 1 << 2 // a line has attributes
	lineHasGoods = 1 << 0 // an OrderLine with UPC, Location or Tags
	lineLost     = 1 << 1
	lineBlock    = 3 << 2 // its BlockMark, in two bits
	valueDefault = 1 << 0

	lineBlockShift = 2
	valueHasMax    = 1 << 1
)

// The least bytes that an element of a list takes; they bound the counts that a decoder believes.
const (
	textBytesMin      = 1
	tagBytesMin       = 2 * textBytesMin
	stockBytesMin     = 1 + textBytesMin + 1 + 1
	transferBytesMin  = 3*textBytesMin + 2 + 1
	allocBytesMin     = 3*textBytesMin + 1 + 1
	lineBytesMin      = 1 + textBytesMin + 1
	valueBytesMin     = 1 + textBytesMin + 1 + 1
	moveBytesMin      = 2 * textBytesMin
	factBytesMin      = 2 * textBytesMin
	plannedBytesMin   = 1 + textBytesMin + 1 + 1 + 1 + textBytesMin + 1
	candidateBytesMin = 1 + 1 + 1
	becomesBytesMin   = 2 * textBytesMin
)

// AppendCommand appends the binary form of c with its envelope to dst. It checks no limits (see CheckCommand). Values
// of stock fields that Has does not announce are not written.
func AppendCommand(dst []byte, env *Envelope, c Command) []byte {
	hasArchived := len(env.Archived) > 0 || env.ArchivedAt != 0
	hasRules := env.RulesIndex != 0 || len(env.Plans) > 0
	flags := flagBit(env.Key != "", commandHasKey) | flagBit(hasArchived, commandHasArchived) | flagBit(hasRules,
		commandHasRules) |
		flagBit(env.Job != nil, commandHasJob) | flagBit(env.IfSeen, commandHasSeen)
	dst = append(dst, versionOf(env, c), byte(c.Kind()), flags)
	if env.Key != "" {
		dst = appendText(dst, env.Key)
	}
	if hasArchived {
		dst = binary.AppendUvarint(dst, uint64(len(env.Archived)))
		dst = append(dst, env.Archived...)
		dst = binary.AppendUvarint(dst, env.ArchivedAt)
	}
	if hasRules {
		dst = appendPlans(binary.AppendUvarint(dst, env.RulesIndex), env.Plans)
	}
	if env.Job != nil {
		dst = appendJobInfo(dst, env.Job)
	}
	if env.IfSeen {
		dst = binary.AppendUvarint(dst, env.Seen)
	}
	return c.appendBody(dst)
}

func appendTags(dst []byte, tags []Tag) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(tags)))
	for i := range tags {
		dst = appendText(dst, tags[i].Category)
		dst = appendText(dst, tags[i].Value)
	}
	return dst
}

func appendStockItems(dst []byte, items []StockItem) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for i := range items {
		dst = appendStockItem(dst, &items[i])
	}
	return dst
}

// appendStockItem: flags, UPC, tags, quantity, then what the flags announce, in the order of the bits.
func appendStockItem(dst []byte, it *StockItem) []byte {
	has := it.Has & stockFieldsKnown
	dst = append(dst, byte(has)|flagBit(it.DeliveryDateMS != 0, stockHasDelivery))
	dst = appendText(dst, it.UPC)
	dst = appendTags(dst, it.Tags)
	dst = binary.AppendVarint(dst, it.Quantity)
	if has&HasSafetyStock != 0 {
		dst = binary.AppendVarint(dst, it.SafetyStock)
	}
	if has&HasFloor != 0 {
		dst = binary.AppendVarint(dst, it.Floor)
	}
	if has&HasLTD != 0 {
		dst = binary.AppendVarint(dst, it.LTD)
	}
	if it.DeliveryDateMS != 0 {
		dst = binary.AppendVarint(dst, it.DeliveryDateMS)
	}
	return dst
}

func appendTransferItems(dst []byte, items []TransferItem) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for i := range items {
		it := &items[i]
		dst = appendText(dst, it.UPC)
		dst = appendText(dst, it.FromLocation)
		dst = appendTags(dst, it.FromTags)
		dst = appendText(dst, it.ToLocation)
		dst = appendTags(dst, it.ToTags)
		dst = binary.AppendVarint(dst, it.Quantity)
	}
	return dst
}

// appendScope: flags, UPCs, locations.
func appendScope(dst []byte, s *Scope, flags byte) []byte {
	dst = append(dst, flags|flagBit(s.All, scopeAll))
	dst = appendTexts(dst, s.UPCs)
	return appendTexts(dst, s.Locations)
}

// appendBody: flags, mode, order, the reservation's end with allocExpires, lines; each line ends with its
// attributes with allocFacts.
func (c *Allocate) appendBody(dst []byte) []byte {
	hasFacts := false
	for i := range c.Lines {
		hasFacts = hasFacts || len(c.Lines[i].Attributes) > 0
	}
	dst = append(dst, flagBit(c.Backorder, allocBack)|flagBit(c.ExpiresAtMS != 0, allocExpires)|flagBit(hasFacts,
		allocFacts),
		byte(c.Mode))
	dst = appendText(dst, c.OrderID)
	if c.ExpiresAtMS != 0 {
		dst = binary.AppendVarint(dst, c.ExpiresAtMS)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Lines)))
	for i := range c.Lines {
		l := &c.Lines[i]
		dst = appendText(dst, l.ItemID)
		dst = appendText(dst, l.UPC)
		dst = appendText(dst, l.Location)
		dst = binary.AppendVarint(dst, l.Quantity)
		dst = appendTags(dst, l.Tags)
		if hasFacts {
			dst = appendAttributes(dst, l.Attributes)
		}
	}
	return dst
}

// appendBody: order, lines; each line has flags, item, quantity, and with lineHasGoods UPC, location and tags.
// The action is the command's kind.
func (c *OrderChange) appendBody(dst []byte) []byte {
	if !isOrderChange(c.Action) {
		panic("BUG: an order change without an action")
	}
	dst = appendText(dst, c.OrderID)
	dst = binary.AppendUvarint(dst, uint64(len(c.Lines)))
	for i := range c.Lines {
		l := &c.Lines[i]
		hasGoods := l.UPC != "" || l.Location != "" || len(l.Tags) > 0
		dst = append(dst, flagBit(hasGoods, lineHasGoods)|flagBit(l.Lost, lineLost)|byte(
			l.Block)<<lineBlockShift&lineBlock)
		dst = appendText(dst, l.ItemID)
		dst = binary.AppendVarint(dst, l.Quantity)
		if hasGoods {
			dst = appendText(dst, l.UPC)
			dst = appendText(dst, l.Location)
			dst = appendTags(dst, l.Tags)
		}
	}
	return dst
}

func isOrderChange(k Kind) bool { return k >= KindConfirm && k <= KindReturn }

// appendBody: rounding, name, values, moves; each value has flags, name, percent, min, and with valueHasMax
// max.
func (c *PutTagCategory) appendBody(dst []byte) []byte {
	dst = append(dst, byte(c.Rounding))
	dst = appendText(dst, c.Name)
	dst = binary.AppendUvarint(dst, uint64(len(c.Values)))
	for i := range c.Values {
		v := &c.Values[i]
		dst = append(dst, flagBit(v.Default, valueDefault)|flagBit(v.Max != NoMax, valueHasMax))
		dst = appendText(dst, v.Name)
		dst = binary.AppendVarint(dst, int64(v.Percent))
		dst = binary.AppendVarint(dst, v.Min)
		if v.Max != NoMax {
			dst = binary.AppendVarint(dst, v.Max)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.MoveTo)))
	for i := range c.MoveTo {
		dst = appendText(dst, c.MoveTo[i].From)
		dst = appendText(dst, c.MoveTo[i].To)
	}
	return dst
}
