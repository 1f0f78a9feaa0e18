package kibo

import (
	"encoding/json"
	"slices"
	"testing"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

func TestNumbers(t *testing.T) {
	f := func(text string, want int64, ok bool) {
		t.Helper()
		var n integer
		err := json.Unmarshal([]byte(text), &n)
		if ok != (err == nil) || n.n != want {
			t.Errorf("%s reads as %d, %v", text, n.n, err)
		}
	}
	f(`9223372036854775807`, 9223372036854775807, true)
	f(`"9007199254740993"`, 9007199254740993, true)
	f(`-5`, -5, true)
	f(`2.0`, 2, true)
	f(`1e3`, 1000, true)
	f(`null`, 0, true)
	f(`""`, 0, true)
	f(`2.5`, 0, false)
	f(`9223372036854775808`, 0, false)
	f(`1e300`, 0, false)
	f(`"a"`, 0, false)
	f(`true`, 0, false)
	f(`[1]`, 0, false)
}

func TestDates(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var d date
		err := json.Unmarshal([]byte(text), &d)
		got := ""
		if d.given {
			got = strictjson.FormatTime(d.ms)
		}
		if got != want || (err != nil) != (want == "" && text != "null" && text != `""`) {
			t.Errorf("%s reads as %q, %v, want %q", text, got, err, want)
		}
	}
	f(`"2020-09-28T12:00:00-0500"`, "2020-09-28T17:00:00.000Z")
	f(`"2020-09-28T12:00:00.25+02:00"`, "2020-09-28T10:00:00.250Z")
	f(`"2020-09-28T12:00:00"`, "2020-09-28T12:00:00.000Z")
	f(`"2020-09-28"`, "2020-09-28T00:00:00.000Z")
	f(`null`, "")
	f(`""`, "")
	f(`"tomorrow"`, "")
	f(`20200928`, "")
}

func TestParts(t *testing.T) {
	number := func(n int64) integer { return integer{given: n != 0, n: n} }
	f := func(limit, size, page int64, want ...int) {
		t.Helper()
		b := base{PageSize: number(size), PageNum: number(page)}
		p, err := b.part(number(limit), 3)
		if err != nil {
			t.Fatal(err)
		}
		if got := cut(p, []int{1, 2, 3, 4, 5}); !slices.Equal(got, want) {
			t.Errorf("page %d of %d of %d is %v, want %v", page, size, limit, got, want)
		}
	}
	f(0, 2, 1, 1, 2)
	f(0, 2, 0, 1, 2)
	f(0, 2, 3, 5)
	f(0, 2, 4)
	f(0, resultsMax, pagesMax)
	f(0, 0, 0, 1, 2, 3)
	f(0, 0, 2, 4, 5)
	f(2, 0, 0, 1, 2)
	f(2, 0, 2)
	f(4, 3, 1, 1, 2, 3)
	f(4, 3, 2, 4)
	f(4, 3, 3)
	for _, bad := range [][3]int64{{-1, 0, 0}, {resultsMax + 1, 0, 0}, {0, -1, 0}, {0, resultsMax + 1, 0}, {0, 0, -1},
		{0, 0, pagesMax + 1}, {1 << 62, 1 << 62, 1 << 62}} {
		b := base{PageSize: number(bad[1]), PageNum: number(bad[2])}
		if _, err := b.part(number(bad[0]), 3); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

func TestItemNumbers(t *testing.T) {
	for _, n := range [][2]int64{{1, 0}, {1, 1}, {1, 7}, {9223372036854775807, 9223372036854775807}, {-1, 2}} {
		item, shipment, ok := splitItemNumber(itemNumber(n[0], n[1]))
		if !ok || item != n[0] || shipment != n[1] {
			t.Errorf("%v comes back as %d, %d, %t", n, item, shipment, ok)
		}
	}
	for _, id := range []string{"", "a", "1@", "1@0", "01", "1@2@3", "cart"} {
		if _, _, ok := splitItemNumber(id); ok {
			t.Errorf("%q passes for a number", id)
		}
	}
}

// TestOperations: each operation has a handler, and no two have the same method and path.
func TestOperations(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range Operations() {
		if name := op.Method + " " + op.Pattern; seen[name] || op.Serve == nil {
			t.Errorf("%s is there twice, or does nothing", name)
		} else {
			seen[name] = true
		}
	}
	if n := tagNumber("a", "b"); n == tagNumber("ab") || n == 0 || n > 1<<31-1 {
		t.Errorf("the number of a tag is %d", n)
	}
	if text := message(engine.CodeInsufficient, "lines[0]", "1"); text != "insufficient at lines[0]: 1" {
		t.Error(text)
	}
}
