package engine

import (
	"fmt"
	"reflect"
)

// What distinguishes two commands that came with one idempotency key: the answer CodeKeyReused names the first field
// that differs, as a path into the request. Requests repeat rarely and conflict still more rarely, so this is by
// reflection. The order of tags carries no meaning: lists of the same tags are equal.

// stockFieldNames names the fields whose presence StockFields tells, bit by bit.
var stockFieldNames = [...]string{"safetyStock", "floor", "ltd"}

// firstDifference gives the path of the first field, in the order of the declaration, in which two commands differ:
// "lines[3].quantity"; "lines" if the lists differ in length; "kind" for commands of different kinds; "" for equal
// ones.
func firstDifference(a, b Command) string {
	if a.Kind() != b.Kind() {
		return "kind"
	}
	return structDifference("", reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
}

// structDifference compares two structs of a type. prefix, "" or ending in a dot, leads to their fields.
func structDifference(prefix string, a, b reflect.Value) string {
	for i := range a.NumField() {
		field := a.Type().Field(i)
		name := prefix + field.Tag.Get("json")
		if field.Anonymous {
			if d := structDifference(prefix, a.Field(i), b.Field(i)); d != "" {
				return d
			}
			continue
		}
		if d := valueDifference(prefix, name, a.Field(i), b.Field(i)); d != "" {
			return d
		}
	}
	return ""
}

// valueDifference compares two fields called name.
func valueDifference(prefix, name string, a, b reflect.Value) string {
	switch x := a.Interface().(type) {
	case []Tag:
		return tagsDifference(name, x, b.Interface().([]Tag))
	case StockFields:
		return fieldsDifference(prefix, x, b.Interface().(StockFields))
	}
	if a.Kind() == reflect.Slice {
		return listDifference(name, a, b)
	}
	if !a.Equal(b) {
		return name
	}
	return ""
}

func listDifference(name string, a, b reflect.Value) string {
	if a.Len() != b.Len() {
		return name
	}
	for i := range a.Len() {
		element := fmt.Sprintf("%s[%d]", name, i)
		x, y := a.Index(i), b.Index(i)
		if x.Kind() != reflect.Struct {
			if !x.Equal(y) {
				return element
			}
			continue
		}
		if d := structDifference(element+".", x, y); d != "" {
			return d
		}
	}
	return ""
}

// fieldsDifference names the first optional field that only one of two stock items has.
func fieldsDifference(prefix string, a, b StockFields) string {
	for i, name := range stockFieldNames {
		if (a^b)&(1<<i) != 0 {
			return prefix + name
		}
	}
	return ""
}

// tagsDifference names the first category, in the order of a and then of b, of a tag that one list has more often.
func tagsDifference(name string, a, b []Tag) string {
	if category, found := firstSurplus(a, b); found {
		return name + "." + category
	}
	if category, found := firstSurplus(b, a); found {
		return name + "." + category
	}
	return ""
}

// firstSurplus gives the category of the first tag that is in a more often than in b.
func firstSurplus(a, b []Tag) (category string, found bool) {
	for i := range a {
		if countTag(a, a[i]) > countTag(b, a[i]) {
			return a[i].Category, true
		}
	}
	return "", false
}

func countTag(tags []Tag, tag Tag) int {
	count := 0
	for i := range tags {
		if tags[i] == tag {
			count++
		}
	}
	return count
}
