package engine_test

import (
	"maps"
	"slices"

	"apportion/engine"
)

// category is a tag category as its last PutTagCategory defined it.
type category struct {
	name     string
	values   []engine.Value
	rounding engine.Rounding
}

func (c *category) distributed() bool { return c.values[0].Percent != engine.NoPercent }

func (c *category) has(value string) bool {
	return slices.ContainsFunc(c.values, func(v engine.Value) bool { return v.Name == value })
}

func (c *category) defaultValue() string {
	for _, v := range c.values {
		if v.Default {
			return v.Name
		}
	}
	panic("BUG: a category without a default value")
}

func (m *model) category(name string) *category {
	for i := range m.categories {
		if m.categories[i].name == name {
			return &m.categories[i]
		}
	}
	return nil
}

func (m *model) distributedCategories() []category {
	var distributed []category
	for _, c := range m.categories {
		if c.distributed() {
			distributed = append(distributed, c)
		}
	}
	return distributed
}

// resolve completes the tags of a command: a missing category takes its default. The first wrong tag decides the code.
func (m *model) resolve(named []engine.Tag) (tagSet, engine.Code) {
	tags := tagSet{}
	for _, tag := range named {
		c := m.category(tag.Category)
		switch {
		case c == nil:
			return nil, engine.CodeUnknownCategory
		case tags[tag.Category] != "":
			return nil, engine.CodeDuplicate
		case !c.has(tag.Value):
			return nil, engine.CodeUnknownValue
		}
		tags[tag.Category] = tag.Value
	}
	for _, c := range m.categories {
		if tags[c.name] == "" {
			tags[c.name] = c.defaultValue()
		}
	}
	return tags, engine.CodeOK
}

// smallest keeps the code that comes first in precedence; CodeOK is no code yet.
func smallest(a, b engine.Code) engine.Code {
	if a == engine.CodeOK {
		return b
	}
	if b == engine.CodeOK {
		return a
	}
	return min(a, b)
}

// discretePart leaves out the distributed categories. Segments with an equal discrete part are one group.
func (m *model) discretePart(tags tagSet) tagSet {
	part := tagSet{}
	for _, c := range m.categories {
		if !c.distributed() {
			part[c.name] = tags[c.name]
		}
	}
	return part
}

// combinations are the full tag sets of a group, in the order of the categories and of their values.
func (m *model) combinations(group tagSet) []tagSet {
	sets := []tagSet{maps.Clone(group)}
	for _, c := range m.distributedCategories() {
		var longer []tagSet
		for _, set := range sets {
			for _, v := range c.values {
				with := maps.Clone(set)
				with[c.name] = v.Name
				longer = append(longer, with)
			}
		}
		sets = longer
	}
	return sets
}

func (m *model) putCategory(c *engine.PutTagCategory) answer {
	next := category{name: c.Name, values: c.Values, rounding: c.Rounding}
	if code := m.limitPassed(next); code != engine.CodeOK {
		return answer{Code: code}
	}
	old := m.category(c.Name)
	if old == nil {
		m.categories = append(m.categories, next)
		m.eachTagSet(func(t tagSet) { t[c.Name] = next.defaultValue() })
		return answer{}
	}
	moves := map[string]string{}
	for _, move := range c.MoveTo {
		moves[move.From] = move.To
	}
	var removed []string
	for _, v := range old.values {
		if !next.has(v.Name) {
			removed = append(removed, v.Name)
		}
	}
	var unmoved []string
	for _, name := range removed {
		if moves[name] == "" {
			unmoved = append(unmoved, name)
		}
	}
	if a := m.inUse(c.Name, unmoved); a.Code != engine.CodeOK {
		return a
	}
	a := answer{Stock: m.moved(c.Name, removed)}
	*old = next
	m.eachTagSet(func(t tagSet) {
		if slices.Contains(removed, t[c.Name]) {
			to := moves[t[c.Name]]
			if to == "" {
				to = next.defaultValue()
			}
			t[c.Name] = to
		}
	})
	m.mergeSegments()
	return a
}

// limitPassed tells which limit of splits the schema with a new definition exceeds.
func (m *model) limitPassed(next category) engine.Code {
	distributed, combinations, limited := 0, 1, false
	count := func(c category) {
		if !c.distributed() {
			return
		}
		distributed++
		combinations *= len(c.values)
		for _, v := range c.values {
			limited = limited || v.Min > 0 || v.Max != engine.NoMax
		}
	}
	categories := 1
	count(next)
	for _, c := range m.categories {
		if c.name != next.name {
			categories++
			count(c)
		}
	}
	switch {
	case categories > engine.CategoriesMax, distributed > engine.DistributedCategoriesMax,
		combinations > engine.DistributedCombinationsMax:
		return engine.CodeTooMany
	case limited && distributed > 1:
		return engine.CodeInvalid
	}
	return engine.CodeOK
}

func (m *model) deleteCategory(c *engine.DeleteTagCategory) answer {
	old := m.category(c.Name)
	if old == nil {
		return answer{Code: engine.CodeUnknownCategory}
	}
	var others []string
	for _, v := range old.values {
		if v.Name != old.defaultValue() && v.Name != c.MoveTo {
			others = append(others, v.Name)
		}
	}
	var a answer
	switch {
	case c.MoveTo == "":
		a = m.inUse(c.Name, others)
	case !old.has(c.MoveTo):
		a.Code = engine.CodeUnknownValue
	default:
		var all []string
		for _, v := range old.values {
			if v.Name != c.MoveTo {
				all = append(all, v.Name)
			}
		}
		a.Stock = m.moved(c.Name, all)
	}
	if a.Code != engine.CodeOK {
		return a
	}
	m.categories = slices.DeleteFunc(m.categories, func(x category) bool { return x.name == c.Name })
	m.eachTagSet(func(t tagSet) { delete(t, c.Name) })
	m.mergeSegments()
	return a
}

// eachTagSet visits all tag sets in the state, so that a schema change can rename them.
func (m *model) eachTagSet(visit func(tagSet)) {
	for _, r := range m.records {
		for _, s := range r.segments {
			visit(s.tags)
		}
		for _, f := range r.futures {
			visit(f.tags)
		}
	}
	for _, it := range m.items() {
		visit(it.tags)
		for _, h := range it.parts {
			visit(h.tags)
		}
		for _, w := range it.why.Candidates {
			if w.from != nil {
				visit(w.from)
			}
		}
	}
	for _, count := range m.counts {
		for _, segments := range count.base {
			for _, s := range segments {
				visit(s.tags)
			}
		}
		for _, named := range count.named {
			for _, tags := range named {
				visit(tags)
			}
		}
	}
}

// inUse refuses a change that removes values with stock, safety stock, a promise or a delivery.
func (m *model) inUse(name string, values []string) answer {
	var a answer
	for _, p := range m.places() {
		blocked := engine.BlockedRecord{UPC: p.upc, Location: p.location}
		used := false
		var units, promised int64
		r := m.records[p]
		for _, s := range r.segments {
			allocated, pending := m.promised(p, s.tags)
			blocked.OnHand += s.onHand
			blocked.Allocated += allocated
			blocked.Pending += pending
			if slices.Contains(values, s.tags[name]) {
				units += s.onHand
				promised += allocated + pending
				used = used || s.onHand != 0 || s.safetyStock != 0 || allocated != 0 || pending != 0
			}
		}
		for _, f := range r.futures {
			used = used || !f.split && slices.Contains(values, f.tags[name])
		}
		if used {
			a.Code = engine.CodeInUse
			a.Blocked = append(a.Blocked, blocked)
			a.Stock.Records++
			a.Stock.Units += units
			a.Stock.Promised += promised
		}
	}
	return a
}

// moved counts the contents of the segments whose values leave.
func (m *model) moved(name string, values []string) engine.StockResult {
	a := m.inUse(name, values)
	return a.Stock
}

// mergeSegments merges the segments to which a schema change gave the same tags.
func (m *model) mergeSegments() {
	for _, p := range m.places() {
		r := m.records[p]
		r.segments = merged(r.segments)
		m.releasePending(p)
	}
	for _, count := range m.counts {
		for p, segments := range count.base {
			var pointers []*segment
			for i := range segments {
				pointers = append(pointers, &segments[i])
			}
			var bases []segment
			for _, s := range merged(pointers) {
				bases = append(bases, *s)
			}
			count.base[p] = bases
		}
	}
}

// merged adds up segments of the same tags. It keeps the larger floor and ltd.
func merged(segments []*segment) []*segment {
	var result []*segment
	for _, s := range segments {
		i := slices.IndexFunc(result, func(t *segment) bool { return maps.Equal(s.tags, t.tags) })
		if i < 0 {
			result = append(result, s)
			continue
		}
		into := result[i]
		into.onHand += s.onHand
		into.safetyStock += s.safetyStock
		into.floor = max(into.floor, s.floor)
		into.ltd = max(into.ltd, s.ltd)
	}
	return result
}
