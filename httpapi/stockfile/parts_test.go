package stockfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readParts is readAll of the parts of a file, with the lines of the whole.
func readParts(t *testing.T, text string, format Format) (parts int, rows, faults []string, err error) {
	t.Helper()
	file, part, chunk := NewParts(strings.NewReader(text), format), Part{}, Chunk{}
	for {
		more, err := file.Next(&part)
		if err != nil || !more {
			return parts, rows, faults, err
		}
		parts++
		r, n := NewReader(strings.NewReader(string(part.Text)), options(format)), 0
		for {
			more, err := r.Next(&chunk)
			if err != nil {
				return parts, rows, faults, err
			}
			if !more {
				break
			}
			for i := range chunk.Rows {
				row := &chunk.Rows[i]
				rows = append(rows, fmt.Sprintf("%d %s %d", part.Line(row.Line), row.Item.UPC, row.Item.Quantity))
			}
			for _, f := range chunk.Faults {
				faults = append(faults, fmt.Sprintf("%d %s %q %s", part.Line(f.Line), f.Column, f.Value, f.Code))
			}
			n += len(chunk.Rows) + len(chunk.Faults)
		}
		if n != part.Rows || n > RowsMax {
			t.Errorf("a part has %d rows, and says it has %d", n, part.Rows)
		}
	}
}

// TestParts: the parts of a file have its rows and its faults, at the same lines.
func TestParts(t *testing.T) {
	count := 20_000 // some are no rows
	f := func(name, head, end string, format Format, rows ...string) {
		t.Helper()
		var file strings.Builder
		file.WriteString(head)
		for i := range count {
			file.WriteString(strings.ReplaceAll(rows[i%len(rows)], "#", fmt.Sprint(i)) + "\n")
		}
		file.WriteString(end)
		var wantRows []string
		all, wantFaults, wantErr := readAll(t, file.String(), options(format))
		for _, row := range all {
			line, rest, _ := strings.Cut(row, " ")
			upc, _, _ := strings.Cut(rest, "@")
			quantity, _, _ := strings.Cut(strings.SplitN(row, " ", 3)[2], " ")
			wantRows = append(wantRows, line+" "+upc+" "+quantity)
		}
		parts, gotRows, gotFaults, err := readParts(t, file.String(), format)
		if parts < 2 && wantErr == nil || len(wantRows) == 0 || (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: %d parts, %d rows, %v, want %v", name, parts, len(wantRows), err, wantErr)
		}
		if wantErr != nil {
			return // the rows before it that are left out differ
		}
		if d := cmp.Diff(wantRows, gotRows); d != "" {
			t.Errorf("%s: rows (-whole +parts):\n%.1000s", name, d)
		}
		if d := cmp.Diff(wantFaults, gotFaults); d != "" {
			t.Errorf("%s: faults (-whole +parts):\n%.1000s", name, d)
		}
	}
	const header = "upc,location,quantity,Channel\n"
	f("plain", header, "", CSV, "A#,L,1,Web")
	f("quotes", "\ufeff\"upc\";\"location\";quantity;Channel\n", "last;L;1;", CSV, `"A""#";"L;1";2;Web`, `B#;L;x;`,
		"", "\"C\n\n#\";L;3;\"We\nb\"", `D"#;L;4;`, `"E#"x;L;5;`, "F#;L")
	count = 5000
	f("long", header, "", CSV, "A#,L,1,"+strings.Repeat("x", 2000), "B#,L,1,Web\r")
	count = RowsMax + 500
	f("no end", header, "\"Z,L,1,Web\n"+strings.Repeat("A,L,1,Web\n", 20_000), CSV, "A#,L,1,Web")
	count = 25_000
	f("lines", "\ufeff", `{"upc":"Z","location":"L","quantity":9}`, NDJSON, `{"upc":"A#","location":"L","quantity":1}`,
		"", "  \r", `{"upc":"B#"`, `{"upc":"C#","location":"L","quantity":1,"tags":{"Channel":"Web"}}`)
	f("long lines", "", strings.Repeat("y", 2*RowBytesMax), NDJSON, `{"upc":"A#","location":"L","quantity":1}`,
		`{"upc":"B#","location":"`+strings.Repeat(" ", 1000)+`","quantity":1}`)
}

// TestPartsOfNothing: a file without rows has a part, so that somebody looks at its header. One that is no file of rows
// has none.
func TestPartsOfNothing(t *testing.T) {
	f := func(text string, format Format, want string, wantParts int) {
		t.Helper()
		file, part := NewParts(strings.NewReader(text), format), Part{}
		got, parts := "", 0
		more, err := file.Next(&part)
		for ; more; more, err = file.Next(&part) {
			got += string(part.Text)
			parts++
		}
		fault := (*FileError)(nil)
		if got != want || parts != wantParts || (err != nil) != (wantParts == 0) ||
			err != nil && !errors.As(err, &fault) {
			t.Errorf("%q: %q in %d parts, %v", text, got, parts, err)
		}
	}
	f("upc,amount", CSV, "upc,amount", 1)
	f("upc,amount\n", CSV, "upc,amount\n", 1)
	f("", NDJSON, "", 1)
	f("", CSV, "", 0)
	f("\xff\xfeu\x00", CSV, "", 0)
	f("\"upc", CSV, "", 0)
}
