package stockfile

import (
	"encoding/csv"
	"strings"
	"testing"

	"apportion/engine"
)

func TestWriter(t *testing.T) {
	row := Row{Location: "W, \"1\"", Item: engine.StockItem{UPC: "=A", Quantity: -5, Has: engine.HasFloor, Floor: 3,
		Tags: []engine.Tag{{Category: "Quality", Value: "B"}}}}
	f := func(format Format, want string) {
		t.Helper()
		w := NewWriter(format, RowColumns, categories)
		w.Row(&row)
		if got := string(w.Take()); got != want || w.Len() != 0 {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
	f(CSV, "upc,location,Channel,Quality,tags.quantity,quantity,safetyStock,floor,ltd,deliveryDate\n"+
		`"'=A","W, ""1""",,B,,-5,,3,,`+"\n")
	f(NDJSON, `{"upc":"=A","location":"W, \"1\"","tags":{"Quality":"B"},"quantity":-5,"floor":3}`+"\n")
}

// TestFormulas: no cell of a text is one that a spreadsheet calculates, and each is read back.
func TestFormulas(t *testing.T) {
	for _, text := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1", "'=1",
		"''=1", "=\"a\"", "=1,=2", "=1;=2"} {
		w := NewWriter(CSV, []string{"text"}, nil)
		w.Take()
		w.Text(text)
		w.End()
		cells, err := csv.NewReader(strings.NewReader(string(w.Take()))).Read()
		if err != nil || len(cells) != 1 {
			t.Fatalf("%q: cells %q, %v", text, cells, err)
		}
		if cells[0] != "'"+text || unguarded(cells[0]) != text {
			t.Errorf("%q: the cell is %q, which is read as %q", text, cells[0], unguarded(cells[0]))
		}
	}
	for _, text := range []string{"", "A", "'", "'A", "A=1", "5", "'' "} {
		if isFormula(text) || unguarded(text) != text {
			t.Errorf("%q: formula %t, read as %q", text, isFormula(text), unguarded(text))
		}
	}
}
