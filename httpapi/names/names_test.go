package names

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	f := func(name, clean, fault string) {
		t.Helper()
		if got, why := Clean(name); got != clean || why != fault {
			t.Errorf("Clean(%q) is %q, %q, want %q, %q", name, got, why, clean, fault)
		}
	}
	f("", "", "")
	f("SKU 123", "SKU 123", "")
	f("Café", "Café", "")
	f("Cafe\u0301", "Café", "")
	f("\u212b", "Å", "")    // the Ångström sign
	f("日本 倉庫", "日本 倉庫", "") // a space of other scripts, between words
	f("क्\u200dष", "क्\u200dष", "")
	f("❤\ufe0f", "❤\ufe0f", "") // a variation selector belongs to the character before it
	for _, blank := range []string{" ", "\u00a0", "\u1680", "\u2003", "\u202f", "\u3000", "\u200b", "\u200d", "\u2060",
		"\ufeff", "\u00ad", "\u3164", "\U000e0020"} {
		f("SKU"+blank, "SKU"+blank, Invisible)
		f(blank+"SKÜ", blank+"SKÜ", Invisible)
		f(blank, blank, Invisible)
	}
	for _, control := range []string{"\x00", "\t", "\n", "\x7f", "\u0085", "\u202e", "\u2066", "\u200e", "\u061c",
		"\u2028", "\u2029"} {
		f("S"+control+"U", "S"+control+"U", Control)
		f("SU"+control, "SU"+control, Control)
	}
	f("S\xff", "S\xff", NotUTF8)
	f("\xed\xa0\x80", "\xed\xa0\x80", NotUTF8) // a single surrogate
}

func TestFolded(t *testing.T) {
	f := func(a, b string, alike bool) {
		t.Helper()
		if (Folded(a) == Folded(b)) != alike {
			t.Errorf("%q and %q: alike is %t", a, b, !alike)
		}
	}
	f("Amazon", "amazon", true)
	f("Amazon", "Ａｍａｚｏｎ", true)
	f("Straße", "STRASSE", true)
	f("Café", "CAFE\u0301", true)
	f("Big Shop", "Big\u00a0Shop", true)
	f("eBay", "e\u200bBay", true)
	f("ΣΑΣ", "σας", true)
	f("Amazon", "Amazon2", false)
	f("Yes", "No", false)
}

func TestCleanAllocatesNothing(t *testing.T) {
	for _, name := range []string{"BC76845", "Café"} {
		if n := testing.AllocsPerRun(100, func() { Clean(name) }); n != 0 {
			t.Errorf("Clean(%q) allocates %v times", name, n)
		}
	}
}

// FuzzClean: a clean name does not change, and is valid.
func FuzzClean(f *testing.F) {
	f.Add("Cafe\u0301")
	f.Add(" a\u202e")
	f.Add(strings.Repeat("\u0301", 100))
	f.Fuzz(func(t *testing.T, name string) {
		clean, fault := Clean(name)
		if fault != "" {
			return
		}
		if again, fault := Clean(clean); again != clean || fault != "" || !utf8.ValidString(clean) {
			t.Errorf("%q becomes %q, and that %q, %q", name, clean, again, fault)
		}
		if folded := Folded(clean); Folded(folded) != folded {
			t.Errorf("%q folds to %q, and that to %q", clean, folded, Folded(folded))
		}
	})
}
