package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
)

type decodeBody struct {
	Name   string       `json:"name" required:"true"`
	Note   string       `json:"note"`
	Number *int64       `json:"number"`
	On     bool         `json:"on"`
	Parts  []decodePart `json:"parts" required:"true"`
	Tags   decodeTags   `json:"tags"`
}

type decodePart struct {
	ID    string      `json:"id" required:"true"`
	Below *decodePart `json:"below"`
}

type decodeTags map[string]string

var decodeTypes = Join(List[decodePart](3), Map[decodeTags](2, (*Scanner).Text))

func TestDecode(t *testing.T) {
	var b decodeBody
	f := Decode([]byte(`{"name":"a\u0062","number":-7,"on":true,"parts":[{"id":"x","below":{"id":"y"}},{"id":""}],`+
		`"tags":{"k":"v"},"note":null}`), &b, decodeTypes)
	if f.Code != "" {
		t.Fatalf("fault %+v", f)
	}
	if b.Name != "ab" || *b.Number != -7 || !b.On || len(b.Parts) != 2 || b.Parts[0].Below.ID != "y" ||
		b.Tags["k"] != "v" {
		t.Errorf("read %+v", b)
	}
}

// TestDecodeFaults: a fault has the same code, path and value as from the Scanner.
func TestDecodeFaults(t *testing.T) {
	f := func(body, code, field, value string) {
		t.Helper()
		var b decodeBody
		f := Decode([]byte(body), &b, decodeTypes)
		if f.Code != code || f.Field != field || f.Value != value {
			t.Errorf("%s: fault %+v; want %s at %s of %q", body, f, code, field, value)
		}
		if f.Offset < 0 || f.Offset > len(body) {
			t.Errorf("%s: offset %d of %d", body, f.Offset, len(body))
		}
	}
	f(``, CodeBadJSON, "", "")
	f(`null`, CodeWrongType, "", "null")
	f(`[]`, CodeWrongType, "", "")
	f(`{"name":"a","parts":[]}}`, CodeBadJSON, "", "")
	f(`{"name":"a","parts":[],}`, CodeBadJSON, "", "")
	f(`{"parts":[]}`, CodeMissingField, "name", "")
	f(`{"name":"a"}`, CodeMissingField, "parts", "")
	f(`{"name":null,"parts":[]}`, CodeWrongType, "name", "null")
	f(`{"name":"a","parts":null}`, CodeWrongType, "parts", "null")
	f(`{"name":"a","parts":[{"id":"1"},{}]}`, CodeMissingField, "parts[1].id", "")
	f(`{"name":"a","parts":[{"id":"1"},{"id":"2","below":{"id":null}}]}`, CodeWrongType, "parts[1].below.id", "null")
	f(`{"name":"a","parts":[null]}`, CodeWrongType, "parts[0]", "null")
	f(`{"name":"a","parts":[{"id":"1"},7]}`, CodeWrongType, "parts[1]", "7")
	f(`{"name":"a","parts":[{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"}]}`, CodeInvalid, "parts[3]", "")
	f(`{"name":"a","parts":[],"more":{"deep":[`, CodeUnknownField, "more", "")
	f(`{"Name":"a"}`, CodeUnknownField, "Name", "")
	f(`{"name":"a","name":"b"}`, CodeDuplicateField, "name", "")
	f(`{"name":{"deep":[`, CodeWrongType, "name", "")
	f(`{"name":"a\n"}`, CodeInvalid, "name", `\n`)
	f("{\"name\":\"a\n\"}", CodeBadJSON, "name", "")
	f(`{"name":"\ud800"}`, CodeBadJSON, "name", "")
	f(`{"number":1.5}`, CodeWrongType, "number", "1.5")
	f(`{"number":"1"}`, CodeWrongType, "number", `"1"`)
	f(`{"number":9223372036854775808}`, CodeInvalid, "number", "9223372036854775808")
	f(`{"on": "yes" }`, CodeWrongType, "on", `"yes"`)
	f(`{"tags":{"1":"a","2":null}}`, CodeWrongType, "tags.2", "null")
	f(`{"tags":{"1":"a","2":"b","3":"c"}}`, CodeInvalid, "tags.3", "")
	f(`{"tags":{"a":"a","a":"b"}}`, CodeDuplicateField, "tags.a", "")
	f(`{"tags":{"a":["b"]}}`, CodeWrongType, "tags.a", "")
	f(`{"tags":[]}`, CodeWrongType, "tags", "")
	f(`{"`+strings.Repeat("x", 300)+`":1}`, CodeUnknownField, strings.Repeat("x", FieldBytesMax), "")
}

// FuzzDecode: encoding/json decodes each accepted text to the same content, and every fault has its place.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"a","number":1,"on":true,"parts":[{"id":"x","below":{"id":"y"}}],"tags":{"k":"v"}}`))
	f.Add([]byte(`{"name":"\u00e9","parts":[null],"tags":{"1":7}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b, want decodeBody
		fault := Decode(text, &b, decodeTypes)
		if fault.Offset < 0 || fault.Offset > len(text) {
			t.Fatalf("%q: offset %d of %d", text, fault.Offset, len(text))
		}
		if fault.Code != "" {
			return
		}
		if err := json.Unmarshal(text, &want); err != nil || b.Name != want.Name || len(b.Parts) != len(want.Parts) ||
			b.On != want.On || len(b.Tags) != len(want.Tags) {
			t.Fatalf("%q: read %+v, want %+v, %v", text, b, want, err)
		}
	})
}
