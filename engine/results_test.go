package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestFirstDifference(t *testing.T) {
	tests := []struct {
		name string
		a, b Command
		want string
	}{
		{"equal", allocateOf(func(c *Allocate) {}), allocateOf(func(c *Allocate) {}), ""},
		{"kind", &Expire{}, &StartCount{}, "kind"},
		{"action", changeOf(KindConfirm, func(*OrderChange) {}), changeOf(KindFulfill, func(*OrderChange) {}), "kind"},
		{"text", allocateOf(func(c *Allocate) {}), allocateOf(func(c *Allocate) { c.OrderID = "p" }), "orderId"},
		{"bool", allocateOf(func(c *Allocate) {}), allocateOf(func(c *Allocate) { c.Backorder = true }), "backorder"},
		{"quantity", allocateOf(func(c *Allocate) {}), allocateOf(func(c *Allocate) {
			c.Lines[1].Quantity++
		}), "lines[1].quantity"},
		{"first of two", allocateOf(func(c *Allocate) { c.Lines[0].Quantity++ }),
			allocateOf(func(c *Allocate) { c.Lines[0].UPC = "x" }), "lines[0].upc"},
		{"count", allocateOf(func(c *Allocate) {}), allocateOf(func(c *Allocate) { c.Lines = c.Lines[:2] }), "lines"},
		{"tag value", allocateOf(func(c *Allocate) {}),
			allocateOf(func(c *Allocate) { c.Lines[2].Tags = []Tag{{"Channel", "Amazon"}} }), "lines[2].tags.Channel"},
		{"tag missing", allocateOf(func(c *Allocate) {}),
			allocateOf(func(c *Allocate) { c.Lines[2].Tags = nil }), "lines[2].tags.Channel"},
		{"tag added", allocateOf(func(c *Allocate) {}),
			allocateOf(func(c *Allocate) {
				c.Lines[2].Tags = append(c.Lines[2].Tags, Tag{"Type", "BOPIS"})
			}), "lines[2].tags.Type"},
		{"tag repeated", allocateOf(func(c *Allocate) {}),
			allocateOf(func(c *Allocate) {
				c.Lines[2].Tags = append(c.Lines[2].Tags, c.Lines[2].Tags...)
			}), "lines[2].tags.Channel"},
		{"order of tags", allocateOf(func(c *Allocate) { c.Lines[0].Tags = []Tag{{"A", "a"}, {"B", "b"}} }),
			allocateOf(func(c *Allocate) { c.Lines[0].Tags = []Tag{{"B", "b"}, {"A", "a"}} }), ""},
		{"transfer tags", transferOf(func(it *TransferItem) {}),
			transferOf(func(it *TransferItem) { it.ToTags = manyTags(1) }), "items[1].to.tags.c0"},
		{"field present", adjustOf(func(it *StockItem) { it.Has = HasFloor }),
			adjustOf(func(it *StockItem) { it.Has = HasFloor | HasSafetyStock }), "items[1].safetyStock"},
		{"field value", adjustOf(func(it *StockItem) { it.Has, it.LTD = HasLTD, 1 }),
			adjustOf(func(it *StockItem) { it.Has, it.LTD = HasLTD, 2 }), "items[1].ltd"},
		{"delivery", adjustOf(func(it *StockItem) {}),
			adjustOf(func(it *StockItem) { it.DeliveryDateMS = 2 }), "items[1].deliveryDate"},
		{"scope", &Redistribute{Scope: Scope{UPCs: []string{"a", "b"}}},
			&Redistribute{Scope: Scope{UPCs: []string{"a", "c"}}}, "upcs[1]"},
		{"behind the scope", &Redistribute{Now: true}, &Redistribute{}, "now"},
		{"percent", categoryOf(func(*PutTagCategory) {}), categoryOf(func(c *PutTagCategory) {
			c.Values[1].Percent = 1
		}), "values[1].percent"},
		{"move", categoryOf(func(c *PutTagCategory) { c.MoveTo = []Move{{"a", "b"}} }),
			categoryOf(func(c *PutTagCategory) { c.MoveTo = []Move{{"a", "c"}} }), "moveTo[0].to"},
		{"nil and empty", &Transfer{}, &Transfer{Items: []TransferItem{}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := firstDifference(tt.a, tt.b); got != tt.want {
				t.Errorf("firstDifference = %q, want %q", got, tt.want)
			}
			got, want := digestDifference(appendDigest(nil, tt.a), tt.b), listElement(tt.want)
			if got != want {
				t.Errorf("digestDifference = %q, want %q", got, want)
			}
		})
	}
}

// listElement cuts a path after the first list's element, or after the name of a tag list: a digest sees no more.
func listElement(path string) string {
	if end := strings.IndexByte(path, ']'); end >= 0 {
		return path[:end+1]
	}
	if at := strings.Index(path, "tags."); at >= 0 {
		return path[:at+len("tags")]
	}
	return path
}

// TestDifferences compares commands with variants that differ in one random part.
func TestDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(commandKinds).Draw(t, "kind")
		a, other := genCommand(t, kind), genCommand(t, kind)
		b := cloneCommand(t, a)
		replacePart(t, b, other)
		got := firstDifference(a, b)
		ignoreTagOrder := cmpopts.SortSlices(func(a, b Tag) bool {
			return a.Category+"\x00"+a.Value < b.Category+"\x00"+b.Value
		})
		if equal := cmp.Equal(a, b, cmpopts.EquateEmpty(), ignoreTagOrder); equal != (got == "") {
			t.Fatalf("difference %q, equal %v", got, equal)
		}
		if back := firstDifference(b, a); (back == "") != (got == "") {
			t.Fatalf("difference %q one way, %q the other way", got, back)
		}
		inDigest := digestDifference(appendDigest(nil, a), b)
		if want := listElement(got); inDigest != want {
			t.Fatalf("digestDifference = %q, want %q", inDigest, want)
		}
	})
}

func cloneCommand(t *rapid.T, c Command) Command {
	_, clone, err := DecodeCommand(AppendCommand(nil, &Envelope{}, c))
	if err != nil {
		t.Fatalf("DecodeCommand: %v", err)
	}
	return clone
}

// replacePart replaces an element of the lines or items of c by one of other's, or, for the other kinds, the whole
// command.
func replacePart(t *rapid.T, c, other Command) {
	switch c := c.(type) {
	case *Refresh:
		replaceElement(t, c.Items, other.(*Refresh).Items)
	case *Adjust:
		replaceElement(t, c.Items, other.(*Adjust).Items)
	case *Transfer:
		replaceElement(t, c.Items, other.(*Transfer).Items)
	case *Allocate:
		replaceElement(t, c.Lines, other.(*Allocate).Lines)
	case *OrderChange:
		replaceElement(t, c.Lines, other.(*OrderChange).Lines)
	case *Block:
		replaceElement(t, c.Items, other.(*Block).Items)
	case *Transition:
		replaceElement(t, c.Lines, other.(*Transition).Lines)
	case *PutTagCategory:
		replaceElement(t, c.Values, other.(*PutTagCategory).Values)
		replaceElement(t, c.MoveTo, other.(*PutTagCategory).MoveTo)
	case *Redistribute:
		*c = *other.(*Redistribute)
	case *Delete:
		*c = *other.(*Delete)
	case *CloseCount:
		*c = *other.(*CloseCount)
	case *StartCount:
		*c = *other.(*StartCount)
	}
}

func replaceElement[E any](t *rapid.T, list, other []E) {
	if len(list) > 0 && len(other) > 0 {
		list[rapid.IntRange(0, len(list)-1).Draw(t, "at")] = other[0]
	}
}

// TestDigestIsShort: the digest of the longest command has the promised size.
func TestDigestIsShort(t *testing.T) {
	c := refreshOf(func(c *Refresh) { c.Items = manyItems(RefreshItemsMax, rightItem()) })
	if got := len(appendDigest(nil, c)); got > 24_100 {
		t.Fatalf("%d bytes", got)
	}
}

// TestDigestOverlooksAnElement: in the rare case that an element differs but its two bytes in the digest do not, the
// answer names the list.
func TestDigestOverlooksAnElement(t *testing.T) {
	c := &Transfer{Items: manyItems(3, rightTransferItem())}
	digest := appendDigest(nil, c)
	digest[2] ^= 1 // after the kind and the count: the hash of the list
	if got := digestDifference(digest, c); got != "items" {
		t.Fatalf("got %q", got)
	}
}
