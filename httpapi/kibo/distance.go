package kibo

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"apportion/engine"
)

// requestLocation is the location that a query is for, or a position from which distances count.
type requestLocation struct {
	LocationCode string   `json:"locationCode"`
	Latitude     *float64 `json:"latitude"`
	Longitude    *float64 `json:"longitude"`
	Radius       *float64 `json:"radius"`
	Unit         string   `json:"unit"` // of the radius
}

const (
	unitMiles = "MILES"
	unitKM    = "KM"

	kmPerMile        = 1.609344
	earthRadiusMiles = 3958.8
)

// hasPosition reports whether the query gives coordinates.
func (l *requestLocation) hasPosition() bool { return l.Latitude != nil && l.Longitude != nil }

// read reads it from the parameters of a URL: a code, JSON, or one parameter a field, as OpenAPI and the vendor's
// client write them.
func (l *requestLocation) read(r *Request) error {
	q := r.Query
	text := q.Get("requestLocation")
	if strings.HasPrefix(text, "{") {
		if err := decode(r, []byte(text), l); err != nil {
			return err
		}
	} else if text != "" {
		l.LocationCode = text
	}
	param := func(name string) (key, text string) {
		if key = "requestLocation[" + name + "]"; q.Has(key) {
			return key, q.Get(key)
		}
		return name, q.Get(name)
	}
	for name, into := range map[string]*string{"locationCode": &l.LocationCode, "unit": &l.Unit} {
		if _, text := param(name); text != "" {
			*into = text
		}
	}
	for name, into := range map[string]**float64{"latitude": &l.Latitude, "longitude": &l.Longitude,
		"radius": &l.Radius} {
		name, text := param(name)
		if text == "" {
			continue
		}
		var number float64
		// no NaN, no underscores: a number as a body has it
		if err := json.Unmarshal([]byte(text), &number); err != nil {
			return badRequest(name, text, "%s: %q is no number", name, text)
		}
		*into = &number
	}
	return nil
}

func (l *requestLocation) check() error {
	within := func(field string, value *float64, low, high float64) error {
		if value != nil && !(*value >= low && *value <= high) {
			field = "requestLocation." + field
			return badRequest(field, strconv.FormatFloat(*value, 'g', -1, 64), "%s: a number from %g to %g is expected",
				field, low, high)
		}
		return nil
	}
	if err := within("latitude", l.Latitude, -90, 90); err != nil {
		return err
	}
	if err := within("longitude", l.Longitude, -180, 180); err != nil {
		return err
	}
	if err := within("radius", l.Radius, 0, math.MaxFloat64); err != nil {
		return err
	}
	switch {
	case (l.Latitude == nil) != (l.Longitude == nil):
		return badRequest("requestLocation", "", "requestLocation needs both a latitude and a longitude")
	case l.Unit != "" && l.Unit != unitMiles && l.Unit != unitKM:
		return badRequest("requestLocation.unit", l.Unit, "requestLocation.unit: %q is neither MILES nor KM", l.Unit)
	}
	return nil
}

// miles is the distance to a location. known: the location has a position.
func (l *requestLocation) miles(e *engine.Reader, code string) (miles float64, known bool) {
	if !l.hasPosition() {
		return math.Inf(1), false
	}
	at, saved := e.Location(code)
	if !saved || at.Latitude == 0 && at.Longitude == 0 {
		return math.Inf(1), false
	}
	return greatCircle(*l.Latitude, *l.Longitude, float64(at.Latitude)/microDegrees,
		float64(at.Longitude)/microDegrees), true
}

// reaches reports whether a location is within the radius. Without a position or a radius, every location is.
func (l *requestLocation) reaches(e *engine.Reader, code string) bool {
	if !l.hasPosition() || l.Radius == nil {
		return true
	}
	radius := *l.Radius
	if l.Unit == unitKM {
		radius /= kmPerMile
	}
	miles, known := l.miles(e, code)
	return known && miles <= radius
}

// shownMiles is the distance in the form of replies, nil if it is not known.
func (l *requestLocation) shownMiles(e *engine.Reader, code string) *float64 {
	miles, known := l.miles(e, code)
	if !known {
		return nil
	}
	miles = math.Round(miles*100) / 100
	return &miles
}

// greatCircle is the distance between two positions in miles, by the haversine formula.
func greatCircle(latitude1, longitude1, latitude2, longitude2 float64) float64 {
	radians := func(degrees float64) float64 { return degrees * math.Pi / 180 }
	north := math.Sin(radians(latitude2-latitude1) / 2)
	east := math.Sin(radians(longitude2-longitude1) / 2)
	h := north*north + math.Cos(radians(latitude1))*math.Cos(radians(latitude2))*east*east
	return 2 * earthRadiusMiles * math.Asin(math.Sqrt(min(h, 1)))
}
