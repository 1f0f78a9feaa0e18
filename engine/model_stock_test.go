package engine_test

import (
	"fmt"
	"maps"
	"slices"

	"apportion/engine"
)

// target is what a stock item changes: the segment with these tags, or, with group, all segments that agree with it in
// the discrete categories.
type target struct {
	tags  tagSet
	group bool
}

func (m *model) target(named []engine.Tag) (target, engine.Code) {
	tags, code := m.resolve(named)
	group := len(m.distributedCategories()) > 0
	for _, tag := range named {
		if c := m.category(tag.Category); c != nil && c.distributed() {
			group = false
		}
	}
	return target{tags: tags, group: group}, code
}

func (m *model) sameTarget(a, b target) bool {
	if a.group != b.group {
		return false
	}
	if a.group {
		return maps.Equal(m.discretePart(a.tags), m.discretePart(b.tags))
	}
	return maps.Equal(a.tags, b.tags)
}

// overlap reports whether two targets share a segment.
func (m *model) overlap(a, b target) bool {
	return m.sameTarget(target{a.tags, a.group || b.group}, target{b.tags, a.group || b.group})
}

func (m *model) sameDelivery(a, b *future) bool {
	splits := slices.ContainsFunc(m.categories, func(c category) bool { return c.distributed() })
	return a.dateMS == b.dateMS && m.sameTarget(target{a.tags, a.split && splits}, target{b.tags, b.split && splits})
}

func (m *model) refresh(c *engine.Refresh) answer {
	var count *stockCount
	if c.Count != "" {
		if count = m.counts[c.Location]; count == nil || count.name != c.Count {
			return answer{Code: engine.CodeUnknownCount}
		}
	}
	if a := m.matchVersions(wantedOfItems(c.Location, c.Items)); a.Code != engine.CodeOK {
		return a
	}
	return m.stock(c.Location, c.Items, count, func(_, quantity int64) int64 { return quantity })
}

// wantedVersion is the version that an item of a command depends on.
type wantedVersion struct {
	item    int
	place   place
	version uint64
}

func wantedOfItems(location string, items []engine.StockItem) (wanted []wantedVersion) {
	for i, it := range items {
		if it.Has&engine.HasVersion != 0 {
			wanted = append(wanted, wantedVersion{i, place{it.UPC, location}, it.IfVersion})
		}
	}
	return wanted
}

func wantedOfTransfer(items []engine.TransferItem) (wanted []wantedVersion) {
	for i, it := range items {
		if it.Has&engine.HasVersion != 0 {
			wanted = append(wanted, wantedVersion{i, place{it.UPC, it.FromLocation}, it.IfVersion})
		}
	}
	return wanted
}

// matchVersions refuses a command with an item whose record has another version. The model has no versions of its own:
// they are the engine's before the command.
func (m *model) matchVersions(wanted []wantedVersion) (a answer) {
	for _, w := range wanted {
		now := engine.RecordState{Item: w.item, UPC: w.place.upc, Location: w.place.location,
			Version: m.decided.versions[w.place]}
		if now.Version == w.version {
			continue
		}
		if m.records[w.place] != nil {
			f := m.recordFigures(w.place)
			now.OnHand, now.Allocated, now.Pending, now.SafetyStock = f.OnHand, f.Allocated, f.Pending, f.SafetyStock
		}
		a.Code = engine.CodeVersionMismatch
		a.Records = append(a.Records, now)
	}
	return a
}

func (m *model) adjust(c *engine.Adjust) answer {
	if a := m.matchVersions(wantedOfItems(c.Location, c.Items)); a.Code != engine.CodeOK {
		return a
	}
	return m.stock(c.Location, c.Items, nil, func(current, quantity int64) int64 { return current + quantity })
}

// stock applies items one after the other. result gives the new on hand of a target, or of its delivery.
func (m *model) stock(location string, items []engine.StockItem, count *stockCount,
	result func(current, quantity int64) int64) answer {
	a := answer{Stock: engine.StockResult{Items: int64(len(items))}}
	targets := make([]target, len(items))
	for i, it := range items {
		t, code := m.target(it.Tags)
		targets[i] = t
		if code != engine.CodeOK {
			return answer{Code: code}
		}
		if it.DeliveryDateMS != 0 && it.DeliveryDateMS <= m.nowMS {
			return answer{Code: engine.CodeExpired}
		}
	}
	for i := range items {
		for j := range i {
			if items[i].UPC == items[j].UPC && items[i].DeliveryDateMS == items[j].DeliveryDateMS &&
				m.overlap(targets[i], targets[j]) {
				return answer{Code: engine.CodeDuplicate}
			}
		}
	}

	touched := map[place]bool{}
	for i, it := range items {
		p := place{it.UPC, location}
		touched[p] = true
		m.setFields(p, targets[i], it)
		if it.DeliveryDateMS != 0 {
			if !m.setFuture(p, targets[i], it, result) {
				return answer{Code: engine.CodeOnHandBelowZero}
			}
			m.releasePending(p) // less safety stock may free units
			continue
		}
		current := m.onHand(p, targets[i])
		next := result(current, it.Quantity)
		if count != nil {
			// Units sold or received since the start of the count stay sold and received.
			next += current - count.onHand(m, p, targets[i])
		}
		if next < 0 && count != nil {
			a.Shortfalls = append(a.Shortfalls, engine.Shortfall{Item: i, Units: -next})
			next = 0
		}
		if next < 0 {
			return answer{Code: engine.CodeOnHandBelowZero}
		}
		before := m.record(p).copy()
		m.setOnHand(p, targets[i], next)
		if count != nil {
			count.correct(p, before, m.record(p))
		}
		m.releasePending(p)
		a.Stock.Units += abs(it.Quantity)
	}
	for p := range touched {
		m.splitIfDue(p)
		m.releasePending(p)
	}
	for i, it := range items {
		if p := (place{it.UPC, location}); count != nil && it.DeliveryDateMS == 0 {
			for _, s := range m.segmentsOf(m.record(p), targets[i]) {
				count.named[p] = append(count.named[p], maps.Clone(s.tags))
			}
		}
	}
	a.Stock.Records = int64(len(touched))
	return a
}

func abs(x int64) int64 { return max(x, -x) }

// setFields sets safety stock, floor and ltd. A group's floor and ltd are the record's.
func (m *model) setFields(p place, t target, it engine.StockItem) {
	r := m.record(p)
	floor, ltd := &r.floor, &r.ltd
	if !t.group {
		s := r.segment(t.tags)
		floor, ltd = &s.floor, &s.ltd
		if it.Has&engine.HasSafetyStock != 0 {
			s.safetyStock = it.SafetyStock
		}
	} else if it.Has&engine.HasSafetyStock != 0 {
		m.splitSafetyStock(p, t.tags, it.SafetyStock)
	}
	if it.Has&engine.HasFloor != 0 {
		*floor = it.Floor
	}
	if it.Has&engine.HasLTD != 0 {
		*ltd = it.LTD
	}
}

// segmentsOf are a target's existing segments.
func (m *model) segmentsOf(r *record, t target) []*segment {
	var segments []*segment
	for _, s := range r.segments {
		if m.sameTarget(target{s.tags, t.group}, t) {
			segments = append(segments, s)
		}
	}
	return segments
}

func (m *model) onHand(p place, t target) int64 {
	var units int64
	for _, s := range m.segmentsOf(m.record(p), t) {
		units += s.onHand
	}
	return units
}

func (m *model) setOnHand(p place, t target, units int64) {
	if t.group {
		m.splitOnHand(p, t.tags, units)
	} else {
		m.record(p).segment(t.tags).onHand = units
	}
}

// setFuture sets or changes the delivery of a target at a time, or reports false if it would be negative. Deliveries
// that a schema change made equal become one.
func (m *model) setFuture(p place, t target, it engine.StockItem, result func(current, quantity int64) int64) bool {
	m.sequence++
	r := m.record(p)
	next := &future{dateMS: it.DeliveryDateMS, tags: t.tags, split: t.group, sequence: m.sequence}
	var others []*future
	for _, f := range r.futures {
		if m.sameDelivery(f, next) {
			next.quantity += f.quantity
			next.sequence = min(next.sequence, f.sequence)
		} else {
			others = append(others, f)
		}
	}
	next.quantity = result(next.quantity, it.Quantity)
	r.futures = others
	if next.quantity > 0 {
		r.futures = append(others, next)
	}
	return next.quantity >= 0
}

func (m *model) transfer(c *engine.Transfer) answer {
	if a := m.matchVersions(wantedOfTransfer(c.Items)); a.Code != engine.CodeOK {
		return a
	}
	a := answer{Stock: engine.StockResult{Items: int64(len(c.Items))}}
	touched := map[place]bool{}
	before := m.copy() // no item transfers the units that another item brings
	taken := map[string]int64{}
	for _, it := range c.Items {
		from, fromCode := m.resolve(it.FromTags)
		to, toCode := m.resolve(it.ToTags)
		if fromCode != engine.CodeOK {
			return answer{Code: fromCode}
		}
		if toCode != engine.CodeOK {
			return answer{Code: toCode}
		}
		fromPlace, toPlace := place{it.UPC, it.FromLocation}, place{it.UPC, it.ToLocation}
		r := before.records[fromPlace]
		if r == nil {
			return answer{Code: engine.CodeUnknownRecord}
		}
		if fromPlace == toPlace && maps.Equal(from, to) {
			return answer{Code: engine.CodeInvalid}
		}
		s := r.find(from)
		if s == nil {
			return answer{Code: engine.CodeUnknownSegment}
		}
		source := fmt.Sprint(fromPlace, from)
		if left := before.available(fromPlace, s) - taken[source]; left < it.Quantity {
			return answer{Code: engine.CodeInsufficient, Stock: engine.StockResult{Units: max(0, left)}}
		}
		taken[source] += it.Quantity
		m.record(fromPlace).segment(from).onHand -= it.Quantity
		m.record(toPlace).segment(to).onHand += it.Quantity
		m.releasePending(toPlace)
		touched[fromPlace], touched[toPlace] = true, true
		a.Stock.Units += it.Quantity
	}
	a.Stock.Records = int64(len(touched))
	return a
}

func inScope(s engine.Scope, p place) bool {
	return (len(s.UPCs) == 0 || slices.Contains(s.UPCs, p.upc)) &&
		(len(s.Locations) == 0 || slices.Contains(s.Locations, p.location))
}

func (m *model) redistribute(c *engine.Redistribute) answer {
	var a answer
	before := m.copy()
	for _, p := range m.places() {
		if !inScope(c.Scope, p) {
			continue
		}
		if !c.Now && !c.DryRun {
			m.records[p].due = true
			a.Stock.Records++
			continue
		}
		m.records[p].due = true
		m.splitIfDue(p)
		changes := m.changes(before, p)
		m.releasePending(p)
		a.Stock.Records++
		for _, c := range changes {
			a.Changes = append(a.Changes, c)
			a.Stock.Units += max(0, c.After-c.Before)
		}
	}
	a.Segments = m.totals(a.Changes)
	if c.DryRun {
		*m = *before
	}
	return a
}

// totals adds up changes by segment, in the order of the values of all categories.
func (m *model) totals(changes []change) []total {
	sums := map[string]total{}
	for _, c := range changes {
		t := sums[c.Tags]
		sums[c.Tags] = total{c.Tags, t.Before + c.Before, t.After + c.After}
	}
	sets := []tagSet{{}}
	for _, c := range m.categories {
		var longer []tagSet
		for _, set := range sets {
			for _, v := range c.values {
				more := maps.Clone(set)
				more[c.name] = v.Name
				longer = append(longer, more)
			}
		}
		sets = longer
	}
	var totals []total
	for _, set := range sets {
		if t := sums[set.String()]; t.Before != 0 || t.After != 0 {
			totals = append(totals, t)
		}
	}
	return totals
}

// changes lists the segments whose available units have changed.
func (m *model) changes(before *model, p place) []change {
	var changes []change
	for _, s := range m.records[p].segments {
		was := int64(0)
		if old := before.records[p].find(s.tags); old != nil {
			was = before.available(p, old)
		}
		if now := m.available(p, s); now != was {
			changes = append(changes, change{p.upc, p.location, s.tags.String(), was, now})
		}
	}
	return changes
}

func (m *model) delete(c *engine.Delete) answer {
	var a answer
	var gone []place
	for _, p := range m.places() {
		if !inScope(c.Scope, p) {
			continue
		}
		gone = append(gone, p)
		blocked := engine.BlockedRecord{UPC: p.upc, Location: p.location}
		for _, s := range m.records[p].segments {
			allocated, pending := m.promised(p, s.tags)
			blocked.OnHand += s.onHand
			blocked.Allocated += allocated
			blocked.Pending += pending
		}
		a.Stock.Records++
		a.Stock.Units += blocked.OnHand
		a.Stock.Promised += blocked.Allocated + blocked.Pending
		if blocked.Allocated+blocked.Pending > 0 && !c.Force {
			a.Blocked = append(a.Blocked, blocked)
		}
	}
	if len(a.Blocked) > 0 {
		a.Code = engine.CodeInUse
		return a
	}
	if c.DryRun {
		return a
	}
	for _, p := range gone {
		for _, it := range m.items() {
			if it.place == p {
				m.release(it, engine.MovementRecordDeleted)
			}
		}
		delete(m.records, p)
		if count := m.counts[p.location]; count != nil {
			delete(count.base, p)
			delete(count.named, p)
		}
	}
	return a
}

// deleteSegments deletes the segments and the deliveries with the tags.
func (m *model) deleteSegments(c *engine.DeleteSegments) (a answer) {
	if _, code := m.resolve(c.Tags); code != engine.CodeOK {
		return answer{Code: code}
	}
	splits := slices.ContainsFunc(c.Tags, func(t engine.Tag) bool { return m.category(t.Category).distributed() })
	has := func(tags tagSet) bool {
		return !slices.ContainsFunc(c.Tags, func(t engine.Tag) bool { return tags[t.Category] != t.Value })
	}
	goes := func(s *segment) bool { return has(s.tags) }
	arrives := func(f *future) bool { return has(f.tags) && !(f.split && splits) }
	var gone []place
	for _, p := range m.places() {
		r := m.records[p]
		if !inScope(c.Scope, p) || !slices.ContainsFunc(r.segments, goes) && !slices.ContainsFunc(r.futures, arrives) {
			continue
		}
		gone = append(gone, p)
		a.Stock.Records++
		promised := int64(0)
		blocked := engine.BlockedRecord{UPC: p.upc, Location: p.location}
		for _, s := range r.segments {
			allocated, pending := m.promised(p, s.tags)
			blocked.OnHand += s.onHand
			blocked.Allocated += allocated
			blocked.Pending += pending
			if goes(s) {
				a.Stock.Units += s.onHand
				promised += allocated + pending
			}
		}
		if a.Stock.Promised += promised; promised > 0 {
			a.Blocked = append(a.Blocked, blocked)
			a.Code = engine.CodeInUse
		}
	}
	if a.Code != engine.CodeOK || c.DryRun {
		return a
	}
	for _, p := range gone {
		r := m.records[p]
		r.segments = slices.DeleteFunc(slices.Clone(r.segments), goes)
		r.futures = slices.DeleteFunc(slices.Clone(r.futures), arrives)
		count := m.counts[p.location]
		if count != nil {
			count.base[p] = slices.DeleteFunc(slices.Clone(count.base[p]), func(s segment) bool { return has(s.tags) })
			count.named[p] = slices.DeleteFunc(slices.Clone(count.named[p]), has)
		}
		if len(r.segments)+len(r.futures) == 0 {
			delete(m.records, p)
			if count != nil {
				delete(count.base, p)
				delete(count.named, p)
			}
		}
	}
	return a
}

func (m *model) startCount(c *engine.StartCount) answer {
	if m.counts[c.Location] != nil {
		return answer{Code: engine.CodeCountOpen}
	}
	count := &stockCount{name: c.Count, endsMS: m.nowMS + engine.CountAgeMS, base: map[place][]segment{},
		named: map[place][]tagSet{}}
	for p, r := range m.records {
		if p.location == c.Location {
			for _, s := range r.copy().segments {
				count.base[p] = append(count.base[p], *s)
			}
		}
	}
	m.counts[c.Location] = count
	return answer{}
}

func (m *model) closeCount(c *engine.CloseCount) answer {
	if count := m.counts[c.Location]; count == nil || count.name != c.Count {
		return answer{Code: engine.CodeUnknownCount}
	}
	var a answer
	if c.Complete {
		for _, p := range m.places() {
			if p.location == c.Location && p.upc > c.After {
				a.Stock.Items++
				m.closeUnnamed(c, p, &a)
			}
		}
	}
	if !c.DryRun {
		delete(m.counts, c.Location)
	}
	return a
}

// closeUnnamed sets a record's segments that the count has not named: together they keep what came since its start less
// what went. What only went from one to another is taken away from the first ones of those that got some.
func (m *model) closeUnnamed(c *engine.CloseCount, p place, a *answer) {
	count, r := m.counts[c.Location], m.records[p]
	var unnamed []*segment
	var since []int64
	total := int64(0)
	for _, s := range r.segments {
		if slices.ContainsFunc(count.named[p], func(t tagSet) bool { return maps.Equal(t, s.tags) }) {
			continue
		}
		unnamed = append(unnamed, s)
		since = append(since, s.onHand-count.onHand(m, p, target{tags: s.tags}))
		total += since[len(since)-1]
	}
	total = max(0, total)
	keeps := make([]int64, len(since))
	for i := len(since) - 1; i >= 0; i-- {
		keeps[i] = min(total, max(0, since[i]))
		total -= keeps[i]
	}
	before := r.copy()
	changed := int64(0)
	for i, s := range unnamed {
		if s.onHand != keeps[i] {
			a.Changes = append(a.Changes, change{p.upc, p.location, s.tags.String(), s.onHand, keeps[i]})
			a.Stock.Units += s.onHand - keeps[i]
			changed = 1
		}
		if !c.DryRun {
			s.onHand = keeps[i]
		}
	}
	a.Stock.Records += changed
	if !c.DryRun {
		count.correct(p, before, r)
	}
}

// onHand is what a target had on hand when the count started.
func (c *stockCount) onHand(m *model, p place, t target) int64 {
	var units int64
	for _, s := range c.base[p] {
		if m.sameTarget(target{s.tags, t.group}, t) {
			units += s.onHand
		}
	}
	return units
}

// correct applies a counted change as if it had happened at the start of the count. Later movements stay, and the same
// count may be sent again.
func (c *stockCount) correct(p place, before, after *record) {
	base := record{}
	for i := range c.base[p] {
		base.segments = append(base.segments, &c.base[p][i])
	}
	for _, s := range after.segments {
		b := base.segment(s.tags)
		b.onHand += s.onHand
		if old := before.find(s.tags); old != nil {
			b.onHand -= old.onHand
		}
	}
	var segments []segment
	for _, s := range base.segments {
		segments = append(segments, *s)
	}
	c.base[p] = segments
}

// block marks records, all or none.
func (m *model) block(c *engine.Block) (a answer) {
	for _, it := range c.Items {
		if m.records[place{it.UPC, c.Location}] == nil {
			return answer{Code: engine.CodeUnknownRecord}
		}
	}
	for _, it := range c.Items {
		a.Stock.Items++
		if m.mark(place{it.UPC, c.Location}, it.Blocked) {
			a.Stock.Records++
		}
	}
	return a
}

// mark sets or clears the mark of a blocked record, and reports whether that changes it.
func (m *model) mark(p place, on bool) bool {
	if m.records[p].blocked == on {
		return false
	}
	kind := engine.EventRecordUnblocked
	if m.records[p].blocked = on; on {
		kind = engine.EventRecordBlocked
	}
	m.edges = append(m.edges, edge{Kind: kind, At: segmentAt{place: p}})
	return true
}
