package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decoding into structs, for bodies that are few: by a JSON library, with the strictness and the faults of the Scanner.

// Readers decode the values of some Go types.
type Readers = json.Unmarshalers

// Join gives readers for all types that some have, beside texts and whole numbers.
func Join(readers ...*Readers) *Readers {
	return json.JoinUnmarshalers(append(readers, Value((*Scanner).Text), Value((*Scanner).Integer))...)
}

// Decode reads a text into the struct that into points to. It refuses fields that the struct does not have, and fields
// with the tag required:"true" that are missing or null. Any other field may be null and is zero then.
func Decode(text []byte, into any, readers *Readers) Fault {
	err := json.Unmarshal(text, into, json.RejectUnknownMembers(true), json.WithUnmarshalers(readers))
	if err == nil {
		err = checkObject(jsontext.NewDecoder(bytes.NewBuffer(text)), reflect.TypeOf(into).Elem())
	}
	if err == nil {
		return Fault{}
	}
	return faultOf(err, text)
}

// Value gives a reader for values that the Scanner reads, or null.
func Value[T any](read func(*Scanner) T) *Readers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, into *T) error {
		if dec.PeekKind() == 'n' {
			return dec.SkipValue()
		}
		value, err := scan(dec, read)
		*into = value
		return err
	})
}

// scan has a Scanner read the next value. Of an object or array it reads nothing but the bracket, since the Scanner
// refuses both.
func scan[T any](dec *jsontext.Decoder, read func(*Scanner) T) (value T, err error) {
	text := jsontext.Value{byte(dec.PeekKind())}
	if text[0] != '{' && text[0] != '[' {
		if text, err = dec.ReadValue(); err != nil {
			return value, err
		}
	}
	var s Scanner
	s.Reset(bytes.Clone(text))
	value = read(&s)
	if s.End(); !s.OK() {
		return value, &s.Fault
	}
	return value, nil
}

// List gives a reader for lists of at most countMax elements, none of them null.
func List[E any](countMax int) *Readers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, into *[]E) error {
		if dec.PeekKind() != '[' {
			return errors.ErrUnsupported
		}
		list := dec.StackPointer()
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		*into = []E{}
		for i := 0; dec.PeekKind() != ']'; i++ {
			at := list.AppendToken(strconv.Itoa(i))
			if i == countMax {
				return tooMany(at, countMax)
			}
			if dec.PeekKind() == 'n' {
				return &json.SemanticError{JSONPointer: at, GoType: reflect.TypeFor[E]()}
			}
			var e E
			if err := json.UnmarshalDecode(dec, &e); err != nil {
				return err
			}
			*into = append(*into, e)
		}
		_, err := dec.ReadToken()
		return err
	})
}

// Map gives a reader for objects of at most countMax fields, whose values the Scanner reads.
func Map[M ~map[string]string](countMax int, read func(*Scanner) string) *Readers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, into *M) error {
		if dec.PeekKind() != '{' {
			return errors.ErrUnsupported
		}
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		*into = M{}
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return err
			}
			if len(*into) == countMax {
				return tooMany(dec.StackPointer(), countMax)
			}
			key, at := name.String(), dec.StackPointer()
			if (*into)[key], err = scan(dec, read); err != nil {
				return &json.SemanticError{JSONPointer: at, Err: err}
			}
		}
		_, err := dec.ReadToken()
		return err
	})
}

func tooMany(at jsontext.Pointer, countMax int) error {
	return &json.SemanticError{JSONPointer: at,
		Err: &Fault{Code: CodeInvalid, Detail: fmt.Sprintf("at most %d elements are allowed", countMax)}}
}

// checkObject goes through an object, or the whole text, that was decoded into a struct, for required fields that are
// missing or null.
func checkObject(dec *jsontext.Decoder, t reflect.Type) error {
	if dec.PeekKind() != '{' {
		return &json.SemanticError{GoType: t} // the whole text is null
	}
	types, missing := fieldsOf(t)
	_, err := dec.ReadToken()
	object := dec.StackPointer()
	for err == nil && dec.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			break
		}
		key := name.String()
		required := slices.Index(missing, key)
		if required >= 0 {
			missing = slices.Delete(missing, required, required+1)
		}
		switch null := dec.PeekKind() == 'n'; {
		case null && required >= 0:
			return &json.SemanticError{JSONPointer: dec.StackPointer(), GoType: types[key]}
		case null:
			err = dec.SkipValue()
		default:
			err = checkValue(dec, types[key])
		}
	}
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return &json.SemanticError{JSONPointer: object.AppendToken(missing[0]),
			Err: &Fault{Code: CodeMissingField, Detail: "a required field is missing"}}
	}
	_, err = dec.ReadToken()
	return err
}

// fieldsOf gives the types of a struct's fields by their names in JSON, and which are required, in their order.
func fieldsOf(t reflect.Type) (types map[string]reflect.Type, required []string) {
	types = make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		types[name] = f.Type
		if f.Tag.Get("required") == "true" {
			required = append(required, name)
		}
	}
	return types, required
}

// checkValue is checkObject for a value of any type.
func checkValue(dec *jsontext.Decoder, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Struct:
		return checkObject(dec, t)
	case t.Kind() != reflect.Slice:
		return dec.SkipValue()
	}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != ']' {
		err = checkValue(dec, t.Elem())
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return err
}

// Error makes a fault of a value an error of the library's.
func (f *Fault) Error() string { return f.Detail }

// faultOf tells what an error of decoding a text means.
func faultOf(err error, text []byte) Fault {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	var inner *Fault
	switch {
	case errors.As(err, &syntactic):
		path, _, _ := locate(text, syntactic.JSONPointer)
		f := Fault{Code: CodeBadJSON, Detail: "not valid JSON here: " + syntactic.Err.Error(), Field: path,
			Offset: int(syntactic.ByteOffset)}
		if errors.Is(err, jsontext.ErrDuplicateName) {
			f.Code, f.Detail = CodeDuplicateField, "the field is given twice: send it once"
		}
		return f
	case !errors.As(err, &semantic):
		return Fault{Code: CodeBadJSON, Detail: "not valid JSON: " + err.Error(), Offset: len(text)}
	}
	path, s, found := locate(text, semantic.JSONPointer)
	f := Fault{Code: CodeWrongType, Detail: expected(semantic.GoType), Field: path, Offset: s.at}
	switch {
	case errors.Is(err, json.ErrUnknownName):
		f.Code, f.Detail = CodeUnknownField, "there is no such field here; names are case-sensitive"
	case errors.As(semantic.Err, &inner):
		f.Code, f.Detail, f.Value = inner.Code, inner.Detail, inner.Value
	case found:
		f.Value = Cut(s.token(), ValueBytesMax)
	}
	return f
}

// locate gives the path to a place in a text, such as items[3].tags.Channel, and a scanner that stands there. The place
// of a missing field is not found.
func locate(text []byte, at jsontext.Pointer) (path string, s *Scanner, found bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	found = true
	for step := range at.Tokens() {
		index, err := strconv.Atoi(step)
		if kind := dec.PeekKind(); kind == '[' || kind != '{' && err == nil {
			path += "[" + step + "]"
			found = found && goToElement(dec, index)
			continue
		}
		path += "." + step
		found = found && goToField(dec, step)
	}
	s = new(Scanner)
	s.Reset(text)
	for s.at = int(dec.InputOffset()); s.Space() == ':' || s.Space() == ','; s.at++ {
	}
	return Cut(strings.TrimPrefix(path, "."), FieldBytesMax), s, found
}

// goToElement moves a decoder from the beginning of an array to an element.
func goToElement(dec *jsontext.Decoder, index int) bool {
	_, err := dec.ReadToken()
	for ; err == nil && index > 0; index-- {
		err = dec.SkipValue()
	}
	return err == nil
}

// goToField moves a decoder from the beginning of an object to the value of a field.
func goToField(dec *jsontext.Decoder, key string) bool {
	_, err := dec.ReadToken()
	for err == nil {
		var name jsontext.Token
		if name, err = dec.ReadToken(); err != nil || name.Kind() != '"' {
			return false
		}
		if name.String() == key {
			return true
		}
		err = dec.SkipValue()
	}
	return false
}

// expected tells which type a value should have.
func expected(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return "another type is expected"
	case t.Kind() == reflect.Slice:
		return "an array is expected"
	case t.Kind() == reflect.Bool:
		return "true or false is expected"
	case t.Kind() == reflect.String:
		return "a string is expected"
	}
	return "an object is expected"
}
