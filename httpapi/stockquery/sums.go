package stockquery

import (
	"slices"
	"strings"

	"apportion/engine"
)

// Sums adds up segments by what they are grouped by. The zero value groups by all tag categories.
type Sums struct {
	GroupBy []string // tag categories, and LocationGroup; nil: all tag categories

	groups []Sum
	at     map[group]int // index in groups
}

// LocationGroup groups by location. A tag category of this name cannot be grouped by.
const LocationGroup = "location"

// Sum is the sum of a group.
type Sum struct {
	Location string       // empty, unless grouped by location
	Tags     []engine.Tag // of the categories that are grouped by
	engine.SegmentView
}

// group is what the segments of one sum have in common: the tag set, or the text of some of its tags.
type group struct {
	location string
	tagSet   engine.TagSetID
	tags     string
}

// Reset makes the sums empty.
func (s *Sums) Reset(groupBy []string) {
	s.GroupBy, s.groups = groupBy, s.groups[:0]
	if s.at == nil {
		s.at = make(map[group]int)
	}
	clear(s.at)
}

// Len is how many sums there are before Merge, and Cap for how many there is memory.
func (s *Sums) Len() int { return len(s.groups) }
func (s *Sums) Cap() int { return cap(s.groups) }

// Add adds the segments of a record.
func (s *Sums) Add(v *engine.RecordView) {
	location := ""
	if slices.Contains(s.GroupBy, LocationGroup) {
		location = v.Location
	}
	for i := range v.Segments {
		s.add(group{location: location, tagSet: v.Segments[i].TagSet}, &v.Segments[i], nil)
	}
}

func (s *Sums) add(g group, v *engine.SegmentView, tags []engine.Tag) {
	i, ok := s.at[g]
	if !ok {
		i = len(s.groups)
		s.at[g] = i
		s.groups = append(s.groups, Sum{Location: g.location, Tags: tags})
		s.groups[i].TagSet = v.TagSet
	}
	to := &s.groups[i]
	to.OnHand += v.OnHand
	to.Allocated += v.Allocated
	to.Pending += v.Pending
	to.SafetyStock += v.SafetyStock
}

// Merge gives the sums over the segments that have all the given tags, in the order in which they were met. The schema
// is the newest one, read after all records: it can make one segment of several.
func (s *Sums) Merge(schema *engine.Schema, tags []engine.Tag) []Sum {
	parts := slices.Clone(s.groups)
	s.groups = s.groups[:0]
	clear(s.at)
	known := map[engine.TagSetID]projection{}
	for i := range parts {
		part := &parts[i]
		part.TagSet = schema.Canonical(part.TagSet)
		if !schema.Matches(part.TagSet, tags) {
			continue
		}
		p, ok := known[part.TagSet]
		if !ok {
			p = s.project(schema, part.TagSet)
			known[part.TagSet] = p
		}
		p.group.location = part.Location
		s.add(p.group, &part.SegmentView, p.tags)
	}
	return s.groups
}

// projection is what remains of a tag set in the categories that are grouped by.
type projection struct {
	group group
	tags  []engine.Tag
}

func (s *Sums) project(schema *engine.Schema, id engine.TagSetID) (p projection) {
	all := schema.Tags(id)
	if s.GroupBy == nil {
		return projection{group{tagSet: id}, all}
	}
	var text strings.Builder
	for _, tag := range all {
		if tag.Category != LocationGroup && slices.Contains(s.GroupBy, tag.Category) {
			p.tags = append(p.tags, tag)
			text.WriteString(tag.Category + "\x00" + tag.Value + "\x00")
		}
	}
	p.group.tags = text.String()
	return p
}
