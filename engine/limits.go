package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"apportion/engine/mem"
)

// Limits of the engine. Each bounds something a caller could otherwise grow without end; a breach is answered with
// CodeInvalid and the name of the field.
const (
	// UPCBytesMax, LocationBytesMax, OrderIDBytesMax, ItemIDBytesMax and TagBytesMax bound the identities, in bytes.
	UPCBytesMax      = 64
	LocationBytesMax = 64
	OrderIDBytesMax  = 64
	ItemIDBytesMax   = 64
	TagBytesMax      = 64

	// KeyBytesMax bounds an idempotency key, in bytes. It is larger than an identity because a request for many orders
	// derives one key per order from the client's.
	KeyBytesMax = 144

	// QuantityMax bounds every quantity that a command names, in units.
	QuantityMax = 1_000_000_000_000

	// RefreshItemsMax, AdjustItemsMax and TransferItemsMax bound the items of one stock command.
	RefreshItemsMax  = 12_000
	AdjustItemsMax   = 12_000
	TransferItemsMax = 1_000

	// StockReasonBytesMax and StockReferenceBytesMax bound why stock is changed, in bytes.
	StockReasonBytesMax    = 64
	StockReferenceBytesMax = 64

	// OrderLinesMax bounds the lines of one order command.
	OrderLinesMax = 1_000

	// AttributesMax bounds the attributes of an order line, AttributeBytesMax their names and values, in bytes.
	AttributesMax     = 32
	AttributeBytesMax = 256

	// CandidatesMax bounds the candidates that a rule names for an order line.
	CandidatesMax = 64

	// RuleNameBytesMax, RuleSourceBytesMax, RuleAuthorBytesMax and RuleReasonBytesMax bound the texts of rules, in
	// bytes.
	RuleNameBytesMax   = 64
	RuleSourceBytesMax = 64 << 10
	RuleAuthorBytesMax = 128
	RuleReasonBytesMax = 256

	// RulesMax, RuleVersionsMax and RuleActivationsMax bound the rules, the versions kept of each (the oldest that is
	// not active goes first), and what is active.
	RulesMax           = 256
	RuleVersionsMax    = 50
	RuleActivationsMax = 256

	// RuleSourcesBytesMax bounds the sources of all versions together, in bytes.
	RuleSourcesBytesMax = 64 << 20

	// RuleScopeLocationsMax bounds the locations that a rule's scope names.
	RuleScopeLocationsMax = 1_000

	// RuleFailuresMax bounds ActivateRule.FailuresMax.
	RuleFailuresMax = 1_000_000

	// OrderItemsMax bounds the items of one order, over all its commands.
	OrderItemsMax = 10_000

	// RedistributeItemsMax bounds the records of one RedistributePlan.
	RedistributeItemsMax = 1_000

	// ScopeNamesMax bounds the UPCs, and the locations, that Redistribute and Delete name.
	ScopeNamesMax = 12_000

	// CategoriesMax and CategoryValuesMax bound the schema.
	CategoriesMax     = 8
	CategoryValuesMax = 256

	// DistributedCategoriesMax keeps the product of basis points (10^4 each) inside 64 bits.
	DistributedCategoriesMax = 4

	// DistributedCombinationsMax bounds the segments that one split can create in one group of a record.
	DistributedCombinationsMax = 1024

	// SegmentsPerRecordMax bounds the segments of one record.
	SegmentsPerRecordMax = 4096

	// TagSetsMax bounds the combinations of values that segments have had since the first category was put: each is
	// kept for ever, since orders and events refer to it.
	TagSetsMax = 100_000

	// FuturesPerRecordMax bounds the deliveries that one record waits for.
	FuturesPerRecordMax = 1024

	// MovementsPerItemMax bounds the history kept with one order item; the oldest movement goes first.
	MovementsPerItemMax = 64

	// IdempotencyResultsMax, IdempotencyBytesMax and IdempotencyAgeMS bound the kept results; the oldest goes first.
	IdempotencyResultsMax = 1_000_000
	IdempotencyBytesMax   = 1 << 30
	IdempotencyAgeMS      = 24 * 60 * 60 * 1000

	// IdempotencyCommandBytesMax is the size up to which a command is kept whole beside its result, so that a key
	// reused with another body can be answered with the field that differs. Longer commands are kept as hashes of their
	// parts.
	IdempotencyCommandBytesMax = 2048

	// ClosedOrderEntries is how many log entries a closed order stays in memory after its last change.
	ClosedOrderEntries = 100_000

	// RecordUnitsMax bounds what a record has on hand and as safety stock together, and what it has pending.
	RecordUnitsMax = 1_000 * QuantityMax

	// ReportedItemsMax bounds the items that a refusal, a dry run or a delete lists one by one; the counts stay exact.
	ReportedItemsMax = 1_000

	// PlannedChangesMax bounds the changes that the result of a RedistributePlan lists. It is far more, because a
	// request that asked for the plans adds them up.
	PlannedChangesMax = 100_000
)

// A record's units are weights where too few are left for all promises, and nothing comes near an overflow.
const (
	_ = uint64(splitWeightSumMax) - 3*RecordUnitsMax
	_ = uint64(1<<55) - 3*RecordUnitsMax
)

const (
	// EventsMax and EventAgeMS bound the kept events; the oldest goes first.
	EventsMax  = 100_000
	EventAgeMS = 7 * 24 * 60 * 60 * 1000

	// DeletionsMax bounds the deletions of records that are kept for those who follow the changes; the oldest goes
	// first. They are kept as long as events.
	DeletionsMax = 1_000_000

	// ExplanationsMax and ExplanationAgeMS bound the kept explanations of lines for which a rule was asked; the oldest
	// goes first.
	ExplanationsMax  = 100_000
	ExplanationAgeMS = 7 * 24 * 60 * 60 * 1000

	// JobsMax and JobAgeMS bound the kept jobs; the oldest goes first. JobFaultsMax bounds the lines that a job lists
	// as refused.
	JobsMax      = 100_000
	JobAgeMS     = 7 * 24 * 60 * 60 * 1000
	JobFaultsMax = 32

	// LocationsMax bounds the locations with details beside their stock, LocationNameBytesMax their texts, in
	// bytes.
	LocationsMax         = 10_000
	LocationNameBytesMax = 128

	// LocationGroupsMax bounds the groups of locations, LocationGroupMembersMax the locations that all groups have
	// together: they are one row of the durable form.
	LocationGroupsMax       = 1_000
	LocationGroupMembersMax = 100_000

	// JobTypeBytesMax and JobOwnerBytesMax bound the texts of a job's description, in bytes.
	JobTypeBytesMax  = 32
	JobOwnerBytesMax = 64

	// WebhooksMax bounds the webhooks, WebhookNameBytesMax, WebhookURLBytesMax and WebhookReasonBytesMax their texts,
	// in bytes, WebhookLocationsMax the locations that a filter names.
	WebhooksMax           = 64
	WebhookNameBytesMax   = 64
	WebhookURLBytesMax    = 2048
	WebhookReasonBytesMax = 256
	WebhookLocationsMax   = 1_000

	// WebhookSecretBytesMin and WebhookSecretBytesMax bound a secret without its prefix and encoding, in bytes.
	// WebhookSecretAgeMS is how long one that was replaced goes on signing.
	WebhookSecretBytesMin = 24
	WebhookSecretBytesMax = 64
	WebhookSecretAgeMS    = 24 * 60 * 60 * 1000

	// CountAgeMS is how long a stock count stays open at most.
	CountAgeMS = 24 * 60 * 60 * 1000

	// CountsMax bounds the stock counts open at one time.
	CountsMax = 1_000

	// CloseRecordsMax bounds the records that one CloseCount looks at.
	CloseRecordsMax = 10_000
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
