package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"apportion/engine"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// follower keeps a copy of all records, as a client does that follows the changes.
type follower struct {
	at      engine.ChangeCursor // Seq 0: it has no copy
	records map[engine.RecordKey]uint64
	copies  int
}

// follow brings the copy up to date, with pages of that many changes.
func (f *follower) follow(e *engine.Engine, limit int) error {
	if f.at.Seq == 0 {
		at, err := e.LastChange()
		if err != nil {
			return err
		}
		f.at, f.records = at, map[engine.RecordKey]uint64{}
		f.copies++
		for _, key := range recordList(e) {
			f.read(e, key)
		}
	}
	for {
		page, next, err := e.ChangesAfter(f.at, limit, nil)
		if err != nil || next == f.at {
			return err
		}
		if len(page) > limit {
			return fmt.Errorf("a page of %d changes, at most %d were asked for", len(page), limit)
		}
		for _, c := range page {
			if c.At.Seq <= f.at.Seq {
				return fmt.Errorf("change %+v comes behind %+v", c, f.at)
			}
			f.at = c.At
			if c.Deleted {
				delete(f.records, c.Key)
			} else if f.read(e, c.Key) != c.At.Seq {
				return fmt.Errorf("change %+v is not the record's last one", c)
			}
		}
		if next.Seq < f.at.Seq || len(page) == limit && next != f.at {
			return fmt.Errorf("behind %+v comes %+v", f.at, next)
		}
		f.at = next
	}
}

func (f *follower) read(e *engine.Engine, key engine.RecordKey) uint64 {
	var v engine.RecordView
	if !e.ReadRecord(key.UPC, key.Location, &v) {
		return 0
	}
	f.records[key] = v.Version
	return v.Version
}

// checkChanges lets two followers go on, and compares what they have with the records: one in small pages, one from the
// start of the counting each time.
func (h *harness) checkChanges(t fatalf) {
	t.Helper()
	want := map[engine.RecordKey]uint64{}
	for _, key := range recordList(h.e) {
		var v engine.RecordView
		h.e.ReadRecord(key.UPC, key.Location, &v)
		want[key] = v.Version
	}
	err := h.follower.follow(h.e, 2)
	if errors.Is(err, engine.ErrChangesNotCounted) {
		return
	}
	if err != nil {
		t.Fatalf("following the changes: %v", err)
	}
	if diff := gocmp.Diff(want, h.follower.records, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the copy differs: want -, got +\n%s", diff)
	}
	if h.startFollower.at.Seq == 0 {
		h.startFollower = follower{at: h.follower.at, records: h.follower.records}
		h.follower = follower{}
		return
	}
	again := follower{at: h.startFollower.at, records: map[engine.RecordKey]uint64{}}
	for key, version := range h.startFollower.records {
		again.records[key] = version
	}
	err = again.follow(h.e, 1000)
	if errors.Is(err, engine.ErrChangesForgotten) { // deletions leave with age: begin again here
		h.startFollower, h.follower = follower{at: h.follower.at, records: h.follower.records}, follower{}
		return
	}
	if err != nil {
		t.Fatalf("following the changes from the start: %v", err)
	}
	if diff := gocmp.Diff(want, again.records, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the copy from the start differs: want -, got +\n%s", diff)
	}
}

// changeList spells out all changes that are known.
func changeList(e *engine.Engine) string {
	var after engine.ChangeCursor
	var page []engine.Change
	err := engine.ErrChangesForgotten
	for errors.Is(err, engine.ErrChangesForgotten) {
		page, _, err = e.ChangesAfter(after, 1_000_000, nil)
		after.Seq++
	}
	return fmt.Sprintln(after, page, err)
}

func TestChanges(t *testing.T) {
	e, index := engine.New(), uint64(0)
	apply := func(c engine.Command) {
		t.Helper()
		index++
		mustApply(t, e, index, c)
	}
	refresh := func(upc string) {
		t.Helper()
		apply(&engine.Refresh{Location: "L", Items: []engine.StockItem{{UPC: upc, Quantity: 5}}})
	}
	shown := func(after engine.ChangeCursor, limit int) string {
		page, _, err := e.ChangesAfter(after, limit, nil)
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		for _, c := range page {
			fmt.Fprintf(&b, "%d:%s", c.At.Seq, c.Key.UPC)
			if c.Deleted {
				b.WriteString("-gone")
			}
			b.WriteByte(' ')
		}
		return b.String()
	}
	f := func(after engine.ChangeCursor, limit int, want string) {
		t.Helper()
		if got := shown(after, limit); got != want {
			t.Errorf("behind %+v: got %q, want %q", after, got, want)
		}
	}
	for _, upc := range []string{"a", "b", "b", "b"} {
		refresh(upc) // b has version 3
	}
	f(engine.ChangeCursor{}, 9, engine.ErrChangesNotCounted.Error())
	apply(&engine.StartChanges{})
	start, err := e.LastChange()
	if err != nil || start.Seq != 3 {
		t.Fatalf("counting begins behind %+v, %v", start, err)
	}
	f(start, 9, "")
	f(engine.ChangeCursor{Seq: 2}, 9, engine.ErrChangesForgotten.Error())
	for range 1000 {
		refresh("a")
	}
	refresh("c")
	f(start, 9, "1003:a 1004:c ")
	f(start, 1, "1003:a ")
	f(engine.ChangeCursor{Seq: 5000}, 9, "")
	apply(&engine.StartChanges{})
	apply(&engine.Delete{Scope: engine.Scope{UPCs: []string{"a", "b"}}})
	refresh("a")
	f(start, 9, "1004:c 1005:a-gone 1006:b-gone 1007:a ")
	f(engine.ChangeCursor{Seq: 1005}, 9, "1006:b-gone 1007:a ")

	index++
	later := int64(benchNowMS + engine.EventAgeMS)
	e.Apply(index, later, engine.AppendCommand(nil, &engine.Envelope{}, &engine.Expire{}), nil)
	f(engine.ChangeCursor{Seq: 1005}, 9, engine.ErrChangesForgotten.Error())
	f(engine.ChangeCursor{Seq: 1006}, 9, "1007:a ")
}

// TestManyChanges follows so many changes that the order of changes is cleared of old places meanwhile.
func TestManyChanges(t *testing.T) {
	const records = 12_000
	e := stockedEngine(t, records, 1, 20)
	countChanges(t, e)
	start, err := e.LastChange()
	if err != nil {
		t.Fatal(err)
	}
	a := newAllocator(records)
	for range 6 * records {
		a.apply(e)
	}
	for _, limit := range []int{10, 1000} {
		seen, last := map[string]bool{}, start
		for {
			page, next, err := e.ChangesAfter(last, limit, nil)
			if err != nil {
				t.Fatal(err)
			}
			if next == last {
				break
			}
			for _, c := range page {
				if c.At.Seq <= last.Seq || seen[c.Key.UPC] {
					t.Fatalf("change %+v behind %+v, seen %t", c, last, seen[c.Key.UPC])
				}
				seen[c.Key.UPC], last = true, c.At
			}
			last = next
		}
		if len(seen) != records {
			t.Errorf("%d records have changed, %d were seen", records, len(seen))
		}
	}
}
