package kibo

import (
	"fmt"
	"math"
	"slices"

	"apportion/engine"
)

// locationBody is a location, in requests and in replies.
type locationBody struct {
	Code       string  `json:"locationCode"`
	Name       text    `json:"locationName"`
	PostalCode text    `json:"postalCode"`
	Country    text    `json:"countryCode"`
	Latitude   float64 `json:"latitude"`
	Longitude  float64 `json:"longitude"`
	Active     bool    `json:"active"`
	DirectShip bool    `json:"directShip"`
	Pickup     bool    `json:"pickup"`
	Transfer   bool    `json:"transferEnabled"`
	Aggregate  bool    `json:"includeInAggregate"`
	Export     bool    `json:"includeInLocationExport"`
	Express    bool    `json:"express"`
	Warehouse  bool    `json:"wmsEnabled"`
}

type locationReply struct {
	Success    bool   `json:"success"`
	LocationID uint32 `json:"locationID"`
	TenantID   int64  `json:"tenantID"`
	locationBody
}

// flags gives each flag of the body with its bit.
func (b *locationBody) flags() map[engine.LocationFlags]*bool {
	return map[engine.LocationFlags]*bool{engine.LocationActive: &b.Active, engine.LocationDirectShip: &b.DirectShip,
		engine.LocationPickup:   &b.Pickup,
		engine.LocationTransfer: &b.Transfer, engine.LocationInAggregate: &b.Aggregate,
		engine.LocationInExport: &b.Export,
		engine.LocationExpress:  &b.Express, engine.LocationWarehouse: &b.Warehouse}
}

// defaultLocation is a location that was never saved: it is active and can do everything.
func defaultLocation(code string) engine.PutLocation {
	return engine.PutLocation{Location: code, Name: code,
		Flags: engine.LocationActive | engine.LocationDirectShip | engine.LocationPickup |
			engine.LocationTransfer | engine.LocationInAggregate | engine.LocationInExport}
}

// locationOf gives a location as it was saved, or its default.
func locationOf(e *engine.Reader, code string) engine.PutLocation {
	if c, ok := e.Location(code); ok {
		return c
	}
	return defaultLocation(code)
}

// microDegrees is the engine's unit of latitude and longitude: so many are a degree.
const microDegrees = 1e6

func shownLocation(r *Request, c *engine.PutLocation) locationReply {
	b := locationBody{Code: c.Location, Name: text(c.Name), PostalCode: text(c.PostalCode), Country: text(c.Country),
		Latitude: float64(c.Latitude) / microDegrees, Longitude: float64(c.Longitude) / microDegrees}
	for bit, on := range b.flags() {
		*on = c.Flags&bit != 0
	}
	return locationReply{true, tagNumber(c.Location), r.Tenant, b}
}

// listLocations shows the locations that were saved, and those that have a record.
func listLocations(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	e := r.Host.Reader()
	var codes []string
	for _, l := range e.LocationsAfter("", math.MaxInt, nil) {
		codes = append(codes, l.Location)
	}
	for _, c := range e.Locations() {
		codes = append(codes, c.Location)
	}
	slices.Sort(codes)
	list := []locationReply{}
	for _, code := range slices.Compact(codes) {
		c := locationOf(e, code)
		list = append(list, shownLocation(r, &c))
	}
	return Reply{Value: list}, nil
}

// readLocation shows a location or, as that API has one path for both, the group of that code.
func readLocation(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	e, code := r.Host.Reader(), r.Path[0]
	c, saved := e.Location(code)
	if !saved {
		_, hasRecord := e.ReadLocation(code)
		if group, ok := e.LocationGroup(code); ok && !hasRecord {
			return Reply{Value: []groupReply{shownGroup(r, &group)}}, nil
		}
		if !hasRecord {
			return Reply{}, notFound(engine.CodeUnknownRecord, "locationCode", code, "there is no location %q: none "+
				"was saved, and it has no record; and no group of that name", code)
		}
		c = defaultLocation(code)
	}
	return Reply{Value: []locationReply{shownLocation(r, &c)}}, nil
}

// saveLocation saves a location. A missing flag keeps its value, or that of defaultLocation.
func saveLocation(r *Request) (Reply, error) {
	var named locationBody
	if err := decode(r, r.Body, &named); err != nil {
		return Reply{}, err
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	was := locationOf(r.Host.Reader(), named.Code)
	shown := shownLocation(r, &was)
	body := shown.locationBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	c := &engine.PutLocation{Location: body.Code, Name: string(body.Name), PostalCode: string(body.PostalCode),
		Country: string(body.Country)}
	for _, degrees := range []struct {
		from float64
		to   *int64
	}{{body.Latitude, &c.Latitude}, {body.Longitude, &c.Longitude}} {
		if math.Abs(degrees.from) > 360 {
			return Reply{}, badRequest("latitude", "", "%g is no latitude or longitude", degrees.from)
		}
		*degrees.to = int64(math.Round(degrees.from * microDegrees))
	}
	for bit, on := range body.flags() {
		if *on {
			c.Flags |= bit
		}
	}
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	if err := doOne(r, c); err != nil {
		return Reply{}, err
	}
	return Reply{Value: []locationReply{shownLocation(r, c)}}, nil
}

// capabilityFilter selects locations by flags and group. A missing flag or group does not restrict.
type capabilityFilter struct {
	groupFilter
	DirectShip *bool `json:"directShip"`
	Transfer   *bool `json:"transferEnabled"`
	Pickup     *bool `json:"pickup"`
	Aggregate  *bool `json:"includeInAggregateExport"`
	Export     *bool `json:"includeInLocationExport"`
}

// has reports whether a location is selected. One that was saved as not active never is.
func (f *capabilityFilter) has(e *engine.Reader, code string) bool {
	flags := locationOf(e, code).Flags
	if flags&engine.LocationActive == 0 || !f.inGroup(code) {
		return false
	}
	for _, want := range []struct {
		flag *bool
		bit  engine.LocationFlags
	}{{f.DirectShip, engine.LocationDirectShip}, {f.Transfer, engine.LocationTransfer},
		{f.Pickup, engine.LocationPickup},
		{f.Aggregate, engine.LocationInAggregate}, {f.Export, engine.LocationInExport}} {
		if want.flag != nil && *want.flag != (flags&want.bit != 0) {
			return false
		}
	}
	return true
}

type blockItem struct {
	product
	Blocked *bool `json:"blockAssignment"`
}

type blockBody struct {
	base
	Items []blockItem `json:"items"`
}

// blockAssignment blocks items at a location from being assigned, or unblocks them: all or none.
func blockAssignment(r *Request) (Reply, error) {
	var body blockBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	c := &engine.Block{Location: body.LocationCode}
	for i := range body.Items {
		name, err := body.Items[i].named(fmt.Sprintf("items[%d]", i))
		if err != nil {
			return Reply{}, err
		}
		if body.Items[i].Blocked == nil {
			return Reply{}, badRequest(itemField(i, "blockAssignment"), "", "items[%d] does not say whether it is "+
				"blocked", i)
		}
		c.Items = append(c.Items, engine.BlockItem{UPC: name, Blocked: *body.Items[i].Blocked})
	}
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	if err := doOne(r, c); err != nil {
		return Reply{}, err
	}
	return Reply{Value: baseReply{Success: true, Messages: []string{}, NumResults: len(c.Items)}}, nil
}
