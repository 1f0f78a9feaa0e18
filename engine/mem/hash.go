package mem

import "math/bits"

// The engine's hash of texts: fixed, without a seed, the same on every replica and in every version. Its values decide
// where the fractional units of an unbiased split go, and are stored in digests, so they are part of the format.
//
// It has the structure of wyhash: the text is read 8 bytes at a time, little-endian, and two words at a time are folded
// by a 64 x 64 -> 128 bit multiplication whose halves are xored. It is no defence against somebody who searches
// collisions.

// Odd constants with as many ones as zeros, so that a factor is never sparse.
const (
	hashKey0 = 0xa0761d6478bd642f
	hashKey1 = 0xe7037ed1a0b428db
	hashKey2 = 0x8ebc6af09c88c6e3
	hashKey3 = 0x589965cc75374cc3
)

// hashMix folds the product of two words into one.
func hashMix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// HashText is the hash of s.
func HashText(s string) uint64 {
	state := uint64(hashKey0)
	length := uint64(len(s))
	var a, b uint64
	switch {
	case len(s) > 16:
		rest := s
		for len(rest) > 16 {
			state = hashMix(Word64(rest)^hashKey1, Word64(rest[8:])^state)
			rest = rest[16:]
		}
		// The last 16 bytes: they may overlap what was read, which harms nothing because the length is mixed in.
		a, b = Word64(s[len(s)-16:]), Word64(s[len(s)-8:])
	case len(s) >= 8:
		a, b = Word64(s), Word64(s[len(s)-8:])
	case len(s) >= 4:
		a, b = Word32(s), Word32(s[len(s)-4:])
	case len(s) > 0:
		a = uint64(s[0])<<16 | uint64(s[len(s)/2])<<8 | uint64(s[len(s)-1])
	}
	return hashMix(hashKey1^length, hashMix(a^hashKey2, b^state))
}

// HashText2 is the hash of the pair (a, b): moving a byte from one to the other gives another hash.
func HashText2(a, b string) uint64 { return HashJoin(HashText(a), HashText(b)) }

// HashJoin adds one more hash, or number, to a sequence; the order counts.
func HashJoin(state, next uint64) uint64 {
	return hashMix(state^hashKey2, hashMix(next^hashKey3, hashKey1))
}

// HashWords is the hash of two words.
func HashWords(a, b uint64) uint64 { return hashMix(a^hashKey1, b^hashKey2) }

// Word64 is the first 8 bytes of s, little-endian.
func Word64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Word32 is the first 4 bytes of s, little-endian.
func Word32(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}
