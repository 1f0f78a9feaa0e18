package wire

import "fmt"

// lengthDigits is the fixed number of digits of a Content-Length, so that FillLength can write it after the body.
const lengthDigits = 8

// BodyBytesMax is the longest body that FillLength can state.
const BodyBytesMax = 99_999_999

// AppendBodyHead ends a request line that the caller began, such as "POST /v1/x", and adds the headers of a JSON body.
// The caller appends the body and hands the same mark to FillLength.
func AppendBodyHead(dst []byte, t *Target) (request []byte, mark int) {
	dst = t.appendHead(dst)
	dst = append(dst, "Content-Type: application/json\r\nContent-Length: 00000000\r\n\r\n"...)
	return dst, len(dst)
}

// FillLength writes the length of the body, which begins at mark, into the headers.
func FillLength(request []byte, mark int) {
	length := len(request) - mark
	if length > BodyBytesMax {
		panic(fmt.Sprintf("BUG: bench/wire: a body of %d bytes", length))
	}
	const blankLine = 4 // "\r\n\r\n"
	for i := range lengthDigits {
		request[mark-blankLine-1-i] = byte('0' + length%10)
		length /= 10
	}
}

// AppendGetEnd ends a request line that the caller began, such as "GET /v1/x".
func AppendGetEnd(dst []byte, t *Target) []byte {
	return append(t.appendHead(dst), "\r\n"...)
}

// appendHead ends the request line and adds the headers that every request has.
func (t *Target) appendHead(dst []byte) []byte {
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, t.Host...)
	if t.Token != "" {
		dst = append(dst, "\r\nAuthorization: Bearer "...)
		dst = append(dst, t.Token...)
	}
	return append(dst, "\r\n"...)
}

// AppendPadded writes a number with a fixed number of digits, with leading zeros.
func AppendPadded(dst []byte, n uint64, digits int) []byte {
	start := len(dst)
	for range digits {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
