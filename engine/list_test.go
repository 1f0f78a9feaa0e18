package engine_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"apportion/engine"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// recordList lists all records in small pages.
func recordList(e *engine.Engine) (keys []engine.RecordKey) {
	var after engine.RecordKey
	for {
		page := e.RecordsAfter(after, 2, nil)
		if len(page) == 0 {
			return keys
		}
		keys = append(keys, page...)
		after = page[len(page)-1]
	}
}

// checkLists compares the lists of records, UPCs and locations.
func (h *harness) checkLists(t fatalf) {
	t.Helper()
	var keys []engine.RecordKey
	sums := map[string]engine.LocationView{}
	var names []string
	for p, r := range h.m.records {
		if r == nil {
			continue
		}
		keys = append(keys, engine.RecordKey{Location: p.location, UPC: p.upc})
		names = append(names, p.upc)
		s := sums[p.location]
		s.Location = p.location
		s.Records++
		for _, seg := range r.segments {
			s.OnHand += seg.onHand
		}
		sums[p.location] = s
	}
	slices.SortFunc(keys, func(a, b engine.RecordKey) int {
		return cmp.Or(strings.Compare(a.Location, b.Location), strings.Compare(a.UPC, b.UPC))
	})
	same := func(what string, want, got any) {
		t.Helper()
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s differ: model -, engine +\n%s", what, diff)
		}
	}
	same("the records", keys, recordList(h.e))
	slices.Sort(names)
	names = slices.Compact(names)
	same("the UPCs", names, h.e.UPCsAfter("", 1000, nil))
	same("the UPCs with a 2", slices.DeleteFunc(names, func(upc string) bool { return !strings.Contains(upc, "2") }),
		h.e.SearchUPCs("2", "", 1000, nil))
	views := make([]engine.LocationView, 0, len(sums))
	for _, v := range sums {
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b engine.LocationView) int { return strings.Compare(a.Location, b.Location) })
	same("the locations", views, h.e.LocationsAfter("", 1000, nil))
}

// TestLists reads lists of many records, with writes between the pages.
func TestLists(t *testing.T) {
	e, index := engine.New(), uint64(0)
	apply := func(c engine.Command) {
		t.Helper()
		index++
		mustApply(t, e, index, c)
	}
	const perLocation = 500
	refresh := func(location, form string) {
		c := &engine.Refresh{Location: location}
		for i := range perLocation {
			upc := fmt.Sprintf(form, i*7919%perLocation)
			c.Items = append(c.Items, engine.StockItem{UPC: upc, Quantity: 2})
		}
		apply(c)
	}
	refresh("store-2", "u%04d")
	refresh("store-1", "u%04d")
	refresh("warehouse", "w%04d")

	var keys []engine.RecordKey
	after := engine.RecordKey{Location: "store-1", UPC: "u0100"}
	for page := 0; ; page++ {
		got := e.RecordsAfter(after, 100, nil)
		if len(got) == 0 {
			break
		}
		keys = append(keys, got...)
		after = got[len(got)-1]
		apply(&engine.Delete{Scope: engine.Scope{UPCs: []string{fmt.Sprintf("u%04d", page)}}})
		refresh(fmt.Sprintf("store-0%d", page), "new%04d") // before all that is to come
	}
	var want []engine.RecordKey
	for i := 101; i < perLocation; i++ {
		want = append(want, engine.RecordKey{Location: "store-1", UPC: fmt.Sprintf("u%04d", i)})
	}
	for _, l := range []struct {
		location, form string
		first          int
	}{{"store-2", "u%04d", 3}, {"warehouse", "w%04d", 0}} {
		for i := l.first; i < perLocation; i++ {
			want = append(want, engine.RecordKey{Location: l.location, UPC: fmt.Sprintf(l.form, i)})
		}
	}
	if diff := gocmp.Diff(want, keys); diff != "" {
		t.Errorf("the list differs: want -, got +\n%s", diff)
	}
}

func TestSearch(t *testing.T) {
	e := engine.New()
	for i, location := range []string{"east-1", "east-2", "west-1"} {
		c := &engine.Refresh{Location: location}
		for n := range 10_000 {
			upc := fmt.Sprintf("%05d", (n*7919+i)%10_000)
			c.Items = append(c.Items, engine.StockItem{UPC: upc, Quantity: int64(i)})
		}
		mustApply(t, e, uint64(i+1), c)
	}
	f := func(part, after string, limit int, want ...string) {
		t.Helper()
		if got := e.SearchUPCs(part, after, limit, nil); !slices.Equal(got, want) {
			t.Errorf("%q after %q: got %v, want %v", part, after, got, want)
		}
	}
	f("1234", "", 10, "01234")
	f("999", "", 3, "00999", "01999", "02999")
	f("999", "02999", 3, "03999", "04999", "05999")
	f("0", "", 2, "00000", "00001")
	f("", "", 2, "00000", "00001")
	f("", "09998", 2, "09999")
	f("x", "", 2)
	f("9", "", 0)

	want := []engine.LocationView{{Location: "east-2", Records: 10_000, OnHand: 10_000},
		{Location: "west-1", Records: 10_000, OnHand: 20_000}}
	if got := e.SearchLocations("st-", "east-1", 10, nil); !slices.Equal(got, want) {
		t.Errorf("locations: %+v", got)
	}
	if got := e.LocationsAfter("east-1", 1, nil); !slices.Equal(got, want[:1]) {
		t.Errorf("locations after east-1: %+v", got)
	}
	if got, ok := e.ReadLocation("east-2"); !ok || got != want[0] {
		t.Errorf("east-2 is %+v, %t", got, ok)
	}
	mustApply(t, e, 9, &engine.Delete{Scope: engine.Scope{Locations: []string{"east-2"}}})
	if got, ok := e.ReadLocation("east-2"); ok || got.Records != 0 || got.OnHand != 0 {
		t.Errorf("the empty location is %+v, %t", got, ok)
	}
	if got := e.SearchLocations("east-2", "", 10, nil); len(got) != 0 {
		t.Errorf("the empty location is found: %+v", got)
	}
}

func BenchmarkLists(b *testing.B) {
	manyRecordsOrSkip(b)
	e := stockedEngine(b, manyRecords, 1, 20)
	keys, names := make([]engine.RecordKey, 0, 1000), make([]string, 0, 1000)
	b.Run("records", func(b *testing.B) { // a page of 1000 from anywhere
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			after := engine.RecordKey{Location: "X", UPC: benchUPC(n * 7919 % manyRecords)}
			keys = e.RecordsAfter(after, 1000, keys[:0])
		}
	})
	for _, part := range []string{"99999", "9", "x"} {
		b.Run("search="+part, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				names = e.SearchUPCs(part, "", 1000, names[:0])
			}
		})
	}
}
