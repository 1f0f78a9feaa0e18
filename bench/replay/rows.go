package replay

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Row is one line of an order file, as far as stock is concerned.
type Row struct {
	Line      int // in the file, the header is line 1
	Invoice   string
	StockCode string
	Customer  string // empty if the file does not know
	Country   string
	Quantity  int64 // negative in a cancellation

	// Fault says why the row cannot be used as it stands; empty for a sound row.
	Fault string
}

// noCountry stands for an empty country, so that the row still names a segment.
const noCountry = "Unspecified"

// columns are the names that the header must have, in any order and beside others.
var columns = [...]string{"InvoiceNo", "StockCode", "Quantity", "CustomerID", "Country"}

// ReadRows reads an order file: comma-separated, with a header line, optionally with a byte order mark, CRLF line ends,
// quoted fields and stray quotes. A row that cannot be used is returned with a Fault, so that nothing vanishes
// silently.
func ReadRows(r io.Reader) ([]Row, error) {
	in := csv.NewReader(withoutBOM(r))
	in.LazyQuotes = true
	in.FieldsPerRecord = -1
	in.ReuseRecord = true

	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the order file is empty: expected a header line with " + strings.Join(columns[:], ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("read the header of the order file: %w", err)
	}
	at, err := findColumns(header)
	if err != nil {
		return nil, err
	}
	return readBody(in, at)
}

func readBody(in *csv.Reader, at [len(columns)]int) ([]Row, error) {
	var rows []Row
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the order file: %w", err)
		}
		if len(rows) == rowsMax {
			return nil, fmt.Errorf("the order file has more than %d rows: split it", rowsMax)
		}
		line, _ := in.FieldPos(0)
		rows = append(rows, parseRow(line, fields, at))
	}
}

// withoutBOM skips the byte order mark that spreadsheet programs put first.
func withoutBOM(r io.Reader) io.Reader {
	in := bufio.NewReaderSize(r, 1<<16)
	if first, _ := in.Peek(3); bytes.Equal(first, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3) // cannot fail: the bytes were just seen
	}
	return in
}

func findColumns(header []string) (at [len(columns)]int, err error) {
	var missing []string
	for i, want := range columns {
		at[i] = -1
		for j, have := range header {
			if strings.EqualFold(strings.TrimSpace(have), want) {
				at[i] = j
				break
			}
		}
		if at[i] < 0 {
			missing = append(missing, want)
		}
	}
	if missing != nil {
		return at, fmt.Errorf("the order file's header lacks %s; it has %q", strings.Join(missing, ", "), header)
	}
	return at, nil
}

func parseRow(line int, fields []string, at [len(columns)]int) Row {
	row := Row{Line: line}
	var values [len(columns)]string
	for i, column := range at {
		if column >= len(fields) {
			row.Fault = "too few fields"
			return row
		}
		values[i] = strings.Clone(strings.TrimSpace(fields[column]))
	}
	row.Invoice, row.StockCode, row.Customer, row.Country = values[0], values[1], values[3], values[4]
	if row.Country == "" {
		row.Country = noCountry
	}
	quantity, err := strconv.ParseInt(values[2], 10, 64)
	row.Quantity = quantity
	switch {
	case err != nil:
		row.Fault = "quantity is not a whole number"
	case !soundName(row.Invoice) || len(row.Invoice) > invoiceBytesMax:
		row.Fault = "invoice number empty or not usable"
	case !soundName(row.StockCode):
		row.Fault = "stock code empty or not usable"
	case !soundName(row.Country):
		row.Fault = "country not usable"
	}
	return row
}

// soundName reports whether a server would take s as an identity: not empty, not too long, no control character.
func soundName(s string) bool {
	if s == "" || len(s) > nameBytesMax || strings.ToValidUTF8(s, "") != s {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}
