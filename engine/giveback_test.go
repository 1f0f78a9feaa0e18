package engine

import "testing"

func graded() *PutTagCategory {
	return &PutTagCategory{Name: "Defective", Values: []Value{value("No", true), value("Yes", false)}}
}

// TestReturnTagsGoOverTheItems: what a return says of its goods is so, and what it does not say is as they were.
func TestReturnTagsGoOverTheItems(t *testing.T) {
	inA, inB, broken := Tag{"Channel", "A"}, Tag{"Channel", "B"}, Tag{"Defective", "Yes"}
	shipped := func() *host {
		h := newHost(t)
		h.must(channels(5000, 5000))
		h.must(graded())
		h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 2, inB)}})
		h.must(allocate("o", ModeAll, ask("1", "U", 2, inB)))
		waits := allocate("waits", ModeAll, ask("1", "U", 1, inB))
		waits.Backorder = true
		h.must(waits)
		h.must(change(KindFulfill, "o"))
		return h
	}
	f := func(want string, env Envelope, l OrderLine) {
		t.Helper()
		h := shipped()
		if r := h.do(&env, change(KindReturn, "o", l)); r.Code != CodeOK {
			t.Errorf("%+v: %v at %s", l, r.Code, r.Field)
		}
		location := "L"
		if l.Location != "" {
			location = l.Location
		}
		h.want("U", location, want)
	}
	good, bad := `{"Channel":"B","Defective":"No"} `, `{"Channel":"B","Defective":"Yes"} `
	f(good+`0/0/1/-1 `+bad+`1/0/0/1 `, Envelope{}, OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{broken}})
	f(good+`1/1/0/0 `, Envelope{}, OrderLine{ItemID: "1", Quantity: 1})
	f(bad+`2/0/0/2 `, Envelope{}, OrderLine{ItemID: "1", Location: "M", Tags: []Tag{broken}})
	f(good+`0/0/1/-1 {"Channel":"A","Defective":"Yes"} 1/0/0/1 `, Envelope{}, OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{broken, inA}})

	h := shipped()
	refused := func(code Code, field string, tags ...Tag) {
		t.Helper()
		h.wantCode(change(KindReturn, "o", OrderLine{ItemID: "1", Quantity: 1, Tags: tags}), code, field)
	}
	refused(CodeUnknownCategory, "lines[0].tags", Tag{"Nope", "x"})
	refused(CodeUnknownValue, "lines[0].tags.Defective", Tag{"Defective", "x"})
	refused(CodeDuplicate, "lines[0].tags", inA, inB)

	// A command that a program of before has written means what it meant there.
	f(good+`1/1/0/0 `, Envelope{Version: 5}, OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{broken}})
	f(good+`1/1/0/0 `, Envelope{Version: 4}, OrderLine{ItemID: "1", Quantity: 1, Tags: []Tag{{"Nope", "x"}}})
}
