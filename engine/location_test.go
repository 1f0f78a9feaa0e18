package engine

import (
	"strconv"
	"strings"
	"testing"
)

func TestPutLocation(t *testing.T) {
	h := newHost(t)
	put := &PutLocation{Location: "L", Name: "a", Flags: LocationActive | LocationWarehouse, Latitude: 52_520_000,
		Longitude: -13_405_000}
	h.must(put)
	h.must(&PutLocation{Location: "K"})
	if c, ok := h.e.Location("L"); !ok || c != *put {
		t.Errorf("got %+v", c)
	}
	h.must(&PutLocation{Location: "L", Country: "DE"})
	if list := h.e.Locations(); len(list) != 2 || list[0].Location != "K" ||
		list[1] != (PutLocation{Location: "L", Country: "DE"}) {
		t.Errorf("got %+v", list)
	}
	if _, ok := h.e.Location("M"); ok || h.e.Stats().Records != 0 {
		t.Error("there is more than was put")
	}
	long := strings.Repeat("x", LocationNameBytesMax+1)
	f := func(c PutLocation, field string) {
		t.Helper()
		h.wantCode(&c, CodeInvalid, field)
	}
	f(PutLocation{}, "location")
	f(PutLocation{Location: long}, "location")
	f(PutLocation{Location: "L", Flags: locationFlagsKnown + 1}, "flags")
	f(PutLocation{Location: "L", Name: long}, "name")
	f(PutLocation{Location: "L", PostalCode: long}, "postalCode")
	f(PutLocation{Location: "L", Country: "\x00"}, "country")
	f(PutLocation{Location: "L", Latitude: latitudeMax + 1}, "latitude")
	f(PutLocation{Location: "L", Longitude: -longitudeMax - 1}, "longitude")
}

func TestLocationsAreBounded(t *testing.T) {
	h := newHost(t)
	all := locationDetails{}
	for i := range LocationsMax {
		all[strconv.Itoa(i)] = PutLocation{Location: strconv.Itoa(i)}
	}
	h.must(&Expire{})
	h.e.details.Store(&all)
	h.wantCode(&PutLocation{Location: "L"}, CodeTooMany, "location")
	h.must(&PutLocation{Location: "7", Name: "known"})
}
