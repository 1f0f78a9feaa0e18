package strictjson

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// The elements of JSON, appended without reflection.

const hexDigits = "0123456789abcdef"

// AppendString appends s in quotes. Bytes that are not valid UTF-8 become the replacement character.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	plain := 0 // where the text begins that needs no escape and is not yet appended
	for i := 0; i < len(s); {
		c := s[i]
		if stringClasses[c] == bytePlain {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, s[plain:i]...)
				dst = append(dst, "\ufffd"...)
				plain = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[plain:i]...)
		dst = appendEscape(dst, c)
		i++
		plain = i
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	if c == '"' || c == '\\' {
		return append(dst, '\\', c)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

func AppendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// AppendNumber appends a member with a number: name is everything before it, such as `,"onHand":`.
func AppendNumber(dst []byte, name string, n int64) []byte {
	dst = append(dst, name...)
	return strconv.AppendInt(dst, n, 10)
}

// AppendText appends a member with a string.
func AppendText(dst []byte, name, text string) []byte {
	dst = append(dst, name...)
	return AppendString(dst, text)
}

// AppendBool appends a member that is true or false.
func AppendBool(dst []byte, name string, on bool) []byte {
	dst = append(dst, name...)
	return strconv.AppendBool(dst, on)
}

// timeLayout is the form of all times in replies: RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// FormatTime gives a time in the form of replies.
func FormatTime(unixMS int64) string { return time.UnixMilli(unixMS).UTC().Format(timeLayout) }

// AppendTime appends a time, or null for 0.
func AppendTime(dst []byte, name string, unixMS int64) []byte {
	dst = append(dst, name...)
	if unixMS == 0 {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = time.UnixMilli(unixMS).UTC().AppendFormat(dst, timeLayout)
	return append(dst, '"')
}

// AppendPercent appends basis points as a percentage with no more decimals than it needs, or null for none (negative).
func AppendPercent(dst []byte, basisPoints int32) []byte {
	if basisPoints < 0 {
		return append(dst, "null"...)
	}
	dst = AppendInt(dst, int64(basisPoints/100))
	hundredths := byte(basisPoints % 100)
	if hundredths == 0 {
		return dst
	}
	dst = append(dst, '.', '0'+hundredths/10)
	if hundredths%10 != 0 {
		dst = append(dst, '0'+hundredths%10)
	}
	return dst
}

// Comma appends a comma before an element of a list, unless it is the first.
func Comma(dst []byte, index int) []byte {
	if index > 0 {
		return append(dst, ',')
	}
	return dst
}
