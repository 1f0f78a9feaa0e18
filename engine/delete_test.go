package engine

import "testing"

func TestDeleteSegments(t *testing.T) {
	h := newHost(t)
	h.must(&PutTagCategory{Name: "Channel", Values: []Value{{Name: "Web", Percent: 6000, Default: true, Max: NoMax},
		{Name: "Shop", Percent: 4000, Max: NoMax}}})
	web, shop := Tag{"Channel", "Web"}, Tag{"Channel", "Shop"}
	delivery := func(upc string, n int64, tags ...Tag) StockItem {
		it := units(upc, n, tags...)
		it.DeliveryDateMS = h.nowMS + 1_000_000*n
		return it
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 10), units("V", 3, shop), units("W", 4, shop),
		delivery("U", 5), delivery("U", 6, shop), delivery("W", 7, web)}})
	h.must(allocate("o", ModeAll, ask("1", "V", 1, shop)))
	all := Scope{All: true}
	f := func(c *DeleteSegments, code Code, records, n, promised int64) {
		t.Helper()
		if r := h.apply(c); r.Code != code || r.Stock.Records != records || r.Stock.Units != n ||
			r.Stock.Promised != promised {
			t.Errorf("%+v: %v, %+v", c, r.Code, r.Stock)
		}
	}
	f(&DeleteSegments{Scope: all, Tags: []Tag{shop}}, CodeInUse, 3, 11, 1)
	f(&DeleteSegments{Scope: all, Tags: []Tag{shop}, DryRun: true}, CodeInUse, 3, 11, 1)
	rest := Scope{UPCs: []string{"U", "W", "X"}}
	f(&DeleteSegments{Scope: rest, Tags: []Tag{shop}, DryRun: true}, CodeOK, 2, 8, 0)
	f(&DeleteSegments{Scope: rest, Tags: []Tag{shop}}, CodeOK, 2, 8, 0)
	f(&DeleteSegments{Scope: rest, Tags: []Tag{shop}}, CodeOK, 0, 0, 0)
	h.want("U", "L", `{"Channel":"Web"} 6/0/0/6 `)
	var v RecordView
	if h.e.ReadRecord("U", "L", &v); len(v.Future) != 1 || !v.Future[0].Split {
		t.Errorf("the delivery for all channels is gone, or that for one is not: %+v", v.Future)
	}
	if h.e.ReadRecord("W", "L", &v); len(v.Segments) != 1 || len(v.Future) != 1 {
		t.Errorf("%+v", v)
	}
	f(&DeleteSegments{Scope: rest, Tags: []Tag{web}}, CodeOK, 2, 6, 0)
	if h.e.ReadRecord("W", "L", &v) || !h.e.ReadRecord("U", "L", &v) {
		t.Error("a record goes with the last that it has, and not before")
	}
	if e, err := loadRows(rowsOf(h.e)); err != nil || e.Hash() != h.e.Hash() {
		t.Errorf("what was stored does not load: %v", err)
	}
	h.wantCode(&DeleteSegments{Scope: all}, CodeInvalid, "tags")
	h.wantCode(&DeleteSegments{Tags: []Tag{web}}, CodeInvalid, "all")
	h.wantCode(&DeleteSegments{Scope: all, Tags: []Tag{web, web}}, CodeDuplicate, "tags")
	h.wantCode(&DeleteSegments{Scope: all, Tags: []Tag{{"Channel", "x"}}}, CodeUnknownValue, "tags.Channel")
	h.wantCode(&DeleteSegments{Scope: all, Tags: []Tag{{"x", "x"}}}, CodeUnknownCategory, "tags")
}
