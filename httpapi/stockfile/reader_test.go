package stockfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"apportion/engine"
)

var categories = []string{"Channel", "Quality", "quantity"}

func options(format Format) Options {
	return Options{Format: format, Kind: engine.KindRefresh, Categories: categories}
}

// readAll gives rows and faults of a file as lines of text.
func readAll(t testing.TB, text string, o Options) (rows, faults []string, err error) {
	t.Helper()
	r, chunk := NewReader(strings.NewReader(text), o), Chunk{}
	for {
		more, err := r.Next(&chunk)
		for i := range chunk.Rows {
			row := &chunk.Rows[i]
			it := &row.Item
			text := fmt.Sprintf("%d %s@%s %d", row.Line, it.UPC, row.Location, it.Quantity)
			for _, tag := range it.Tags {
				text += fmt.Sprintf(" %s=%s", tag.Category, tag.Value)
			}
			for i, n := range []int64{it.SafetyStock, it.Floor, it.LTD} {
				if it.Has&(1<<i) != 0 {
					text += fmt.Sprintf(" %s=%d", []string{"safety", "floor", "ltd"}[i], n)
				}
			}
			if it.DeliveryDateMS != 0 {
				text += fmt.Sprintf(" due=%d", it.DeliveryDateMS)
			}
			rows = append(rows, text)
		}
		for _, f := range chunk.Faults {
			faults = append(faults, fmt.Sprintf("%d %s %q %s", f.Line, f.Column, f.Value, f.Code))
		}
		if !more || err != nil {
			return rows, faults, err
		}
	}
}

func TestReader(t *testing.T) {
	f := func(name, text string, o Options, rows, faults []string) {
		t.Helper()
		gotRows, gotFaults, err := readAll(t, text, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(rows, gotRows); diff != "" {
			t.Errorf("%s: rows, -want +got:\n%s", name, diff)
		}
		if diff := cmp.Diff(faults, gotFaults); diff != "" {
			t.Errorf("%s: faults, -want +got:\n%s", name, diff)
		}
	}
	f("columns in any order", "quantity,Channel,upc,location\n5,eBay,A,W1\n0,,B,W1\n", options(CSV),
		[]string{"2 A@W1 5 Channel=eBay", "3 B@W1 0"}, nil)
	f("all columns", "upc,location,quantity,safetyStock,floor,ltd,deliveryDate\nA,W1,5,1,2,3,1970-01-01T00:00:01Z\n"+
		"B,W1,5,,0,,\n", options(CSV),
		[]string{"2 A@W1 5 safety=1 floor=2 ltd=3 due=1000", "3 B@W1 5 floor=0"}, nil)
	f("what spreadsheets write", "\ufeffupc;location;quantity\r\n\"A;1\";\"W\"\"1\";7\r\n\r\n", options(CSV),
		[]string{`2 A;1@W"1 7`}, nil)
	f("tabs", "upc\tlocation\tquantity\nA\tW1\t7", options(CSV), []string{"2 A@W1 7"}, nil)
	f("an exported file", "upc,location,Channel,quantity,allocated,pending,available,version\nA,W1,eBay,5,1,0,4,9\n",
		options(CSV), []string{"2 A@W1 5 Channel=eBay"}, nil)
	f("a category with the name of a column", "upc,location,quantity,tags.quantity,tags.Channel\nA,W1,5,big,eBay\n",
		options(CSV), []string{"2 A@W1 5 quantity=big Channel=eBay"}, nil)
	f("the location of all rows", "upc,quantity\nA,5\n", Options{Location: "W9"}, []string{"2 A@W9 5"}, nil)
	f("names in their form", "upc,location,quantity\nCafe\u0301,W1,5\n A,W1,5\n", options(CSV),
		[]string{"2 Café@W1 5"}, []string{`3 upc " A" invalid`})
	f("all bad rows", "upc,location,quantity,Channel,deliveryDate\nA,W1,x,,\nB,W1,-1,,\nC,,1,,\n,W1,1,,\nD,W1,,,\n"+
		"E,W1,1\nF,W1,1,a\tb,\nG,W1,99999999999999999999,,\nH,W1,1,,soon\n"+
		strings.Repeat("I", 65)+",W1,1,,\nJ,W1,1,,\n",
		options(CSV), []string{"12 J@W1 1"}, []string{`2 quantity "x" wrong-type`, `3 quantity "-1" invalid`,
			`4 location "" missing-field`, `5 upc "" missing-field`, `6 quantity "" missing-field`, `7  "" invalid`,
			`8 Channel "a\tb" invalid`, `9 quantity "99999999999999999999" wrong-type`,
			`10 deliveryDate "soon" wrong-type`,
			`11 upc "` + strings.Repeat("I", 64) + `" invalid`})
	f("quotes", "upc,location,quantity\nA\"B,W1,1\n\"C\"D,W1,1\n\"E\",W1,1\n\"F,W1,1\nG,W1,1\n", options(CSV),
		[]string{"4 E@W1 1"}, []string{`2  "column 2 of line 1 of the row" invalid`,
			`3  "column 3 of line 1 of the row" invalid`,
			`5  "column 8 of line 2 of the row" invalid`})
	f("rows that set the same", "upc,location,quantity,Channel,Quality\nA,W1,1,,\nA,W2,1,,\nA,W1,1,eBay,\nA,W1,2,,\n",
		options(CSV), []string{"2 A@W1 1", "3 A@W2 1", "4 A@W1 1 Channel=eBay"}, []string{`5 upc "A" duplicate`})
	f("formulas", "upc,location,quantity\n\"'=1+1\",\"''-W\",1\n'A,\"'\",1\n", options(CSV),
		[]string{"2 =1+1@'-W 1", "3 'A@' 1"}, nil)
	f("objects", `{"upc":"A","location":"W1","quantity":5,"tags":{"Channel":"eBay","Quality":"\u0041"},"ltd":3,`+
		`"floor":null,"allocated":1,"pending":0,"available":4,"version":1}`+"\r\n\n"+
		`{"upc":"\u0042","location":"\u0057","quantity":0,"deliveryDate":"1970-01-01T00:00:01Z"}`, options(NDJSON),
		[]string{"1 A@W1 5 Channel=eBay Quality=A ltd=3", "3 B@W 0 due=1000"}, nil)
	f("all bad objects", "{}\n[1]\n"+`{"upc":"A","location":"W1","quantity":1,"color":2}`+"\n"+
		`{"upc":"A","location":"W1","quantity":"1"}`+"\n"+`{"upc":"A","quantity":1}`+"\n"+
		`{"upc":"A","location":"W1","quantity":1} {}`+"\n"+
		`{"upc":"A","location":"W1","quantity":1,"tags":{"X":""}}`+"\n"+
		`{"upc":"A","location":"W1","quantity":1,"upc":"B"}`+"\n"+`{"upc":"A","location":"W1","quantity":1}`,
		options(NDJSON), []string{"9 A@W1 1"}, []string{`1 upc "" missing-field`, `2  "" wrong-type`,
			`3 color "" unknown-field`, `4 quantity "\"1\"" wrong-type`, `5 location "" missing-field`,
			`6  "" bad-json`,
			`7 tags.X "" invalid`, `8 upc "" duplicate-field`})
	f("a long line", `{"upc":"`+strings.Repeat("A", 3*RowBytesMax)+"\"}\n"+`{"upc":"B","location":"W1","quantity":1}`,
		options(NDJSON), []string{"2 B@W1 1"}, []string{`1  "" invalid`})
	adjust := Options{Kind: engine.KindAdjust}
	f("changes", "upc,location,quantity\nA,W1,-5\nB,W1,0\n", adjust,
		[]string{"2 A@W1 -5"}, []string{`3 quantity "0" invalid`})
}

func TestFileErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		rows, _, err := readAll(t, text, options(CSV))
		var file *FileError
		if !errors.As(err, &file) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
		if len(rows) > 0 && !strings.Contains(text, "A,W1,1") {
			t.Errorf("%.40q: %d rows", text, len(rows))
		}
	}
	f("", "the file is empty")
	f("upc,location\n", `column "quantity": a required column is missing`)
	f("upc,location,quantity,Chanel\n", `column "Chanel": there is no such column, and no tag category`)
	f("upc,location,quantity,upc\n", `column "upc": the column is there twice`)
	f("upc,location,quantity,Channel,tags.Channel\n", `column "tags.Channel": the column is there twice`)
	f("upc,location,quantity,\n", "column 4 has no name")
	f("up\"c,location,quantity\n", "a quote stands inside")
	f("\xff\xfeu\x00p\x00c\x00", "the file is UTF-16")
	f(strings.Repeat("Channel,", ColumnsMax+1)+"upc\n", "the header has 258 columns; at most 256 are allowed")
	f("upc,location,quantity\nA,W1,1\n\"B"+strings.Repeat("x,\n", RowBytesMax), "the row is longer than 65536 bytes")
	f("upc"+strings.Repeat("x", 3*RowBytesMax), "the row is longer than 65536 bytes")
}

// TestChunks: where chunks end depends on the file alone, not on how it arrives.
func TestChunks(t *testing.T) {
	var csv, ndjson bytes.Buffer
	csv.WriteString("upc,location,quantity\n")
	for i := range 2*RowsMax + 10 {
		quantity := "1"
		if i%100 == 0 {
			quantity = "true"
		}
		fmt.Fprintf(&csv, "U%d,W1,%s\n", i, quantity)
		fmt.Fprintf(&ndjson, `{"upc":"U%d","location":"W1","quantity":%s}`+"\n", i, quantity)
	}
	ends := func(in io.Reader, format Format) (lines []int) {
		r, chunk := NewReader(in, options(format)), Chunk{}
		for {
			more, err := r.Next(&chunk)
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				return lines
			}
			lines = append(lines, chunk.Rows[len(chunk.Rows)-1].Line)
		}
	}
	for format, text := range map[Format][]byte{CSV: csv.Bytes(), NDJSON: ndjson.Bytes()} {
		want := ends(bytes.NewReader(text), format)
		first := 1 - int(format)
		if !slices.Equal(want, []int{RowsMax + first, 2*RowsMax + first, 2*RowsMax + 10 + first}) {
			t.Errorf("%s: chunks end at lines %v", format, want)
		}
		if got := ends(iotest.OneByteReader(bytes.NewReader(text)), format); !slices.Equal(got, want) {
			t.Errorf("%s: read byte by byte, chunks end at lines %v, want %v", format, got, want)
		}
	}
	wide := "upc,location,quantity,Channel\n" + strings.Repeat("A,W1,x,"+strings.Repeat("y", 1000)+"\n", 12_000)
	r, chunk := NewReader(strings.NewReader(wide), options(CSV)), Chunk{}
	if more, err := r.Next(&chunk); !more || err != nil || len(chunk.Faults) > ChunkBytesMax/1000 {
		t.Errorf("a chunk of long rows has %d of them, more %t, %v", len(chunk.Faults), more, err)
	}
}

func TestInputErrors(t *testing.T) {
	broken := errors.New("broken")
	for format, text := range map[Format]string{CSV: "upc,location,quantity\nA,W1,1\nB", NDJSON: "{}\n{"} {
		in := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
		r, chunk := NewReader(in, options(format)), Chunk{}
		if more, err := r.Next(&chunk); more || !errors.Is(err, broken) {
			t.Errorf("%s: more %t, %v", format, more, err)
		}
	}
}

func TestReaderAllocates(t *testing.T) {
	const rows = 2 * RowsMax
	var text bytes.Buffer
	text.WriteString("upc,location,quantity,Channel\n")
	for i := range rows {
		fmt.Fprintf(&text, "UPC-%07d,Warehouse-%d,%d,Amazon\n", i, i%10, i)
	}
	f := func(format Format, text []byte, max float64) {
		chunk := Chunk{}
		perRow := testing.AllocsPerRun(3, func() {
			r := NewReader(bytes.NewReader(text), options(format))
			for more := true; more; {
				var err error
				if more, err = r.Next(&chunk); err != nil {
					t.Fatal(err)
				}
			}
		}) / rows
		if perRow > max {
			t.Errorf("%s: a row allocates %.3f times, want at most %.3f", format, perRow, max)
		}
	}
	f(CSV, text.Bytes(), 1.01) // encoding/csv makes one text of a row
	w := NewWriter(NDJSON, RowColumns, categories)
	r, chunk := NewReader(bytes.NewReader(text.Bytes()), options(CSV)), Chunk{}
	for more := true; more; {
		var err error
		if more, err = r.Next(&chunk); err != nil {
			t.Fatal(err)
		}
		for i := range chunk.Rows {
			w.Row(&chunk.Rows[i])
		}
	}
	f(NDJSON, w.Take(), 0.01)
}

// FuzzReader: whatever a file has, rows are within the limits, and a row that is written is read again.
func FuzzReader(f *testing.F) {
	for _, text := range []string{
		"upc,location,quantity\nA,W1,5\n", "\ufeffupc;location;quantity;Channel\r\n\"A\";W1;5;\"'=x\"\r\n",
		`{"upc":"\u0041","location":"W1","quantity":5,"tags":{"Channel":"é"},"deliveryDate":"2026-11-30T12:00:00Z"}`,
		"upc,location,quantity,tags.quantity\n\"A\nB\",W1,1,2\n",
		"{\"upc\":\"'+\",\"location\":\"\uff1d\",\"quantity\":1}",
	} {
		f.Add([]byte(text), true, true)
		f.Add([]byte(text), false, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, lines, adjust bool) {
		o := options(CSV)
		if lines {
			o.Format = NDJSON
		}
		if adjust {
			o.Kind = engine.KindAdjust
		}
		r, chunk, last := NewReader(bytes.NewReader(text), o), Chunk{}, 0
		for {
			more, err := r.Next(&chunk)
			for i := range chunk.Rows {
				row := &chunk.Rows[i]
				if engine.CheckItem(o.Kind, &row.Item) != nil || row.Line <= last {
					t.Fatalf("row %+v after line %d", row, last)
				}
				last = row.Line
				for _, format := range []Format{CSV, NDJSON} {
					rereads(t, row, o, format)
				}
			}
			if !more || err != nil {
				return
			}
		}
	})
}

// rereads checks that a row is the same after it was written and read.
func rereads(t *testing.T, row *Row, o Options, format Format) {
	t.Helper()
	o.Format, o.Categories = format, nil
	for _, tag := range row.Item.Tags {
		o.Categories = append(o.Categories, tag.Category)
	}
	w := NewWriter(format, RowColumns, o.Categories)
	w.Row(row)
	text := string(w.Take())
	chunk := Chunk{}
	_, err := NewReader(strings.NewReader(text), o).Next(&chunk)
	if err != nil || len(chunk.Rows) != 1 {
		t.Fatalf("%s: %q: %d rows, faults %+v, %v", format, text, len(chunk.Rows), chunk.Faults, err)
	}
	again := chunk.Rows[0]
	again.Line = row.Line
	if len(again.Item.Tags) == 0 && len(row.Item.Tags) == 0 {
		again.Item.Tags = row.Item.Tags
	}
	if diff := cmp.Diff(*row, again); diff != "" {
		t.Fatalf("%s: %q, -want +got:\n%s", format, text, diff)
	}
}
