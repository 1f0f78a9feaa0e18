package cursor

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"
)

// TestRoundTrip: each place comes back unchanged, and its cursor needs no escapes in a URL.
func TestRoundTrip(t *testing.T) {
	f := func(kind Kind, key Key) {
		t.Helper()
		text := string(Append(nil, kind, key))
		if len(text) > BytesMax {
			t.Errorf("%+v: the cursor has %d bytes", key, len(text))
		}
		if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			t.Errorf("%+v: a URL would have to escape %q", key, text)
		}
		got, err := Parse(kind, text)
		if err != nil || got != key {
			t.Errorf("%+v: read back as %+v, %v", key, got, err)
		}
		if _, err := Parse(kind+1, text); err != ErrInvalid {
			t.Errorf("%+v: another list takes the cursor", key)
		}
	}
	f(Records, Key{})
	f(Records, Key{First: "Nürnberg 1", Second: "0885\x7f"})
	f(Orders, Key{Number: math.MaxUint64, First: "O-1"})
	f(Copy, Key{Number: 127, First: strings.Repeat("l", TextBytesMax), Second: strings.Repeat("u", TextBytesMax)})
	f(Changes, Key{Number: 128})
}

// TestGolden: clients keep cursors, so their form must not change.
func TestGolden(t *testing.T) {
	text := string(Append(nil, Records, Key{Number: 300, First: "STORE-1", Second: "A"}))
	if want := "AQGsAgdTVE9SRS0xAUE"; text != want {
		t.Errorf("the cursor is %q, was %q", text, want)
	}
}

// TestRefused: one place has one cursor. A shorter or longer text, or another version, is refused.
func TestRefused(t *testing.T) {
	f := func(raw ...byte) {
		t.Helper()
		if key, err := Parse(Records, base64.RawURLEncoding.EncodeToString(raw)); err != ErrInvalid {
			t.Errorf("% x is read as %+v, %v", raw, key, err)
		}
	}
	f()
	f(version)
	f(version, byte(Records))
	f(version, byte(Records), 0)
	f(version, byte(Records), 0, 0)
	f(version, byte(Records), 0, 1, 'L')
	f(version, byte(Records), 0, 2, 'L')
	f(version, byte(Records), 0, 1, 'L', 1)
	f(version, byte(Records), 0, 0, 0, 0)
	f(version, byte(Records), 0x80, 0, 0, 0) // a longer form of 0
	f(version, byte(Records), 0x80)
	f(version, byte(Records), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0)
	f(version+1, byte(Records), 0, 0, 0)
	f(0, byte(Records), 0, 0, 0)
	if _, err := Parse(Records, base64.RawURLEncoding.EncodeToString(
		[]byte{version, byte(Records), 0, 0, 0})); err != nil {
		t.Errorf("the shortest cursor: %v", err)
	}
	for _, text := range []string{"", "=", "AQEAAAA=", "AQEAAAB", "AQEA\nAAA", "AQEA AAA", "AQE+AAA",
		strings.Repeat("A", BytesMax+1)} {
		if key, err := Parse(Records, text); err != ErrInvalid {
			t.Errorf("%q is read as %+v, %v", text, key, err)
		}
	}
}

// FuzzParse: each text is refused, or is exactly the cursor of the parsed place.
func FuzzParse(f *testing.F) {
	f.Add(byte(Records), string(Append(nil, Records, Key{First: "STORE-1", Second: "0885"})))
	f.Add(byte(Orders), string(Append(nil, Orders, Key{Number: 1 << 40, First: "O-1"})))
	f.Add(byte(Changes), string(Append(nil, Changes, Key{Number: 7})))
	f.Add(byte(UPCs), "AQM")
	f.Fuzz(func(t *testing.T, kind byte, text string) {
		key, err := Parse(Kind(kind), text)
		if err != nil {
			return
		}
		if again := string(Append(nil, Kind(kind), key)); again != text {
			t.Errorf("%q is read as %+v, whose cursor is %q", text, key, again)
		}
	})
}
