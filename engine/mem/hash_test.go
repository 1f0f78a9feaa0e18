package mem

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"
)

// TestHashGolden fixes the hash: stored digests and unbiased splits depend on it.
func TestHashGolden(t *testing.T) {
	tests := []struct {
		text string
		want uint64
	}{
		{"", 0x18c7fcc651d1587e},
		{"a", 0x1780e839c1c2eb93},
		{"S1", 0x73d0ba44eac93675},
		{"abc", 0x856cb06126f20fdd},
		{"abcd", 0x59b85861eb446fc},
		{"12345678", 0xa8c344119b652d1c},
		{"0123456789012", 0x754addf06dc5e25b},
		{"0123456789abcdef", 0x7ecdb1316d468bfe},
		{"0123456789abcdefg", 0xc67af95c2bf2a6c},
		{strings.Repeat("0123456789", 6), 0xd6abab2812920d27},
	}
	for _, tt := range tests {
		if got := HashText(tt.text); got != tt.want {
			t.Errorf("hashText(%q) = %#x, want %#x", tt.text, got, tt.want)
		}
	}
	if got, want := HashText2("0042", "S1"), uint64(0x81bf05c0c02175ec); got != want {
		t.Errorf("hashText2 = %#x, want %#x", got, want)
	}
}

func TestHashText2TellsPairsApart(t *testing.T) {
	pairs := [][2]string{{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"c", "ab"}, {"", ""}}
	seen := map[uint64][2]string{}
	for _, p := range pairs {
		h := HashText2(p[0], p[1])
		if other, found := seen[h]; found {
			t.Errorf("%q and %q have the same hash", p, other)
		}
		seen[h] = p
	}
}

// TestHashAvalanche flips each bit of texts of each length: every bit of the hash must flip in about half the cases.
func TestHashAvalanche(t *testing.T) {
	const texts = 2000
	for _, length := range []int{3, 4, 7, 8, 12, 16, 17, 31, 64} {
		flips := [64]int{}
		cases := 0
		for n := range texts {
			text := []byte(fmt.Sprintf("%064d", n*7919))[64-length:]
			before := HashText(string(text))
			bit := n % (8 * length)
			text[bit/8] ^= 1 << (bit % 8)
			changed := before ^ HashText(string(text))
			for ; changed != 0; changed &= changed - 1 {
				flips[bits.TrailingZeros64(changed)]++
			}
			cases++
		}
		for bit, count := range flips {
			// 6 standard deviations of a fair coin: sqrt(2000)/2 = 22.
			if count < cases/2-134 || count > cases/2+134 {
				t.Errorf("length %d: bit %d flips in %d of %d cases", length, bit, count, cases)
			}
		}
	}
}

// TestHashSpreads counts the records of a catalogue in buckets by the low and by the high bits of the hash.
func TestHashSpreads(t *testing.T) {
	const buckets, records = 1 << 10, 1 << 18
	var low, high [buckets]int
	seen := make(map[uint64]bool, records)
	for n := range records {
		h := HashText2(fmt.Sprintf("%012d", n/64), fmt.Sprintf("store-%d", n%64))
		low[h%buckets]++
		high[h>>54]++
		seen[h] = true
	}
	if len(seen) != records {
		t.Errorf("%d collisions of 64 bits", records-len(seen))
	}
	for i := range buckets {
		// 256 expected, standard deviation 16.
		if low[i] < 256-96 || low[i] > 256+96 || high[i] < 256-96 || high[i] > 256+96 {
			t.Errorf("bucket %d: %d by low bits, %d by high bits", i, low[i], high[i])
		}
	}
}
