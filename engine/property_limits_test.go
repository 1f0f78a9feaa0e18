package engine_test

import (
	"fmt"
	"testing"

	"apportion/engine"
)

// TestQuantitiesAddUp: commands within the limits cannot add up to an overflow. It would stop every replica at the same
// entry, again after each restart.
func TestQuantitiesAddUp(t *testing.T) {
	f := func(name string, command func(i int) engine.Command) {
		t.Helper()
		e := engine.New()
		mustApply(t, e, 1, refreshOf(1))
		refused := engine.CodeOK
		for i := range 10 {
			var r engine.Result
			bytes := e.Apply(uint64(i+2), 1_700_000_000_000, engine.AppendCommand(nil, &engine.Envelope{}, command(i)),
				nil)
			if err := engine.DecodeResult(bytes, &r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			refused = r.Code
		}
		var v engine.RecordView
		const most = (engine.OrderLinesMax + 1) * engine.QuantityMax
		if refused == engine.CodeOK || !e.ReadRecord("A", "X", &v) || v.OnHand > most || v.Pending > most {
			t.Errorf("%s: the last answer is %v, the record %+v", name, refused, v)
		}
		e.Verify(func(problem string) { t.Errorf("%s: Verify reports: %s", name, problem) })
	}
	f("returns of unknown orders", func(i int) engine.Command {
		c := &engine.OrderChange{Action: engine.KindReturn, OrderID: "nobody's"}
		for j := range engine.OrderLinesMax {
			c.Lines = append(c.Lines, engine.OrderLine{ItemID: fmt.Sprint(j), Quantity: engine.QuantityMax, UPC: "A",
				Location: "X"})
		}
		return c
	})
	f("backorders", func(i int) engine.Command {
		c := &engine.Allocate{OrderID: fmt.Sprint(i), Backorder: true}
		for j := range engine.OrderLinesMax {
			c.Lines = append(c.Lines, engine.AllocateLine{ItemID: fmt.Sprint(j), Quantity: engine.QuantityMax, UPC: "A",
				Location: "X"})
		}
		return c
	})
	f("adjustments", func(int) engine.Command { return adjustOf(engine.QuantityMax) })
}

// TestDeliveriesAddUp: an arrival is reduced to the capacity of its segment.
func TestDeliveriesAddUp(t *testing.T) {
	e := engine.New()
	c := &engine.Refresh{Location: "X"}
	for i := range engine.FuturesPerRecordMax {
		c.Items = append(c.Items, engine.StockItem{UPC: "A", Quantity: engine.QuantityMax,
			DeliveryDateMS: 1_800_000_000_000 + int64(i)})
	}
	mustApply(t, e, 1, c)
	e.Advance(2, 1_900_000_000_000)
	var v engine.RecordView
	if !e.ReadRecord("A", "X", &v) || v.OnHand != engine.QuantityMax || len(v.Future) != 0 {
		t.Errorf("after the deliveries the record has %d units on hand and waits for %d more deliveries", v.OnHand,
			len(v.Future))
	}
}
