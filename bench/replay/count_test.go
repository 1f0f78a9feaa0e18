package replay

import (
	"reflect"
	"testing"
)

// TestCount pins the independent count on cases small enough to do by hand. Tags are just the country here.
func TestCount(t *testing.T) {
	f := func(opening map[SegmentKey]Figures, rows []Row, want map[SegmentKey]Figures, wantRefused ...int) {
		t.Helper()
		for i := range rows {
			rows[i].Line = i + 1
		}
		got := Count(rows, opening, func(country string) string { return country }, "UK")
		if !reflect.DeepEqual(got.Segments, want) {
			t.Fatalf("segments %v, want %v", got.Segments, want)
		}
		if len(got.Refused) != len(wantRefused) {
			t.Fatalf("refused %v, want %v", got.Refused, wantRefused)
		}
		for _, line := range wantRefused {
			if !got.Refused[line] {
				t.Fatalf("refused %v, want %v", got.Refused, wantRefused)
			}
		}
	}
	const upc = "10101"
	uk, fr := SegmentKey{upc, "UK"}, SegmentKey{upc, "FR"}
	stock := func(ukUnits, frUnits int64) map[SegmentKey]Figures {
		return map[SegmentKey]Figures{
			uk: {OnHand: ukUnits, Available: ukUnits},
			fr: {OnHand: frUnits, Available: frUnits},
		}
	}
	row := func(invoice, customer, country string, quantity int64) Row {
		return Row{Invoice: invoice, StockCode: upc, Customer: customer, Country: country, Quantity: quantity}
	}

	// each country lives from its own segment; a line is filled whole or not
	f(stock(10, 2), []Row{row("1", "a", "UK", 7), row("1", "a", "UK", 4), row("2", "b", "FR", 2),
		row("3", "b", "FR", 1)},
		stock(3, 0), 2, 4)

	// a return goes where the units came from, not to the country of the cancellation
	f(stock(10, 2), []Row{row("1", "b", "FR", 2), row("C2", "b", "UK", -1)}, stock(10, 1))

	// the latest parcel first, then the one before, the rest as goods of an unknown order
	f(stock(10, 2), []Row{row("1", "a", "FR", 2), row("2", "a", "UK", 3), row("C3", "a", "FR", -4),
		row("C4", "a", "FR", -2)},
		stock(11, 2))

	// what came back can be sold again
	f(stock(1, 0), []Row{row("1", "a", "UK", 1), row("C2", "a", "UK", -1), row("3", "b", "UK", 1)}, stock(0, 0))

	// a blank customer matches nobody, not even another blank
	f(stock(0, 2), []Row{row("1", "", "FR", 2), row("C2", "", "FR", -2)}, stock(2, 0))

	// promises of others stay
	f(map[SegmentKey]Figures{uk: {OnHand: 5, Allocated: 2, Available: 3}},
		[]Row{row("1", "a", "UK", 4), row("2", "a", "UK", 3)},
		map[SegmentKey]Figures{uk: {OnHand: 2, Allocated: 2, Available: 0}}, 1)

	// a segment that was never stocked has nothing, and does not appear
	f(map[SegmentKey]Figures{}, []Row{row("1", "a", "FR", 1)}, map[SegmentKey]Figures{}, 1)
}
