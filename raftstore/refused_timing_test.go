package raftstore

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// BenchmarkRefuses is a refusal before the log: unrecorded, recorded, and while more is refused than is recorded.
func BenchmarkRefuses(b *testing.B) {
	for _, test := range []struct {
		name   string
		budget int64
	}{{"unrecorded", -1}, {"recorded", refusedBurstBytes}, {"toofast", 0}} {
		b.Run(test.name, func(b *testing.B) {
			cfg := testConfig(vfs.Default)
			cfg.Dir = b.TempDir()
			if test.budget < 0 {
				cfg.HistoryAge = -1
			}
			s := openReady(b, cfg)
			defer mustClose(b, s)
			mustDo(b, s, channels())
			mustDo(b, s, refresh("U", 1))
			c := allocate("order-00000000", "U", 5)
			c.Lines[0].Tags = []engine.Tag{{Category: "Channel", Value: "Web"}}
			startMS := s.cfg.Clock.NowMS()
			id := []byte(c.OrderID)
			var r engine.Result
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for at, n := len(id)-1, i; at > 6; at, n = at-1, n/10 {
					id[at] = byte('0' + n%10)
				}
				c.OrderID = string(id)
				if i%1000 == 0 && test.budget >= 0 {
					s.history.refusals.mu.Lock()
					s.history.refusals.mu.budget = test.budget
					s.history.refusals.mu.Unlock()
				}
				if !s.Refuses(time.Time{}, startMS, "", c, &r) {
					b.Fatal("not refused")
				}
			}
			if h := s.history.refusals; h != nil {
				h.flush()
				b.ReportMetric(float64(h.metrics.refusalsRecorded.Get())/float64(b.N), "recorded/op")
			}
		})
	}
}
