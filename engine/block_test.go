package engine

import (
	"strings"
	"testing"
)

func TestBlock(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5), units("V", 5)}})
	blocked := func(upc string) bool {
		var v RecordView
		h.e.ReadRecord(upc, "L", &v)
		return v.Blocked
	}
	if r := h.must(&Block{Location: "L", Items: []BlockItem{{"U", true}, {"V", false}}}); r.Stock.Items != 2 ||
		r.Stock.Records != 1 || !blocked("U") || blocked("V") {
		t.Errorf("%+v, U %t, V %t", r.Stock, blocked("U"), blocked("V"))
	}
	h.wantCode(&Block{Location: "L", Items: []BlockItem{{"U", false}, {"W", true}}}, CodeUnknownRecord, "items[1].upc")
	h.must(&Redistribute{Scope: Scope{All: true}})
	h.must(allocate("o", ModeAll, ask("1", "U", 1)))
	if e, err := loadRows(rowsOf(h.e)); err != nil || e.Hash() != h.e.Hash() || !blocked("U") {
		t.Errorf("what was stored does not load: %v", err)
	}
	h.wantCode(&Block{Items: []BlockItem{{"U", true}}}, CodeInvalid, "location")
	h.wantCode(&Block{Location: "L"}, CodeInvalid, "items")
	h.wantCode(&Block{Location: "L", StockNote: StockNote{Reason: strings.Repeat("x", 65)},
		Items: []BlockItem{{"U", true}}}, CodeInvalid, "reason")
	h.wantCode(&Block{Location: "L", Items: []BlockItem{{"", true}}}, CodeInvalid, "items[0].upc")
	h.wantCode(&Block{Location: "L", Items: []BlockItem{{"U", true}, {"U", false}}}, CodeInvalid, "items[1].upc")
	h.wantCode(&Block{Location: "L", Items: make([]BlockItem, OrderLinesMax+1)}, CodeInvalid, "items")
}

func TestBlockNotes(t *testing.T) { tell(t, "block-notes") }

// TestBlockOfBefore: a mark that an older program set makes no event; that program's log means what it meant.
func TestBlockOfBefore(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	h.must(allocate("o", ModeAll, ask("1", "U", 1)))
	release := &OrderChange{Action: KindDeallocate, OrderID: "o", Lines: []OrderLine{{ItemID: "1", Block: BlockClear}}}
	for _, version := range []byte{9, 0} {
		was := h.e.LastEvent()
		for _, c := range []Command{&Block{Location: "L", Items: []BlockItem{{"U", true}}}, release} {
			if r := h.do(&Envelope{Version: version}, c); r.Code != CodeOK {
				t.Fatalf("%s: %s", c.Kind(), r.Code)
			}
		}
		events := h.e.Events(was, 10, nil)
		if want := map[byte]int{9: 0, 0: 2}[version]; len(events) != want {
			t.Errorf("of version %d: %d events, want %d", version, len(events), want)
		}
	}
}
