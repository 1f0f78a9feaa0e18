package stockfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"apportion/httpapi/strictjson"
)

// csvReader reads CSV.
type csvReader struct {
	options *Options
	input   *boundedInput
	csv     *csv.Reader
	columns []column  // of the header; nil before it was read
	line    int       // of the last row
	copy    io.Writer // gets what csv reads, if it is not nil
}

const inputBytes = 64 << 10

func newCSVReader(in io.Reader, o *Options) *csvReader {
	return &csvReader{options: o, input: &boundedInput{in: in}}
}

func (r *csvReader) bytes() int64 {
	if r.csv == nil {
		return 0
	}
	return r.csv.InputOffset()
}

func (r *csvReader) next(c *Chunk, row *Row) (*Fault, error) {
	if r.columns == nil {
		if err := r.header(); err != nil {
			return nil, err
		}
	}
	cells, fault, err := r.cells()
	if fault != nil || err != nil {
		return fault, err
	}
	row.Line = r.line
	if len(cells) != len(r.columns) {
		return &Fault{row.Line, "", "", strictjson.CodeInvalid,
			fmt.Sprintf("the row has %d cells, the header %d columns", len(cells), len(r.columns))}, nil
	}
	return r.row(cells, c, row), nil
}

// row reads the cells of a row.
func (r *csvReader) row(cells []string, c *Chunk, row *Row) *Fault {
	begin := len(c.tags)
	for i := range r.columns {
		column := &r.columns[i]
		if cells[i] == "" {
			if column.field == fieldUPC || column.field == fieldQuantity {
				return &Fault{row.Line, column.name, "", strictjson.CodeMissingField, "a required cell is empty"}
			}
			continue
		}
		if code, fault := column.read(cells[i], c, row, r.options); fault != "" {
			return &Fault{row.Line, column.name, cells[i], code, fault}
		}
	}
	row.Item.Tags = c.tags[begin:len(c.tags):len(c.tags)]
	return nil
}

// header reads the columns.
func (r *csvReader) header() error {
	cells, err := r.open()
	if err != nil {
		return err
	}
	r.columns, err = newColumns(cells, r.options)
	return err
}

// open reads the first line, which tells the separator, and gives its cells.
func (r *csvReader) open() ([]string, error) {
	r.input.left = inputBytes + RowBytesMax
	in := bufio.NewReaderSize(r.input, inputBytes)
	line, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, r.inputError(err, 1)
	}
	if strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff") {
		return nil, &FileError{Fault{1, "", "", strictjson.CodeInvalid, "the file is UTF-16: save it as CSV in UTF-8"}}
	}
	line = strings.TrimPrefix(line, "\ufeff")
	all := io.MultiReader(strings.NewReader(line), in)
	if r.copy != nil {
		all = io.TeeReader(all, r.copy)
	}
	r.csv = csv.NewReader(bufio.NewReaderSize(all, inputBytes))
	r.csv.ReuseRecord, r.csv.FieldsPerRecord = true, -1
	if !strings.Contains(line, ",") {
		if i := strings.IndexAny(line, ";\t"); i >= 0 {
			r.csv.Comma = rune(line[i])
		}
	}
	cells, fault, err := r.cells()
	switch {
	case errors.Is(err, io.EOF):
		return nil, &FileError{Fault{1, "", "", strictjson.CodeMissingField,
			"the file is empty: its first line names the columns"}}
	case fault != nil:
		return nil, &FileError{*fault}
	case err != nil:
		return nil, err
	}
	return cells, nil
}

// cells reads the next row: its cells, or what is wrong with it, or the error that ends the file.
func (r *csvReader) cells() ([]string, *Fault, error) {
	r.input.left = inputBytes + RowBytesMax
	cells, err := r.csv.Read()
	if err == nil {
		r.line, _ = r.csv.FieldPos(0)
		return cells, nil, nil
	}
	var syntax *csv.ParseError
	if !errors.As(err, &syntax) {
		return nil, nil, r.inputError(err, r.line+1)
	}
	r.line = syntax.Line
	reason := "a cell with a quote is not closed by a quote before the next separator"
	if errors.Is(err, csv.ErrBareQuote) {
		reason = "a quote stands inside a cell without quotes: put the cell in quotes, and write the quote twice"
	}
	return nil, &Fault{syntax.StartLine, "", fmt.Sprintf("column %d of line %d of the row", syntax.Column,
		syntax.Line-syntax.StartLine+1),
		strictjson.CodeInvalid, reason}, nil
}

// inputError is the error that ends the file.
func (r *csvReader) inputError(err error, line int) error {
	if errors.Is(err, errRowTooLong) {
		return &FileError{Fault{line, "", "", strictjson.CodeInvalid, errRowTooLong.Error()}}
	}
	return err
}
