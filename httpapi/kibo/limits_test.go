package kibo

import (
	"fmt"
	"strings"
	"testing"
)

// TestLimits: each limit accepts its value, and refuses one more with a message.
func TestLimits(t *testing.T) {
	f := func(what string, limit int, wrong string, read func(n int) error) {
		t.Helper()
		if err := read(limit); err != nil {
			t.Errorf("%s: %d are refused: %v", what, limit, err)
		}
		if err := read(limit + 1); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %d give %v, want %q", what, limit+1, err, wrong)
		}
	}
	body := func(text string) error { return decode(readRequest, []byte(text), &stockBody{}) }
	f("levels of a body", depthMax, "nested more than 16 deep", func(n int) error {
		return body(`{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`)
	})
	f("fields of an object", fieldsMax, "more than 1000 fields", func(n int) error {
		var fields strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&fields, `"x%d":1,`, i)
		}
		return body(`{` + fields.String() + `"items":[]}`)
	})
	f("bytes of a text", textBytesMax, "at most 1024 are expected", func(n int) error {
		return body(`{"locationCode":"` + strings.Repeat("x", n) + `"}`)
	})
	f("bytes of a pattern", patternBytesMax, "at most 256 are expected", func(n int) error {
		return new(patterns).add("upc", strings.Repeat("x", n))
	})
	f("patterns", patternsMax, "more than 20 patterns", func(n int) (err error) {
		var all patterns
		for range n {
			err = all.add("upc", "A.*")
		}
		return err
	})
	var none patterns
	if err := none.add("upc", ""); err != nil {
		t.Fatal(err)
	}
	f("steps of patterns", patternStepsMax, "more than 4096 steps", func(n int) error {
		all := patterns{steps: n - none.steps}
		return all.add("upc", "")
	})
}
