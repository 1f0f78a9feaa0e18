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
	in  bodyReader
	env Envelope

	// body is the part of the last decoded command that follows the envelope. Two commands of a kind are equal exactly
	// when their bodies are. It aliases the input.
	body []byte

	plans []PlannedLine
	job   JobInfo

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

// bodyReader is a reader with memory for the lists inside the elements of a command's list.
type bodyReader struct {
	reader

	// tags holds the tags of all lines of one command; the lines have sub-slices of it, capped so that nobody can
	// append into the next line's tags. When it grows, lines decoded before keep the old memory, which is still right.
	tags []Tag

	// lists, if there are any, remember tag lists; known holds the ones that an Allocate's lines have, nil for others.
	lists *tagLists
	known []*tagList

	attributes []Attribute // of all lines, in the same way
}

// start begins to read other bytes.
func (r *bodyReader) start(b []byte) {
	r.reader = reader{b: b}
	r.tags, r.attributes = r.tags[:0], r.attributes[:0]
}

// decode reads a command. What it returns belongs to the scratch and is valid until the next decode; its strings and
// Archived alias b and are valid only while b does not change.
func (s *commandScratch) decode(b []byte) (Command, *Envelope, error) {
	s.in.start(b)
	version := s.in.byte()
	if err := checkForm(version, commandVersion, ErrBadCommand); err != nil {
		return nil, nil, err
	}
	kind := Kind(s.in.byte())
	s.readEnvelope()
	s.env.Version = version
	s.body = b[s.in.at:]
	c := s.readBody(kind)
	if err := s.in.end(ErrBadCommand); err != nil {
		return nil, nil, err
	}
	return c, &s.env, nil
}

// decodeBody reads a command of which only the kind and the body were kept. It overwrites what decode returned.
func (s *commandScratch) decodeBody(kind Kind, body []byte) (Command, error) {
	s.in.start(body)
	s.env = Envelope{}
	s.body = body
	c := s.readBody(kind)
	return c, s.in.end(ErrBadCommand)
}

func (s *commandScratch) readBody(kind Kind) Command {
	if !kind.known() {
		s.in.fail("unknown kind")
		return nil
	}
	c := commands[kind].in(s)
	c.readBody(&s.in)
	return c
}

// check is the check of the command decoded last. Tag lists of an Allocate that are remembered were checked then.
func (s *commandScratch) check(c Command) *Fault {
	if c, ok := c.(*Allocate); ok {
		return c.checkLines(s.in.known)
	}
	return c.check()
}

func (s *commandScratch) readEnvelope() {
	r := &s.in
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
		s.job = readJobInfo(&r.reader)
		s.env.Job = &s.job
	}
	if flags&commandHasSeen != 0 {
		s.env.IfSeen, s.env.Seen = true, r.uvarint()
	}
}

// readTags reads one tag list into the pool; an empty list is nil.
func (r *bodyReader) readTags() []Tag {
	n := r.count(tagBytesMin)
	if n == 0 {
		return nil
	}
	start := len(r.tags)
	for range n {
		r.tags = append(r.tags, Tag{Category: r.text(), Value: r.text()})
	}
	return r.tags[start:len(r.tags):len(r.tags)]
}

// readKnownTags is readTags for a list that may have been read before.
func (r *bodyReader) readKnownTags() ([]Tag, *tagList) {
	if r.lists != nil {
		if list, n := r.lists.find(r.b[r.at:]); list != nil {
			r.at += n
			return list.tags, list
		}
	}
	return r.readTags(), nil
}

func (r *bodyReader) readStockItems(items []StockItem) []StockItem {
	items = resize(items, r.count(stockBytesMin))
	for i := range items {
		r.readStockItem(&items[i])
	}
	return items
}

func (r *bodyReader) readStockItem(it *StockItem) {
	flags := r.flags(byte(stockFieldsKnown) | stockHasDelivery)
	it.Has = StockFields(flags) & stockFieldsKnown
	it.UPC = r.text()
	it.Tags = r.readTags()
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

func (c *Transfer) readBody(r *bodyReader) {
	c.Items = resize(c.Items, r.count(transferBytesMin))
	for i := range c.Items {
		it := &c.Items[i]
		it.UPC = r.text()
		it.FromLocation = r.text()
		it.FromTags = r.readTags()
		it.ToLocation = r.text()
		it.ToTags = r.readTags()
		it.Quantity = r.varint()
	}
}

func (r *bodyReader) readScope(scope *Scope, known byte) (flags byte) {
	flags = r.flags(known)
	scope.All = flags&scopeAll != 0
	scope.UPCs = r.readTexts(scope.UPCs)
	scope.Locations = r.readTexts(scope.Locations)
	return flags
}

func (c *Delete) readBody(r *bodyReader) {
	flags := r.readScope(&c.Scope, scopeAll|scopeDryRun|scopeForce)
	c.Force, c.DryRun = flags&scopeForce != 0, flags&scopeDryRun != 0
}

func (c *DeleteSegments) readBody(r *bodyReader) {
	c.DryRun = r.readScope(&c.Scope, scopeAll|scopeDryRun)&scopeDryRun != 0
	c.Tags = r.readTags()
}

func (r *bodyReader) readTexts(texts []string) []string {
	texts = resize(texts, r.count(textBytesMin))
	for i := range texts {
		texts[i] = r.text()
	}
	return texts
}

func (c *Allocate) readBody(r *bodyReader) {
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
	r.known = resize(r.known, len(c.Lines))
	hasFacts := false
	for i := range c.Lines {
		l := &c.Lines[i]
		l.Attributes = nil
		l.ItemID = r.text()
		l.UPC = r.text()
		l.Location = r.text()
		l.Quantity = r.varint()
		l.Tags, r.known[i] = r.readKnownTags()
		if flags&allocFacts != 0 {
			l.Attributes = r.readAttributes()
			hasFacts = hasFacts || len(l.Attributes) > 0
		}
	}
	if flags&allocFacts != 0 && !hasFacts {
		r.fail("announced attributes are empty")
	}
}

func (c *OrderChange) readBody(r *bodyReader) {
	c.OrderID = r.text()
	c.Lines = resize(c.Lines, r.count(lineBytesMin))
	for i := range c.Lines {
		r.readOrderLine(&c.Lines[i])
	}
}

func (r *bodyReader) readOrderLine(l *OrderLine) {
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
	l.Tags = r.readTags()
	if l.UPC == "" && l.Location == "" && len(l.Tags) == 0 {
		r.fail("announced goods are empty")
	}
}

func (c *PutTagCategory) readBody(r *bodyReader) {
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

func readValue(r *bodyReader, v *Value) {
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
