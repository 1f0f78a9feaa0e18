package stockfile

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"apportion/engine"
)

// fakeLog is an engine without a log. It keeps results by key, as the engine does by itself.
type fakeLog struct {
	engine  *engine.Engine
	index   uint64
	entries int
	keys    []string
	failAt  int // the entry that fails, if not 0
}

var errLog = errors.New("the log has failed")

func newFakeLog(t *testing.T, commands ...engine.Command) *fakeLog {
	t.Helper()
	l := &fakeLog{engine: engine.New()}
	for _, c := range commands {
		if r := l.apply("", c); r.Code != engine.CodeOK {
			t.Fatalf("%T: %s", c, r.Code)
		}
	}
	return l
}

func (l *fakeLog) apply(key string, c engine.Command) *engine.Result {
	l.index++
	form := engine.AppendCommand(nil, &engine.Envelope{Key: key}, c)
	var r engine.Result
	if err := engine.DecodeResult(l.engine.Apply(l.index, 1_000_000, form, nil), &r); err != nil {
		panic(err)
	}
	return &r
}

func (l *fakeLog) Schema() *engine.Schema         { return l.engine.Schema() }
func (l *fakeLog) Detail(code engine.Code) string { return "because of " + code.String() }

func (l *fakeLog) Do(commands []Command, answer func(i int, r *engine.Result)) error {
	if l.entries++; l.entries == l.failAt {
		return errLog
	}
	for i, c := range commands {
		l.keys = append(l.keys, c.Key)
		answer(i, l.apply(c.Key, c.Command))
	}
	return nil
}

func (l *fakeLog) onHand(upc, location string) int64 {
	var v engine.RecordView
	l.engine.ReadRecord(upc, location, &v)
	return v.OnHand
}

var channel = &engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
	{Name: "Web", Percent: engine.NoPercent, Default: true, Max: engine.NoMax},
	{Name: "Shop", Percent: engine.NoPercent, Max: engine.NoMax},
}}

func (r *Report) short() string {
	return fmt.Sprintf("rows %d, applied %d, bad %d, records %d, units %d", r.Rows, r.Applied, r.Bad, r.Records,
		r.Units)
}

func faultsText(faults []Fault) (text string) {
	for _, f := range faults {
		text += fmt.Sprintf("%d %s %q %s; ", f.Line, f.Column, f.Value, f.Code)
	}
	return text
}

func TestImport(t *testing.T) {
	log := newFakeLog(t, channel)
	f := func(name, text string, o ImportOptions, report, faults string) {
		t.Helper()
		got, err := Import(strings.NewReader(text), o, log)
		if err != nil || got.short() != report || faultsText(got.Faults) != faults {
			t.Errorf("%s: %s, %s%v\nwant %s, %s", name, got.short(), faultsText(got.Faults), err, report, faults)
		}
	}
	const file = "upc,location,quantity,Channel\nA,L,5,\nB,M,7,Shop\nC,L,x,\n" +
		"D,L,1,Web \nE,L,1,Catalog\nA,L,3,Shop\nA,M,1,Web\n"
	const bad = `4 quantity "x" wrong-type; 5 Channel "Web " invalid; 6 tags.Channel "Catalog" unknown-value; `
	f("a dry run", file, ImportOptions{DryRun: true}, "rows 7, applied 4, bad 3, records 0, units 0", bad)
	if log.index != 1 {
		t.Errorf("a dry run has changed the state")
	}
	f("a refresh", file, ImportOptions{}, "rows 7, applied 4, bad 3, records 3, units 16", bad)
	if log.entries != 1 || log.onHand("A", "L") != 8 || log.onHand("B", "M") != 7 || log.onHand("A", "M") != 1 {
		t.Errorf("%d entries, A has %d", log.entries, log.onHand("A", "L"))
	}
	adjust := ImportOptions{Options: Options{Kind: engine.KindAdjust}}
	f("refused rows", "upc,location,quantity\nA,L,-6\nB,L,2\nA,M,-1\nB,M,-1\n", adjust,
		"rows 4, applied 2, bad 2, records 2, units 3",
		`2 quantity "-6" on-hand-below-zero; 5 quantity "-1" on-hand-below-zero; `)
	if log.onHand("A", "L") != 8 || log.onHand("B", "L") != 2 || log.onHand("A", "M") != 0 {
		t.Errorf("the rows beside refused ones are not applied")
	}
	f("lines", `{"upc":"A","location":"L","quantity":1,"tags":{"Channel":"Shop"}}`+"\n"+
		`{"upc":"A","location":"L","quantity":1,"tags":{"Chanel":"Shop"}}`,
		ImportOptions{Options: Options{Format: NDJSON}},
		"rows 2, applied 1, bad 1, records 1, units 1", `2 tags "Chanel" unknown-category; `)
}

func TestImportErrors(t *testing.T) {
	log := newFakeLog(t, channel)
	f := func(in io.Reader, o ImportOptions, want error, applied int64) {
		t.Helper()
		got, err := Import(in, o, log)
		if !errors.Is(err, want) || got.Applied != applied {
			t.Errorf("applied %d, %v, want %d, %v", got.Applied, err, applied, want)
		}
	}
	csv := func(rows string) io.Reader { return strings.NewReader("upc,location,quantity\n" + rows) }
	all := ImportOptions{AllOrNothing: true}
	f(csv("A,L,1\nB,L,x\n"), all, ErrBadRows, 0)
	f(csv("A,L,1\nB,M,1\n"), all, ErrNotOneChunk, 0)
	f(csv(manyRows(RowsMax+1)), all, ErrNotOneChunk, 0)
	f(csv("A,L,-1\n"), ImportOptions{AllOrNothing: true, Options: Options{Kind: engine.KindAdjust}}, ErrBadRows, 0)
	if log.onHand("A", "L") != 0 || log.onHand("U1", "L") != 0 {
		t.Error("an import of all or nothing has changed something")
	}
	f(csv(manyRows(RowsMax)), all, nil, RowsMax)
	f(io.MultiReader(csv(manyRows(RowsMax+5)), iotest.ErrReader(errLog)), ImportOptions{}, errLog, RowsMax)
	var refused *RefusedError
	_, err := Import(csv("A,L,1\n"), ImportOptions{Count: "c"}, log)
	if !errors.As(err, &refused) || refused.Result.Code != engine.CodeUnknownCount || refused.Result.Value != "c" {
		t.Errorf("an import for a count that is not there: %v", err)
	}
	var file *FileError
	_, err = Import(strings.NewReader("upc,location,quantity,Size\n"), ImportOptions{}, log)
	if !errors.As(err, &file) {
		t.Errorf("a column that is no category: %v", err)
	}
}

// manyRows has rows of one location.
func manyRows(rows int) string {
	var text strings.Builder
	for i := range rows {
		fmt.Fprintf(&text, "U%d,L,1\n", i)
	}
	return text.String()
}

// TestImportGoesOn: an import that the log has ended is done again with its key, and each row takes effect once, also
// those beside refused ones.
func TestImportGoesOn(t *testing.T) {
	const rows, bad = RowsMax + 2000, 7
	var text strings.Builder
	text.WriteString("upc,location,quantity\n")
	for i := range rows {
		quantity := 1
		if i%2000 == 7 {
			quantity = -1
		}
		fmt.Fprintf(&text, "U%d,L%d,%d\n", i, i%3, quantity)
	}
	o := ImportOptions{Key: "k", Options: Options{Kind: engine.KindAdjust}}
	for failAt := 1; ; failAt++ {
		log := newFakeLog(t)
		log.failAt = failAt
		first, err := Import(strings.NewReader(text.String()), o, log)
		if err == nil {
			if failAt < 5 {
				t.Errorf("the import has %d entries only", failAt-1)
			}
			return
		}
		second, err := Import(strings.NewReader(text.String()), o, log)
		if err != nil || second.Rows != rows || second.Bad != bad || second.Applied != rows-bad {
			t.Fatalf("after %s: %s, %v", first.short(), second.short(), err)
		}
		sum := int64(0)
		for i := range rows {
			n := log.onHand(fmt.Sprint("U", i), fmt.Sprint("L", i%3))
			if sum += n; n > 1 {
				t.Fatalf("entry %d failed, and U%d was added %d times", failAt, i, n)
			}
		}
		if sum != rows-bad {
			t.Fatalf("%d units, want %d", sum, rows-bad)
		}
	}
}

// TestManyRefusedRows: a chunk of refused rows costs a bounded number of commands.
func TestManyRefusedRows(t *testing.T) {
	log := newFakeLog(t)
	const rows = 5 * pieceRowsMax
	text := "upc,location,quantity\n" + strings.ReplaceAll(manyRows(rows), ",1\n", ",-1\n")
	report, err := Import(strings.NewReader(text), ImportOptions{Options: Options{Kind: engine.KindAdjust}}, log)
	if err != nil || report.Bad != rows || len(report.Faults) != rows {
		t.Errorf("%s, %v", report.short(), err)
	}
	if log.entries > pieceRowsMax+2 {
		t.Errorf("%d entries", log.entries)
	}
}
