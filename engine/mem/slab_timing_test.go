package mem

import "testing"

// BenchmarkSlabGrows is the cost of a new row of 88 bytes and of filling it, when it is the first to use its memory.
func BenchmarkSlabGrows(b *testing.B) {
	const rows = 1 << 20
	for b.Loop() {
		s := new(Slab[[11]uint64])
		for range rows {
			*s.At(s.Add()) = [11]uint64{1: 7}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
