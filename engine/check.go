package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// countBytesMax bounds the name of a stock count, in bytes. It is an identity like the others.
const countBytesMax = LocationBytesMax

// fault names what is wrong with a part of a command: the path to the field, relative to the part, and its value as the
// refusal shows it. The zero fault means that nothing is wrong. Faults are returned, never stored, so that checking a
// correct command allocates nothing.
type fault struct{ field, value string }

func (f fault) found() bool { return f.field != "" }

// in is the fault seen from the list that the part is an element of.
func (f fault) in(list string, i int) fault {
	return fault{fmt.Sprintf("%s[%d].%s", list, i, f.field), f.value}
}

// CheckCommand checks what can be checked of a command without any state: the limits and the shapes. If ok is false,
// field and value name the first thing at fault, and the command's answer is CodeInvalid.
func CheckCommand(c Command) (field, value string, ok bool) {
	f := checkCommand(c)
	return f.field, f.value, !f.found()
}

// CheckKey checks an idempotency key, in the manner of CheckCommand. An empty key is none.
func CheckKey(key string) (field, value string, ok bool) {
	f := checkOptionalText("Idempotency-Key", key, KeyBytesMax)
	return f.field, f.value, !f.found()
}

func checkCommand(c Command) fault {
	switch c := c.(type) {
	case *Refresh:
		return checkRefresh(c)
	case *Adjust:
		return checkAdjust(c)
	case *Transfer:
		return checkTransfer(c)
	case *Redistribute:
		return checkScope(&c.Scope)
	case *Delete:
		return checkScope(&c.Scope)
	case *Allocate:
		return checkAllocate(c)
	case *OrderChange:
		return checkOrderChange(c)
	case *PutTagCategory:
		return checkPutTagCategory(c)
	case *DeleteTagCategory:
		return checkDeleteTagCategory(c)
	case *StartCount:
		return checkCount(c.Location, c.Count)
	case *CloseCount:
		return checkCount(c.Location, c.Count)
	case *Expire:
		return fault{}
	default:
		return fault{"kind", strconv.Itoa(int(c.Kind()))}
	}
}

func checkRefresh(c *Refresh) fault {
	if f := checkText("location", c.Location, LocationBytesMax); f.found() {
		return f
	}
	if f := checkOptionalText("count", c.Count, countBytesMax); f.found() {
		return f
	}
	if f := checkSize("items", len(c.Items), 1, RefreshItemsMax); f.found() {
		return f
	}
	for i := range c.Items {
		it := &c.Items[i]
		f := checkStockItem(it)
		if !f.found() {
			f = checkQuantity("quantity", it.Quantity, 0)
		}
		if f.found() {
			return f.in("items", i)
		}
	}
	return fault{}
}

func checkAdjust(c *Adjust) fault {
	if f := checkText("location", c.Location, LocationBytesMax); f.found() {
		return f
	}
	if f := checkSize("items", len(c.Items), 1, AdjustItemsMax); f.found() {
		return f
	}
	for i := range c.Items {
		it := &c.Items[i]
		f := checkStockItem(it)
		if !f.found() {
			f = checkChange(it)
		}
		if f.found() {
			return f.in("items", i)
		}
	}
	return fault{}
}

// checkChange checks the signed quantity of an Adjust: an item that changes nothing is a mistake.
func checkChange(it *StockItem) fault {
	if it.Quantity == 0 && it.Has != 0 {
		return fault{}
	}
	if it.Quantity == 0 || it.Quantity < -QuantityMax || it.Quantity > QuantityMax {
		return fault{"quantity", strconv.FormatInt(it.Quantity, 10)}
	}
	return fault{}
}

// checkStockItem checks everything but the quantity, whose range depends on the command.
func checkStockItem(it *StockItem) fault {
	if f := checkText("upc", it.UPC, UPCBytesMax); f.found() {
		return f
	}
	if f := checkTags("tags", it.Tags); f.found() {
		return f
	}
	if it.Has != 0 {
		if f := checkStockFields(it); f.found() {
			return f
		}
	}
	if it.DeliveryDateMS < 0 {
		return fault{"deliveryDate", strconv.FormatInt(it.DeliveryDateMS, 10)}
	}
	return fault{}
}

func checkStockFields(it *StockItem) fault {
	if it.Has&^stockFieldsKnown != 0 {
		return fault{"fields", strconv.Itoa(int(it.Has))}
	}
	if it.Has&HasSafetyStock != 0 {
		if f := checkQuantity("safetyStock", it.SafetyStock, 0); f.found() {
			return f
		}
	}
	if it.Has&HasFloor != 0 {
		if f := checkQuantity("floor", it.Floor, 0); f.found() {
			return f
		}
	}
	if it.Has&HasLTD != 0 {
		return checkQuantity("ltd", it.LTD, 0)
	}
	return fault{}
}

func checkTransfer(c *Transfer) fault {
	if f := checkSize("items", len(c.Items), 1, TransferItemsMax); f.found() {
		return f
	}
	for i := range c.Items {
		if f := checkTransferItem(&c.Items[i]); f.found() {
			return f.in("items", i)
		}
	}
	return fault{}
}

func checkTransferItem(it *TransferItem) fault {
	if f := checkText("upc", it.UPC, UPCBytesMax); f.found() {
		return f
	}
	if f := checkText("from.location", it.FromLocation, LocationBytesMax); f.found() {
		return f
	}
	if f := checkTags("from.tags", it.FromTags); f.found() {
		return f
	}
	if f := checkText("to.location", it.ToLocation, LocationBytesMax); f.found() {
		return f
	}
	if f := checkTags("to.tags", it.ToTags); f.found() {
		return f
	}
	return checkQuantity("quantity", it.Quantity, 1)
}

func checkScope(s *Scope) fault {
	if len(s.UPCs) == 0 && len(s.Locations) == 0 && !s.All {
		return fault{"all", "false"}
	}
	if f := checkNames("upcs", s.UPCs, UPCBytesMax); f.found() {
		return f
	}
	return checkNames("locations", s.Locations, LocationBytesMax)
}

func checkNames(list string, names []string, bytesMax int) fault {
	if f := checkSize(list, len(names), 0, ScopeNamesMax); f.found() {
		return f
	}
	for i, name := range names {
		if f := checkText("name", name, bytesMax); f.found() {
			return fault{fmt.Sprintf("%s[%d]", list, i), f.value}
		}
	}
	return fault{}
}

func checkCount(location, count string) fault {
	if f := checkText("location", location, LocationBytesMax); f.found() {
		return f
	}
	return checkText("count", count, countBytesMax)
}

// checkTags checks the texts of a tag list. Whether the tags exist, and that none names a category twice, is the
// schema's to say.
func checkTags(field string, tags []Tag) fault {
	if f := checkSize(field, len(tags), 0, CategoriesMax); f.found() {
		return f
	}
	for i := range tags {
		if f := checkText(field, tags[i].Category, TagBytesMax); f.found() {
			return f
		}
		if f := checkText(field, tags[i].Value, TagBytesMax); f.found() {
			return fault{field + "." + tags[i].Category, f.value}
		}
	}
	return fault{}
}

// checkSize checks the number of elements of a list.
func checkSize(field string, elements, elementsMin, elementsMax int) fault {
	if elements < elementsMin || elements > elementsMax {
		return fault{field, strconv.Itoa(elements)}
	}
	return fault{}
}

// checkQuantity checks a number of units, or of days, against its smallest value and QuantityMax.
func checkQuantity(field string, quantity, quantityMin int64) fault {
	if quantity < quantityMin || quantity > QuantityMax {
		return fault{field, strconv.FormatInt(quantity, 10)}
	}
	return fault{}
}

// checkText checks a text that must be given.
func checkText(field, s string, bytesMax int) fault {
	if len(s) == 0 || len(s) > bytesMax || !isPlain(s) {
		return fault{field, shownText(s)}
	}
	return fault{}
}

// checkOptionalText checks a text that may be empty.
func checkOptionalText(field, s string, bytesMax int) fault {
	if len(s) > bytesMax || !isPlain(s) {
		return fault{field, shownText(s)}
	}
	return fault{}
}

// isPlain reports whether s is valid UTF-8 without control characters. The common case, ASCII, is checked 8 bytes at a
// time; anything that is not clearly plain takes the slow way.
func isPlain(s string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	if len(s) < 8 {
		for i := range len(s) {
			if s[i] < ' ' || s[i] >= 0x7f {
				return isPlainSlow(s)
			}
		}
		return true
	}
	for i := 0; ; i += 8 {
		// The last step may overlap the one before.
		w := word64(s[min(i, len(s)-8):])
		// The high bit of a byte shows in: w, if it is not ASCII; w+1, if it is DEL; w-32, if it is below the space. Borrows
		// and carries come only from bytes that show anyway.
		if (w|(w+ones)|(w-' '*ones))&high != 0 {
			return isPlainSlow(s)
		}
		if i+8 >= len(s) {
			return true
		}
	}
}

func isPlainSlow(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

// shownBytesMax bounds what a refusal repeats of a faulty text: it is kept with the result.
const shownBytesMax = 2 * TagBytesMax

// shownText is s as a refusal shows it: valid UTF-8, without control characters, of bounded length.
func shownText(s string) string {
	cut := s
	if len(s) > shownBytesMax {
		end := shownBytesMax
		for end > shownBytesMax-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		cut = s[:end] + "…"
	}
	if isPlain(cut) {
		return strings.Clone(cut)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, cut)
}
