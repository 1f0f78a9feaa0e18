package cursor

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// Kind is the list that a cursor belongs to. The numbers are part of cursors that clients keep: none is used again.
type Kind byte

// The kinds of cursors, with what their keys hold.
const (
	Records   Kind = 1 + iota // Number: the order, 1 by location, 2 by UPC; First: location, Second: UPC
	Locations                 // First: location
	UPCs                      // First: UPC
	Query                     // Number: place of an item in the query; First: location, Second: UPC
	Orders                    // Number: the change; First: row, in digits
	Changes                   // Number: the change
	Copy                      // Number: the change at its beginning; First: location, Second: UPC
	History                   // Number: the event
)

// Key is the place where a page ended. What the fields mean is a matter of the kind.
type Key struct {
	Number uint64
	First  string
	Second string
}

// TextBytesMax bounds First and Second. Names have at most 64 bytes.
const TextBytesMax = 255

// BytesMax bounds a cursor.
const BytesMax = (2+binary.MaxVarintLen64+2*(1+TextBytesMax))/3*4 + 4

// version is the first byte of a cursor. One that the server does not know was made by a newer server.
const version = 1

// ErrInvalid is the error of a text that is no cursor of the list. The client begins the list again.
var ErrInvalid = errors.New("the text is no cursor of this list")

// encoding has no characters that a URL would have to escape, and one text for each cursor.
var encoding = base64.RawURLEncoding.Strict()

// Append appends the cursor of a place. The texts have at most TextBytesMax bytes. It is the only form of that place.
func Append(dst []byte, kind Kind, key Key) []byte {
	if len(key.First) > TextBytesMax || len(key.Second) > TextBytesMax {
		panic("BUG: a cursor's text is longer than any name")
	}
	var buffer [BytesMax]byte
	raw := append(buffer[:0], version, byte(kind))
	raw = binary.AppendUvarint(raw, key.Number)
	raw = append(append(raw, byte(len(key.First))), key.First...)
	raw = append(append(raw, byte(len(key.Second))), key.Second...)
	return encoding.AppendEncode(dst, raw)
}

// Parse reads a cursor of the given kind. It refuses every text that Append does not write.
func Parse(kind Kind, text string) (key Key, err error) {
	if len(text) > BytesMax {
		return Key{}, ErrInvalid
	}
	for i := range len(text) {
		if text[i] == '\r' || text[i] == '\n' { // which the decoder would pass over
			return Key{}, ErrInvalid
		}
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) < 2 || raw[0] != version || raw[1] != byte(kind) {
		return Key{}, ErrInvalid
	}
	number, read := binary.Uvarint(raw[2:])
	if read <= 0 || read > 1 && raw[2+read-1] == 0 { // too short, too large, or not the shortest form
		return Key{}, ErrInvalid
	}
	first, raw, ok := cutText(raw[2+read:])
	if !ok {
		return Key{}, ErrInvalid
	}
	second, raw, ok := cutText(raw)
	if !ok || len(raw) > 0 {
		return Key{}, ErrInvalid
	}
	return Key{Number: number, First: first, Second: second}, nil
}

// cutText cuts a text off the beginning of raw.
func cutText(raw []byte) (text string, rest []byte, ok bool) {
	if len(raw) == 0 || len(raw)-1 < int(raw[0]) {
		return "", nil, false
	}
	end := 1 + int(raw[0])
	return string(raw[1:end]), raw[end:], true
}
