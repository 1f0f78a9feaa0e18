package mem

import "sync/atomic"

// Sorted has items, which are numbers other than 0, in the order of keys that only the caller knows: each method that
// looks for a key is given a function that compares an item's key with it. It is a tree of nodes in a slab. An item
// takes 4 bytes where items come in order, and half as much again where they do not.
//
// One writer changes it. Any number of readers look at it without a lock: between Begin and Unchanged they may see a
// tree that is being changed, and then look again. Each reads a few nodes at a time, so that this is rare.
type Sorted struct {
	nodes Slab[sortedNode]
	known atomic.Uint32 // nodes below that number exist
	root  atomic.Uint32 // 0: there are no items
	seq   atomic.Uint32 // odd while the writer changes the tree
	count int
}

// sortedNode is a leaf with items, or a node with nodes below it, and the first item of each. An item of the tree is
// always one that is in it, so that the caller can tell its key.
type sortedNode struct {
	height uint32 // 0: a leaf
	used   uint32
	slots  [sortedSlots]uint32
}

const (
	sortedSlots    = 62
	sortedChildren = sortedSlots / 2

	// sortedMergedMax is how full a node may become that takes in its neighbour. Two neighbours have more in all.
	sortedMergedMax = 3 // quarters

	// sortedHeightsMax is more than SlabRowsMax items need.
	sortedHeightsMax = 16
)

// sortedPath is the way from the root to a leaf: the nodes, and the slot in each.
type sortedPath struct {
	nodes [sortedHeightsMax]uint32
	slots [sortedHeightsMax]int
	depth int // of the leaf
}

func (n *sortedNode) slotsMax() int {
	if n.height == 0 {
		return sortedSlots
	}
	return sortedChildren
}

// slot gives what is at a slot, and its first item.
func (n *sortedNode) slot(i int) (what, first uint32) {
	what = atomic.LoadUint32(&n.slots[i])
	if n.height == 0 {
		return what, what
	}
	return what, atomic.LoadUint32(&n.slots[sortedChildren+i])
}

func (n *sortedNode) set(i int, what, first uint32) {
	atomic.StoreUint32(&n.slots[i], what)
	if n.height > 0 {
		atomic.StoreUint32(&n.slots[sortedChildren+i], first)
	}
}

func (n *sortedNode) setUsed(used int) { atomic.StoreUint32(&n.used, uint32(used)) }

// insert makes place at a slot of a node that is not full.
func (n *sortedNode) insert(i int, what, first uint32) {
	for at := int(n.used); at > i; at-- {
		moved, movedFirst := n.slot(at - 1)
		n.set(at, moved, movedFirst)
	}
	n.set(i, what, first)
	n.setUsed(int(n.used) + 1)
}

// remove closes the gap.
func (n *sortedNode) remove(i int) {
	for at := i + 1; at < int(n.used); at++ {
		moved, movedFirst := n.slot(at)
		n.set(at-1, moved, movedFirst)
	}
	n.setUsed(int(n.used) - 1)
}

// take appends the slots of another node from one on.
func (n *sortedNode) take(from *sortedNode, first int) {
	at := int(n.used)
	for i := first; i < int(from.used); i++ {
		moved, movedFirst := from.slot(i)
		n.set(at, moved, movedFirst)
		at++
	}
	n.setUsed(at)
	from.setUsed(first)
}

// search gives the first slot whose item comes behind the key.
func (n *sortedNode) search(used int, compare func(item uint32) int) int {
	low, high := 0, used
	for low < high {
		middle := int(uint(low+high) / 2)
		if _, first := n.slot(middle); compare(first) > 0 {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

func (s *Sorted) addNode(height uint32) uint32 {
	id := s.nodes.Add()
	s.known.Store(s.nodes.Used())
	n := s.nodes.At(id)
	atomic.StoreUint32(&n.height, height)
	n.setUsed(0)
	return id
}

// find goes to the leaf where a key belongs. The slots of the path are those of the nodes that it goes to, and at its
// end that of the first item behind the key.
func (s *Sorted) find(compare func(item uint32) int) (p sortedPath) {
	id := s.root.Load()
	for {
		n := s.nodes.At(id)
		i := n.search(int(n.used), compare)
		p.nodes[p.depth] = id
		if n.height == 0 {
			p.slots[p.depth] = i
			return p
		}
		i = max(0, i-1)
		p.slots[p.depth] = i
		p.depth++
		id = n.slots[i]
	}
}

// Add puts an item in. The caller knows that no item has its key.
func (s *Sorted) Add(item uint32, compare func(item uint32) int) {
	s.seq.Add(1)
	s.count++
	if s.root.Load() == 0 {
		s.root.Store(s.addNode(0))
	}
	p := s.find(compare)
	if p.slots[p.depth] == 0 { // no item is before it
		s.setFirst(&p, p.depth, item)
	}
	s.insert(&p, p.depth, p.slots[p.depth], item, item)
	s.seq.Add(1)
}

// setFirst makes an item the first one of the node at a depth, in the nodes above it.
func (s *Sorted) setFirst(p *sortedPath, depth int, item uint32) {
	for depth--; depth >= 0; depth-- {
		n, i := s.nodes.At(p.nodes[depth]), p.slots[depth]
		n.set(i, n.slots[i], item)
		if i > 0 {
			return
		}
	}
}

// insert puts what belongs at a slot there, or into a node beside it if the node is full.
func (s *Sorted) insert(p *sortedPath, depth, slot int, what, first uint32) {
	n := s.nodes.At(p.nodes[depth])
	switch {
	case int(n.used) < n.slotsMax():
		n.insert(slot, what, first)
		return
	case slot == int(n.used) && s.insertRight(p, depth, what, first):
		return
	}
	id := s.addNode(n.height)
	right := s.nodes.At(id)
	if slot == int(n.used) {
		right.insert(0, what, first) // items that come in order leave full nodes behind
	} else {
		half := n.slotsMax() / 2
		right.take(n, half)
		if slot <= half {
			n.insert(slot, what, first)
		} else {
			right.insert(slot-half, what, first)
		}
	}
	_, first = right.slot(0)
	if depth > 0 {
		s.insert(p, depth-1, p.slots[depth-1]+1, id, first)
		return
	}
	root := s.addNode(n.height + 1)
	_, rootFirst := n.slot(0)
	top := s.nodes.At(root)
	top.insert(0, p.nodes[0], rootFirst)
	top.insert(1, id, first)
	s.root.Store(root)
}

// insertRight puts what belongs behind a full node at the start of the next one, if that has space.
func (s *Sorted) insertRight(p *sortedPath, depth int, what, first uint32) bool {
	if depth == 0 {
		return false
	}
	parent, i := s.nodes.At(p.nodes[depth-1]), p.slots[depth-1]+1
	if i >= int(parent.used) {
		return false
	}
	right := s.nodes.At(parent.slots[i])
	if int(right.used) == right.slotsMax() {
		return false
	}
	right.insert(0, what, first)
	parent.set(i, parent.slots[i], first)
	return true
}

// Remove takes an item out. compare compares with its own key.
func (s *Sorted) Remove(item uint32, compare func(item uint32) int) {
	assert(s.count > 0, "removal from an empty tree")
	s.seq.Add(1)
	s.count--
	p := s.find(compare)
	p.slots[p.depth]-- // the first item behind the key is one further
	leaf, i := s.nodes.At(p.nodes[p.depth]), p.slots[p.depth]
	assert(i >= 0 && leaf.slots[i] == item, "a removed item is not in its tree")
	s.remove(&p, p.depth)
	s.seq.Add(1)
}

// remove takes what the path names at a depth out of its node, and joins the node with a neighbour if both are small.
func (s *Sorted) remove(p *sortedPath, depth int) {
	id := p.nodes[depth]
	n := s.nodes.At(id)
	n.remove(p.slots[depth])
	switch {
	case depth == 0 && n.used == 0:
		s.root.Store(0)
		s.nodes.Drop(id)
	case depth == 0:
		s.lowerRoot()
	case n.used == 0:
		s.remove(p, depth-1)
		s.nodes.Drop(id)
	default:
		if p.slots[depth] == 0 {
			_, first := n.slot(0)
			s.setFirst(p, depth, first)
		}
		s.join(p, depth)
	}
}

// join makes one node of the one at a depth and a neighbour, if both together are small.
func (s *Sorted) join(p *sortedPath, depth int) {
	parent, i := s.nodes.At(p.nodes[depth-1]), p.slots[depth-1]
	for _, left := range [2]int{i, i - 1} {
		if left < 0 || left+1 >= int(parent.used) {
			continue
		}
		id := parent.slots[left+1]
		into, from := s.nodes.At(parent.slots[left]), s.nodes.At(id)
		if int(into.used+from.used) <= into.slotsMax()*sortedMergedMax/4 {
			into.take(from, 0)
			p.slots[depth-1] = left + 1
			s.remove(p, depth-1)
			s.nodes.Drop(id)
			return
		}
	}
}

// lowerRoot makes the only node below the root the root.
func (s *Sorted) lowerRoot() {
	for {
		id := s.root.Load()
		n := s.nodes.At(id)
		if n.height == 0 || n.used > 1 {
			return
		}
		s.root.Store(n.slots[0])
		s.nodes.Drop(id)
	}
}

// Fill puts items, which are in order, into an empty tree.
func (s *Sorted) Fill(items []uint32) {
	assert(s.root.Load() == 0, "a tree that is not empty is filled")
	if len(items) == 0 {
		return
	}
	s.seq.Add(1)
	s.count = len(items)
	firsts := items
	for height := uint32(0); height == 0 || len(items) > 1; height++ {
		var nodes, nodeFirsts []uint32
		for len(items) > 0 {
			id := s.addNode(height)
			n := s.nodes.At(id)
			used := min(n.slotsMax(), len(items))
			for i := range used {
				n.set(i, items[i], firsts[i])
			}
			n.setUsed(used)
			nodes, nodeFirsts = append(nodes, id), append(nodeFirsts, firsts[0])
			items, firsts = items[used:], firsts[used:]
		}
		items, firsts = nodes, nodeFirsts
	}
	s.root.Store(items[0])
	s.seq.Add(1)
}

// Len is the number of items. It is for the writer.
func (s *Sorted) Len() int { return s.count }

// SortedPageMax is how many items a page has at most.
const SortedPageMax = sortedSlots

// Begin is where a look at the tree begins. What was seen holds if it is Unchanged at the end.
func (s *Sorted) Begin() (seq uint32) { return s.seq.Load() }

// Unchanged reports whether the tree is as it was at the beginning of a look.
func (s *Sorted) Unchanged(seq uint32) bool { return seq%2 == 0 && s.seq.Load() == seq }

// Page appends items behind a key, some of them if there are any, SortedPageMax at most.
func (s *Sorted) Page(compare func(item uint32) int, dst []uint32) []uint32 {
	id, behind := s.root.Load(), uint32(0)
	// A tree that is being changed may have an item where a node is looked for, and ways that do not end.
	for range 2 * sortedHeightsMax {
		if id == 0 || id >= s.known.Load() {
			break
		}
		n := s.nodes.At(id)
		used := min(int(atomic.LoadUint32(&n.used)), sortedSlots)
		if atomic.LoadUint32(&n.height) > 0 {
			i := max(1, n.search(min(used, sortedChildren), compare))
			if i < used {
				behind, _ = n.slot(i)
			}
			id, _ = n.slot(i - 1)
			continue
		}
		if i := n.search(used, compare); i < used || behind == 0 {
			return n.appendFrom(dst, i, used)
		}
		id, behind = behind, 0 // it is the key's neighbour, and all of it is behind the key
	}
	return dst
}

func (n *sortedNode) appendFrom(dst []uint32, from, used int) []uint32 {
	for i := from; i < used; i++ {
		dst = append(dst, atomic.LoadUint32(&n.slots[i]))
	}
	return dst
}

// MemoryBytes is the memory that it takes.
func (s *Sorted) MemoryBytes() int64 { return s.nodes.MemoryBytes() }
