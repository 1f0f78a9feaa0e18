package engine_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"apportion/engine"

	"pgregory.net/rapid"
)

// randomLog gives the same random commands for the same seed.
func randomLog(seed, commands int) []logged {
	return rapid.Custom(func(t *rapid.T) []logged {
		g := generator{t, newModel(), 1_700_000_000_000}
		var log []logged
		for i := range commands {
			g.nowMS += rapid.Int64Range(0, 10).Draw(t, "time passes")
			c := g.command()
			g.m.apply(uint64(i+1), g.nowMS, "", c)
			log = append(log, logged{
				index: uint64(i + 1), nowMS: g.nowMS, command: engine.AppendCommand(nil, &engine.Envelope{}, c),
			})
		}
		return log
	}).Example(seed)
}

// TestReaders reads in several goroutines while another one applies commands. Every view adds up, and is the sum of its
// segments. It is worth most under -race.
func TestReaders(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	var reads atomic.Int64
	for seed := range rounds {
		log := randomLog(seed, 400)
		e := engine.New()
		var done atomic.Bool
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				r := reader{e: e}
				for !done.Load() {
					if err := r.round(); err != nil {
						t.Errorf("seed %d: %v", seed, err)
						return
					}
					reads.Add(1)
				}
			})
		}
		for _, l := range log {
			e.Apply(l.index, l.nowMS, l.command, nil)
		}
		done.Store(true)
		readers.Wait()
	}
	t.Logf("%d rounds of reads", reads.Load())
}

// reader calls every method that may run beside the writer.
type reader struct {
	e        *engine.Engine
	view     engine.RecordView
	result   engine.Result
	names    []string
	versions map[place]uint64
}

func (r *reader) round() error {
	if r.versions == nil {
		r.versions = map[place]uint64{}
	}
	applied := r.e.AppliedIndex()
	for _, upc := range upcs {
		for _, location := range locations {
			if !r.e.ReadRecord(upc, location, &r.view) {
				continue
			}
			if err := checkView(&r.view); err != nil {
				return err
			}
			if r.view.UPC != upc || r.view.Location != location {
				return fmt.Errorf("asked for %s at %s, got %s at %s", upc, location, r.view.UPC, r.view.Location)
			}
			schema := r.e.Schema()
			for _, s := range r.view.Segments {
				if len(schema.Tags(s.TagSet)) != len(schema.Categories()) {
					return fmt.Errorf("tag set %d has %d tags of %d", s.TagSet, len(schema.Tags(s.TagSet)),
						len(schema.Categories()))
				}
			}
			r.e.Refuses("", &engine.Allocate{
				OrderID: "o1", Lines: []engine.AllocateLine{{ItemID: "1", UPC: upc, Location: location, Quantity: 5}},
			}, &r.result)
		}
		r.names = r.e.AppendLocations(r.names[:0], upc)
		if len(r.names) > len(locations) {
			return fmt.Errorf("%s is at %v", upc, r.names)
		}
	}
	if err := r.lists(); err != nil {
		return err
	}
	r.e.MayHaveOrder("o1")
	r.e.NowMS()
	if s := r.e.Stats(); s.Records < 0 || s.Records > int64(len(upcs)*len(locations)) {
		return fmt.Errorf("stats say %d records", s.Records)
	}
	if now := r.e.AppliedIndex(); now < applied {
		return fmt.Errorf("the applied index fell from %d to %d", applied, now)
	}
	return nil
}

// lists reads the lists page by page: all ascend.
func (r *reader) lists() error {
	var after engine.RecordKey
	for page := r.e.RecordsAfter(after, 3, nil); len(page) > 0; page = r.e.RecordsAfter(after, 3, page[:0]) {
		for _, key := range page {
			if cmp.Or(strings.Compare(after.Location, key.Location), strings.Compare(after.UPC, key.UPC)) >= 0 {
				return fmt.Errorf("record %+v is listed behind %+v", key, after)
			}
			after = key
		}
	}
	r.names = r.e.UPCsAfter("", 100, r.names[:0])
	if !slices.IsSorted(r.names) || len(r.names) > len(upcs) {
		return fmt.Errorf("the UPCs are %v", r.names)
	}
	r.names = r.e.SearchUPCs("u", "", 100, r.names[:0])
	if !slices.IsSorted(r.names) || len(r.names) > len(upcs) {
		return fmt.Errorf("the UPCs with a u are %v", r.names)
	}
	if v := r.e.LocationsAfter("", 100, nil); len(v) > len(locations) {
		return fmt.Errorf("the locations are %+v", v)
	}
	if v := r.e.SearchLocations("l", "", 100, nil); len(v) > len(locations) {
		return fmt.Errorf("the locations with an l are %+v", v)
	}
	return nil
}

// checkView checks the sums of a view.
func checkView(v *engine.RecordView) error {
	var sum engine.SegmentView
	for _, s := range v.Segments {
		if s.Allocated < 0 || s.Pending < 0 || s.SafetyStock < 0 || s.OnHand < 0 {
			return fmt.Errorf("%s at %s, version %d: negative figures in %+v", v.UPC, v.Location, v.Version, s)
		}
		if s.OnHand != s.Allocated+s.Pending+s.SafetyStock+s.Available() {
			return fmt.Errorf("%s at %s, version %d: the identity fails in %+v", v.UPC, v.Location, v.Version, s)
		}
		sum.OnHand += s.OnHand
		sum.Allocated += s.Allocated
		sum.Pending += s.Pending
		sum.SafetyStock += s.SafetyStock
	}
	if sum.OnHand != v.OnHand || sum.Allocated != v.Allocated || sum.Pending != v.Pending ||
		sum.SafetyStock != v.SafetyStock ||
		sum.Available() != v.Available() {
		return fmt.Errorf("%s at %s, version %d: the sum %+v is not the record %+v", v.UPC, v.Location, v.Version, sum,
			v)
	}
	return nil
}
