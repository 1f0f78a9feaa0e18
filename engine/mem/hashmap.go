package mem

import "math/bits"

// HashMap finds values by their keys, by open addressing. A key may have several values. It is for what one command
// adds up or compares: start empties it in one step, and it keeps its memory.
type HashMap[K uint32 | uint64, V any] struct {
	slots []mapSlot[K, V] // a power of two
	stamp uint32          // of the slots that are taken
	taken int
	shift uint8 // a hash shifted by it is the number of a slot
}

type mapSlot[K uint32 | uint64, V any] struct {
	key   K
	stamp uint32
	value V
}

// mapSlotsMin is the size of a map of few entries.
const mapSlotsMin = 16

// Start forgets all entries and makes room for n; more are possible.
func (m *HashMap[K, V]) Start(n int) {
	size := mapSlotsMin
	for size < 2*n {
		size *= 2
	}
	m.stamp++
	m.taken = 0
	if size > len(m.slots) || m.stamp == 0 {
		m.allocate(max(size, len(m.slots)))
	}
}

func (m *HashMap[K, V]) allocate(size int) {
	m.slots, m.stamp, m.taken = make([]mapSlot[K, V], size), 1, 0
	m.shift = uint8(64 - bits.TrailingZeros(uint(size)))
}

// Len is the number of entries since the start.
func (m *HashMap[K, V]) Len() int { return m.taken }

// first gives the slot at which the search for a key begins.
func (m *HashMap[K, V]) first(key K) int { return int(uint64(key) * 0x9e3779b97f4a7c15 >> m.shift) }

// At gives the value of a key, zero at first. It is valid until the next call.
func (m *HashMap[K, V]) At(key K) *V {
	for at := m.first(key); ; at = (at + 1) & (len(m.slots) - 1) {
		slot := &m.slots[at]
		if slot.stamp != m.stamp {
			return m.Add(key)
		}
		if slot.key == key {
			return &slot.value
		}
	}
}

// Add gives a value of its own, zero, to a key that may have others. It is valid until the next call.
func (m *HashMap[K, V]) Add(key K) *V {
	if 2*m.taken >= len(m.slots) {
		m.grow()
	}
	at := m.first(key)
	for m.slots[at].stamp == m.stamp {
		at = (at + 1) & (len(m.slots) - 1)
	}
	m.taken++
	slot := &m.slots[at]
	*slot = mapSlot[K, V]{key: key, stamp: m.stamp}
	return &slot.value
}

// grow makes room for twice as many entries.
func (m *HashMap[K, V]) grow() {
	old, stamp := m.slots, m.stamp
	m.allocate(2 * len(old))
	for i := range old {
		if slot := &old[i]; slot.stamp == stamp {
			*m.Add(slot.key) = slot.value
		}
	}
}

// mapProbe walks the values of one key.
type mapProbe[K uint32 | uint64] struct {
	key K
	at  int
}

func (m *HashMap[K, V]) Probe(key K) mapProbe[K] { return mapProbe[K]{key, m.first(key)} }

// Next gives the next value, nil if there are no more. The map must not get another entry meanwhile.
func (m *HashMap[K, V]) Next(p *mapProbe[K]) *V {
	for {
		slot := &m.slots[p.at]
		if slot.stamp != m.stamp {
			return nil
		}
		p.at = (p.at + 1) & (len(m.slots) - 1)
		if slot.key == p.key {
			return &slot.value
		}
	}
}
