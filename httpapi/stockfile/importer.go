package stockfile

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// Log takes the commands of an import into the log.
type Log interface {
	// Do takes commands through the log in one entry, and calls answer for each result, which is valid during the
	// call. A result that asks for another try is an error.
	Do(commands []Command, answer func(i int, r *engine.Result)) error

	// Schema is the newest schema.
	Schema() *engine.Schema

	// Detail tells what a refusal means.
	Detail(code engine.Code) string
}

// Command is a command with its idempotency key, empty for none.
type Command struct {
	Command engine.Command
	Key     string
}

// ImportOptions say how a file is imported.
type ImportOptions struct {
	Options

	// Count names an open stock count, for a refresh: quantities are then as of its start.
	Count string

	// Note says why, in the events of what changes.
	Note engine.StockNote

	// Key is the idempotency key of the whole: each command gets one that is made of it. Empty: none.
	Key string

	DryRun       bool // say what is wrong, and change nothing
	AllOrNothing bool // one bad row, and nothing is changed; for files of one chunk and one location

	// Complete means that the file has all that there is at Location: rows of other locations are bad. What follows of
	// it is the caller's to do.
	Complete bool
}

// Report tells what an import has done.
type Report struct {
	Rows    int64 // read, good and bad ones
	Applied int64 // rows that took effect; in a dry run, that would
	Bad     int64
	Records int64 // changed, as the engine counts them
	Units   int64
	Chunks  int64
	AsOf    uint64

	Faults []Fault // the first FaultsMax of the bad rows, as they were found out
}

// FaultsMax bounds the faults that a report lists.
const FaultsMax = RowsMax

// The errors of an import that has changed nothing.
var (
	// ErrBadRows means that an import of all or nothing has a bad row.
	ErrBadRows = errors.New("a row is bad, so nothing was changed")

	// ErrNotOneChunk means that an import of all or nothing cannot be one command.
	ErrNotOneChunk = fmt.Errorf("all or nothing is possible for files of one location with at most %d rows and %d "+
		"bytes", RowsMax, ChunkBytesMax)
)

// RefusedError is a refusal that is not about a row. The chunks before have taken effect.
type RefusedError struct{ Result engine.Result }

// Error names code and field.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused: %s, %s %q", e.Result.Code, e.Result.Field, e.Result.Value)
}

// pieceRowsMax is how many rows a command has that is tried again without a row that was refused. So a chunk with many
// refused rows costs no more than some commands a row.
const pieceRowsMax = 256

// Import reads a file and applies its rows, a chunk at a time. A bad row does not keep the others from being applied,
// unless o.AllOrNothing. After an error, the chunks before have taken effect (Report.Applied), and the import can be
// done again with the same key: what was done is not done twice.
func Import(in io.Reader, o ImportOptions, log Log) (Report, error) {
	m := importer{ImportOptions: o, log: log}
	if m.Kind == 0 {
		m.Kind = engine.KindRefresh
	}
	for _, c := range log.Schema().Categories() {
		m.Categories = append(m.Categories, c.Name)
	}
	file := NewReader(in, m.Options)
	for {
		more, err := file.Next(&m.chunk)
		if err != nil || !more {
			return m.report, err
		}
		if err := m.apply(file); err != nil {
			return m.report, err
		}
		m.report.Chunks++
	}
}

// importer is one import.
type importer struct {
	ImportOptions
	log    Log
	report Report
	chunk  Chunk

	pieces, next []piece
	commands     []Command
	items        []engine.StockItem
	refreshes    []engine.Refresh
	adjusts      []engine.Adjust
	failure      error // of the results of an entry
}

// piece is the rows of one command.
type piece struct {
	location string
	rows     []int32 // indexes in chunk.Rows
}

// apply applies a chunk.
func (m *importer) apply(file *Reader) error {
	m.report.Rows += int64(len(m.chunk.Rows) + len(m.chunk.Faults))
	for i := range m.chunk.Faults {
		m.fault(&m.chunk.Faults[i])
	}
	m.divide()
	if m.AllOrNothing {
		switch {
		case m.report.Bad > 0:
			return ErrBadRows
		case len(m.pieces) > 1 || m.hasMore(file):
			return ErrNotOneChunk
		}
	}
	if m.DryRun {
		for i := range m.pieces {
			m.report.Applied += int64(len(m.pieces[i].rows))
		}
		return nil
	}
	for round := 0; len(m.pieces) > 0; round++ {
		if err := m.round(round); err != nil {
			return err
		}
		if m.AllOrNothing && m.report.Bad > 0 {
			return ErrBadRows
		}
	}
	return nil
}

// hasMore reports whether the file goes on behind the chunk.
func (m *importer) hasMore(file *Reader) bool {
	var rest Chunk
	more, err := file.Next(&rest)
	return more || err != nil
}

// divide makes a piece of the chunk's rows at each location, in the order in which the file names them, without the
// rows whose tags the schema does not have.
func (m *importer) divide() {
	m.pieces = m.pieces[:0]
	at, schema := map[string]int{}, m.log.Schema()
	for i := range m.chunk.Rows {
		row := &m.chunk.Rows[i]
		if m.Complete && row.Location != m.Location {
			m.fault(&Fault{row.Line, "location", row.Location, strictjson.CodeInvalid,
				"a complete file is of one location, " + m.Location})
			continue
		}
		if f := m.unknownTag(schema, row); f != nil {
			m.fault(f)
			continue
		}
		place, ok := at[row.Location]
		if !ok {
			place = len(m.pieces)
			at[row.Location] = place
			m.pieces = append(m.pieces, piece{location: row.Location})
		}
		m.pieces[place].rows = append(m.pieces[place].rows, int32(i))
	}
}

// unknownTag finds a tag that the schema does not have.
func (m *importer) unknownTag(schema *engine.Schema, row *Row) *Fault {
	_, code, tag := schema.Resolve(row.Item.Tags)
	switch code {
	case engine.CodeUnknownCategory:
		return &Fault{row.Line, columnTags, row.Item.Tags[tag].Category, code.String(), m.log.Detail(code)}
	case engine.CodeUnknownValue:
		t := &row.Item.Tags[tag]
		return &Fault{row.Line, tagColumn + t.Category, t.Value, code.String(), m.log.Detail(code)}
	}
	return nil
}

// fault reports a bad row.
func (m *importer) fault(f *Fault) {
	if m.report.Bad++; len(m.report.Faults) < FaultsMax {
		m.report.Faults = append(m.report.Faults, *f)
	}
}

// round takes the pieces through the log. What is left to do are the pieces without a row that was refused. Which those
// are follows from the results, and those are kept with their keys: so a repeated import goes the same way.
func (m *importer) round(round int) error {
	m.commands, m.items = m.commands[:0], m.items[:0]
	m.refreshes, m.adjusts = m.refreshes[:0], m.adjusts[:0]
	rows := 0
	for i := range m.pieces {
		rows += len(m.pieces[i].rows)
	}
	m.items = grow(m.items, rows)
	m.refreshes, m.adjusts = grow(m.refreshes, len(m.pieces)), grow(m.adjusts, len(m.pieces))
	for i := range m.pieces {
		m.commands = append(m.commands, Command{m.command(&m.pieces[i]), m.key(round, i)})
	}
	m.next, m.failure = m.next[:0], nil
	if err := m.log.Do(m.commands, m.answer); err != nil {
		return err
	}
	m.pieces, m.next = m.next, m.pieces
	return m.failure
}

// grow gives an empty slice with room for so many elements: pointers to them stay valid while they are added.
func grow[T any](list []T, elements int) []T {
	if cap(list) < elements {
		return make([]T, 0, elements)
	}
	return list[:0]
}

// command makes the command of a piece.
func (m *importer) command(p *piece) engine.Command {
	begin := len(m.items)
	for _, row := range p.rows {
		m.items = append(m.items, m.chunk.Rows[row].Item)
	}
	items := m.items[begin:len(m.items):len(m.items)]
	if m.Kind == engine.KindAdjust {
		m.adjusts = append(m.adjusts, engine.Adjust{Location: p.location, Items: items, StockNote: m.Note})
		return &m.adjusts[len(m.adjusts)-1]
	}
	m.refreshes = append(m.refreshes, engine.Refresh{Location: p.location, Count: m.Count, Items: items,
		StockNote: m.Note})
	return &m.refreshes[len(m.refreshes)-1]
}

// key is the idempotency key of a command: chunk, round and piece follow from the file alone.
func (m *importer) key(round, i int) string {
	if m.Key == "" {
		return ""
	}
	return fmt.Sprintf("%s/%d.%d.%d", m.Key, m.report.Chunks, round, i)
}

// answer takes the result of a piece.
func (m *importer) answer(i int, r *engine.Result) {
	p := &m.pieces[i]
	m.report.AsOf = max(m.report.AsOf, r.Index)
	switch row, column, ok := refusedRow(r); {
	case r.Code == engine.CodeOK:
		m.report.Applied += int64(len(p.rows))
		m.report.Records += r.Stock.Records
		m.report.Units += r.Stock.Units
	case !ok || row >= len(p.rows):
		refused := *r
		refused.Field, refused.Value = strings.Clone(r.Field), strings.Clone(r.Value)
		m.failure = &RefusedError{refused}
	default:
		m.fault(&Fault{m.chunk.Rows[p.rows[row]].Line, strings.Clone(column), strings.Clone(r.Value), r.Code.String(),
			m.log.Detail(r.Code)})
		m.divideRest(piece{p.location, append(p.rows[:row:row], p.rows[row+1:]...)})
	}
}

// refusedRow finds the row and the column of a refusal.
func refusedRow(r *engine.Result) (row int, column string, ok bool) {
	rest, ok := strings.CutPrefix(r.Field, "items[")
	number, column, found := strings.Cut(rest, "].")
	row, err := strconv.Atoi(number)
	return row, column, ok && found && err == nil && r.Code != engine.CodeKeyReused
}

// divideRest leaves rows to the next round.
func (m *importer) divideRest(p piece) {
	for len(p.rows) > 0 {
		n := min(len(p.rows), pieceRowsMax)
		m.next = append(m.next, piece{p.location, p.rows[:n:n]})
		p.rows = p.rows[n:]
	}
}
