package httpapi

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"apportion/engine"
)

func TestScannerString(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.string()
		s.end()
		if !s.ok() || got != want {
			t.Errorf("string(%s) = %q, fault %+v; want %q", text, got, s.fault, want)
		}
	}
	f(`""`, "")
	f(`"a"`, "a")
	f(` "a b" `, "a b")
	f(`"Ärger 日本 🙂"`, "Ärger 日本 🙂")
	f(`"a\"b\\c\/d"`, `a"b\c/d`)
	f(`"\u0041\u00e9\u65e5"`, "Aé日")
	f(`"x\ud83d\ude42y"`, "x🙂y")
	f(`"\uD83D\uDE42"`, "🙂")
}

func TestScannerStringFaults(t *testing.T) {
	f := func(text, code string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.string()
		s.end()
		if s.fault.code != code {
			t.Errorf("string(%s) = %q, fault %+v; want %s", text, got, s.fault, code)
		}
	}
	f(``, codeBadJSON)
	f(`"a`, codeBadJSON)
	f(`"a\`, codeBadJSON)
	f(`"a\x41"`, codeBadJSON)
	f(`"\u12"`, codeBadJSON)
	f(`"\u12g4"`, codeBadJSON)
	f(`"\ud83d"`, codeBadJSON)
	f(`"\ud83dxxxxxx"`, codeBadJSON)
	f(`"\ude42\ud83d"`, codeBadJSON)
	f(`"\ud83d\u0041"`, codeBadJSON)
	f("\"a\nb\"", codeBadJSON)
	f("\"a\x00b\"", codeBadJSON)
	f("\"\\\"a\x1fb\"", codeBadJSON)
	f("\"a\xffb\"", codeBadJSON)
	f("\"\\\"a\xc3\"", codeBadJSON)
	f("\"\xed\xa0\x80\"", codeBadJSON) // a surrogate in UTF-8
	f("\"a\x7fb\"", codeInvalid)
	f(`"a\nb"`, codeInvalid)
	f(`"a\u0000b"`, codeInvalid)
	f(`"a\u007fb"`, codeInvalid)
	f(`"a" x`, codeBadJSON)
	f(`"a"`+"\x00", codeBadJSON)
	f(`'a'`, codeBadJSON)
	f(`1`, codeWrongType)
	f(`null`, codeWrongType)
	f(`nul`, codeBadJSON)
	f(`{}`, codeWrongType)
}

func TestScannerInteger(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.integer()
		s.end()
		if !s.ok() || got != want {
			t.Errorf("integer(%s) = %d, fault %+v; want %d", text, got, s.fault, want)
		}
	}
	f(`0`, 0)
	f(`-0`, 0)
	f(` 7 `, 7)
	f(`-12`, -12)
	f(`1000000000000`, 1e12)
	f(`9223372036854775807`, math.MaxInt64)
	f(`-9223372036854775807`, -math.MaxInt64)
}

func TestScannerIntegerFaults(t *testing.T) {
	f := func(text, code, value string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.integer()
		s.end()
		if s.fault.code != code || s.fault.value != value {
			t.Errorf("integer(%s) = %d, fault %+v; want %s of %q", text, got, s.fault, code, value)
		}
	}
	f(`1.5`, codeWrongType, "1.5")
	f(`2.0`, codeWrongType, "2.0")
	f(`1e3`, codeWrongType, "1e3")
	f(`-1E+3`, codeWrongType, "-1E+3")
	f(`"2"`, codeWrongType, `"2"`)
	f(`true`, codeWrongType, "true")
	f(`null`, codeWrongType, "null")
	f(`01`, codeBadJSON, "01")
	f(`-01`, codeBadJSON, "-01")
	f(`00`, codeBadJSON, "00")
	f(`-`, codeBadJSON, "-")
	f(`1.`, codeBadJSON, "1.")
	f(`1e`, codeBadJSON, "1e")
	f(`--1`, codeBadJSON, "--1")
	f(`+1`, codeBadJSON, "+1")
	f(`.5`, codeBadJSON, ".5")
	f(``, codeBadJSON, "")
	f(`NaN`, codeBadJSON, "")
	f(`9223372036854775808`, codeInvalid, "9223372036854775808")
	f(`-9223372036854775808`, codeInvalid, "-9223372036854775808")
	f(`18446744073709551616`, codeInvalid, "18446744073709551616")
	f(strings.Repeat("9", 100), codeInvalid, strings.Repeat("9", valueBytesMax))
}

func TestScannerPercent(t *testing.T) {
	f := func(text string, want int32) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.percent()
		s.end()
		if !s.ok() || got != want {
			t.Errorf("percent(%s) = %d, fault %+v; want %d", text, got, s.fault, want)
		}
		if again := appendPercent(nil, got); json.Valid(again) {
			s.reset(again)
			if back := s.percent(); back != got {
				t.Errorf("percent(%s) is shown as %s, which is read as %d", text, again, back)
			}
		}
	}
	f(`0`, 0)
	f(`100`, 10000)
	f(`100.00`, 10000)
	f(`80`, 8000)
	f(`33.3`, 3330)
	f(`33.33`, 3333)
	f(`0.01`, 1)
	f(`99.99`, 9999)

	bad := func(text, code string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		got := s.percent()
		s.end()
		if s.fault.code != code {
			t.Errorf("percent(%s) = %d, fault %+v; want %s", text, got, s.fault, code)
		}
	}
	bad(`33.333`, codeInvalid)
	bad(`100.01`, codeInvalid)
	bad(`-1`, codeInvalid)
	bad(`1e2`, codeInvalid)
	bad(`99999999999999999999`, codeInvalid)
	bad(`1.`, codeBadJSON)
	bad(`01`, codeBadJSON)
	bad(`"80"`, codeWrongType)
}

func TestScannerTime(t *testing.T) {
	f := func(text string, want int64, code string) {
		t.Helper()
		var s scanner
		s.reset([]byte(text))
		if got := s.timeMS(); got != want || s.fault.code != code {
			t.Errorf("timeMS(%s) = %d, fault %+v; want %d %s", text, got, s.fault, want, code)
		}
	}
	f(`"1970-01-01T00:00:01Z"`, 1000, "")
	f(`"1970-01-01T01:00:01.25+01:00"`, 1250, "")
	f(`"2026-11-30T12:00:00.123456Z"`, 1796040000123, "")
	f(`"1970-01-01T00:00:00Z"`, 0, codeInvalid)
	f(`"1969-12-31T00:00:00Z"`, 0, codeInvalid)
	f(`"2026-11-30"`, 0, codeInvalid)
	f(`"2026-11-30T12:00:00"`, 0, codeInvalid)
	f(`"2026-02-30T12:00:00Z"`, 0, codeInvalid)
	f(`"now"`, 0, codeInvalid)
	f(`1764504000123`, 0, codeWrongType)
}

// The path, the code and the place of a fault in a body.
func TestScannerFaultPaths(t *testing.T) {
	f := func(body, code, field, value string) {
		t.Helper()
		var s scanner
		var c engine.Allocate
		s.reset([]byte(body))
		s.allocate(&c)
		s.end()
		if s.fault.code != code || s.fault.field != field || s.fault.value != value {
			t.Errorf("%s: fault %+v; want %s at %s of %q", body, s.fault, code, field, value)
		}
		if s.fault.offset < 0 || s.fault.offset > len(body) {
			t.Errorf("%s: offset %d of %d", body, s.fault.offset, len(body))
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

// A body that the scanner takes is JSON that encoding/json takes too and reads alike; what it calls bad JSON is not.
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

// The same with many small edits of a good body, in every test run.
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
	var s scanner
	var c engine.Allocate
	s.reset(body)
	s.allocate(&c)
	s.end()
	if s.ok() {
		compareAllocate(t, body, &c)
		return
	}
	if s.fault.offset < 0 || s.fault.offset > len(body) {
		t.Fatalf("%q: offset %d of %d", body, s.fault.offset, len(body))
	}
	if s.fault.code == codeBadJSON && json.Valid(body) && !explainedStrictness(s.fault.detail) {
		t.Fatalf("%q is JSON, but: %+v", body, s.fault)
	}
}

// explainedStrictness lists what the scanner refuses in texts that json.Valid takes.
func explainedStrictness(detail string) bool {
	return detail == "not valid UTF-8" || detail == `a bad \u escape in a string`
}

// compareAllocate holds what the scanner read against encoding/json.
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

// Every string that is written is JSON that reads back as the same string.
func FuzzAppendString(f *testing.F) {
	f.Add("a\"b\\c\n\x00\x7fü日🙂")
	f.Add("\xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil {
			t.Fatalf("appendString(%q) = %s: %v", s, appendString(nil, s), err)
		}
		if want := string([]rune(s)); back != want {
			t.Fatalf("appendString(%q) reads back as %q, want %q", s, back, want)
		}
	})
}

// The other bodies never make the scanner panic either.
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
	reads := []func(s *scanner){
		func(s *scanner) { s.refresh(&k.refresh) },
		func(s *scanner) { s.adjust(&k.adjust) },
		func(s *scanner) { s.transfer(&k.transfer) },
		func(s *scanner) { s.redistribute(&k.redistribute) },
		func(s *scanner) { s.deletion(&k.deletion) },
		func(s *scanner) { s.tagCategory(&k.category) },
		func(s *scanner) { s.query(&q, false) },
		func(s *scanner) { s.query(&q, true) },
		func(s *scanner) { k.orderChange.Action = engine.KindReturn; s.orderChange(&k.orderChange) },
		func(s *scanner) { k.orderChange.Action = engine.KindConfirm; s.orderChange(&k.orderChange) },
		func(s *scanner) { k.bulk = s.bulkAllocate(k.bulk[:0]) },
		func(s *scanner) { s.count() },
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var s scanner
		for i, read := range reads {
			s.reset(body)
			read(&s)
			s.end()
			empty := len(strings.TrimSpace(string(body))) == 0 // stands for {} in an order change
			if s.ok() && !json.Valid(body) && !empty {
				t.Fatalf("reader %d takes %q, which is no JSON", i, body)
			}
		}
	})
}
