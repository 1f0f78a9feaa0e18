package httpapi

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"apportion/engine"
)

// A fault in a body has the right path, code and place.
func TestScannerFaultPaths(t *testing.T) {
	f := func(body, code, field, value string) {
		t.Helper()
		var s bodyReader
		var c engine.Allocate
		s.reset([]byte(body))
		s.allocate(&c)
		s.End()
		if s.Fault.Code != code || s.Fault.Field != field || s.Fault.Value != value {
			t.Errorf("%s: fault %+v; want %s at %s of %q", body, s.Fault, code, field, value)
		}
		if s.Fault.Offset < 0 || s.Fault.Offset > len(body) {
			t.Errorf("%s: offset %d of %d", body, s.Fault.Offset, len(body))
		}
	}
	const line = `"itemId":"1","upc":"u","location":"l"`
	f(`{"lines":[{`+line+`,"quantity":1},{`+line+`,"quantity":1.5}]}`, codeWrongType, "lines[1].quantity", "1.5")
	f(`{"lines":[{`+line+`,"quantity":1,"tags":{"Channel":5}}]}`, codeWrongType, "lines[0].tags.Channel", "5")
	f(`{"lines":[{`+line+`,"quantity":1,"tags":{"Channel":"a","Channel":"b"}}]}`, codeDuplicateField,
		"lines[0].tags.Channel", "")
	f(`{"lines":[{`+line+`,"quantity":1,"tags":{"Channel":""}}]}`, codeInvalid, "lines[0].tags.Channel", "")
	f(`{"lines":[{`+line+`,"quantity":1,"tags":{"Channel":null}}]}`, codeWrongType, "lines[0].tags.Channel", "null")
	f(`{"lines":[{`+line+`,"quantity":1,"tags":["a"]}]}`, codeWrongType, "lines[0].tags", "")
	f(`{"lines":[{`+line+`,"qty":1}]}`, codeUnknownField, "lines[0].qty", "")
	f(`{"lines":[{`+line+`,"quantity":1,"upc":"v"}]}`, codeDuplicateField, "lines[0].upc", "")
	f(`{"lines":[{`+line+`}]}`, codeMissingField, "lines[0].quantity", "")
	f(`{"mode":"all"}`, codeMissingField, "lines", "")
	f(`{"mode":"some","lines":[]}`, codeInvalid, "mode", "some")
	f(`{"backorder":"yes","lines":[]}`, codeWrongType, "backorder", `"yes"`)
	f(`{"orderId":"x","lines":[]}`, codeUnknownField, "orderId", "")
	f(`{"lines":[],}`, codeBadJSON, "lines", "")
	f(`{"lines":[{},]}`, codeMissingField, "lines[0].itemId", "")
	f(`{"lines":[] "mode":"all"}`, codeBadJSON, "lines", "")
	f(`{"lines":[]}}`, codeBadJSON, "", "")
	f(`{"lines":[]`, codeBadJSON, "lines", "")
	f(`[]`, codeWrongType, "", "")
	f(``, codeBadJSON, "", "")
	f(`{lines:[]}`, codeBadJSON, "", "")
	f(strings.Repeat("[", 100), codeWrongType, "", "")
}

// encoding/json accepts each body that the scanner accepts, with the same content. It refuses what the scanner calls
// bad JSON.
func FuzzAllocateBody(f *testing.F) {
	for _, seed := range []string{
		oneLineBody,
		`{"mode":"partial","backorder":true,"expiresAt":"2026-11-30T12:00:00Z","lines":[{"itemId":"\u0041","upc":"ü","location":"a\"b","quantity":-5}]}`,
		`{"lines":[{"itemId":"1","upc":"u","location":"l","quantity":1e3,"tags":null}]}`,
		`{"lines":[{"itemId":"\ud83d\ude42","upc":"u","location":"l","quantity":01}]}`,
		`{"lines":null}`, `{}`, `[`, "{\"a\xff\":1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(checkAllocateBody)
}

// The same check with many small edits of a valid body, in every test run.
func TestEditedAllocateBodies(t *testing.T) {
	const edits = "{}[]\":,\\ \t\n\x00\x1f\x7f0123456789.eE+-truefalsnlu\xc3\xa9\xff"
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		body := []byte(oneLineBody)
		for range 1 + random.IntN(3) {
			at := random.IntN(len(body))
			switch random.IntN(3) {
			case 0:
				body[at] = edits[random.IntN(len(edits))]
			case 1:
				body = slices.Delete(body, at, min(len(body)-1, at+1+random.IntN(4)))
			default:
				body = slices.Insert(body, at, edits[random.IntN(len(edits))])
			}
		}
		checkAllocateBody(t, body)
	}
}

func checkAllocateBody(t *testing.T, body []byte) {
	var s bodyReader
	var c engine.Allocate
	s.reset(body)
	s.allocate(&c)
	s.End()
	if s.OK() {
		compareAllocate(t, body, &c)
		return
	}
	if s.Fault.Offset < 0 || s.Fault.Offset > len(body) {
		t.Fatalf("%q: offset %d of %d", body, s.Fault.Offset, len(body))
	}
	if s.Fault.Code == codeBadJSON && json.Valid(body) && !explainedStrictness(s.Fault.Detail) {
		t.Fatalf("%q is JSON, but: %+v", body, s.Fault)
	}
}

// explainedStrictness reports whether the scanner is stricter than json.Valid about a fault.
func explainedStrictness(detail string) bool {
	return detail == "the string is not valid UTF-8" || detail == `the string has a bad \u escape`
}

// compareAllocate compares the scanner's result with that of encoding/json.
func compareAllocate(t *testing.T, body []byte, c *engine.Allocate) {
	t.Helper()
	var want struct {
		Mode      *string
		Backorder *bool
		Lines     []struct {
			ItemID, UPC, Location string
			Quantity              int64
			Tags                  map[string]string
		}
	}
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatalf("the scanner takes %q, encoding/json does not: %v", body, err)
	}
	if want.Mode != nil && modeWords[c.Mode] != *want.Mode || want.Backorder != nil && c.Backorder != *want.Backorder {
		t.Fatalf("%q: mode %v, backorder %v", body, c.Mode, c.Backorder)
	}
	if len(c.Lines) != len(want.Lines) {
		t.Fatalf("%q: %d lines, want %d", body, len(c.Lines), len(want.Lines))
	}
	for i, l := range c.Lines {
		w := want.Lines[i]
		if l.ItemID != w.ItemID || l.UPC != w.UPC || l.Location != w.Location || l.Quantity != w.Quantity ||
			len(l.Tags) != len(w.Tags) {
			t.Fatalf("%q: line %d is %+v, want %+v", body, i, l, w)
		}
		for _, tag := range l.Tags {
			if w.Tags[tag.Category] != tag.Value {
				t.Fatalf("%q: tag %+v, want %+v", body, tag, w.Tags)
			}
		}
	}
}

// The scanner does not panic on any other body either.
func FuzzOtherBodies(f *testing.F) {
	f.Add(
		[]byte(
			`{"location":"l","count":"c","items":[{"upc":"u","tags":{"A":"b"},"quantity":1,"safetyStock":0,"floor":1,"ltd":2,"deliveryDate":"2026-11-30T12:00:00Z"}]}`))
	f.Add([]byte(`{"items":[{"upc":"u","from":{"location":"a","tags":{}},"to":{"location":"b"},"quantity":1}]}`))
	f.Add(
		[]byte(
			`{"values":[{"value":"a","percent":33.33,"default":true,"min":0,"max":null}],"rounding":"unbiased","moveTo":{"b":"a"}}`))
	f.Add([]byte(`{"upcs":["a"],"locations":null,"all":true,"now":true,"dryRun":false}`))
	f.Add([]byte(`{"items":[{"upc":"a","quantity":2}],"locations":["l"],"tags":{"A":"b"},"type":"any","limit":5}`))
	f.Add([]byte(`{"lines":[{"itemId":"1","quantity":1,"upc":"u","location":"l","tags":{}}]}`))
	f.Add([]byte(`{"orders":[{"orderId":"o","lines":[]}]}`))
	var k commandBuffers
	var q stockQuery
	reads := []func(s *bodyReader){
		func(s *bodyReader) { s.refresh(&k.refresh) },
		func(s *bodyReader) { s.adjust(&k.adjust) },
		func(s *bodyReader) { s.transfer(&k.transfer) },
		func(s *bodyReader) { s.block(&k.block) },
		func(s *bodyReader) { s.redistribute(&k.redistribute) },
		func(s *bodyReader) { s.deletion(&k.deletion) },
		func(s *bodyReader) { s.query(&q, false) },
		func(s *bodyReader) { s.query(&q, true) },
		func(s *bodyReader) { k.orderChange.Action = engine.KindReturn; s.orderChange(&k.orderChange) },
		func(s *bodyReader) { k.orderChange.Action = engine.KindConfirm; s.orderChange(&k.orderChange) },
		func(s *bodyReader) { k.bulk = s.bulkAllocate(k.bulk[:0]) },
		func(s *bodyReader) { s.count() },
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var s bodyReader
		for i, read := range reads {
			s.reset(body)
			read(&s)
			s.End()
			empty := len(strings.TrimSpace(string(body))) == 0 // same as {} in an order change
			if s.OK() && !json.Valid(body) && !empty {
				t.Fatalf("reader %d takes %q, which is no JSON", i, body)
			}
		}
	})
}

// TestMoveToKeepsItsOrder: the order of moveTo is part of the command, and a repeated request must be the same command.
func TestMoveToKeepsItsOrder(t *testing.T) {
	const moveTo = `{"c":"x","a":"y","b":"x"}`
	body := tagCategoryBody{MoveTo: moves{"a": "y", "b": "x", "c": "x"}}
	k := &bodyCheck{stored: func(string) bool { return false }}
	got := body.command("C", k, namesOf([]byte(moveTo))).MoveTo
	want := []engine.Move{{From: "c", To: "x"}, {From: "a", To: "y"}, {From: "b", To: "x"}}
	if !slices.Equal(got, want) || k.fault.Code != "" {
		t.Errorf("got %v, want %v", got, want)
	}
}
