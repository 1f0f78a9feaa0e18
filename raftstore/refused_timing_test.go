package raftstore

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
)

// BenchmarkRefuses measures an early refusal: without recording, with it, and with too many refusals to record.
func BenchmarkRefuses(b *testing.B) {
	const burst = 200_000 // more than the limit of a burst
	for _, test := range []struct {
		name    string
		age     time.Duration
		already int   // refused before
		everyMS int64 // between two refusals, by the clock
	}{{"unrecorded", -1, 0, 1}, {"recorded", 0, 0, 1}, {"toofast", 0, burst, 0}} {
		b.Run(test.name, func(b *testing.B) {
			cfg := testConfig(vfs.Default)
			cfg.Dir, cfg.HistoryAge = b.TempDir(), test.age
			s := openReady(b, cfg)
			defer mustClose(b, s)
			mustDo(b, s, channels())
			mustDo(b, s, refresh("U", 1))
			c := allocate("order-00000000", "U", 5)
			c.Lines[0].Tags = []engine.Tag{{Category: "Channel", Value: "Web"}}
			startMS := s.cfg.Clock.NowMS()
			id := []byte(c.OrderID)
			var r engine.Result
			refuse := func(i int) {
				for at, n := len(id)-1, i; at > 6; at, n = at-1, n/10 {
					id[at] = byte('0' + n%10)
				}
				c.OrderID = string(id)
				if !s.Refuses(time.Time{}, startMS+int64(i)*test.everyMS, "", c, &r) {
					b.Fatal("not refused")
				}
			}
			for i := range test.already {
				if refuse(i); i%5000 == 0 {
					s.history.Flush()
				}
			}
			recorded := s.cfg.Metrics.GetOrCreateCounter("apportion_history_refusals_recorded_total")
			before := recorded.Get()
			b.ReportAllocs()
			for i := test.already; b.Loop(); i++ {
				refuse(i)
			}
			s.history.Flush()
			b.ReportMetric(float64(recorded.Get()-before)/float64(b.N), "recorded/op")
		})
	}
}
