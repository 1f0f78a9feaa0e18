package stockquery

import (
	"math"
	"slices"
	"strings"

	"apportion/engine"
)

// Type says which locations a query is after.
type Type int

// The types of a query.
const (
	Any          Type = iota // locations that have one of the items in full
	All                      // that have all items in full
	Partial                  // that have a unit of one of the items
	AllLocations             // that have a record of one of the items
)

// Item is a UPC that a query asks for.
type Item struct {
	UPC      string
	Quantity int64 // in full
	Tags     []engine.Tag

	Repeat bool // an earlier item has the same UPC
}

// Query is what is asked for.
type Query struct {
	Type  Type
	Items []Item
}

// Prepare marks the items whose UPC an earlier item has. In a query of type All it has the first of the items that draw
// on the same units ask for all of their units; the others ask for less, and are met when that one is.
func (q *Query) Prepare() {
	if len(q.Items) == 1 {
		return
	}
	seen := make(map[string]struct{}, len(q.Items))
	for i := range q.Items {
		_, q.Items[i].Repeat = seen[q.Items[i].UPC]
		seen[q.Items[i].UPC] = struct{}{}
	}
	if q.Type != All {
		return
	}
	firstOf := make(map[string]*Item, len(q.Items))
	for i := range q.Items {
		item := &q.Items[i]
		target := item.target()
		if first, ok := firstOf[target]; ok {
			first.Quantity += min(item.Quantity, math.MaxInt64-first.Quantity)
			continue
		}
		firstOf[target] = item
	}
}

// target is the same for items that draw on the same units. No name has a control character.
func (i *Item) target() string {
	tags := slices.SortedFunc(slices.Values(i.Tags), func(a, b engine.Tag) int {
		return strings.Compare(a.Category, b.Category)
	})
	target := []byte(i.UPC)
	for _, tag := range tags {
		target = append(append(target, 0), tag.Category...)
		target = append(append(target, 0), tag.Value...)
	}
	return string(target)
}

// wants reports whether a location is wanted that meets so many items in full, and has some units of one or not.
func (q *Query) wants(met int, some bool) bool {
	switch q.Type {
	case Any:
		return met > 0
	case All:
		return met == len(q.Items)
	case Partial:
		return some
	default:
		return true
	}
}
