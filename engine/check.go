package engine

import (
	"apportion/engine/mem"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// countBytesMax bounds the name of a stock count, in bytes. It is an identity like the others.
const countBytesMax = LocationBytesMax

// Fault is what is wrong with a command, or with a part of it. nil means that nothing is wrong, so checking a correct
// command allocates nothing.
type Fault struct {
	Field  string // the path to the field, seen from the part
	Value  string // as a refusal repeats it
	Reason string // for people: what is wrong, and what is expected; no part of a Result
}

// textFault is the fault of a text that fails IsText, or isOptionalText.
func textFault(field, s string, bytesMax int) *Fault {
	reason := "it has a control character, or is not valid UTF-8"
	switch {
	case s == "":
		reason = fmt.Sprintf("it is empty; 1 to %d bytes are expected", bytesMax)
	case len(s) > bytesMax:
		reason = fmt.Sprintf("it has %d bytes; at most %d are allowed", len(s), bytesMax)
	}
	return &Fault{field, shownText(s), reason}
}

// numberFault is the fault of a number outside its range.
func numberFault(field string, n, numberMin, numberMax int64) *Fault {
	reason := fmt.Sprintf("a number from %d to %d is expected", numberMin, numberMax)
	return &Fault{field, strconv.FormatInt(n, 10), reason}
}

// sizeFault is the fault of a list that is too short or too long.
func sizeFault(field string, elements, elementsMin, elementsMax int) *Fault {
	reason := fmt.Sprintf("it has %d elements; %d to %d are allowed", elements, elementsMin, elementsMax)
	return &Fault{field, strconv.Itoa(elements), reason}
}

// repeatedFault is the fault of a name that an earlier element of its list has.
func repeatedFault(field, name string) *Fault {
	return &Fault{field, shownText(name), "an earlier element of the list has the same " + field}
}

// in is the fault seen from the list that the part is an element of.
func (f *Fault) in(list string, i int) *Fault {
	return &Fault{fmt.Sprintf("%s[%d].%s", list, i, f.Field), f.Value, f.Reason}
}

// CheckCommand checks the limits and the shape of a command, for which no state is needed. It gives the first fault, or
// nil. Apply answers a command with a fault by CodeInvalid.
func CheckCommand(c Command) *Fault { return c.check() }

// CheckItem checks one item of a Refresh or an Adjust, by kind. The fault's field is one of the item.
func CheckItem(kind Kind, it *StockItem) *Fault { return checkItem(kind, it) }

// checkKey checks an idempotency key. An empty key is none.
func checkKey(key string) *Fault {
	if !isOptionalText(key, KeyBytesMax) {
		return textFault("Idempotency-Key", key, KeyBytesMax)
	}
	return nil
}

func (c *Refresh) check() *Fault {
	if !IsText(c.Location, LocationBytesMax) {
		return textFault("location", c.Location, LocationBytesMax)
	}
	if !isOptionalText(c.Count, countBytesMax) {
		return textFault("count", c.Count, countBytesMax)
	}
	if f := checkSize("items", len(c.Items), 1, RefreshItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkItem(KindRefresh, &c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func (c *Adjust) check() *Fault {
	if !IsText(c.Location, LocationBytesMax) {
		return textFault("location", c.Location, LocationBytesMax)
	}
	if f := checkSize("items", len(c.Items), 1, AdjustItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkItem(KindAdjust, &c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

// checkItem checks one item of a Refresh or an Adjust.
func checkItem(kind Kind, it *StockItem) *Fault {
	if f := checkStockItem(it); f != nil {
		return f
	}
	if kind == KindRefresh {
		return checkQuantity("quantity", it.Quantity, 0)
	}
	return checkChange(it)
}

// checkChange checks the signed quantity of an Adjust: an item that changes nothing is a mistake.
func checkChange(it *StockItem) *Fault {
	if it.Quantity == 0 && it.Has != 0 {
		return nil
	}
	if it.Quantity == 0 || it.Quantity < -QuantityMax || it.Quantity > QuantityMax {
		return &Fault{"quantity", strconv.FormatInt(it.Quantity, 10),
			fmt.Sprintf("a number from %d to %d other than 0 is expected", -QuantityMax, QuantityMax)}
	}
	return nil
}

// checkStockItem checks everything but the quantity, whose range depends on the command.
func checkStockItem(it *StockItem) *Fault {
	if !IsText(it.UPC, UPCBytesMax) {
		return textFault("upc", it.UPC, UPCBytesMax)
	}
	if f := checkTags("tags", it.Tags); f != nil {
		return f
	}
	if it.Has != 0 {
		if f := checkStockFields(it); f != nil {
			return f
		}
	}
	if it.DeliveryDateMS < 0 {
		return numberFault("deliveryDate", it.DeliveryDateMS, 0, math.MaxInt64)
	}
	return nil
}

func checkStockFields(it *StockItem) *Fault {
	if it.Has&^stockFieldsKnown != 0 {
		return numberFault("fields", int64(it.Has), 0, int64(stockFieldsKnown))
	}
	if it.Has&HasSafetyStock != 0 {
		if f := checkQuantity("safetyStock", it.SafetyStock, 0); f != nil {
			return f
		}
	}
	if it.Has&HasFloor != 0 {
		if f := checkQuantity("floor", it.Floor, 0); f != nil {
			return f
		}
	}
	if it.Has&HasLTD != 0 {
		return checkQuantity("ltd", it.LTD, 0)
	}
	return nil
}

func (c *Transfer) check() *Fault {
	if f := checkSize("items", len(c.Items), 1, TransferItemsMax); f != nil {
		return f
	}
	for i := range c.Items {
		if f := checkTransferItem(&c.Items[i]); f != nil {
			return f.in("items", i)
		}
	}
	return nil
}

func checkTransferItem(it *TransferItem) *Fault {
	if !IsText(it.UPC, UPCBytesMax) {
		return textFault("upc", it.UPC, UPCBytesMax)
	}
	if !IsText(it.FromLocation, LocationBytesMax) {
		return textFault("from.location", it.FromLocation, LocationBytesMax)
	}
	if f := checkTags("from.tags", it.FromTags); f != nil {
		return f
	}
	if !IsText(it.ToLocation, LocationBytesMax) {
		return textFault("to.location", it.ToLocation, LocationBytesMax)
	}
	if f := checkTags("to.tags", it.ToTags); f != nil {
		return f
	}
	return checkQuantity("quantity", it.Quantity, 1)
}

func checkScope(s *Scope) *Fault {
	if len(s.UPCs) == 0 && len(s.Locations) == 0 && !s.All {
		return &Fault{"all", "false", "a list of UPCs or of locations is expected, or all: true for every record"}
	}
	if f := checkNames("upcs", s.UPCs, UPCBytesMax); f != nil {
		return f
	}
	return checkNames("locations", s.Locations, LocationBytesMax)
}

func checkNames(list string, names []string, bytesMax int) *Fault {
	if f := checkSize(list, len(names), 0, ScopeNamesMax); f != nil {
		return f
	}
	for i, name := range names {
		if !IsText(name, bytesMax) {
			return textFault(fmt.Sprintf("%s[%d]", list, i), name, bytesMax)
		}
	}
	return nil
}

func checkCount(location, count string) *Fault {
	if !IsText(location, LocationBytesMax) {
		return textFault("location", location, LocationBytesMax)
	}
	if !IsText(count, countBytesMax) {
		return textFault("count", count, countBytesMax)
	}
	return nil
}

// checkTags checks the texts of a tag list. Whether the tags exist, and that none names a category twice, is the
// schema's to say.
func checkTags(field string, tags []Tag) *Fault {
	if f := checkSize(field, len(tags), 0, CategoriesMax); f != nil {
		return f
	}
	for i := range tags {
		if !IsText(tags[i].Category, TagBytesMax) {
			return textFault(field, tags[i].Category, TagBytesMax)
		}
		if !IsText(tags[i].Value, TagBytesMax) {
			return textFault(field+"."+tags[i].Category, tags[i].Value, TagBytesMax)
		}
	}
	return nil
}

// checkSize checks the number of elements of a list.
func checkSize(field string, elements, elementsMin, elementsMax int) *Fault {
	if elements < elementsMin || elements > elementsMax {
		return sizeFault(field, elements, elementsMin, elementsMax)
	}
	return nil
}

// checkQuantity checks a number of units, or of days, against its smallest value and QuantityMax.
func checkQuantity(field string, quantity, quantityMin int64) *Fault {
	if quantity < quantityMin || quantity > QuantityMax {
		return numberFault(field, quantity, quantityMin, QuantityMax)
	}
	return nil
}

// IsText reports whether s may stand where a text must be given.
func IsText(s string, bytesMax int) bool { return s != "" && isOptionalText(s, bytesMax) }

// isOptionalText reports whether s may stand where a text may be empty.
func isOptionalText(s string, bytesMax int) bool { return len(s) <= bytesMax && isPlain(s) }

// isPlain reports whether s is valid UTF-8 without control characters. The common case, ASCII, is checked 8 bytes at a
// time; anything that is not clearly plain takes the slow way.
func isPlain(s string) bool {
	const padding = 0x2020202020000000 // five spaces
	switch {
	case len(s) >= 8:
		suspects := suspectBytes(mem.Word64(s[len(s)-8:])) // may overlap the last step of the loop
		for rest := s; len(rest) > 8; rest = rest[8:] {
			suspects |= suspectBytes(mem.Word64(rest))
		}
		return suspects == 0 || isPlainSlow(s)
	case len(s) >= 4:
		return suspectBytes(mem.Word32(s)|mem.Word32(s[len(s)-4:])<<32) == 0 || isPlainSlow(s)
	case len(s) > 0:
		w := uint64(s[0]) | uint64(s[len(s)/2])<<8 | uint64(s[len(s)-1])<<16
		return suspectBytes(w|padding) == 0 || isPlainSlow(s)
	default:
		return true
	}
}

// suspectBytes is 0 if the 8 bytes of w are all ASCII without control characters. The high bit of a byte shows in w if
// it is not ASCII, in w+1 if it is DEL, and in w-32 if it is below the space. Carries and borrows come only from bytes
// that show anyway.
func suspectBytes(w uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return (w | (w + ones) | (w - ' '*ones)) & high
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
