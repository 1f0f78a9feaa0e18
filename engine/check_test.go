package engine

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Each of these commands is valid. A test changes one thing.

func rightItem() StockItem {
	return StockItem{UPC: "0042", Quantity: 3, Tags: []Tag{{"Channel", "Web"}}}
}

func rightTransferItem() TransferItem {
	return TransferItem{UPC: "0042", FromLocation: "S1", ToLocation: "S2", Quantity: 3}
}

func rightLine() AllocateLine {
	return AllocateLine{ItemID: "1", UPC: "0042", Location: "S1", Quantity: 3, Tags: []Tag{{"Channel", "Web"}}}
}

func rightCategory() *PutTagCategory {
	return &PutTagCategory{Name: "Channel", Values: []Value{
		{Name: "Web", Percent: 6000, Default: true, Min: 5, Max: 50}, {Name: "Amazon", Percent: 4000, Max: NoMax},
	}}
}

func refreshOf(change func(*Refresh)) Command {
	c := &Refresh{Location: "S1", Items: []StockItem{rightItem(), rightItem()}}
	change(c)
	return c
}

func adjustOf(change func(*StockItem)) Command {
	c := &Adjust{Location: "S1", Items: []StockItem{rightItem(), rightItem()}}
	change(&c.Items[1])
	return c
}

func transferOf(change func(*TransferItem)) Command {
	c := &Transfer{Items: []TransferItem{rightTransferItem(), rightTransferItem()}}
	change(&c.Items[1])
	return c
}

func allocateOf(change func(*Allocate)) Command {
	c := &Allocate{OrderID: "o", Lines: []AllocateLine{rightLine(), rightLine(), rightLine()}}
	for i := range c.Lines {
		c.Lines[i].ItemID = fmt.Sprint("item-", i)
	}
	change(c)
	return c
}

func changeOf(action Kind, change func(*OrderChange)) Command {
	c := &OrderChange{Action: action, OrderID: "o", Lines: []OrderLine{{ItemID: "1"}, {ItemID: "2", Quantity: 5}}}
	change(c)
	return c
}

func categoryOf(change func(*PutTagCategory)) Command {
	c := rightCategory()
	change(c)
	return c
}

// discreteOf changes a valid category without percents.
func discreteOf(change func(*PutTagCategory)) Command {
	c := &PutTagCategory{Name: "OrderType", Values: []Value{
		{Name: "Ship", Percent: NoPercent, Default: true, Max: NoMax}, {Name: "Pickup", Percent: NoPercent, Max: NoMax},
	}}
	change(c)
	return c
}

func manyTags(n int) []Tag {
	tags := make([]Tag, n)
	for i := range tags {
		tags[i] = Tag{fmt.Sprint("c", i), "v"}
	}
	return tags
}

func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("name-", i)
	}
	return names
}

func manyLines(n int) []AllocateLine {
	lines := make([]AllocateLine, n)
	for i := range lines {
		lines[i] = rightLine()
		lines[i].ItemID = fmt.Sprint("item-", i)
	}
	return lines
}

func manyItems[E any](n int, item E) []E {
	items := make([]E, n)
	for i := range items {
		items[i] = item
	}
	return items
}

var long65 = strings.Repeat("x", 65)

type checkCase struct {
	name  string
	c     Command
	field string // "": valid
	value string
}

func runChecks(t *testing.T, tests []checkCase) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Fault
			if f := CheckCommand(tt.c); f != nil {
				got = *f
			}
			if got.Field != tt.field || got.Value != tt.value || (got.Reason == "") != (tt.field == "") {
				t.Fatalf("got %+v; want %q, %q", got, tt.field, tt.value)
			}
		})
	}
}

func TestCheckStock(t *testing.T) {
	item := func(change func(*StockItem)) Command {
		return refreshOf(func(c *Refresh) { change(&c.Items[1]) })
	}
	runChecks(t, []checkCase{
		{"right", refreshOf(func(c *Refresh) {}), "", ""},
		{"longest texts", refreshOf(func(c *Refresh) { c.Location, c.Count = long65[1:], long65[1:] }), "", ""},
		{"no location", refreshOf(func(c *Refresh) { c.Location = "" }), "location", ""},
		{"long location", refreshOf(func(c *Refresh) { c.Location = long65 }), "location", long65},
		{"long count", refreshOf(func(c *Refresh) { c.Count = long65 }), "count", long65},
		{"no items", refreshOf(func(c *Refresh) { c.Items = nil }), "items", "0"},
		{"most items", refreshOf(func(c *Refresh) { c.Items = manyItems(RefreshItemsMax, rightItem()) }), "", ""},
		{"too many items", refreshOf(func(c *Refresh) {
			c.Items = manyItems(RefreshItemsMax+1, rightItem())
		}), "items", "12001"},
		{"no upc", item(func(it *StockItem) { it.UPC = "" }), "items[1].upc", ""},
		{"long upc", item(func(it *StockItem) { it.UPC = long65 }), "items[1].upc", long65},
		{"control character", item(func(it *StockItem) { it.UPC = "a\tb" }), "items[1].upc", "a\uFFFDb"},
		{"invalid UTF-8", item(func(it *StockItem) { it.UPC = "a\xffb" }), "items[1].upc", "a\uFFFDb"},
		{"zero", item(func(it *StockItem) { it.Quantity = 0 }), "", ""},
		{"most units", item(func(it *StockItem) { it.Quantity = QuantityMax }), "", ""},
		{"negative", item(func(it *StockItem) { it.Quantity = -1 }), "items[1].quantity", "-1"},
		{"too many units", item(func(it *StockItem) {
			it.Quantity = QuantityMax + 1
		}), "items[1].quantity", "1000000000001"},
		{"fields at 0", item(func(it *StockItem) { it.Has = stockFieldsKnown }), "", ""},
		{"unknown field", item(func(it *StockItem) { it.Has = 16 }), "items[1].fields", "16"},
		{"safety stock", item(func(it *StockItem) {
			it.Has, it.SafetyStock = HasSafetyStock, -1
		}), "items[1].safetyStock", "-1"},
		{"floor", item(func(it *StockItem) { it.Has, it.Floor = HasFloor, -2 }), "items[1].floor", "-2"},
		{"ltd", item(func(it *StockItem) { it.Has, it.LTD = HasLTD, QuantityMax+1 }), "items[1].ltd", "1000000000001"},
		{"delivery", item(func(it *StockItem) { it.DeliveryDateMS = 1 }), "", ""},
		{"negative delivery", item(func(it *StockItem) { it.DeliveryDateMS = -1 }), "items[1].deliveryDate", "-1"},
		{"most tags", item(func(it *StockItem) { it.Tags = manyTags(CategoriesMax) }), "", ""},
		{"too many tags", item(func(it *StockItem) { it.Tags = manyTags(CategoriesMax + 1) }), "items[1].tags", "9"},
		{"no category", item(func(it *StockItem) { it.Tags = []Tag{{"", "v"}} }), "items[1].tags", ""},
		{"long category", item(func(it *StockItem) { it.Tags = []Tag{{long65, "v"}} }), "items[1].tags", long65},
		{"no value", item(func(it *StockItem) { it.Tags = []Tag{{"Channel", ""}} }), "items[1].tags.Channel", ""},
		{"long value", item(func(it *StockItem) {
			it.Tags = []Tag{{"Channel", long65}}
		}), "items[1].tags.Channel", long65},
	})
}

func TestCheckAdjust(t *testing.T) {
	runChecks(t, []checkCase{
		{"right", adjustOf(func(it *StockItem) { it.Quantity = -QuantityMax }), "", ""},
		{"no location", &Adjust{Items: []StockItem{rightItem()}}, "location", ""},
		{"no items", &Adjust{Location: "S1"}, "items", "0"},
		{"too many items", &Adjust{Location: "S1", Items: manyItems(AdjustItemsMax+1, rightItem())}, "items", "12001"},
		{"no upc", adjustOf(func(it *StockItem) { it.UPC = "" }), "items[1].upc", ""},
		{"changes nothing", adjustOf(func(it *StockItem) { it.Quantity = 0 }), "items[1].quantity", "0"},
		{"changes the floor", adjustOf(func(it *StockItem) { it.Quantity, it.Has = 0, HasFloor }), "", ""},
		{"too many", adjustOf(func(it *StockItem) {
			it.Quantity = QuantityMax + 1
		}), "items[1].quantity", "1000000000001"},
		{"too few", adjustOf(func(it *StockItem) {
			it.Quantity = -QuantityMax - 1
		}), "items[1].quantity", "-1000000000001"},
		{"too few, with a field", adjustOf(func(it *StockItem) { it.Quantity, it.Has = -QuantityMax-1, HasFloor }),
			"items[1].quantity", "-1000000000001"},
	})
}

func TestCheckTransfer(t *testing.T) {
	runChecks(t, []checkCase{
		{"right", transferOf(func(it *TransferItem) {}), "", ""},
		{"no items", &Transfer{}, "items", "0"},
		{"too many items", &Transfer{Items: manyItems(TransferItemsMax+1, rightTransferItem())}, "items", "1001"},
		{"no upc", transferOf(func(it *TransferItem) { it.UPC = "" }), "items[1].upc", ""},
		{"no source", transferOf(func(it *TransferItem) { it.FromLocation = "" }), "items[1].from.location", ""},
		{"source tag", transferOf(func(it *TransferItem) {
			it.FromTags = []Tag{{"A", ""}}
		}), "items[1].from.tags.A", ""},
		{"no target", transferOf(func(it *TransferItem) { it.ToLocation = "" }), "items[1].to.location", ""},
		{"target tag", transferOf(func(it *TransferItem) { it.ToTags = []Tag{{"A", ""}} }), "items[1].to.tags.A", ""},
		{"reason of a fulfill", &OrderChange{Action: KindFulfill, OrderID: "o", Reason: "r"}, "reason", "r"},
		{"long reason of a deallocate", &OrderChange{Action: KindDeallocate, OrderID: "o", Reason: long65}, "reason",
			long65},
		{"long reason", &Transfer{StockNote: StockNote{Reason: long65}}, "reason", long65},
		{"reference", &Adjust{Location: "L", StockNote: StockNote{Reference: "a\nb"}}, "reference", "a\uFFFDb"},
		{"longest reference", &Refresh{Location: "L", StockNote: StockNote{Reference: long65[1:]}}, "items", "0"},
		{"unknown field", transferOf(func(it *TransferItem) { it.Has = HasLTD }), "items[1].fields", "4"},
		{"zero", transferOf(func(it *TransferItem) { it.Quantity = 0 }), "items[1].quantity", "0"},
		{"too many units", transferOf(func(it *TransferItem) {
			it.Quantity = QuantityMax + 1
		}), "items[1].quantity", "1000000000001"},
	})
}

func TestCheckScopeAndCount(t *testing.T) {
	runChecks(t, []checkCase{
		{"all", &Redistribute{Scope: Scope{All: true}}, "", ""},
		{"by upc", &Redistribute{Scope: Scope{UPCs: []string{"a"}}}, "", ""},
		{"by location", &Delete{Scope: Scope{Locations: []string{"a"}}}, "", ""},
		{"nothing", &Redistribute{Now: true}, "all", "false"},
		{"deletes nothing", &Delete{Force: true}, "all", "false"},
		{"most upcs", &Delete{Scope: Scope{UPCs: manyNames(ScopeNamesMax)}}, "", ""},
		{"too many upcs", &Delete{Scope: Scope{UPCs: manyNames(ScopeNamesMax + 1)}}, "upcs", "12001"},
		{"too many locations", &Delete{Scope: Scope{Locations: manyNames(ScopeNamesMax + 1)}}, "locations", "12001"},
		{"empty upc", &Delete{Scope: Scope{UPCs: []string{"a", ""}}}, "upcs[1]", ""},
		{"long location", &Delete{Scope: Scope{Locations: []string{long65}}}, "locations[0]", long65},
		{"start", &StartCount{Location: "S1", Count: "c"}, "", ""},
		{"start nowhere", &StartCount{Count: "c"}, "location", ""},
		{"start without name", &StartCount{Location: "S1"}, "count", ""},
		{"close", &CloseCount{Location: "S1", Count: "c"}, "", ""},
		{"close without name", &CloseCount{Location: "S1"}, "count", ""},
		{"complete", &CloseCount{Location: "S1", Count: "c", Complete: true, DryRun: true, After: "U"}, "", ""},
		{"dry run of nothing", &CloseCount{Location: "S1", Count: "c", DryRun: true}, "dryRun", "true"},
		{"after of nothing", &CloseCount{Location: "S1", Count: "c", After: "U"}, "after", "U"},
		{"long after", &CloseCount{Location: "S1", Count: "c", Complete: true, After: long65}, "after", long65},
		{"expire", &Expire{}, "", ""},
		{"start changes", &StartChanges{}, "", ""},
	})
}

func TestCheckAllocate(t *testing.T) {
	line := func(change func(*AllocateLine)) Command {
		return allocateOf(func(c *Allocate) { change(&c.Lines[2]) })
	}
	repeated := func(n, first, second int) Command {
		return allocateOf(func(c *Allocate) {
			c.Lines = manyLines(n)
			c.Lines[second].ItemID = c.Lines[first].ItemID
		})
	}
	runChecks(t, []checkCase{
		{"right", allocateOf(func(c *Allocate) { c.Mode = ModePartial }), "", ""},
		{"no order", allocateOf(func(c *Allocate) { c.OrderID = "" }), "orderId", ""},
		{"mode", allocateOf(func(c *Allocate) { c.Mode = 3 }), "mode", "3"},
		{"end", allocateOf(func(c *Allocate) { c.ExpiresAtMS = -1 }), "expiresAt", "-1"},
		{"no lines", allocateOf(func(c *Allocate) { c.Lines = nil }), "lines", "0"},
		{"most lines", allocateOf(func(c *Allocate) { c.Lines = manyLines(OrderLinesMax) }), "", ""},
		{"too many lines", allocateOf(func(c *Allocate) { c.Lines = manyLines(OrderLinesMax + 1) }), "lines", "1001"},
		{"no item", line(func(l *AllocateLine) { l.ItemID = "" }), "lines[2].itemId", ""},
		{"no upc", line(func(l *AllocateLine) { l.UPC = "" }), "lines[2].upc", ""},
		{"no location", line(func(l *AllocateLine) { l.Location = "" }), "lines[2].location", ""},
		{"zero", line(func(l *AllocateLine) { l.Quantity = 0 }), "lines[2].quantity", "0"},
		{"too many units", line(func(l *AllocateLine) {
			l.Quantity = QuantityMax + 1
		}), "lines[2].quantity", "1000000000001"},
		{"tag", line(func(l *AllocateLine) { l.Tags = []Tag{{"Channel", ""}} }), "lines[2].tags.Channel", ""},
		{"repeated item", repeated(3, 0, 2), "lines[2].itemId", "item-0"},
		{"repeated item, in pairs", repeated(repeatedPairsMax, 4, 11), "lines[11].itemId", "item-4"},
		{"repeated item, by table", repeated(repeatedPairsMax+1, 4, 12), "lines[12].itemId", "item-4"},
		{"repeated item among most", repeated(OrderLinesMax, 0, 999), "lines[999].itemId", "item-0"},
	})
}

func TestCheckOrderChange(t *testing.T) {
	for _, action := range []Kind{KindConfirm, KindDeallocate, KindFulfill, KindReturn} {
		runChecks(t, []checkCase{
			{"right", changeOf(action, func(c *OrderChange) {}), "", ""},
			{"everything", changeOf(action, func(c *OrderChange) { c.Lines = nil }), "", ""},
			{"no order", changeOf(action, func(c *OrderChange) { c.OrderID = "" }), "orderId", ""},
			{"no item", changeOf(action, func(c *OrderChange) { c.Lines[0].ItemID = "" }), "lines[0].itemId", ""},
			{"negative", changeOf(action, func(c *OrderChange) {
				c.Lines[0].Quantity = -1
			}), "lines[0].quantity", "-1"},
			{"repeated item", changeOf(action, func(c *OrderChange) {
				c.Lines[1].ItemID = "1"
			}), "lines[1].itemId", "1"},
			{"too many lines", changeOf(action, func(c *OrderChange) {
				c.Lines = make([]OrderLine, OrderLinesMax+1)
			}), "lines", "1001"},
		})
	}
	goods := func(action Kind, change func(*OrderLine)) Command {
		return changeOf(action, func(c *OrderChange) { change(&c.Lines[1]) })
	}
	runChecks(t, []checkCase{
		{"no action", changeOf(0, func(c *OrderChange) {}), "kind", "0"},
		{"another command's kind", changeOf(KindAllocate, func(c *OrderChange) {}), "kind", "6"},
		{"return of goods", goods(KindReturn, func(l *OrderLine) {
			l.UPC, l.Location, l.Tags = "0042", "S1", []Tag{{"Channel", "Web"}}
		}), "", ""},
		{"returned upc", goods(KindReturn, func(l *OrderLine) { l.UPC = long65 }), "lines[1].upc", long65},
		{"returned to", goods(KindReturn, func(l *OrderLine) { l.Location = "\x00" }), "lines[1].location", "\uFFFD"},
		{"returned tags", goods(KindReturn, func(l *OrderLine) { l.Tags = []Tag{{"A", ""}} }), "lines[1].tags.A", ""},
		{"ignored upc", goods(KindFulfill, func(l *OrderLine) { l.UPC = "0042" }), "lines[1].upc", "0042"},
		{"ignored location", goods(KindConfirm, func(l *OrderLine) { l.Location = "S1" }), "lines[1].location", "S1"},
		{"ignored tags", goods(KindDeallocate, func(l *OrderLine) { l.Tags = manyTags(1) }), "lines[1].tags", "1"},
	})
}

func TestCheckSchema(t *testing.T) {
	runChecks(t, []checkCase{
		{"right", categoryOf(func(c *PutTagCategory) { c.Rounding = RoundingUnbiased }), "", ""},
		{"discrete", discreteOf(func(c *PutTagCategory) {}), "", ""},
		{"no name", categoryOf(func(c *PutTagCategory) { c.Name = "" }), "name", ""},
		{"rounding", categoryOf(func(c *PutTagCategory) { c.Rounding = 2 }), "rounding", "2"},
		{"no values", categoryOf(func(c *PutTagCategory) { c.Values = nil }), "values", "0"},
		{"too many values", categoryOf(func(c *PutTagCategory) { c.Values = make([]Value, 257) }), "values", "257"},
		{"empty value", categoryOf(func(c *PutTagCategory) { c.Values[1].Name = "" }), "values[1].value", ""},
		{"same value twice", categoryOf(func(c *PutTagCategory) {
			c.Values[1].Name = "Web"
		}), "values[1].value", "Web"},
		{"one without a percent", categoryOf(func(c *PutTagCategory) {
			c.Values[1].Percent = NoPercent
		}), "values[1].percent", ""},
		{"one with a percent", discreteOf(func(c *PutTagCategory) {
			c.Values[1].Percent = 5000
		}), "values[1].percent", "50.00"},
		{"negative percent", categoryOf(func(c *PutTagCategory) {
			c.Values[1].Percent = -250
		}), "values[1].percent", "-2.50"},
		{"percent over 100", categoryOf(func(c *PutTagCategory) {
			c.Values[0].Percent = 10001
		}), "values[0].percent", "100.01"},
		{"sum below 100", categoryOf(func(c *PutTagCategory) {
			c.Values[0].Percent = 5999
		}), "values.percent", "99.99"},
		{"sum above 100", categoryOf(func(c *PutTagCategory) {
			c.Values[0].Percent = 6005
		}), "values.percent", "100.05"},
		{"no default", categoryOf(func(c *PutTagCategory) { c.Values[0].Default = false }), "values.default", "false"},
		{"two defaults", categoryOf(func(c *PutTagCategory) {
			c.Values[1].Default = true
		}), "values[1].default", "true"},
		{"negative min", categoryOf(func(c *PutTagCategory) { c.Values[0].Min = -1 }), "values[0].min", "-1"},
		{"huge min", categoryOf(func(c *PutTagCategory) {
			c.Values[1].Min = QuantityMax + 1
		}), "values[1].min", "1000000000001"},
		{"min without percents", discreteOf(func(c *PutTagCategory) { c.Values[0].Min = 1 }), "values[0].min", "1"},
		{"max at min", categoryOf(func(c *PutTagCategory) { c.Values[0].Max = 5 }), "", ""},
		{"max below min", categoryOf(func(c *PutTagCategory) { c.Values[0].Max = 4 }), "values[0].max", "4"},
		{"huge max", categoryOf(func(c *PutTagCategory) {
			c.Values[0].Max = QuantityMax + 1
		}), "values[0].max", "1000000000001"},
		{"max -2", categoryOf(func(c *PutTagCategory) { c.Values[1].Max = -2 }), "values[1].max", "-2"},
		{"max without percents", discreteOf(func(c *PutTagCategory) { c.Values[1].Max = 9 }), "values[1].max", "9"},
		{"delete", &DeleteTagCategory{Name: "Channel"}, "", ""},
		{"delete nothing", &DeleteTagCategory{}, "name", ""},
		{"delete, long target", &DeleteTagCategory{Name: "Channel", MoveTo: long65}, "moveTo", long65},
	})
}

func TestCheckMoves(t *testing.T) {
	moves := func(moves ...Move) Command {
		return categoryOf(func(c *PutTagCategory) { c.MoveTo = moves })
	}
	runChecks(t, []checkCase{
		{"right", moves(Move{"Store", "Web"}, Move{"eBay", "Web"}), "", ""},
		{"too many", moves(make([]Move, 257)...), "moveTo", "257"},
		{"from nothing", moves(Move{"", "Web"}), "moveTo[0].from", ""},
		{"to nothing", moves(Move{"Store", ""}), "moveTo[0].to", ""},
		{"from a value that stays", moves(Move{"Store", "Web"}, Move{"Amazon", "Web"}), "moveTo[1].from", "Amazon"},
		{"to a value that is not there", moves(Move{"Store", "Shop"}), "moveTo[0].to", "Shop"},
		{"from one value twice", moves(Move{"Store", "Web"}, Move{"Store", "Amazon"}), "moveTo[1].from", "Store"},
	})
}

func TestCheckKey(t *testing.T) {
	for key, want := range map[string]bool{
		"": true, "k": true, strings.Repeat("k", KeyBytesMax): true, strings.Repeat("k", KeyBytesMax+1): false,
		"a\nb": false,
	} {
		if f := checkKey(key); (f == nil) != want || f != nil && f.Field != "Idempotency-Key" {
			t.Errorf("checkKey(%q) = %+v", key, f)
		}
	}
}

// TestIsPlain compares the fast way with the slow one, for each byte at each position and for random texts.
func TestIsPlain(t *testing.T) {
	for length := 1; length <= 24; length++ {
		for at := range length {
			for b := range 256 {
				text := []byte(strings.Repeat("a", length))
				text[at] = byte(b)
				if s := string(text); isPlain(s) != isPlainSlow(s) {
					t.Fatalf("isPlain(%q) = %v", s, isPlain(s))
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if s := genText().Draw(t, "s"); isPlain(s) != isPlainSlow(s) {
			t.Fatalf("isPlain(%q) = %v", s, isPlain(s))
		}
	})
	for s, want := range map[string]bool{"": true, "Größe": true, "日本": true, "a\u0085b": false, "\x7f": false,
		"\xc3": false} {
		if isPlain(s) != want {
			t.Errorf("isPlain(%q) = %v", s, !want)
		}
	}
}

func TestShownText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shown := shownText(genText().Draw(t, "s"))
		// A byte that is not UTF-8 becomes a character of three bytes.
		if !isPlain(shown) || utf8.RuneCountInString(shown) > shownBytesMax+1 {
			t.Fatalf("shown: %q", shown)
		}
	})
	long := strings.Repeat("ä", 100)
	if got, want := shownText(long), strings.Repeat("ä", 64)+"…"; got != want {
		t.Errorf("got %q", got)
	}
	if got, want := shownText("x"+long), "x"+strings.Repeat("ä", 63)+"…"; got != want {
		t.Errorf("got %q", got)
	}
}
