package engine

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// PutLocationGroup keeps which locations a group has, in place of those that it had. Without locations, the group is
// taken away. A location may be in several groups, and need not be known to be in one.
type PutLocationGroup struct {
	Group     string   `json:"group"`
	Locations []string `json:"locations"`
}

func (c *PutLocationGroup) check() *Fault {
	switch {
	case !IsText(c.Group, LocationBytesMax):
		return textFault("group", c.Group, LocationBytesMax)
	case len(c.Locations) > LocationGroupMembersMax:
		return sizeFault("locations", len(c.Locations), 0, LocationGroupMembersMax)
	}
	sorted := slices.Sorted(slices.Values(c.Locations))
	for i, location := range c.Locations {
		if !IsText(location, LocationBytesMax) {
			return textFault(fmt.Sprintf("locations[%d]", i), location, LocationBytesMax)
		}
		if i > 0 && sorted[i] == sorted[i-1] {
			return &Fault{"locations", shownText(sorted[i]), "it is in the list more than once"}
		}
	}
	return nil
}

// appendBody: group, locations.
func (c *PutLocationGroup) appendBody(dst []byte) []byte {
	return appendTexts(appendText(dst, c.Group), c.Locations)
}

// groupBytesMin is what a group takes at least.
const groupBytesMin = textBytesMin + 1

func (c *PutLocationGroup) readBody(r *bodyReader) {
	c.Group = r.text()
	c.Locations = r.readTexts(c.Locations)
}

// clone is a copy with texts of its own.
func (c *PutLocationGroup) clone() PutLocationGroup {
	own := PutLocationGroup{Group: strings.Clone(c.Group), Locations: slices.Clone(c.Locations)}
	for i := range own.Locations {
		own.Locations[i] = strings.Clone(own.Locations[i])
	}
	return own
}

// placeGroups is the groups of locations, by their codes. It is replaced as a whole.
type placeGroups map[string]PutLocationGroup

// members is how many locations all groups have together.
func (g placeGroups) members() (n int) {
	for _, c := range g {
		n += len(c.Locations)
	}
	return n
}

func (c *PutLocationGroup) apply(e *Engine, _ *Envelope, r *Result) {
	now := maps.Clone(e.loadGroups())
	if now == nil {
		now = placeGroups{}
	}
	delete(now, c.Group)
	if len(c.Locations) > 0 {
		switch {
		case len(now) >= LocationGroupsMax:
			r.refuse(CodeTooMany, "group", strconv.Itoa(LocationGroupsMax))
			return
		case now.members()+len(c.Locations) > LocationGroupMembersMax:
			r.refuse(CodeTooMany, "locations", strconv.Itoa(LocationGroupMembersMax))
			return
		}
		own := c.clone()
		now[own.Group] = own
	}
	e.groups.Store(&now)
	e.changes.groups = true
}

func (rd *Reader) loadGroups() placeGroups {
	if g := rd.groups.Load(); g != nil {
		return *g
	}
	return nil
}

// LocationGroup gives a group of locations, which the caller must not change.
func (rd *Reader) LocationGroup(code string) (PutLocationGroup, bool) {
	c, ok := rd.loadGroups()[code]
	return c, ok
}

// LocationGroups gives all groups of locations, by their codes.
func (rd *Reader) LocationGroups() []PutLocationGroup {
	all := rd.loadGroups()
	list := make([]PutLocationGroup, 0, len(all))
	for _, code := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[code])
	}
	return list
}

// appendGroups encodes all groups of locations; nothing if there are none.
func (e *Engine) appendGroups(b []byte) []byte {
	list := e.LocationGroups()
	if len(list) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = list[i].appendBody(b)
	}
	return b
}

// readGroupsRow reads what appendGroups wrote: groups in order, each once and within the limits.
func (e *Engine) readGroupsRow(b []byte) error {
	in := bodyReader{reader: reader{b: b}}
	all, last := placeGroups{}, ""
	for range in.count(groupBytesMin) {
		var c PutLocationGroup
		if c.readBody(&in); in.fault != "" {
			break
		}
		if c.check() != nil || len(c.Locations) == 0 || c.Group <= last {
			return fmt.Errorf("%w: a group of locations out of order, or past its limits", ErrCorrupt)
		}
		own := c.clone()
		last = own.Group
		all[last] = own
	}
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	if len(all) == 0 || len(all) > LocationGroupsMax || all.members() > LocationGroupMembersMax {
		return fmt.Errorf("%w: %d groups of %d locations", ErrCorrupt, len(all), all.members())
	}
	e.groups.Store(&all)
	return nil
}
