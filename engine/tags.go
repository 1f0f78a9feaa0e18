package engine

import (
	"encoding/binary"
	"strings"

	"apportion/engine/mem"
)

// Tag names one value of one category.
type Tag struct {
	Category string `json:"category"`
	Value    string `json:"value"`
}

const tagBytesMin = 2 * textBytesMin

// checkTags checks the texts of a tag list. The schema checks later that the tags exist and name each category once.
func checkTags(field string, tags []Tag) *Fault {
	if f := checkSize(field, len(tags), 0, CategoriesMax); f != nil {
		return f
	}
	for i := range tags {
		if !IsText(tags[i].Category, TagBytesMax) {
			return textFault(field, tags[i].Category, TagBytesMax)
		}
		if !IsText(tags[i].Value, TagBytesMax) {
			return textFault(field+"."+tags[i].Category, tags[i].Value, TagBytesMax)
		}
	}
	return nil
}

func appendTags(dst []byte, tags []Tag) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(tags)))
	for i := range tags {
		dst = appendText(dst, tags[i].Category)
		dst = appendText(dst, tags[i].Value)
	}
	return dst
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

// hashTags does not depend on the order of the tags: it is a sum of their hashes.
func hashTags(tags []Tag) uint64 {
	sum := uint64(len(tags))
	for i := range tags {
		sum += mem.HashText2(tags[i].Category, tags[i].Value)
	}
	return sum
}

// tagLists remembers tag lists of Allocates by their binary form. An engine sees few different lists, and to decode,
// check and resolve one takes longer than the rest of a line. What is remembered depends on the list and the schema
// alone, so no result shows whether a list is remembered.
type tagLists struct {
	schema *Schema  // that all lists are resolved under
	last   *tagList // found last; the next line may have it too
	slots  [tagListSlots]*tagList
	missed uint32 // lists that found no slot
}

// A list is in one of tagListTries slots in a row. When all are full, a new list replaces one only every
// tagListPatience misses: each list gets in at some time, and two lists that compete do not allocate all the time.
const (
	tagListSlots    = 256
	tagListTries    = 4
	tagListBytesMax = 256
	tagListPatience = 64
)

// tagList is one list. Its tags passed checkTags, and the schema knows them. It never changes: when another list gets
// its slot, lines of the present command may still have it.
type tagList struct {
	form   string // binary
	tags   []Tag
	schema *Schema
	key    tagSetKey
	set    TagSetID // 0: no tag set had the key at the last lookup
}

// find gives the list with which b begins and its length in b; nil: it is not remembered.
func (m *tagLists) find(b []byte) (l *tagList, bytes int) {
	if l := m.last; l != nil && len(l.form) <= len(b) && aliasText(b[:len(l.form)]) == l.form {
		return l, len(l.form) // no list is a prefix of another one
	}
	n := tagListBytes(b)
	if n == 0 {
		return nil, 0
	}
	form := aliasText(b[:n])
	at := mem.HashText(form)
	for try := range uint64(tagListTries) {
		if l := m.slots[(at+try)%tagListSlots]; l != nil && l.form == form {
			m.last = l
			return l, n
		}
	}
	return nil, 0
}

// tagListBytes is the length of the list with which b begins; 0 if it is empty, not whole, or longer than what is
// remembered. It understands lengths of one byte, which is all that a tag needs.
func tagListBytes(b []byte) int {
	if len(b) == 0 || b[0] > CategoriesMax {
		return 0
	}
	at := 1
	for range 2 * int(b[0]) {
		if at >= len(b) || b[at] >= 0x80 {
			return 0
		}
		at += 1 + int(b[at])
	}
	if at == 1 || at > len(b) || at > tagListBytesMax {
		return 0
	}
	return at
}

// useSchema forgets all lists if they are of another schema.
func (m *tagLists) useSchema(s *Schema) {
	if m.schema != s {
		*m = tagLists{schema: s}
	}
}

// remember notes a list that was checked and resolved under the schema.
func (m *tagLists) remember(tags []Tag, key tagSetKey) {
	var buf [tagListBytesMax]byte
	b := appendTags(buf[:0], tags)
	if tagListBytes(b) != len(b) {
		return
	}
	at := mem.HashText(aliasText(b))
	slot := &m.slots[at%tagListSlots]
	for try := uint64(1); *slot != nil && try < tagListTries; try++ {
		slot = &m.slots[(at+try)%tagListSlots]
	}
	if *slot != nil {
		if m.missed++; m.missed%tagListPatience != 0 {
			return
		}
		slot = &m.slots[(at+uint64(m.missed/tagListPatience)%tagListTries)%tagListSlots]
	}
	form := strings.Clone(aliasText(b))
	in := bodyReader{reader: reader{b: []byte(form)}}
	*slot = &tagList{form: form, tags: in.readTags(), schema: m.schema, key: key}
}
