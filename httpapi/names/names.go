package names

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// The faults that Clean finds.
const (
	NotUTF8   = "a name is valid UTF-8"
	Invisible = "a name has no blank and no invisible character at either end"
	Control   = "a name has no control characters, no line separators and none that set the direction of writing"
)

// Clean gives a name in the form in which names are kept. fault is one of the texts above if the name cannot have that
// form, else empty. A name that has the form already is not copied.
func Clean(name string) (clean, fault string) {
	if isASCII(name) {
		return name, asciiFault(name)
	}
	if !utf8.ValidString(name) {
		return name, NotUTF8
	}
	clean = norm.NFC.String(name)
	for _, r := range clean {
		if unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return clean, Control
		}
	}
	first, _ := utf8.DecodeRuneInString(clean)
	last, _ := utf8.DecodeLastRuneInString(clean)
	if isInvisible(first) || isInvisible(last) {
		return clean, Invisible
	}
	return clean, ""
}

// Shown is a refused name for people: with escapes for invisible characters.
func Shown(name string) string {
	quoted := strconv.Quote(name)
	return quoted[1 : len(quoted)-1]
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func asciiFault(name string) string {
	for i := range len(name) {
		if name[i] < ' ' || name[i] == 0x7f {
			return Control
		}
	}
	if name != "" && (name[0] == ' ' || name[len(name)-1] == ' ') {
		return Invisible
	}
	return ""
}

// isInvisible reports whether a character at the end of a text is invisible.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.White_Space, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}

// Folded gives the same text for names that look alike: names that differ in case, in the width or style of letters, or
// in format characters.
func Folded(name string) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) {
			return -1
		}
		return r
	}, norm.NFKC.String(name))
	return norm.NFKC.String(cases.Fold().String(visible))
}
