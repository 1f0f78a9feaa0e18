package engine

import (
	"apportion/engine/mem"
	"fmt"
	"strings"
	"testing"
)

// timedCommands are the commands of the hot paths.
var timedCommands = map[string]Command{
	"allocate of 1": &Allocate{OrderID: "order-000001", Lines: timedLines(1)},
	"allocate of 5": &Allocate{OrderID: "order-000001", Lines: timedLines(5)},
	"fulfill of 1": &OrderChange{Action: KindFulfill, OrderID: "order-000001",
		Lines: []OrderLine{{ItemID: "item-0", Quantity: 1}}},
	"adjust of 1":      &Adjust{Location: "store-0042", Items: timedItems(1)},
	"refresh of 1000":  &Refresh{Location: "store-0042", Items: timedItems(1000)},
	"allocate of 1000": &Allocate{OrderID: "order-000001", Lines: timedLines(1000)},
	"refresh of 1, tags": &Refresh{Location: "store-0042",
		Items: []StockItem{{UPC: "0042", Quantity: 1, Tags: manyTags(3)}}},
}

func timedLines(n int) []AllocateLine {
	lines := make([]AllocateLine, n)
	for i := range lines {
		lines[i] = AllocateLine{ItemID: fmt.Sprint("item-", i), UPC: fmt.Sprintf("%012d", i), Location: "store-0042",
			Quantity: 2, Tags: []Tag{{"Channel", "Amazon"}}}
	}
	return lines
}

func timedItems(n int) []StockItem {
	items := make([]StockItem, n)
	for i := range items {
		items[i] = StockItem{UPC: fmt.Sprintf("%012d", i), Quantity: int64(1 + i%300)}
	}
	return items
}

func mustSucceed(err error) {
	if err != nil {
		panic(err)
	}
}

func mustBeRight(c Command) {
	if f := CheckCommand(c); f != nil {
		panic(f.Field + " " + f.Value)
	}
}

func BenchmarkAppendCommand(b *testing.B) {
	for name, c := range timedCommands {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			env := &Envelope{Key: "0f4c1d6e-7a53-4c1e"}
			for b.Loop() {
				dst = AppendCommand(dst[:0], env, c)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}

func BenchmarkDecodeCommand(b *testing.B) {
	for name, c := range timedCommands {
		b.Run(name, func(b *testing.B) {
			encoded := AppendCommand(nil, &Envelope{Key: "0f4c1d6e-7a53-4c1e"}, c)
			b.SetBytes(int64(len(encoded)))
			var scratch commandScratch
			for b.Loop() {
				_, _, err := scratch.decode(encoded)
				mustSucceed(err)
			}
		})
	}
}

func BenchmarkCheckCommand(b *testing.B) {
	for name, c := range timedCommands {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				mustBeRight(c)
			}
		})
	}
}

func BenchmarkAppendDigest(b *testing.B) {
	for name, c := range timedCommands {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			for b.Loop() {
				dst = appendDigest(dst[:0], c)
			}
		})
	}
}

func BenchmarkAppendResult(b *testing.B) {
	var dst []byte
	for b.Loop() {
		dst = AppendResult(dst[:0], &oneResult)
	}
}

func BenchmarkDecodeResult(b *testing.B) {
	encoded := AppendResult(nil, &oneResult)
	var r Result
	for b.Loop() {
		mustSucceed(DecodeResult(encoded, &r))
	}
}

func BenchmarkHashText(b *testing.B) {
	for _, length := range []int{4, 12, 16, 36, 64} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			text := strings.Repeat("x", length)
			for b.Loop() {
				mem.HashText(text)
			}
		})
	}
}

func BenchmarkHashText2(b *testing.B) {
	for b.Loop() {
		mem.HashText2("000000000042", "store-0042")
	}
}

func BenchmarkSplit(b *testing.B) {
	for _, segments := range []int{3, 16, 256} {
		for _, rounding := range []Rounding{RoundingLargestRemainder, RoundingUnbiased} {
			b.Run(fmt.Sprint(segments, "/rounding-", rounding), func(b *testing.B) {
				rule := ruleOf(manyItems(segments, uint64(10_000/segments))...)
				rule.rounding = rounding
				var s splitScratch
				current, out := make([]int64, segments), make([]int64, segments)
				for b.Loop() {
					s.split(int64(segments*7+segments/2), rule, current, 1<<63, out)
				}
			})
		}
	}
}
