package engine

import (
	"apportion/engine/mem"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
)

// Category is one tag category of a schema.
type Category struct {
	Name     string
	Values   []Value // by rank
	Rounding Rounding

	// ids holds the number of each value in the tag sets. names holds each value's name, by number. A number is never
	// used for another value.
	ids   []uint16
	names []string
	// byName finds a value's number. It is nil for few values: to compare their names is faster.
	byName map[string]uint16
	dflt   uint16
}

// linearValuesMax is the largest number of values whose names are compared one by one.
const linearValuesMax = 8

// Distributed reports whether the category's values have percents.
func (c *Category) Distributed() bool { return c.Values[0].Percent != NoPercent }

func (c *Category) id(value string) (uint16, bool) {
	if c.byName != nil {
		id, ok := c.byName[value]
		return id, ok
	}
	for i := range c.Values {
		if c.Values[i].Name == value {
			return c.ids[i], true
		}
	}
	return 0, false
}

// index prepares lookups, after Values and ids are set.
func (c *Category) index() {
	c.byName = nil
	if len(c.Values) > linearValuesMax {
		c.byName = make(map[string]uint16, len(c.Values))
	}
	for i, v := range c.Values {
		if c.byName != nil {
			c.byName[v.Name] = c.ids[i]
		}
		if v.Default {
			c.dflt = c.ids[i]
		}
	}
}

// tagSetKey holds the number of a value for each category, in the schema's order, 16 bits each; the rest is zero. Two
// words, unlike an array, stay in registers.
type tagSetKey struct{ low, high uint64 }

const _ = uint(8 - CategoriesMax)

const _ = uint(mem.RowsMax - TagSetsMax)

func (k tagSetKey) at(i int) uint16 {
	if i < 4 {
		return uint16(k.low >> (16 * i))
	}
	return uint16(k.high >> (16 * (i - 4)))
}

func (k tagSetKey) with(i int, value uint16) tagSetKey {
	if i < 4 {
		k.low = k.low&^(0xffff<<(16*i)) | uint64(value)<<(16*i)
	} else {
		k.high = k.high&^(0xffff<<(16*(i-4))) | uint64(value)<<(16*(i-4))
	}
	return k
}

// without removes the category at a position from the key.
func (k tagSetKey) without(at int) tagSetKey {
	for i := at; i < CategoriesMax-1; i++ {
		k = k.with(i, k.at(i+1))
	}
	return k.with(CategoriesMax-1, 0)
}

func (k tagSetKey) hash() uint64 { return mem.HashWords(k.low, k.high) }

// mix is a step of an integer hash.
func mix(h, m uint64) uint64 {
	h ^= h >> 32
	h *= m
	h ^= h >> 29
	return h
}

// tagSet is one full combination of values.
type tagSet struct {
	key tagSetKey
	// alias is the set that replaced this one when a value or a category left the schema; 0: none.
	alias TagSetID
	group uint32 // in Schema.groups; 0: not known yet
	tags  []Tag
	json  string
}

// Schema is the categories and the tag sets in use. The categories of a published Schema never change. The tag sets of
// the current one grow at the end, beside its readers.
type Schema struct {
	index      uint64 // log index of the last change of the categories
	categories []Category
	sets       mem.Rows[tagSet]
	setsUsed   atomic.Uint32 // rows of sets that readers may look at
	byKey      mem.Table
	groups     []tagGroup // for the writer only; groups[0] is unused

	// combinations is the number of segments in a group.
	combinations int
}

// Index is the log index at which the schema took effect; 0 if it never changed.
func (s *Schema) Index() uint64 { return s.index }

// Categories gives the categories in order. The caller must not change them.
func (s *Schema) Categories() []Category { return s.categories }

// Category finds a category by name.
func (s *Schema) Category(name string) (*Category, bool) {
	i := s.position(name)
	if i < 0 {
		return nil, false
	}
	return &s.categories[i], true
}

// CategoryHash distinguishes the definitions of a category, see Envelope.Seen; 0 if there is no such category.
func (s *Schema) CategoryHash(name string) uint64 {
	c, ok := s.Category(name)
	if !ok {
		return 0
	}
	digest := appendDigest(nil, &PutTagCategory{Name: c.Name, Values: c.Values, Rounding: c.Rounding})
	return max(mem.HashText(aliasText(digest)), 1)
}

func (s *Schema) position(name string) int {
	for i := range s.categories {
		if s.categories[i].Name == name {
			return i
		}
	}
	return -1
}

// canonical follows the aliases of a set whose values left the schema.
func (s *Schema) canonical(id TagSetID) TagSetID {
	for {
		alias := s.sets.At(uint32(id)).alias
		if alias == 0 {
			return id
		}
		id = alias
	}
}

// Canonical gives the set that replaced a set whose values left the schema. After such a change, until segments are
// merged, two segments of a record may have the same one.
func (s *Schema) Canonical(id TagSetID) TagSetID { return s.canonical(id) }

// Tags gives the tags of a set, in category order. The caller must not change them.
func (s *Schema) Tags(id TagSetID) []Tag { return s.sets.At(uint32(s.canonical(id))).tags }

// TagsJSON gives the tags of a set as a JSON object.
func (s *Schema) TagsJSON(id TagSetID) string { return s.sets.At(uint32(s.canonical(id))).json }

// Matches reports whether the set has all the tags. Defaults are not filled in.
func (s *Schema) Matches(id TagSetID, tags []Tag) bool {
	have := s.Tags(id)
	for _, t := range tags {
		if !slices.Contains(have, t) {
			return false
		}
	}
	return true
}

// Resolve finds the set that the tags name. A missing category takes its default value. The code is CodeOK, or
// CodeUnknownCategory, CodeUnknownValue or CodeDuplicate with the number of the wrong tag, or CodeUnknownSegment for
// correct tags that no segment ever had. It takes no lock and does not allocate.
func (s *Schema) Resolve(tags []Tag) (id TagSetID, code Code, tag int) {
	key, _, code, tag := s.key(tags)
	if code != CodeOK {
		return 0, code, tag
	}
	if id = s.find(key); id == 0 {
		return 0, CodeUnknownSegment, 0
	}
	return id, CodeOK, 0
}

// key turns tags into numbers. split is true if the schema has distributed categories and no tag names one.
func (s *Schema) key(tags []Tag) (key tagSetKey, split bool, code Code, tag int) {
	named := uint(0) // a bit for each category
	for i := range tags {
		t := &tags[i]
		at := s.position(t.Category)
		if at < 0 {
			return key, false, CodeUnknownCategory, i
		}
		if named&(1<<at) != 0 {
			return key, false, CodeDuplicate, i
		}
		id, ok := s.categories[at].id(t.Value)
		if !ok {
			return key, false, CodeUnknownValue, i
		}
		key, named = key.with(at, id), named|1<<at
	}
	distributed, namesOne := false, false
	for at := range s.categories {
		if c := &s.categories[at]; c.Distributed() {
			distributed = true
			namesOne = namesOne || named&(1<<at) != 0
		}
		if named&(1<<at) == 0 {
			key = key.with(at, s.categories[at].dflt)
		}
	}
	return key, distributed && !namesOne, CodeOK, 0
}

// override puts the values of the tags into a key; the other categories keep theirs. key has accepted the tags.
func (s *Schema) override(k tagSetKey, tags []Tag) tagSetKey {
	for i := range tags {
		at := s.position(tags[i].Category)
		id, _ := s.categories[at].id(tags[i].Value)
		k = k.with(at, id)
	}
	return k
}

func (s *Schema) find(key tagSetKey) TagSetID {
	for row, p := s.byKey.Probe(key.hash()).Next(); row != 0; row, p = p.Next() {
		if s.sets.At(row).key == key {
			return TagSetID(row)
		}
	}
	return 0
}

// put fills a row that the caller got from sets, before readers can find it.
func (s *Schema) put(row uint32, set tagSet) {
	set.tags = make([]Tag, len(s.categories))
	var text strings.Builder
	text.WriteByte('{')
	for i := range s.categories {
		c := &s.categories[i]
		set.tags[i] = Tag{Category: c.Name, Value: c.names[set.key.at(i)]}
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(quote(c.Name) + ":" + quote(set.tags[i].Value))
	}
	text.WriteByte('}')
	set.json = text.String()
	*s.sets.At(row) = set
	s.setsUsed.Store(row + 1)
	if set.alias == 0 {
		s.byKey.Add(set.key.hash(), row)
	}
}

// set finds or creates the set of a key. Only the writer may create one, in the current schema: the row of the schema
// changes.
func (s *Schema) set(key tagSetKey) (id TagSetID, created bool) {
	if id := s.find(key); id != 0 {
		return id, false
	}
	row := s.sets.Add()
	s.put(row, tagSet{key: key})
	return TagSetID(row), true
}

func quote(s string) string {
	b, err := json.Marshal(s)
	assert(err == nil, "a tag is not valid text")
	return string(b)
}

// sameGroup reports whether two keys agree in every discrete category.
func (s *Schema) sameGroup(a, b tagSetKey) bool {
	for i := range s.categories {
		if a.at(i) != b.at(i) && !s.categories[i].Distributed() {
			return false
		}
	}
	return true
}

// discreteHash is a hash of the values in the discrete categories: equal for the keys of one tag group.
func (s *Schema) discreteHash(key tagSetKey) uint64 {
	discrete := key
	for i := range s.categories {
		if s.categories[i].Distributed() {
			discrete = discrete.with(i, 0)
		}
	}
	return discrete.hash()
}

// tagGroup is the segments of a record that share a quantity without distributed tags: one segment for each combination
// of the distributed values, by rank.
type tagGroup struct {
	sets []TagSetID
	rule splitRule
}

// distributed gives the positions of the distributed categories.
func (s *Schema) distributed() []int {
	var at []int
	for i := range s.categories {
		if s.categories[i].Distributed() {
			at = append(at, i)
		}
	}
	return at
}

// groupOf gives the group of a set, and whether it created sets for the group. Only the writer may call it.
func (s *Schema) groupOf(id TagSetID) (number uint32, created bool) {
	if number = s.sets.At(uint32(id)).group; number != 0 {
		return number, false
	}
	g, created := s.buildGroup(s.sets.At(uint32(id)).key)
	if len(s.groups) == 0 {
		s.groups = make([]tagGroup, 1)
	}
	s.groups = append(s.groups, g)
	number = uint32(len(s.groups) - 1)
	for _, member := range g.sets {
		s.sets.At(uint32(member)).group = number
	}
	assert(s.sets.At(uint32(id)).group == number, "a tag set is not in its own group")
	return number, created
}

func (s *Schema) buildGroup(key tagSetKey) (g tagGroup, created bool) {
	at := s.distributed()
	limited := false
	for _, i := range at {
		c := &s.categories[i]
		if c.Rounding == RoundingUnbiased {
			g.rule.rounding = RoundingUnbiased
		}
		limited = limited || slices.ContainsFunc(c.Values, Value.limited)
	}
	g.rule.weightSum = 1
	for range at {
		g.rule.weightSum *= percentWhole
	}
	s.eachCombination(at, key, 1, func(key tagSetKey, weight uint64, last Value) {
		id, isNew := s.set(key)
		created = created || isNew
		g.sets = append(g.sets, id)
		g.rule.weights = append(g.rule.weights, weight)
		if limited {
			g.rule.mins = append(g.rule.mins, last.Min)
			g.rule.maxs = append(g.rule.maxs, last.Max)
		}
	})
	return g, created
}

// eachCombination calls do for each combination of values of the categories at the given positions, by rank.
func (s *Schema) eachCombination(at []int, key tagSetKey, weight uint64, do func(tagSetKey, uint64, Value)) {
	c := &s.categories[at[0]]
	for i, v := range c.Values {
		key = key.with(at[0], c.ids[i])
		if len(at) == 1 {
			do(key, weight*uint64(v.Percent), v)
			continue
		}
		s.eachCombination(at[1:], key, weight*uint64(v.Percent), do)
	}
}

// limited reports whether the value has a min or a max.
func (v Value) limited() bool { return v.Min > 0 || v.Max != NoMax }
