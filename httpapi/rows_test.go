package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"apportion/engine"
	"apportion/httpapi/kibo"
)

// TestBadRows: the answer to a load has all bad rows, and the load changes nothing.
func TestBadRows(t *testing.T) {
	s := newStockedServer(t)
	rows := make([]string, 3000)
	fill := func() {
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"upc":"U%d","quantity":1}`, i)
		}
	}
	body := func() string { return `{"location":"L","items":[` + strings.Join(rows, ",") + `]}` }
	before := s.store.engine.Stats()
	f := func(path, end string, bad ...[5]string) {
		t.Helper()
		fill()
		for _, b := range bad {
			if b[0] != "" {
				var at int
				fmt.Sscan(b[0], &at)
				rows[at] = b[1]
			}
		}
		r := s.post(path, strings.TrimSuffix(body(), "}")+end).is(400, bad[0][2])
		errors, _ := r.at("errors").([]any)
		if len(errors) != len(bad) || r.at("field") != bad[0][3] {
			t.Fatalf("%d errors, want %d: %.2000s", len(errors), len(bad), r.body)
		}
		for i, b := range bad {
			e := errors[i].(map[string]any)
			if e["code"] != b[2] || e["field"] != b[3] || e["value"] != b[4] || e["detail"] == "" {
				t.Errorf("%s is told as %v, want %v", b[1], e, b[2:])
			}
		}
	}
	const refresh, adjust = "/v1/inventory/refresh", "/v1/inventory/adjust"
	f(refresh, "}",
		[5]string{"0", `{"upc":"A","quantity":5.5}`, "wrong-type", "items[0].quantity", "5.5"},
		[5]string{"1", `{"upc":"A","quantity":-1}`, "invalid", "items[1].quantity", "-1"},
		[5]string{"2", `{"upc":"A","quantity":1,"x":{"a":[1,{"b":"}]\\\""}],"c":-1.5e3}}`, "unknown-field",
			"items[2].x", ""},
		[5]string{"3", `{"quantity":1}`, "missing-field", "items[3].upc", ""},
		[5]string{"4", `{"upc":7,"quantity":1}`, "wrong-type", "items[4].upc", "7"},
		[5]string{"5", `[[],{}]`, "wrong-type", "items[5]", ""},
		[5]string{"6", `null`, "wrong-type", "items[6]", "null"},
		[5]string{"7", `{"upc":"A","upc":"B","quantity":1}`, "duplicate-field", "items[7].upc", ""},
		[5]string{"8", `{"upc":"A","quantity":1,"deliveryDate":"soon"}`, "invalid", "items[8].deliveryDate", "soon"},
		[5]string{"9", `{"upc":"A ","quantity":1}`, "invalid", "items[9].upc", "A "},
		[5]string{"10", `{"upc":"","quantity":1}`, "invalid", "items[10].upc", ""},
		[5]string{"2500", `{"upc":"A","quantity":1,"tags":{"Channel":"amazon"}}`, "unknown-value",
			"items[2500].tags.Channel", "amazon"},
		[5]string{"2999", `{"upc":"A","quantity":1,"tags":{"Chanel":"Amazon"}}`, "unknown-category", "items[2999].tags",
			"Chanel"})
	// The engine finds the first bad tag, and the answer has all of them.
	f(adjust, "}",
		[5]string{"70", `{"upc":"A","quantity":1,"tags":{"Channel":"amazon"}}`, "unknown-value",
			"items[70].tags.Channel", "amazon"},
		[5]string{"71", `{"upc":"A","quantity":1,"tags":{"Chanel":"Amazon"}}`, "unknown-category", "items[71].tags",
			"Chanel"})
	f(adjust, "}", [5]string{"2999", `{"upc":"A","quantity":0}`, "invalid", "items[2999].quantity", "0"})
	// A fault outside the rows comes last.
	f(refresh, `,"count":7}`, [5]string{"5", `{"upc":"A"}`, "missing-field", "items[5].quantity", ""},
		[5]string{"", "", "wrong-type", "count", "7"})
	f(refresh, `,`, [5]string{"5", `{"upc":"A"}`, "missing-field", "items[5].quantity", ""},
		[5]string{"", "", "bad-json", "items", ""})
	f(refresh, `}`, [5]string{"5", `{"upc":"A"}`, "missing-field", "items[5].quantity", ""},
		[5]string{"7", `{"upc":"A","quantity":1]`, "bad-json", "items[7].quantity", ""})

	for i := range rows {
		rows[i] = `{"upc":"A","quantity":1.5}`
	}
	r := s.post(refresh, body()).is(400, "wrong-type")
	if errors, _ := r.at("errors").([]any); len(errors) != kibo.RowFaultsMax {
		t.Errorf("%d errors", len(errors))
	}
	for i := range rows {
		rows[i] = `{"upc":"A","quantity":-1}`
	}
	if errors, _ := s.post(refresh, body()).is(400, "invalid").at("errors").([]any); len(errors) != kibo.RowFaultsMax {
		t.Errorf("%d errors", len(errors))
	}
	if after := s.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
	if r := s.post(refresh, `{"items":[{"upc":"A","quantity":1}]}`).is(400, "missing-field"); r.at("errors") != nil {
		t.Errorf("no row is bad, but: %s", r.body)
	}
}

// FuzzBadRows: for any rows, each reported row exists, in order and within the limit.
func FuzzBadRows(f *testing.F) {
	f.Add(`{"upc":1},{"quantity":[{}]},"a\"",7`)
	f.Add(`{"upc":"A","quantity":1,"x":{"y":[1,2`)
	f.Fuzz(func(t *testing.T, rows string) {
		checkRows(t, rows)
	})
}

func checkRows(t *testing.T, rows string) {
	var s bodyReader
	body := []byte(`{"location":"L","items":[` + rows + `]}`)
	s.reset(body)
	var c engine.Refresh
	s.refresh(&c)
	s.End()
	items := c.Items
	last := -1
	for _, row := range s.rows {
		if row.row <= last || row.row >= len(items) ||
			!strings.HasPrefix(row.Field, fmt.Sprintf("items[%d]", row.row)) {
			t.Fatalf("%q: row %d of %d after %d, at %s", rows, row.row, len(items), last, row.Field)
		}
		last = row.row
	}
	if len(s.rows) > kibo.RowFaultsMax || s.Here() > len(body) {
		t.Fatalf("%q: %d rows, at %d of %d", rows, len(s.rows), s.Here(), len(body))
	}
}
