package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"apportion/engine/mem"
)

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

// isPlain reports whether s is valid UTF-8 without control characters. ASCII, the common case, is checked 8 bytes at a
// time; the rest goes the slow way.
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

// named is a pointer to an element of a list whose names must differ.
type named[E any] interface {
	*E
	name() string
}

// repeatedPairsMax is the length up to which comparing each pair of names is cheaper than a table.
const repeatedPairsMax = 12

// repeatedName gives the first element whose name an element before it has, or -1. It works on lists within the limits.
func repeatedName[E any, P named[E]](list []E) int {
	if len(list) < 2 {
		return -1
	}
	if len(list) > repeatedPairsMax {
		return repeatedNameByTable[E, P](list)
	}
	for i := range list {
		for k := range i {
			if P(&list[k]).name() == P(&list[i]).name() {
				return i
			}
		}
	}
	return -1
}

// nameSlots is the size of the table of names: a power of two, and roomy, so that chains stay short.
const nameSlots = 2048

const _ = uint(nameSlots - 2*OrderLinesMax)

const _ = uint(nameSlots - 2*CategoryValuesMax)

// repeatedNameByTable is repeatedName with an open-addressing table on the stack.
func repeatedNameByTable[E any, P named[E]](list []E) int {
	var slots [nameSlots]uint16 // 1 + index of the element, or 0
	for i := range list {
		name := P(&list[i]).name()
		at := mem.HashText(name) % nameSlots
		for ; slots[at] != 0; at = (at + 1) % nameSlots {
			if P(&list[slots[at]-1]).name() == name {
				return i
			}
		}
		slots[at] = uint16(i + 1)
	}
	return -1
}
