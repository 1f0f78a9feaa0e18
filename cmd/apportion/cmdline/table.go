package cmdline

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// Column is a column of a table. A name is that of the field in JSON; csv has it as it is, and a table for people as
// words: onHand becomes ON HAND.
type Column struct {
	Name   string
	Figure bool // aligned to the right
}

// Text makes columns of text.
func Text(names ...string) []Column { return columns(false, names) }

// Figures makes columns of figures.
func Figures(names ...string) []Column { return columns(true, names) }

func columns(figure bool, names []string) (all []Column) {
	for _, name := range names {
		all = append(all, Column{Name: name, Figure: figure})
	}
	return all
}

// title is a column's name as words.
func (c Column) title() string {
	var text strings.Builder
	for i, r := range c.Name {
		if unicode.IsUpper(r) && i > 0 && isLower(c.Name[i-1]) {
			text.WriteByte(' ')
		}
		text.WriteRune(unicode.ToUpper(r))
	}
	return text.String()
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// Table has rows of texts and figures. A cell is a string, an int64, a uint64, a bool, or nil for nothing.
type Table struct {
	Columns []Column
	Rows    [][]any
}

// Add adds a row.
func (t *Table) Add(cells ...any) { t.Rows = append(t.Rows, cells) }

// cellText is a cell as text.
func cellText(cell any) string {
	switch cell := cell.(type) {
	case nil:
		return ""
	case string:
		return cell
	case bool:
		if cell {
			return "yes"
		}
		return ""
	default:
		return fmt.Sprint(cell)
	}
}

// visible replaces what a terminal would obey.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

// layout is how a table was printed. The next one goes on below it, without a heading, if it fits.
type layout struct {
	columns []Column
	widths  []int // 0: left out
}

// Print prints the table for people. Columns that are empty in all rows are left out.
func (t *Table) Print(w io.Writer, colour bool) { t.print(w, colour, &layout{}) }

func (t *Table) print(w io.Writer, colour bool, last *layout) {
	widths := make([]int, len(t.Columns))
	if slices.Equal(last.columns, t.Columns) {
		copy(widths, last.widths)
	}
	rows := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		for column, cell := range row {
			text := visible(cellText(cell))
			rows[i] = append(rows[i], text)
			widths[column] = max(widths[column], uniseg.StringWidth(text))
		}
	}
	var head strings.Builder
	for column, c := range t.Columns {
		if widths[column] > 0 {
			widths[column] = max(widths[column], len(c.title()))
			pad(&head, c.title(), widths[column], c.Figure, "")
		}
	}
	paint := func(code string) string {
		if colour {
			return code
		}
		return ""
	}
	if !slices.Equal(last.columns, t.Columns) || !slices.Equal(last.widths, widths) {
		fmt.Fprintln(w, painted(strings.TrimRight(head.String(), " "), paint(bold)))
		*last = layout{t.Columns, widths}
	}
	for i, row := range rows {
		var line strings.Builder
		for column, text := range row {
			if widths[column] > 0 {
				pad(&line, text, widths[column], t.Columns[column].Figure, paint(colourOf(t.Rows[i][column])))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// colourOf is the colour of a cell: below zero, and refusals, are red.
func colourOf(cell any) string {
	if figure, ok := cell.(int64); ok && figure < 0 {
		return red
	}
	if text, ok := cell.(string); ok && text == "refused" {
		return red
	}
	return ""
}

// painted puts a colour around a text, none if it is empty.
func painted(text, code string) string {
	if code == "" {
		return text
	}
	return code + text + plain
}

// pad appends a cell and its blanks to a line.
func pad(line *strings.Builder, text string, width int, right bool, code string) {
	if line.Len() > 0 {
		line.WriteString("  ")
	}
	blanks := strings.Repeat(" ", width-uniseg.StringWidth(text))
	if right {
		line.WriteString(blanks + painted(text, code))
	} else {
		line.WriteString(painted(text, code) + blanks)
	}
}
