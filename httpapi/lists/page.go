package lists

import (
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// What pages of all lists have in common.

// invalidCursor is the code of a text that is no cursor of the list.
const invalidCursor = "invalid-cursor"

// BadCursor is the fault of a text that is no cursor of the list.
func BadCursor(text string) strictjson.Fault {
	return strictjson.Fault{Code: invalidCursor, Detail: "this is no cursor of this list: hand back next of an " +
		"earlier reply of the same list, or begin without a cursor", Field: "cursor", Value: text, Offset: -1}
}

// oneOf is the fault of a parameter that has none of the words.
func oneOf(field, value string, words []string) strictjson.Fault {
	return strictjson.Fault{Code: engine.CodeInvalid.String(), Detail: "one of " + strings.Join(words, ", ") +
		" is expected", Field: field, Value: value, Offset: -1}
}

// AppendNext appends the cursor of the next page as a member, or null.
func AppendNext(dst []byte, next string) []byte {
	if next == "" {
		return append(dst, `,"next":null`...)
	}
	return strictjson.AppendText(dst, `,"next":`, next)
}
