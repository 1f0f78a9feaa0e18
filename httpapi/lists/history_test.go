package lists

import (
	"testing"

	"apportion/engine"
	"apportion/httpapi/cursor"
)

// TestHistoryQuery: a record's events in pages that bound what they look at.
func TestHistoryQuery(t *testing.T) {
	s := newStock(t)
	for _, reason := range []string{"a", "b", "c"} {
		for _, upc := range []string{"U", "V"} {
			s.do(&engine.Adjust{Location: "L", Items: []engine.StockItem{{UPC: upc, Quantity: 1}},
				StockNote: engine.StockNote{Reason: reason}})
		}
	}
	q := HistoryQuery{Record: engine.RecordKey{Location: "L", UPC: "U"}}
	for q.Limit = 1; q.Limit <= 4; q.Limit++ {
		for q.looksMax = 0; q.looksMax <= 3; q.looksMax++ {
			got, pages := "", 0
			for q.Cursor = ""; q.Cursor != "" || pages == 0; pages++ {
				page, fault := q.Read(s)
				if fault.Code != "" || len(page.Events) > q.Limit || page.Forgotten {
					t.Fatalf("%+v: %+v, %+v", q, page, fault)
				}
				for i := range page.Events {
					got += page.Events[i].Reason
				}
				q.Cursor = page.Next
			}
			if got != "cba" || q.looksMax == 1 && pages < 5 {
				t.Errorf("%+v: %s in %d pages", q, got, pages)
			}
		}
	}
	for _, text := range []string{"next", cursorOf("", ""), string(cursor.Append(nil, cursor.History, cursor.Key{})),
		string(cursor.Append(nil, cursor.History, cursor.Key{Number: 1, First: "L"}))} {
		q.Cursor = text
		if _, fault := q.Read(s); fault.Code != "invalid-cursor" {
			t.Errorf("cursor %s: %+v", text, fault)
		}
	}
}
