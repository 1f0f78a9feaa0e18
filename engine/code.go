package engine

// Code is the outcome of a command or of one of its lines. Codes are ordered by precedence: where several would apply,
// the smallest is given, except that what is wrong with the command as a whole (CodeExpired of an Allocate,
// CodeUnknownCount, CodeVersionMismatch) is said before its lines are looked at. The numbers are stored with results
// and never reused; the texts are part of the API.
type Code uint8

// The codes, by precedence.
const (
	CodeOK Code = iota

	// CodeInvalid: a field's value is outside its limits; Field and Value name it.
	CodeInvalid
	// CodeKeyReused: the idempotency key was used with another body; Field names what differs.
	CodeKeyReused
	// CodeRetry: the stored order that the command carries may have changed since it was read; send it again.
	CodeRetry
	// CodeUnknownCategory: no such tag category.
	CodeUnknownCategory
	// CodeUnknownValue: no such value in the tag category.
	CodeUnknownValue
	// CodeDuplicate: two items of the command set the same thing, or a tag names a category twice.
	CodeDuplicate
	// CodeUnknownOrder: no such order.
	CodeUnknownOrder
	// CodeUnknownItem: the order has no such item.
	CodeUnknownItem
	// CodeItemConflict: the order item exists with another content; Field names what differs.
	CodeItemConflict
	// CodeUnknownRecord: the UPC has no record at the location.
	CodeUnknownRecord
	// CodeUnknownSegment: the record has no such segment.
	CodeUnknownSegment
	// CodeUnknownCount: the location has no open count of that name.
	CodeUnknownCount
	// CodeCountOpen: the location has an open count already.
	CodeCountOpen
	// CodeExpired: the reservation's end, or the delivery date, lies in the past.
	CodeExpired
	// CodeNotReserved: the order item is no reservation, so there is nothing to confirm.
	CodeNotReserved
	// CodeInsufficient: the segment has fewer available units than asked for.
	CodeInsufficient
	// CodeExceedsLeft: more units than the order item has left for this action.
	CodeExceedsLeft
	// CodeOnHandBelowZero: the change would push on hand below zero.
	CodeOnHandBelowZero
	// CodeInUse: stock or promises stand in the way of removing a value, a category or a record.
	CodeInUse
	// CodeTooMany: a limit of the state (segments of a record, items of an order, ...) is reached; Field names it.
	CodeTooMany
	// CodeUnavailable: the line was fine, but the command was refused as a whole for other lines.
	CodeUnavailable

	// CodeUnknownRule: no such rule, or no such version of it.
	CodeUnknownRule
	// CodeRuleConflict: another rule is active for an equal scope, or for one of the same precedence that overlaps it;
	// Value names it.
	CodeRuleConflict
	// CodeRuleRefused: the rule refused the line; the line's Reason says why.
	CodeRuleRefused
	// CodeRuleFailed: the rule failed, or is suspended, and its OnError refuses the line.
	CodeRuleFailed
	// CodeNotActive: the rule is not active for the hook and the scope.
	CodeNotActive
	// CodeNothingLeft: nothing is left of the order or the item for this action, and the action was not done to it
	// before; the Reason of its lines says what became of the units: a MovementKind's text.
	CodeNothingLeft
	// CodeUnknownWebhook: no such webhook.
	CodeUnknownWebhook
	// CodeVersionMismatch: a record does not have the version that an item depends on; Result.Records has it as it is.
	// Or an order has changed since the command's sender saw it.
	CodeVersionMismatch

	codesCount
)

var codeTexts = [codesCount]string{
	CodeOK:              "ok",
	CodeInvalid:         "invalid",
	CodeKeyReused:       "idempotency-key-reused",
	CodeRetry:           "retry",
	CodeUnknownCategory: "unknown-category",
	CodeUnknownValue:    "unknown-value",
	CodeDuplicate:       "duplicate",
	CodeUnknownOrder:    "unknown-order",
	CodeUnknownItem:     "unknown-item",
	CodeItemConflict:    "order-item-conflict",
	CodeUnknownRecord:   "unknown-record",
	CodeUnknownSegment:  "unknown-segment",
	CodeUnknownCount:    "unknown-count",
	CodeCountOpen:       "count-open",
	CodeExpired:         "expired",
	CodeNotReserved:     "not-reserved",
	CodeInsufficient:    "insufficient",
	CodeExceedsLeft:     "exceeds-left",
	CodeOnHandBelowZero: "on-hand-below-zero",
	CodeInUse:           "in-use",
	CodeTooMany:         "too-many",
	CodeUnavailable:     "not-attempted",
	CodeUnknownRule:     "unknown-rule",
	CodeRuleConflict:    "rule-conflict",
	CodeRuleRefused:     "rule-refused",
	CodeRuleFailed:      "rule-failed",
	CodeNotActive:       "rule-not-active",
	CodeNothingLeft:     "nothing-left",
	CodeUnknownWebhook:  "unknown-webhook",
	CodeVersionMismatch: "version-mismatch",
}

// String is the code's stable text, as the API shows it.
func (c Code) String() string {
	if c < codesCount {
		return codeTexts[c]
	}
	return "unknown-code"
}
