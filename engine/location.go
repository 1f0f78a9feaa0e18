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

// PlaceFlags is what a location can do. The engine keeps them for those who choose locations; it does not look at them.
type PlaceFlags uint16

// The flags of a location. The bits are stored.
const (
	PlaceActive PlaceFlags = 1 << iota
	PlaceDirectShip
	PlacePickup
	PlaceTransfer
	PlaceInAggregate
	PlaceInExport
	PlaceExpress
	PlaceWarehouse // has a warehouse management system

	placeFlagsKnown = 1<<iota - 1 // all of the above
)

// PutLocation keeps what is to be known of a location besides its stock, in place of what was known. A location need
// not be known to have stock, or the other way round.
type PutLocation struct {
	Location   string     `json:"location"`
	Flags      PlaceFlags `json:"flags"`
	Name       string     `json:"name"`
	PostalCode string     `json:"postalCode"`
	Country    string     `json:"country"`
	Latitude   int64      `json:"latitude"` // millionths of a degree
	Longitude  int64      `json:"longitude"`
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
	case c.Flags&^placeFlagsKnown != 0:
		return numberFault("flags", int64(c.Flags), 0, placeFlagsKnown)
	case !isOptionalText(c.Name, PlaceNameBytesMax):
		return textFault("name", c.Name, PlaceNameBytesMax)
	case !isOptionalText(c.PostalCode, PlaceNameBytesMax):
		return textFault("postalCode", c.PostalCode, PlaceNameBytesMax)
	case !isOptionalText(c.Country, PlaceNameBytesMax):
		return textFault("country", c.Country, PlaceNameBytesMax)
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

// placeBytesMin is what a location takes at least.
const placeBytesMin = 4*textBytesMin + 1 + 1 + 1

func (c *PutLocation) readBody(r *bodyReader) {
	c.Location = r.text()
	flags := r.uvarint()
	if flags > math.MaxUint16 {
		r.fail("flags out of range")
	}
	c.Flags = PlaceFlags(flags)
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

// places is what is known of locations, by their codes. It is replaced as a whole.
type places map[string]PutLocation

func (c *PutLocation) apply(e *Engine, _ *Envelope, r *Result) {
	old := e.loadPlaces()
	if _, known := old[c.Location]; !known && len(old) >= PlacesMax {
		r.refuse(CodeTooMany, "location", strconv.Itoa(PlacesMax))
		return
	}
	now := maps.Clone(old)
	if now == nil {
		now = places{}
	}
	own := c.clone()
	now[own.Location] = own
	e.places.Store(&now)
	e.changes.places = true
}

func (rd *Reader) loadPlaces() places {
	if p := rd.places.Load(); p != nil {
		return *p
	}
	return nil
}

// Location gives what was put of a location.
func (rd *Reader) Location(code string) (PutLocation, bool) {
	c, ok := rd.loadPlaces()[code]
	return c, ok
}

// Locations gives what was put of all locations, by their codes.
func (rd *Reader) Locations() []PutLocation {
	all := rd.loadPlaces()
	list := make([]PutLocation, 0, len(all))
	for _, code := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[code])
	}
	return list
}

// appendPlaces encodes all locations; nothing if there are none.
func (e *Engine) appendPlaces(b []byte) []byte {
	list := e.Locations()
	if len(list) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = list[i].appendBody(b)
	}
	return b
}

// readPlacesRow reads what appendPlaces wrote: locations in order, each once and within the limits.
func (e *Engine) readPlacesRow(b []byte) error {
	in := bodyReader{reader: reader{b: b}}
	all, last := places{}, ""
	for range in.count(placeBytesMin) {
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
	if len(all) == 0 || len(all) > PlacesMax {
		return fmt.Errorf("%w: %d locations", ErrCorrupt, len(all))
	}
	e.places.Store(&all)
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

// groupBytesMin is what a group takes at least.
const groupBytesMin = textBytesMin + 1

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
