// Package strictjson reads JSON strictly and writes it, without allocating on the paths that requests for stock take.
//
// It owns a scanner that hands out one value after another, with the path of the field at fault, and functions that
// append values to a buffer. For bodies that are few, Decode reads a whole text into a struct by a JSON library, with
// the strictness and the faults of the scanner. The package knows nothing of stock: its users know the fields. What it
// accepts is a subset of RFC 8259.
//
// # Strictness
//
// A text is refused at the first thing that is not understood: unknown and repeated fields (the user names the known
// ones), control characters even if escaped, lone surrogates, numbers with a fraction where a whole one is expected,
// anything after the value. A fault has a code, what was expected, the path of the field such as
// items[3].tags.Channel, the value and its place in the text.
//
// # Memory
//
// A string of the scanner aliases the text, or the scanner's buffer if it had an escape: both hold until the next
// Reset. What Decode reads is a copy.
//
// # Reading order
//
// scanner.go, value.go, fields.go; decode.go; append.go; limits.go.
package strictjson
