package mem

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// sortedModel has items with keys of their own, in a tree and in a list.
type sortedModel struct {
	tree Sorted
	keys [1 << 15]atomic.Uint32 // by item
	want []uint32               // items in order
}

func (m *sortedModel) compare(key uint32) func(uint32) int {
	return func(item uint32) int { return cmp.Compare(m.keys[item].Load(), key) }
}

func (m *sortedModel) place(key uint32) (int, bool) {
	return slices.BinarySearchFunc(m.want, key, func(item, key uint32) int { return m.compare(key)(item) })
}

func (m *sortedModel) add(item, key uint32) {
	if i, found := m.place(key); !found && !slices.Contains(m.want, item) {
		m.keys[item].Store(key)
		m.tree.Add(item, m.compare(key))
		m.want = slices.Insert(m.want, i, item)
	}
}

func (m *sortedModel) removeAt(i int) {
	item := m.want[i]
	m.tree.Remove(item, m.compare(m.keys[item].Load()))
	m.want = slices.Delete(m.want, i, i+1)
}

// check reads all pages, and looks at the nodes.
func (m *sortedModel) check() error {
	var got []uint32
	key := uint32(0)
	for {
		page := m.tree.Page(m.compare(key), nil)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		key = m.keys[page[len(page)-1]].Load()
	}
	if !slices.Equal(got, m.want) {
		return fmt.Errorf("the tree has %d items %v, want %d %v", len(got), got, len(m.want), m.want)
	}
	root := m.tree.root.Load()
	if root == 0 {
		return nil
	}
	nodes := 0
	if _, err := m.checkNode(root, m.tree.nodes.At(root).height, &nodes); err != nil {
		return err
	}
	if nodes != m.tree.nodes.Count() || m.tree.Len() != len(m.want) {
		return fmt.Errorf("%d nodes are in the tree of %d, with %d items", nodes, m.tree.nodes.Count(), m.tree.Len())
	}
	return nil
}

func (m *sortedModel) checkNode(id, height uint32, nodes *int) (first uint32, err error) {
	*nodes++
	n := m.tree.nodes.At(id)
	if n.height != height || n.used == 0 || int(n.used) > n.slotsMax() {
		return 0, fmt.Errorf("a node of height %d has %d slots, where %d is due", n.height, n.used, height)
	}
	for i := range int(n.used) {
		if below, said := n.slot(i); height > 0 {
			switch first, err := m.checkNode(below, height-1, nodes); {
			case err != nil:
				return 0, err
			case first != said:
				return 0, fmt.Errorf("a node begins with item %d, and is said to begin with %d", first, said)
			}
		}
	}
	_, first = n.slot(0)
	return first, nil
}

// TestSortedAgainstModel adds and removes items in runs that rise, runs that fall, and anywhere.
func TestSortedAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &sortedModel{}
		keysMax := rapid.SampledFrom([]uint32{100, 5_000, 30_000}).Draw(t, "keys")
		if fill := rapid.IntRange(0, int(keysMax)).Draw(t, "filled"); rapid.Bool().Draw(t, "fill") {
			for i := range uint32(fill) {
				m.keys[i+1].Store(i + 1)
				m.want = append(m.want, i+1)
			}
			m.tree.Fill(m.want)
		}
		anyKey := rapid.Uint32Range(1, keysMax)
		run := func(do func(key uint32)) func(t *rapid.T) {
			return func(t *rapid.T) {
				from, n := anyKey.Draw(t, "from"), rapid.Uint32Range(1, 400).Draw(t, "run")
				step := rapid.SampledFrom([]uint32{1, 3, 251, keysMax - 1}).Draw(t, "step") // the last one falls
				for i := range n {
					do((from+i*step)%keysMax + 1)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": run(func(key uint32) { m.add(key, key) }),
			"remove": run(func(key uint32) {
				if i, found := m.place(key); found {
					m.removeAt(i)
				}
			}),
			"empty": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "all") == 0 {
					for len(m.want) > 0 {
						m.removeAt(len(m.want) / 2)
					}
				}
			},
			"look": func(t *rapid.T) {
				key := anyKey.Draw(t, "key")
				i, found := m.place(key)
				if found {
					i++
				}
				page := m.tree.Page(m.compare(key), nil)
				if len(page) == 0 && i < len(m.want) || len(page) > len(m.want)-i ||
					!slices.Equal(page, m.want[i:i+len(page)]) {
					t.Fatalf("behind %d come %v", key, page)
				}
			},
		})
		if err := m.check(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSortedReaders reads pages beside a writer. Odd items are always there; even ones come and go, and nodes too.
func TestSortedReaders(t *testing.T) {
	m := &sortedModel{}
	const keys = 4_000
	for item := uint32(1); item < keys; item += 2 {
		m.add(item, item)
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	var listings atomic.Int64
	for range 2 {
		readers.Go(func() {
			var page []uint32
			for !done.Load() || listings.Load() == 0 {
				seen, key := 0, uint32(0)
				for {
					seq := m.tree.Begin()
					page = m.tree.Page(m.compare(key), page[:0])
					if !m.tree.Unchanged(seq) {
						continue
					}
					if len(page) == 0 {
						break
					}
					for _, item := range page {
						if item <= key {
							t.Errorf("item %d comes behind %d", item, key)
							return
						}
						key = item
						seen += int(item % 2)
					}
				}
				if seen != keys/2 {
					t.Errorf("%d items of %d were seen", seen, keys/2)
					return
				}
				listings.Add(1)
			}
		})
	}
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		for i := range uint32(keys / 2) {
			item := i*2 + 2
			if round%2 == 0 {
				m.tree.Add(m.keyed(item), m.compare(item))
			} else {
				m.tree.Remove(item, m.compare(item))
			}
		}
	}
	done.Store(true)
	readers.Wait()
	t.Logf("%d listings", listings.Load())
}

func (m *sortedModel) keyed(item uint32) uint32 {
	m.keys[item].Store(item)
	return item
}

func BenchmarkSortedAdd(b *testing.B) {
	m := &sortedModel{}
	const items = 1 << 14
	for n := 0; b.Loop(); n++ {
		if n%items == 0 {
			m.tree = Sorted{}
		}
		item := uint32(n*7919)%items + 1
		m.tree.Add(m.keyed(item), m.compare(item))
	}
}
