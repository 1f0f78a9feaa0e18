package cmdline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

func sample() *Table {
	t := &Table{Columns: append(Text("upc", "Channel", "reason"), Figures("onHand", "available")...)}
	t.Add("A-1", "=cmd()", "", int64(1200), int64(-7))
	t.Add("日本", "é\x1b[2J", "", int64(3), nil)
	return t
}

// TestTable: figures are aligned to the right by what a terminal shows, empty columns are left out, and what a terminal
// would obey is made visible.
func TestTable(t *testing.T) {
	var out strings.Builder
	sample().Print(&out, false)
	want := "UPC   CHANNEL  ON HAND  AVAILABLE\n" +
		"A-1   =cmd()      1200         -7\n" +
		"日本  é�[2J          3\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	sample().Print(&out, true)
	if !strings.HasPrefix(out.String(), bold+"UPC") || !strings.Contains(out.String(), "       "+red+"-7"+plain) {
		t.Errorf("got %q: the heading is not bold, or a figure below zero not red", out.String())
	}
}

// TestPages: tables that follow each other have one heading, until one does not fit.
func TestPages(t *testing.T) {
	var w strings.Builder
	o := &Output{w: &w, form: "table"}
	for _, upc := range []string{"A-1", "B", "A-1234567", "C"} {
		table := &Table{Columns: append(Text("upc", "reason"), Figures("onHand")...)}
		table.Add(upc, "", int64(1))
		if err := Show(o, nil, []string{upc}, table); err != nil {
			t.Fatal(err)
		}
	}
	want := "UPC  ON HAND\nA-1        1\nB          1\nUPC        ON HAND\nA-1234567        1\nC                1\n"
	if w.String() != want {
		t.Errorf("got\n%s\nwant\n%s", w.String(), want)
	}
	w.Reset()
	if err := Show(&Output{w: &w, form: "json"}, nil, []api.Part{{}}, sample()); err != nil || strings.Count(w.String(),
		"\n") != 1 {
		t.Errorf("json of a stream: %q, %v", w.String(), err)
	}
}

// TestForms: the forms of --output. Of several pages, csv has one heading.
func TestForms(t *testing.T) {
	f := func(form, want string) {
		t.Helper()
		var w strings.Builder
		o := &Output{w: &w, form: form}
		o.Say("for people")
		for range 2 {
			if err := Show(o, []byte("{\"a\":1}\n"), []api.Part{{Quantity: 2}}, sample()); err != nil {
				t.Fatal(err)
			}
		}
		if w.String() != want {
			t.Errorf("%s: got\n%s\nwant\n%s", form, w.String(), want)
		}
	}
	f("json", "{\"a\":1}\n{\"a\":1}\n")
	f("ndjson", strings.Repeat(`{"tags":null,"quantity":2,"pending":0}`+"\n", 2))
	rows := "A-1,'=cmd(),,1200,-7\n日本,é\x1b[2J,,3,\n"
	f("csv", "upc,Channel,reason,onHand,available\n"+rows+rows)
}

// TestStatus: the exit status tells refusals, failures, mistakes and unknown outcomes apart.
func TestStatus(t *testing.T) {
	problem := func(status int) error { return fmt.Errorf("x: %w", &api.Problem{Status: status, Code: "y"}) }
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {errors.New("x"), 1}, {Usage(errors.New("x")), 2}, {fmt.Errorf("x: %w", Usage(errors.New("y"))), 2},
		{problem(404), 3}, {problem(409), 3}, {problem(410), 3}, {problem(422), 3}, {ErrRefused, 3},
		{problem(400), 1}, {problem(401), 1}, {problem(413), 1}, {problem(500), 1}, {problem(503), 1},
		{fmt.Errorf("%w: %w", client.ErrOutcomeUnknown, problem(409)), 4}, {ErrReported, 1},
	} {
		if got := Status(test.err); got != test.want {
			t.Errorf("%v: got %d, want %d", test.err, got, test.want)
		}
	}
}
