package cmdline

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// forms are the values of --output.
var forms = []string{"table", "json", "ndjson", "csv"}

// OutputFlag gives the flag --output.
func OutputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Sources: Env("output"),
		Usage: "`FORM` of the output: table, json (the server's reply), ndjson (an element a line) or csv"}
}

// Output prints what a command has found out, in the form of --output.
type Output struct {
	w      io.Writer
	form   string
	colour bool
	begun  bool // the heading of csv is written
	last   layout
}

// NewOutput reads the flag --output.
func NewOutput(cmd *cli.Command, w io.Writer) (*Output, error) {
	form := cmd.String("output")
	if !slices.Contains(forms, form) {
		return nil, Usage(fmt.Errorf("--output %q: expected %s", form, strings.Join(forms, ", ")))
	}
	return &Output{w: w, form: form, colour: IsTerminal(w) && os.Getenv("NO_COLOR") == ""}, nil
}

// NewFileOutput is the output to a file, in a form of NewOutput.
func NewFileOutput(w io.Writer, form string) *Output { return &Output{w: w, form: form} }

// Form is the form of the output.
func (o *Output) Form() string { return o.form }

// IsTerminal reports whether a writer is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Say prints a line for people. Other forms do not have it.
func (o *Output) Say(format string, args ...any) {
	if o.form == "table" {
		fmt.Fprintln(o.w, visible(fmt.Sprintf(format, args...)))
	}
}

// Aside prints a table for people, beside what Show prints. Other forms do not have it.
func (o *Output) Aside(table *Table) {
	if o.form == "table" && len(table.Rows) > 0 {
		table.print(o.w, o.colour, &o.last)
	}
}

// Show prints a reply: unchanged for json, its elements for ndjson, the table for csv and for people. A command that
// reads several pages shows each of them. Elements of a stream have no reply (nil): then json is as ndjson.
func Show[T any](o *Output, reply []byte, elements []T, table *Table) error {
	switch o.form {
	case "json":
		if reply == nil {
			return lines(o.w, elements)
		}
		_, err := fmt.Fprintf(o.w, "%s\n", bytes.TrimSpace(reply))
		return err
	case "ndjson":
		return lines(o.w, elements)
	case "csv":
		return o.csv(table)
	default:
		o.Aside(table)
		return nil
	}
}

// lines writes elements as JSON, one a line.
func lines[T any](w io.Writer, elements []T) error {
	for i := range elements {
		line, err := json.Marshal(&elements[i])
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// csv writes the table with its heading, which only the first page has.
func (o *Output) csv(table *Table) error {
	w := csv.NewWriter(o.w)
	if !o.begun {
		var names []string
		for _, column := range table.Columns {
			names = append(names, column.Name)
		}
		_ = w.Write(names) // Error gives it
		o.begun = true
	}
	for _, row := range table.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = csvCell(cell)
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return w.Error()
}

// csvCell is a cell for a file that a spreadsheet may open: a text must not be taken for a formula.
func csvCell(cell any) string {
	switch cell := cell.(type) {
	case bool:
		return fmt.Sprint(cell)
	case string:
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			return "'" + cell
		}
	}
	return cellText(cell)
}
