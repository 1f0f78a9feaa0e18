package kibo

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// nothingStored is a host for reads of bodies only.
type nothingStored struct{ Host }

func (nothingStored) Stored(string) bool { return false }

var readRequest = &Request{Host: nothingStored{}}

// TestReadingIsBounded: any body uses little memory.
func TestReadingIsBounded(t *testing.T) {
	const bodyBytes, allocatedMax = 16 << 20, 24 << 20
	fill := func(begin, element, end string) string {
		return begin + strings.Repeat(element+",", bodyBytes/(len(element)+1)) + element + end
	}
	var keys strings.Builder
	for i := 0; keys.Len() < bodyBytes; i++ {
		fmt.Fprintf(&keys, `"%x":1,`, i)
	}
	f := func(name string, body any, text, wrong string) {
		t.Helper()
		bytes := []byte(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := decode(readRequest, bytes, body)
		runtime.ReadMemStats(&after)
		took := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d KB of memory for %d MB", name, took>>10, len(text)>>20)
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) ||
			took > allocatedMax {
			t.Errorf("%s: %d bytes are allocated for %d: %v", name, took, len(text), err)
		}
	}
	f("items", &stockBody{}, fill(`{"items":[`, `{}`, `]}`), "items: more than 12000 elements")
	f("good items", &stockBody{}, fill(`{"items":[`, `{"upc":"A","quantity":1}`, `]}`),
		"items: more than 12000 elements")
	f("bad items", &stockBody{}, fill(`{"items":[`, `{"upc":1}`, `]}`), "items[0].upc: a number")
	f("order items", &orderBody{}, fill(`{"items":[`, `{"orderID":1}`, `]}`), "items: more than 1000 elements")
	f("items to delete", &deleteBody{}, fill(`{"items":[`, `{"upc":"A"}`, `]}`), "items: more than 1000 elements")
	f("locations", &deleteBody{}, fill(`{"locationCodes":[`, `""`, `]}`), "locationCodes: more than 100000 elements")
	f("shipments", &shipmentBody{}, fill(`{"shipmentIDs":[`, `1`, `]}`), "shipmentIDs: more than 1000 elements")
	f("tags", &stockBody{}, `{"items":[{"upc":"A","tags":{`+keys.String()+`"A":"a"}}]}`,
		"more than 1000 fields in an object")
	f("unknown fields", &stockBody{}, `{`+keys.String()+`"items":[]}`, "more than 1000 fields in an object")
	f("unknown elements", &stockBody{}, fill(`{"x":[`, `{}`, `]}`), "")
	f("brackets", &stockBody{}, `{"x":`+strings.Repeat("[", bodyBytes), "nested more than 16 deep")
	f("nested in many", &stockBody{}, fill(`{"x":[`, strings.Repeat(`{"a":`, 13)+`1`+strings.Repeat(`}`, 13), `]}`), "")
	f("a long text", &stockBody{}, `{"locationCode":"`+strings.Repeat("x", bodyBytes)+`"}`, "at most 1024 are expected")
	f("a long unknown text", &stockBody{}, `{"x":"`+strings.Repeat(`\"`, bodyBytes/2)+`"}`, "")
}

// TestListsAreBounded: each list of a body is in the table of lists.
func TestListsAreBounded(t *testing.T) {
	known := map[reflect.Type]bool{}
	for _, list := range []any{[]string{}, []stockItem{}, []blockItem{}, []orderItem{}, []cartItem{}, []product{},
		[]queryItem{}, []deleteItem{}, []integer{}, []tagBody{}} {
		known[reflect.TypeOf(list)] = true
	}
	if len(known) != len(lists) {
		t.Errorf("the table has %d lists, this test %d", len(lists), len(known))
	}
	var look func(path string, at reflect.Type)
	look = func(path string, at reflect.Type) {
		switch at.Kind() {
		case reflect.Pointer:
			look(path, at.Elem())
		case reflect.Slice:
			if !known[at] {
				t.Errorf("%s has no limit", path)
			}
			look(path, at.Elem())
		case reflect.Map:
			if at != reflect.TypeOf(tagMap{}) {
				t.Errorf("%s is a map", path)
			}
		case reflect.Struct:
			for i := range at.NumField() {
				if field := at.Field(i); field.IsExported() || field.Anonymous {
					look(path+"."+field.Name, field.Type)
				}
			}
		}
	}
	for _, body := range []any{aggregateBody{}, transitionBody{}, deleteFutureBody{}, futureDateBody{}, orderInfoBody{},
		shipmentBody{}, orderBody{},
		locationBody{}, blockBody{}, groupBody{}, queryBody{}, deleteBody{}, redistributeBody{}, stockBody{},
		categoryBody{}, tagBody{}} {
		look(reflect.TypeOf(body).Name(), reflect.TypeOf(body))
	}
}

func BenchmarkReadItems(b *testing.B) {
	text := []byte(`{"locationCode":"S","items":[` + strings.Repeat(
		`{"upc":"BC76845","quantity":12,"tags":{"Channel":"Amazon"}},`, 11_999) + `{"upc":"A","quantity":1}]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var body stockBody
		if err := decode(readRequest, text, &body); err != nil {
			b.Fatal(err)
		}
	}
}
