package engine

import (
	"bytes"
	"math"
)

// DecodeCommand reads the binary form of a command. It owns what it returns. Apply's own way is commandScratch.
func DecodeCommand(b []byte) (Envelope, Command, error) {
	c, env, err := new(commandScratch).decode(bytes.Clone(b))
	if err != nil {
		return Envelope{}, nil, err
	}
	return *env, c, nil
}

// commandScratch decodes commands without allocating, once it has grown to their size: it holds one command of each
// kind and reuses their lists. Slices behind the lists' ends keep strings of earlier commands, and so their memory,
// until they are overwritten; that is bounded by the largest command of each kind.
type commandScratch struct {
	r   reader
	env Envelope

	// body is the part of the last decoded command that follows the envelope. Two commands of a kind are equal exactly
	// when their bodies are. It aliases the input.
	body []byte

	// tags holds the tags of all lines of one command; the lines have sub-slices of it, capped so that nobody can
	// append into the next line's tags. When it grows, lines decoded before keep the old memory, which is still right.
	tags []Tag

	// lists, if there are any, remember tag lists; known holds the ones that an Allocate's lines have, nil for others.
	lists *tagLists
	known []*tagList

	attributes []Attribute // of all lines, in the same way
	plans      []PlannedLine
	job        JobInfo

	refresh        Refresh
	adjust         Adjust
	transfer       Transfer
	redistribute   Redistribute
	remove         Delete
	allocate       Allocate
	orderChange    OrderChange
	transition     Transition
	putLocation    PutLocation
	putGroup       PutLocationGroup
	removeSegments DeleteSegments
	block          Block
	putCategory    PutTagCategory
	deleteCategory DeleteTagCategory
	startCount     StartCount
	closeCount     CloseCount
	expire         Expire
	putRule        PutRule
	deleteRule     DeleteRule
	activateRule   ActivateRule
	deactivateRule DeactivateRule
	suspendRule    SuspendRule
	redistribution RedistributePlan
}

// decode reads a command. What it returns belongs to the scratch and is valid until the next decode; its strings and
// Archived alias b and are valid only while b does not change.
func (s *commandScratch) decode(b []byte) (Command, *Envelope, error) {
	s.r = reader{b: b}
	s.tags, s.attributes = s.tags[:0], s.attributes[:0]
	version := s.r.byte()
	if err := checkForm(version, commandVersion, ErrBadCommand); err != nil {
		return nil, nil, err
	}
	kind := Kind(s.r.byte())
	s.readEnvelope()
	s.env.Version = version
	s.body = b[s.r.at:]
	c := s.readBody(kind)
	if err := s.r.end(ErrBadCommand); err != nil {
		return nil, nil, err
	}
	return c, &s.env, nil
}

// decodeBody reads a command of which only the kind and the body were kept. It overwrites what decode returned.
func (s *commandScratch) decodeBody(kind Kind, body []byte) (Command, error) {
	s.r = reader{b: body}
	s.tags, s.attributes = s.tags[:0], s.attributes[:0]
	s.env = Envelope{}
	s.body = body
	c := s.readBody(kind)
	return c, s.r.end(ErrBadCommand)
}

func (s *commandScratch) readEnvelope() {
	r := &s.r
	s.env = Envelope{}
	flags := r.flags(commandHasKey | commandHasArchived | commandHasRules | commandHasJob | commandHasSeen)
	if flags&commandHasKey != 0 {
		s.env.Key = r.text()
		if s.env.Key == "" {
			r.fail("announced key is empty")
		}
	}
	if flags&commandHasArchived != 0 {
		s.env.Archived = r.bytes()
		s.env.ArchivedAt = r.uvarint()
		if len(s.env.Archived) == 0 && s.env.ArchivedAt == 0 {
			r.fail("announced order is empty")
		}
	}
	if flags&commandHasRules != 0 {
		s.readPlans()
	}
	if flags&commandHasJob != 0 {
		s.job = readJobInfo(r)
		s.env.Job = &s.job
	}
	if flags&commandHasSeen != 0 {
		s.env.IfSeen, s.env.Seen = true, r.uvarint()
	}
}

func (s *commandScratch) readBody(kind Kind) Command {
	r := &s.r
	switch kind {
	case KindRefresh:
		c := &s.refresh
		c.Location, c.Count = r.text(), r.text()
		c.Items = s.readStockItems(c.Items)
		return c
	case KindAdjust:
		c := &s.adjust
		c.Location = r.text()
		c.Items = s.readStockItems(c.Items)
		return c
	case KindTransfer:
		s.readTransfer()
		return &s.transfer
	case KindRedistribute:
		flags := s.readScope(&s.redistribute.Scope, scopeAll|scopeDryRun|scopeNow)
		s.redistribute.Now = flags&scopeNow != 0
		s.redistribute.DryRun = flags&scopeDryRun != 0
		return &s.redistribute
	case KindDelete:
		return s.readDelete()
	case KindAllocate:
		s.readAllocate()
		return &s.allocate
	case KindConfirm, KindDeallocate, KindFulfill, KindReturn:
		s.readOrderChange(kind)
		return &s.orderChange
	case KindTransition:
		readTransition(r, &s.transition)
		return &s.transition
	case KindPutLocation:
		readPutLocation(r, &s.putLocation)
		return &s.putLocation
	case KindDeleteSegments:
		return s.readDeleteSegments()
	case KindPutLocationGroup:
		readPutLocationGroup(r, &s.putGroup)
		return &s.putGroup
	case KindBlock:
		readBlock(r, &s.block)
		return &s.block
	case KindPutTagCategory:
		s.readPutTagCategory()
		return &s.putCategory
	case KindDeleteTagCategory:
		s.deleteCategory.Name, s.deleteCategory.MoveTo = r.text(), r.text()
		return &s.deleteCategory
	case KindStartCount:
		s.startCount.Location, s.startCount.Count = r.text(), r.text()
		return &s.startCount
	case KindCloseCount:
		s.closeCount.Location, s.closeCount.Count = r.text(), r.text()
		return &s.closeCount
	case KindExpire:
		return &s.expire
	case KindPutRule, KindDeleteRule, KindActivateRule, KindDeactivateRule, KindSuspendRule:
		return s.readRule(kind)
	case KindRedistributePlan:
		return s.readRedistributePlan()
	default:
		r.fail("unknown kind")
		return nil
	}
}

// readTags reads one tag list into the pool; an empty list is nil.
func (s *commandScratch) readTags() []Tag {
	n := s.r.count(tagBytesMin)
	if n == 0 {
		return nil
	}
	start := len(s.tags)
	for range n {
		s.tags = append(s.tags, Tag{Category: s.r.text(), Value: s.r.text()})
	}
	return s.tags[start:len(s.tags):len(s.tags)]
}

// readKnownTags is readTags for a list that may have been read before.
func (s *commandScratch) readKnownTags() ([]Tag, *tagList) {
	if s.lists != nil {
		if list, n := s.lists.find(s.r.b[s.r.at:]); list != nil {
			s.r.at += n
			return list.tags, list
		}
	}
	return s.readTags(), nil
}

func (s *commandScratch) readStockItems(items []StockItem) []StockItem {
	items = resize(items, s.r.count(stockBytesMin))
	for i := range items {
		s.readStockItem(&items[i])
	}
	return items
}

func (s *commandScratch) readStockItem(it *StockItem) {
	r := &s.r
	flags := r.flags(byte(stockFieldsKnown) | stockHasDelivery)
	it.Has = StockFields(flags) & stockFieldsKnown
	it.UPC = r.text()
	it.Tags = s.readTags()
	it.Quantity = r.varint()
	it.SafetyStock, it.Floor, it.LTD, it.DeliveryDateMS = 0, 0, 0, 0
	if flags == 0 {
		return
	}
	if it.Has&HasSafetyStock != 0 {
		it.SafetyStock = r.varint()
	}
	if it.Has&HasFloor != 0 {
		it.Floor = r.varint()
	}
	if it.Has&HasLTD != 0 {
		it.LTD = r.varint()
	}
	if flags&stockHasDelivery != 0 {
		if it.DeliveryDateMS = r.varint(); it.DeliveryDateMS == 0 {
			r.fail("announced date is empty")
		}
	}
}

func (s *commandScratch) readTransfer() {
	r := &s.r
	c := &s.transfer
	c.Items = resize(c.Items, r.count(transferBytesMin))
	for i := range c.Items {
		it := &c.Items[i]
		it.UPC = r.text()
		it.FromLocation = r.text()
		it.FromTags = s.readTags()
		it.ToLocation = r.text()
		it.ToTags = s.readTags()
		it.Quantity = r.varint()
	}
}

func (s *commandScratch) readScope(scope *Scope, known byte) (flags byte) {
	flags = s.r.flags(known)
	scope.All = flags&scopeAll != 0
	scope.UPCs = s.readTexts(scope.UPCs)
	scope.Locations = s.readTexts(scope.Locations)
	return flags
}

func (s *commandScratch) readDelete() *Delete {
	c := &s.remove
	flags := s.readScope(&c.Scope, scopeAll|scopeDryRun|scopeForce)
	c.Force, c.DryRun = flags&scopeForce != 0, flags&scopeDryRun != 0
	return c
}

func (s *commandScratch) readDeleteSegments() *DeleteSegments {
	c := &s.removeSegments
	c.DryRun = s.readScope(&c.Scope, scopeAll|scopeDryRun)&scopeDryRun != 0
	c.Tags = s.readTags()
	return c
}

func (s *commandScratch) readTexts(texts []string) []string {
	texts = resize(texts, s.r.count(textBytesMin))
	for i := range texts {
		texts[i] = s.r.text()
	}
	return texts
}

func (s *commandScratch) readAllocate() {
	r := &s.r
	c := &s.allocate
	flags := r.flags(allocBack | allocExpires | allocFacts)
	c.Backorder = flags&allocBack != 0
	c.Mode = Mode(r.byte())
	c.OrderID = r.text()
	c.ExpiresAtMS = 0
	if flags&allocExpires != 0 {
		if c.ExpiresAtMS = r.varint(); c.ExpiresAtMS == 0 {
			r.fail("announced date is empty")
		}
	}
	c.Lines = resize(c.Lines, r.count(allocBytesMin))
	s.known = resize(s.known, len(c.Lines))
	hasFacts := false
	for i := range c.Lines {
		l := &c.Lines[i]
		l.Attributes = nil
		l.ItemID = r.text()
		l.UPC = r.text()
		l.Location = r.text()
		l.Quantity = r.varint()
		l.Tags, s.known[i] = s.readKnownTags()
		if flags&allocFacts != 0 {
			l.Attributes = s.readAttributes()
			hasFacts = hasFacts || len(l.Attributes) > 0
		}
	}
	if flags&allocFacts != 0 && !hasFacts {
		r.fail("announced attributes are empty")
	}
}

func (s *commandScratch) readOrderChange(action Kind) {
	c := &s.orderChange
	c.Action = action
	c.OrderID = s.r.text()
	c.Lines = resize(c.Lines, s.r.count(lineBytesMin))
	for i := range c.Lines {
		s.readOrderLine(&c.Lines[i])
	}
}

func (s *commandScratch) readOrderLine(l *OrderLine) {
	r := &s.r
	flags := r.flags(lineHasGoods | lineLost | lineBlock)
	l.Lost, l.Block = flags&lineLost != 0, BlockMark(flags&lineBlock>>lineBlockShift)
	l.ItemID = r.text()
	l.Quantity = r.varint()
	l.UPC, l.Location, l.Tags = "", "", nil
	if flags&lineHasGoods == 0 {
		return
	}
	l.UPC = r.text()
	l.Location = r.text()
	l.Tags = s.readTags()
	if l.UPC == "" && l.Location == "" && len(l.Tags) == 0 {
		r.fail("announced goods are empty")
	}
}

func (s *commandScratch) readPutTagCategory() {
	r := &s.r
	c := &s.putCategory
	c.Rounding = Rounding(r.byte())
	c.Name = r.text()
	c.Values = resize(c.Values, r.count(valueBytesMin))
	for i := range c.Values {
		readValue(r, &c.Values[i])
	}
	c.MoveTo = resize(c.MoveTo, r.count(moveBytesMin))
	for i := range c.MoveTo {
		c.MoveTo[i] = Move{From: r.text(), To: r.text()}
	}
}

func readValue(r *reader, v *Value) {
	flags := r.flags(valueDefault | valueHasMax)
	v.Default = flags&valueDefault != 0
	v.Name = r.text()
	percent := r.varint()
	if percent < math.MinInt32 || percent > math.MaxInt32 {
		r.fail("percent out of range")
	}
	v.Percent = int32(percent)
	v.Min = r.varint()
	v.Max = NoMax
	if flags&valueHasMax != 0 {
		if v.Max = r.varint(); v.Max == NoMax {
			r.fail("announced max is empty")
		}
	}
}
