package lists

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/strictjson"

	"pgregory.net/rapid"
)

// recordPage is what a page of records shows.
type recordPage struct {
	Records []struct {
		UPC, Location string
		Segments      []struct{ Tags map[string]string }
	}
	Next *string
}

// page reads the page of a query, and moves the query behind it. last: there is no next page.
func (s *stock) page(q *RecordQuery) (keys []string, last bool) {
	s.t.Helper()
	out, fault := q.Append([]byte{'{'}, &s.Reader)
	if fault.Code != "" {
		s.t.Fatalf("%+v is refused: %+v", q, fault)
	}
	var page recordPage
	if err := json.Unmarshal(append(out, '}'), &page); err != nil {
		s.t.Fatalf("%v in %s", err, out)
	}
	if len(page.Records) > q.Limit {
		s.t.Fatalf("%+v: a page of %d", q, len(page.Records))
	}
	for _, r := range page.Records {
		keys = append(keys, r.Location+"/"+r.UPC)
	}
	if page.Next == nil {
		return keys, true
	}
	q.Cursor = *page.Next
	return keys, false
}

// records reads a list to its end.
func (s *stock) records(q RecordQuery) (list string, pages int) {
	s.t.Helper()
	var all []string
	for {
		keys, last := s.page(&q)
		all = append(all, keys...)
		if pages++; last {
			return strings.Join(all, " "), pages
		}
	}
}

// newChannels has records in many states, with two channels.
func newChannels(t *testing.T) *stock {
	s := &stock{Engine: engine.New(), t: t, nowMS: 1_000_000}
	s.do(&engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
		{Name: "Web", Default: true, Percent: engine.NoPercent, Max: engine.NoMax},
		{Name: "Shop", Percent: engine.NoPercent, Max: engine.NoMax}}})
	web, shop := []engine.Tag{{Category: "Channel", Value: "Web"}}, []engine.Tag{{Category: "Channel", Value: "Shop"}}
	s.do(&engine.Refresh{Location: "L2", Items: []engine.StockItem{
		{UPC: "A1", Tags: web, Quantity: 5}, {UPC: "A1", Tags: shop, Quantity: 0},
		{UPC: "B12", Tags: web, Quantity: 0}, {UPC: "B12", Tags: shop, Quantity: 1, Has: engine.HasFloor, Floor: 4}}})
	s.do(&engine.Refresh{Location: "L1", Items: []engine.StockItem{
		{UPC: "C2", Tags: web, Quantity: 1, Has: engine.HasSafetyStock, SafetyStock: 3},
		{UPC: "C2", Tags: shop, Quantity: 9}, {UPC: "A1", Tags: shop, Quantity: 0}}})
	return s
}

// TestRecordQuery: the records that each parameter picks, in each order, in pages of any size.
func TestRecordQuery(t *testing.T) {
	s := newChannels(t)
	web, shop := []engine.Tag{{Category: "Channel", Value: "Web"}}, []engine.Tag{{Category: "Channel", Value: "Shop"}}
	f := func(want string, q RecordQuery) {
		t.Helper()
		for q.Limit = 1; q.Limit <= 6; q.Limit++ {
			for q.keysMax = 0; q.keysMax <= 2; q.keysMax++ {
				q.looksMax = q.keysMax
				if got, _ := s.records(q); got != want {
					t.Errorf("%+v: got %q, want %q", q, got, want)
				}
			}
		}
	}
	const all, allByUPC = "L1/A1 L1/C2 L2/A1 L2/B12", "L1/A1 L2/A1 L2/B12 L1/C2"
	f(all, RecordQuery{})
	f(all, RecordQuery{Sort: "location"})
	f(allByUPC, RecordQuery{Sort: "upc"})
	f("L2/A1 L2/B12", RecordQuery{Location: "L2"})
	f("L2/A1 L2/B12", RecordQuery{Location: "L2", Sort: "upc"})
	f("L1/A1 L2/A1", RecordQuery{UPC: "A1"})
	f("L2/B12", RecordQuery{UPC: "B12", Location: "L2"})
	f("", RecordQuery{UPC: "B12", Location: "L1"})
	f("", RecordQuery{Location: "L"})
	f("L1/A1 L2/A1 L2/B12", RecordQuery{Search: "1"})
	f("L2/B12 L1/C2", RecordQuery{Search: "2"})
	f("L1/C2 L2/B12", RecordQuery{Search: "2", Sort: "location"})
	f("L2/B12", RecordQuery{Search: "2", Location: "L2"})
	f("L1/C2 L2/A1 L2/B12", RecordQuery{Tags: web})
	f("L1/A1", RecordQuery{State: "sold-out"})
	f("L1/A1 L2/A1", RecordQuery{State: "sold-out", Tags: shop})
	f("L1/C2 L2/B12", RecordQuery{State: "sold-out", Tags: web})
	f("L2/B12", RecordQuery{State: "below-floor"})
	f("", RecordQuery{State: "below-floor", Tags: web})
	f("L1/C2", RecordQuery{State: "below-safety"})
	f("L1/C2", RecordQuery{State: "negative"})
	f("", RecordQuery{State: "negative", Tags: shop})
	f("", RecordQuery{State: "due"})
	s.do(&engine.Redistribute{Scope: engine.Scope{UPCs: []string{"A1"}}})
	f("L1/A1 L2/A1", RecordQuery{State: "due"})
	f("", RecordQuery{State: "blocked"})
	s.do(&engine.Block{Location: "L2", Items: []engine.BlockItem{{UPC: "B12", Blocked: true}}})
	f("L2/B12", RecordQuery{State: "blocked"})

	if _, pages := s.records(RecordQuery{Limit: 4}); pages != 1 {
		t.Errorf("%d pages of 4 for 4 records", pages)
	}
	if _, pages := s.records(RecordQuery{Limit: 4, keysMax: 1, looksMax: 1}); pages != 4 {
		t.Errorf("%d pages of one look for 4 records", pages)
	}
}

// TestRecordQueryRefused: what a query may not be, with the field.
func TestRecordQueryRefused(t *testing.T) {
	s := newChannels(t)
	f := func(field, code string, q RecordQuery) {
		t.Helper()
		q.Limit = 1
		if _, fault := q.Append(nil, &s.Reader); fault.Field != field || fault.Code != code || fault.Detail == "" {
			t.Errorf("%+v: the fault is %+v, want %s of %s", q, fault, code, field)
		}
	}
	f("state", "invalid", RecordQuery{State: "soldout"})
	f("sort", "invalid", RecordQuery{Sort: "available"})
	f("cursor", "invalid-cursor", RecordQuery{Cursor: "next"})
	byUPC := RecordQuery{Limit: 1, Sort: "upc"}
	s.page(&byUPC)
	f("cursor", "invalid-cursor", RecordQuery{Cursor: byUPC.Cursor})
	f("cursor", "invalid-cursor", RecordQuery{Cursor: string(cursor.Append(nil, cursor.Query, cursor.Key{Number: 1}))})
}

// TestRecordsBetweenWrites: while records come, change and go between the pages, each record that exists throughout is
// listed once, in order.
func TestRecordsBetweenWrites(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &stock{Engine: engine.New(), t: t, nowMS: 1_000_000}
		key := rapid.Custom(func(rt *rapid.T) string {
			location, upc := rapid.IntRange(0, 4).Draw(rt, "location"), rapid.IntRange(0, 15).Draw(rt, "upc")
			return fmt.Sprintf("L%d/U%d", location, upc)
		})
		refresh := func(key string) {
			location, upc, _ := strings.Cut(key, "/")
			s.do(&engine.Refresh{Location: location, Items: []engine.StockItem{{UPC: upc, Quantity: 1}}})
		}
		there := map[string]bool{} // throughout
		for _, k := range rapid.SliceOf(key).Draw(rt, "records") {
			refresh(k)
			there[k] = true
		}
		q := RecordQuery{Limit: rapid.IntRange(1, 5).Draw(rt, "limit"),
			Sort:    rapid.SampledFrom(RecordOrders).Draw(rt, "sort"),
			Search:  rapid.SampledFrom([]string{"", "1"}).Draw(rt, "search"),
			keysMax: rapid.IntRange(1, 20).Draw(rt, "keys"), looksMax: rapid.IntRange(1, 20).Draw(rt, "looks")}
		var listed []string
		for last := false; !last; {
			var page []string
			page, last = s.page(&q)
			listed = append(listed, page...)
			for _, k := range rapid.SliceOfN(key, 0, 3).Draw(rt, "written") {
				if rapid.Bool().Draw(rt, "delete") {
					location, upc, _ := strings.Cut(k, "/")
					s.do(&engine.Delete{Scope: engine.Scope{UPCs: []string{upc}, Locations: []string{location}}})
					delete(there, k)
				} else {
					refresh(k)
				}
			}
		}
		count := map[string]int{}
		for _, k := range listed {
			count[k]++
		}
		for k := range there {
			if _, upc, _ := strings.Cut(k, "/"); strings.Contains(upc, q.Search) && count[k] != 1 {
				rt.Fatalf("%s is listed %d times in %v", k, count[k], listed)
			}
		}
		sorted := slices.Clone(listed)
		slices.SortFunc(sorted, func(a, b string) int {
			if q.Sort == "upc" {
				a, b = swapped(a), swapped(b)
			}
			return strings.Compare(a, b)
		})
		if !slices.Equal(sorted, listed) || len(slices.Compact(sorted)) != len(listed) {
			rt.Fatalf("the list is not in order, or has a record twice: %v", listed)
		}
	})
}

func swapped(key string) string {
	location, upc, _ := strings.Cut(key, "/")
	return upc + "/" + location
}

// TestNames: locations and UPCs by a part of their names.
func TestNames(t *testing.T) {
	s := newChannels(t)
	type pageOf = func(q *NameQuery, dst []byte, reader *engine.Reader) ([]byte, strictjson.Fault)
	f := func(appendPage pageOf, search, want string) {
		t.Helper()
		for limit := 1; limit <= 4; limit++ {
			got := ""
			q := NameQuery{Search: search, Limit: limit}
			for pages := 1; ; pages++ {
				out, f := appendPage(&q, []byte{'{'}, &s.Reader)
				var page struct {
					Locations []engine.LocationView
					UPCs      []struct{ UPC string }
					Next      *string
				}
				if err := json.Unmarshal(append(out, '}'), &page); err != nil || f.Code != "" {
					t.Fatalf("%v, %+v in %s", err, f, out)
				}
				for _, l := range page.Locations {
					got += fmt.Sprint(l.Location, " ", l.Records, " ", l.OnHand, ", ")
				}
				for _, u := range page.UPCs {
					got += u.UPC + ", "
				}
				if page.Next == nil {
					if pages > 1+strings.Count(want, ",")/limit {
						t.Errorf("%q in pages of %d: %d pages", search, limit, pages)
					}
					break
				}
				q.Cursor = *page.Next
			}
			if got != want {
				t.Errorf("%q in pages of %d: got %s, want %s", search, limit, got, want)
			}
		}
	}
	f((*NameQuery).AppendLocations, "", "L1 2 10, L2 2 6, ")
	f((*NameQuery).AppendLocations, "2", "L2 2 6, ")
	f((*NameQuery).AppendLocations, "x", "")
	f((*NameQuery).AppendUPCs, "", "A1, B12, C2, ")
	f((*NameQuery).AppendUPCs, "2", "B12, C2, ")
	f((*NameQuery).AppendUPCs, "12", "B12, ")
	q := NameQuery{Cursor: cursorAfter(cursor.UPCs, "A1"), Limit: 1}
	if _, fault := q.AppendLocations(nil, &s.Reader); fault.Code != "invalid-cursor" {
		t.Errorf("a cursor of UPCs gives %+v", fault)
	}
}
