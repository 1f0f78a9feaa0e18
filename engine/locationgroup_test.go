package engine

import (
	"slices"
	"strconv"
	"sync"
	"testing"
)

func TestPutLocationGroup(t *testing.T) {
	h := newHost(t)
	h.must(&PutLocationGroup{Group: "north", Locations: []string{"L", "K"}})
	h.must(&PutLocationGroup{Group: "all", Locations: []string{"K"}})
	if c, ok := h.e.LocationGroup("north"); !ok || !slices.Equal(c.Locations, []string{"L", "K"}) {
		t.Errorf("got %+v", c)
	}
	h.must(&PutLocationGroup{Group: "north", Locations: []string{"M"}})
	if list := h.e.LocationGroups(); len(list) != 2 || list[0].Group != "all" || list[1].Locations[0] != "M" {
		t.Errorf("got %+v", list)
	}
	h.must(&PutLocationGroup{Group: "north"})
	h.must(&PutLocationGroup{Group: "unknown"})
	if list := h.e.LocationGroups(); len(list) != 1 {
		t.Errorf("what was taken away is there: %+v", list)
	}
	f := func(c PutLocationGroup, field string) {
		t.Helper()
		h.wantCode(&c, CodeInvalid, field)
	}
	f(PutLocationGroup{Locations: []string{"L"}}, "group")
	f(PutLocationGroup{Group: "g", Locations: []string{"L", ""}}, "locations[1]")
	f(PutLocationGroup{Group: "g", Locations: []string{"L", "K", "L"}}, "locations")
	f(PutLocationGroup{Group: "g", Locations: make([]string, LocationGroupMembersMax+1)}, "locations")
}

// TestLocationGroupsLeaveTheDurableForm: the last group that is deleted takes the row with it.
func TestLocationGroupsLeaveTheDurableForm(t *testing.T) {
	h := newHost(t)
	stored := map[string]string{}
	checkpoint := func() {
		c := h.e.Freeze()
		rows := new(Rows)
		for c.Next(rows, 1, new(sync.Mutex)) {
		}
		c.Done()
		_ = rows.Each(func(op RowOp, key, value []byte) error {
			if key[0] == groupTable {
				if stored[string(key)] = string(value); op == RowDelete {
					delete(stored, string(key))
				}
			}
			return nil
		})
	}
	h.must(&PutLocationGroup{Group: "g", Locations: []string{"L"}})
	checkpoint()
	if len(stored) != 1 {
		t.Fatalf("stored %q", stored)
	}
	h.must(&PutLocationGroup{Group: "g"})
	c := h.e.Freeze()
	c.Next(new(Rows), 1, new(sync.Mutex))
	c.Abort()
	checkpoint()
	if len(stored) != 0 {
		t.Errorf("stored %q", stored)
	}
}

func TestLocationGroupsAreBounded(t *testing.T) {
	h := newHost(t)
	all := locationGroups{}
	for i := range LocationGroupsMax {
		all[strconv.Itoa(i)] = PutLocationGroup{Group: strconv.Itoa(i), Locations: []string{"L"}}
	}
	h.must(&Expire{})
	h.e.locationGroups.Store(&all)
	h.wantCode(&PutLocationGroup{Group: "g", Locations: []string{"L"}}, CodeTooMany, "group")
	h.must(&PutLocationGroup{Group: "7", Locations: []string{"K"}})
	many := make([]string, LocationGroupMembersMax-LocationGroupsMax+2)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	h.wantCode(&PutLocationGroup{Group: "7", Locations: many}, CodeTooMany, "locations")
	h.must(&PutLocationGroup{Group: "7", Locations: many[1:]})
}
