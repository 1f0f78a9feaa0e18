package kibo

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	legacy "github.com/go-json-experiment/json/v1"

	"apportion/engine"
	"apportion/httpapi/names"
	"apportion/httpapi/stockquery"
)

// Bodies are read strictly (UTF-8, no name twice in an object), within bounds that hold while they are read, and with
// the exact place of a fault.

// The codes of the native API that the engine does not know.
const (
	codeBadJSON        = "bad-json"
	codeWrongType      = "wrong-type"
	codeDuplicateField = "duplicate-field"
)

// lists has a reader for each type of list, with its maximum. The longest list of texts is a group of locations.
var lists = []listReader{
	list[string](engine.LocationGroupMembersMax),
	list[stockItem](engine.RefreshItemsMax), list[blockItem](engine.RefreshItemsMax),
	list[orderItem](engine.OrderLinesMax), list[cartItem](engine.OrderLinesMax), list[product](engine.OrderItemsMax),
	list[queryItem](stockquery.ItemsMax), list[deleteItem](stockquery.ItemsMax), list[integer](shipmentsMax),
	list[tagBody](engine.CategoryValuesMax),
}

// reading is one text on its way into a body.
type reading struct {
	request *Request
	options json.Options
	rows    []RowFault
}

// checkShape bounds the nesting of a text and the fields of an object before the decoder sees them: to find repeated
// fields, the decoder keeps all names of an object.
func checkShape(text []byte) error {
	var fields [depthMax]int
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			if depth == depthMax {
				return badRequest("", "", "the body cannot be read: nested more than %d deep, at byte %d", depthMax, i)
			}
			fields[depth] = 0
			depth++
		case (c == '}' || c == ']') && depth > 0:
			depth--
		case c == ':' && depth > 0:
			if fields[depth-1]++; fields[depth-1] > fieldsMax {
				return badRequest("", "", "the body cannot be read: more than %d fields in an object, at byte %d",
					fieldsMax, i)
			}
		}
	}
	return nil
}

// errEnough ends the reading after RowFaultsMax bad rows.
var errEnough = errors.New("as many bad rows as are told")

// listReader makes the reader of one type of list.
type listReader func(*reading) *json.Unmarshalers

// decode reads a text into a body. Unknown fields are ignored, and null is like a missing field. A body with bad rows
// gives a fault that lists all of them, up to RowFaultsMax. The readers in first go before those of all bodies.
func decode(r *Request, text []byte, into any, first ...listReader) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return badRequest("", "", "the request has no body; JSON is expected")
	}
	if err := checkShape(text); err != nil {
		return err
	}
	in := &reading{request: r}
	unmarshalers := []*json.Unmarshalers{json.UnmarshalFromFunc(in.name), json.UnmarshalFromFunc(in.tags)}
	for _, reader := range slices.Concat(first, lists) {
		unmarshalers = append(unmarshalers, reader(in))
	}
	in.options = json.JoinOptions(json.WithUnmarshalers(json.JoinUnmarshalers(unmarshalers...)),
		json.MatchCaseInsensitiveNames(true),
		legacy.MergeWithLegacySemantics(true))
	if err := json.Unmarshal(text, into, in.options); err != nil && !errors.Is(err, errEnough) {
		return rowFault("", err, text).fault()
	}
	if len(in.rows) == 0 {
		return nil
	}
	fault := in.rows[0].fault()
	fault.Rows = in.rows
	return fault
}

// list reads lists of at most limit elements, counted while they are read. The checks run on each element. A bad
// element is noted and left out; the reading goes on.
func list[E any](limit int, checks ...func(i int, e *E) error) listReader {
	return func(in *reading) *json.Unmarshalers {
		return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, into *[]E) error {
			if dec.PeekKind() != '[' {
				return errors.ErrUnsupported // the default reader reports it
			}
			if _, err := dec.ReadToken(); err != nil {
				return err
			}
			*into = []E{}
			for i := 0; dec.PeekKind() != ']'; i++ {
				if i == limit {
					return fmt.Errorf("more than %d elements", limit)
				}
				var e E
				good, err := in.element(dec, &e)
				if err != nil {
					return err
				}
				*into = append(*into, e)
				for _, check := range checks {
					if good {
						good, err = in.note(dec, check(i, &e), nil)
					}
				}
				if err != nil {
					return err
				}
			}
			_, err := dec.ReadToken()
			return err
		})
	}
}

// element reads an element of a list. A fault of the element alone is noted; an error ends the reading.
func (in *reading) element(dec *jsontext.Decoder, into any) (good bool, err error) {
	var fault *Fault
	if name, ok := into.(*string); ok && dec.PeekKind() == '"' { // lists of names are long, and their elements short
		if err := in.name(dec, name); err != nil && !errors.As(err, &fault) {
			return false, err
		} else if err != nil {
			return in.note(dec, err, nil)
		}
		return true, nil
	}
	text, err := dec.ReadValue()
	if err != nil {
		return false, err
	}
	return in.note(dec, json.Unmarshal(text, into, in.options), text)
}

// note keeps the fault of the element just read, if it has one, and ends the reading after RowFaultsMax of them.
func (in *reading) note(dec *jsontext.Decoder, wrong error, text jsontext.Value) (good bool, err error) {
	if wrong == nil {
		return true, nil
	}
	in.rows = append(in.rows, rowFault(dec.StackPointer(), wrong, text))
	if len(in.rows) == RowFaultsMax {
		err = errEnough
	}
	return false, err
}

// name reads a text as a name in the form in which names are kept. Texts that name nothing are of type text.
func (in *reading) name(dec *jsontext.Decoder, into *string) error {
	if dec.PeekKind() != '"' {
		return errors.ErrUnsupported
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	read := token.String()
	if len(read) > textBytesMax {
		return badRequest("", read, "a text of %d bytes; at most %d are expected", len(read), textBytesMax)
	}
	clean, wrong := names.Clean(read)
	switch {
	case wrong == "" && clean == read:
	case in.request.Host.Stored(read):
		clean = read
	case wrong != "":
		return badRequest("", names.Shown(read), "%s", wrong)
	}
	*into = clean
	return nil
}

// tags reads tags, at most engine.CategoriesMax.
func (in *reading) tags(dec *jsontext.Decoder, into *tagMap) error {
	if dec.PeekKind() != '{' {
		return errors.ErrUnsupported
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	*into = tagMap{}
	for dec.PeekKind() != '}' {
		if len(*into) == engine.CategoriesMax {
			return fmt.Errorf("more than %d tags", engine.CategoriesMax)
		}
		var category, value string
		if err := in.name(dec, &category); err != nil {
			return err
		}
		if err := json.UnmarshalDecode(dec, &value); err != nil {
			return err
		}
		(*into)[category] = value
	}
	_, err := dec.ReadToken()
	return err
}

// text is a text that names nothing.
type text string

// RowFault is the fault of one row of a body.
type RowFault struct {
	Code, Message, Field, Value string
}

func (f RowFault) fault() *Fault {
	return &Fault{Status: http.StatusBadRequest, Code: f.Code, Message: f.Message, Field: f.Field, Value: f.Value}
}

// rowFault is the fault that an error of reading a text means. above is the place of the text in the body.
func rowFault(above jsontext.Pointer, err error, text jsontext.Value) RowFault {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	var fault *Fault
	switch {
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		return RowFault{Code: codeDuplicateField, Field: fieldPath(above + syntactic.JSONPointer)}.said(
			"the field is given twice")
	case errors.As(err, &syntactic):
		field := fieldPath(above + syntactic.JSONPointer)
		return RowFault{Code: codeBadJSON, Field: field,
			Message: fmt.Sprintf("the body cannot be read: %v, at byte %d", syntactic.Err, syntactic.ByteOffset)}
	case errors.As(err, &semantic):
		f := RowFault{Code: codeWrongType, Field: fieldPath(above + semantic.JSONPointer),
			Value: shownAt(text, semantic.JSONPointer)}
		if errors.As(semantic.Err, &fault) {
			f.Code, f.Value = fault.Code, cmp.Or(fault.Value, f.Value)
			return f.said(fault.Message)
		}
		if semantic.Err != nil {
			f.Code = engine.CodeInvalid.String()
			return f.said(semantic.Err.Error())
		}
		return f.said(kindWords[semantic.JSONKind] + " is not what is expected here: " + expectedWord(semantic.GoType))
	case errors.As(err, &fault):
		row := fieldPath(above)
		f := RowFault{Code: fault.Code, Message: fault.Message, Field: strings.Trim(row+"."+fault.Field, "."),
			Value: fault.Value}
		if !strings.Contains(fault.Message, row) {
			f = f.said(fault.Message)
		}
		return f
	}
	return RowFault{Code: engine.CodeInvalid.String(), Message: "the body cannot be read: " + err.Error()}
}

// said puts the field before the message: clients of that API show the message alone.
func (f RowFault) said(what string) RowFault {
	if f.Message = what; f.Field != "" {
		f.Message = f.Field + ": " + what
	}
	return f
}

// shownAt is the value at a place of a text as it was written, empty for lists and objects.
func shownAt(text jsontext.Value, at jsontext.Pointer) string {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text)) // does not copy the text
	// the decoder is at the place of a field once it has read the name
	for dec.StackPointer() != at {
		if _, err := dec.ReadToken(); err != nil {
			return ""
		}
	}
	if kind := dec.PeekKind(); kind == '[' || kind == '{' {
		return ""
	}
	value, _ := dec.ReadValue()
	return string(value[:min(len(value), textBytesMax)])
}

var kindWords = map[jsontext.Kind]string{'n': "null", 't': "true", 'f': "false", '"': "a text", '0': "a number",
	'{': "an object", '[': "a list"}

func expectedWord(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a text is"
	case reflect.Bool:
		return "true or false is"
	case reflect.Slice:
		return "a list is"
	case reflect.Float64:
		return "a number is"
	}
	return "an object is"
}

// fieldPath is a place in the form of the native API: items[3].tags.Channel.
func fieldPath(at jsontext.Pointer) string {
	var path strings.Builder
	for step := range at.Tokens() {
		switch _, err := strconv.Atoi(step); {
		case err == nil:
			path.WriteString("[" + step + "]")
		case path.Len() > 0:
			path.WriteString("." + step)
		default:
			path.WriteString(step)
		}
	}
	return path.String()
}
