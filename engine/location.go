package engine

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// LocationFlags is what a location can do. The engine keeps them for those who choose locations; it does not look at
// them.
type LocationFlags uint16

// The flags of a location. The bits are stored.
const (
	LocationActive LocationFlags = 1 << iota
	LocationDirectShip
	LocationPickup
	LocationTransfer
	LocationInAggregate
	LocationInExport
	LocationExpress
	LocationWarehouse // has a warehouse management system

	locationFlagsKnown = 1<<iota - 1 // all of the above
)

// PutLocation keeps the details of a location, in place of its earlier ones. A location may have stock without details,
// or details without stock.
type PutLocation struct {
	Location   string        `json:"location"`
	Flags      LocationFlags `json:"flags"`
	Name       string        `json:"name"`
	PostalCode string        `json:"postalCode"`
	Country    string        `json:"country"`
	Latitude   int64         `json:"latitude"` // millionths of a degree
	Longitude  int64         `json:"longitude"`
}

func (*PutLocation) Kind() Kind { return KindPutLocation }

// The bounds of a place on earth, in millionths of a degree.
const (
	latitudeMax  = 90_000_000
	longitudeMax = 180_000_000
)

func (c *PutLocation) check() *Fault {
	switch {
	case !IsText(c.Location, LocationBytesMax):
		return textFault("location", c.Location, LocationBytesMax)
	case c.Flags&^locationFlagsKnown != 0:
		return numberFault("flags", int64(c.Flags), 0, locationFlagsKnown)
	case !isOptionalText(c.Name, LocationNameBytesMax):
		return textFault("name", c.Name, LocationNameBytesMax)
	case !isOptionalText(c.PostalCode, LocationNameBytesMax):
		return textFault("postalCode", c.PostalCode, LocationNameBytesMax)
	case !isOptionalText(c.Country, LocationNameBytesMax):
		return textFault("country", c.Country, LocationNameBytesMax)
	case c.Latitude < -latitudeMax || c.Latitude > latitudeMax:
		return numberFault("latitude", c.Latitude, -latitudeMax, latitudeMax)
	case c.Longitude < -longitudeMax || c.Longitude > longitudeMax:
		return numberFault("longitude", c.Longitude, -longitudeMax, longitudeMax)
	}
	return nil
}

// appendBody: location, flags, name, postal code, country, latitude, longitude.
func (c *PutLocation) appendBody(dst []byte) []byte {
	dst = binary.AppendUvarint(appendText(dst, c.Location), uint64(c.Flags))
	dst = appendText(appendText(appendText(dst, c.Name), c.PostalCode), c.Country)
	return binary.AppendVarint(binary.AppendVarint(dst, c.Latitude), c.Longitude)
}

// locationBytesMin is what a location takes at least.
const locationBytesMin = 4*textBytesMin + 1 + 1 + 1

func (c *PutLocation) readBody(r *bodyReader) {
	c.Location = r.text()
	flags := r.uvarint()
	if flags > math.MaxUint16 {
		r.fail("flags out of range")
	}
	c.Flags = LocationFlags(flags)
	c.Name, c.PostalCode, c.Country = r.text(), r.text(), r.text()
	c.Latitude, c.Longitude = r.varint(), r.varint()
}

func (c *PutLocation) digest(dst []byte) []byte {
	dst = digestNumber(digestText(dst, c.Location), uint64(c.Flags))
	dst = digestText(digestText(digestText(dst, c.Name), c.PostalCode), c.Country)
	return digestNumber(digestNumber(dst, uint64(c.Latitude)), uint64(c.Longitude))
}

// clone is a copy with texts of its own.
func (c *PutLocation) clone() PutLocation {
	own := *c
	for _, text := range []*string{&own.Location, &own.Name, &own.PostalCode, &own.Country} {
		*text = strings.Clone(*text)
	}
	return own
}

// locationDetails has the details of locations, by their codes. A change replaces the whole map.
type locationDetails map[string]PutLocation

func (c *PutLocation) apply(e *Engine, _ *Envelope, r *Result) {
	old := e.loadDetails()
	if _, known := old[c.Location]; !known && len(old) >= LocationsMax {
		r.refuse(CodeTooMany, "location", strconv.Itoa(LocationsMax))
		return
	}
	now := maps.Clone(old)
	if now == nil {
		now = locationDetails{}
	}
	own := c.clone()
	now[own.Location] = own
	e.details.Store(&now)
	e.changes.details = true
}

func (rd *Reader) loadDetails() locationDetails {
	if p := rd.details.Load(); p != nil {
		return *p
	}
	return nil
}

// Location gives what was put of a location.
func (rd *Reader) Location(code string) (PutLocation, bool) {
	c, ok := rd.loadDetails()[code]
	return c, ok
}

// Locations gives what was put of all locations, by their codes.
func (rd *Reader) Locations() []PutLocation {
	return valuesByKey(rd.loadDetails())
}

// valuesByKey gives the values of a map, by their keys.
func valuesByKey[V any](all map[string]V) []V {
	list := make([]V, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[key])
	}
	return list
}

// appendBodies encodes a list of commands that are kept as they came; nothing if it is empty.
func appendBodies[C any, P interface {
	*C
	Command
}](b []byte, list []C) []byte {
	if len(list) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = P(&list[i]).appendBody(b)
	}
	return b
}

// appendDetails encodes all locations; nothing if there are none.
func (e *Engine) appendDetails(b []byte) []byte {
	return appendBodies(b, e.Locations())
}

// readDetailsRow reads what appendDetails wrote: locations in order, each once and within the limits.
func (e *Engine) readDetailsRow(b []byte) error {
	in := bodyReader{reader: reader{b: b}}
	all, last := locationDetails{}, ""
	for range in.count(locationBytesMin) {
		var c PutLocation
		if c.readBody(&in); in.fault != "" {
			break
		}
		if c.check() != nil || c.Location <= last {
			return fmt.Errorf("%w: a location out of order, or past its limits", ErrCorrupt)
		}
		own := c.clone()
		last = own.Location
		all[last] = own
	}
	if err := in.end(ErrCorrupt); err != nil {
		return err
	}
	if len(all) == 0 || len(all) > LocationsMax {
		return fmt.Errorf("%w: %d locations", ErrCorrupt, len(all))
	}
	e.details.Store(&all)
	return nil
}

// PutLocationGroup keeps which locations a group has, in place of those that it had. Without locations, the group is
// taken away. A location may be in several groups, and need not be known to be in one.
type PutLocationGroup struct {
	Group     string   `json:"group"`
	Locations []string `json:"locations"`
}

func (*PutLocationGroup) Kind() Kind { return KindPutLocationGroup }

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

func (*PutLocationGroup) since() (form, meaning byte) { return commandVersionMore, commandVersionMore }

// appendBody: group, locations.
func (c *PutLocationGroup) appendBody(dst []byte) []byte {
	return appendTexts(appendText(dst, c.Group), c.Locations)
}

// locationGroupBytesMin is what a group takes at least.
const locationGroupBytesMin = textBytesMin + 1

func (c *PutLocationGroup) readBody(r *bodyReader) {
	c.Group = r.text()
	c.Locations = r.readTexts(c.Locations)
}

func (c *PutLocationGroup) digest(dst []byte) []byte {
	return digestTexts(digestText(dst, c.Group), c.Locations)
}

// clone is a copy with texts of its own.
func (c *PutLocationGroup) clone() PutLocationGroup {
	own := PutLocationGroup{Group: strings.Clone(c.Group), Locations: slices.Clone(c.Locations)}
	for i := range own.Locations {
		own.Locations[i] = strings.Clone(own.Locations[i])
	}
	return own
}

// locationGroups has the location groups, by their codes. A change replaces the whole map.
type locationGroups map[string]PutLocationGroup

// members is how many locations all groups have together.
func (g locationGroups) members() (n int) {
	for _, c := range g {
		n += len(c.Locations)
	}
	return n
}

func (c *PutLocationGroup) apply(e *Engine, _ *Envelope, r *Result) {
	now := maps.Clone(e.loadLocationGroups())
	if now == nil {
		now = locationGroups{}
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
	e.locationGroups.Store(&now)
	e.changes.locationGroups = true
}

func (rd *Reader) loadLocationGroups() locationGroups {
	if g := rd.locationGroups.Load(); g != nil {
		return *g
	}
	return nil
}

// LocationGroup gives a group of locations, which the caller must not change.
func (rd *Reader) LocationGroup(code string) (PutLocationGroup, bool) {
	c, ok := rd.loadLocationGroups()[code]
	return c, ok
}

// LocationGroups gives all groups of locations, by their codes.
func (rd *Reader) LocationGroups() []PutLocationGroup {
	return valuesByKey(rd.loadLocationGroups())
}

// appendLocationGroups encodes all groups of locations; nothing if there are none.
func (e *Engine) appendLocationGroups(b []byte) []byte {
	return appendBodies(b, e.LocationGroups())
}

// readLocationGroupsRow reads what appendLocationGroups wrote: groups in order, each once and within the limits.
func (e *Engine) readLocationGroupsRow(b []byte) error {
	in := bodyReader{reader: reader{b: b}}
	all, last := locationGroups{}, ""
	for range in.count(locationGroupBytesMin) {
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
	e.locationGroups.Store(&all)
	return nil
}
