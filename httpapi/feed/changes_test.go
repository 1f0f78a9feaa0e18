package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"apportion/engine"
	"apportion/httpapi/stream"
)

func (l *testLog) ChangesAfter(after engine.ChangeCursor, limit int, dst []engine.Change) ([]engine.Change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return dst, l.lost
	}
	changes, _, err := l.engine.ChangesAfter(after, limit, dst)
	return changes, err
}

func (l *testLog) LastChange() (engine.ChangeCursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.engine.LastChange()
}

// stock is a refresh of one record with units for a channel.
func stock(location, upc, channel string, units int64) engine.Command {
	return &engine.Refresh{Location: location, Items: []engine.StockItem{{UPC: upc, Quantity: units,
		Tags: []engine.Tag{{Category: "Channel", Value: channel}}}}}
}

// randomEntry changes, creates or deletes records.
func randomEntry() (commands []engine.Command) {
	for range 1 + rand.IntN(4) {
		location, upc := fmt.Sprint("L", rand.IntN(6)), fmt.Sprint("U", rand.IntN(40))
		if rand.IntN(5) == 0 {
			scope := engine.Scope{UPCs: []string{upc}, Locations: []string{location}}
			commands = append(commands, &engine.Delete{Scope: scope, Force: true})
		} else {
			channel := []string{"Web", "Shop"}[rand.IntN(2)]
			commands = append(commands, stock(location, upc, channel, rand.Int64N(100)))
		}
	}
	return commands
}

// mirror is what a client has that applies the feed.
type mirror map[engine.RecordKey]string

// apply applies one element of the feed.
func (m mirror) apply(t *testing.T, data []byte) {
	t.Helper()
	var c struct {
		UPC, Location string
		Deleted       bool
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Errorf("%v in %s", err, data)
	}
	key := engine.RecordKey{Location: c.Location, UPC: c.UPC}
	if c.Deleted {
		delete(m, key)
		return
	}
	m[key] = string(data)
}

// compare compares a mirror with the records that a filter picks. Records without a segment of the filter's tags may be
// in the mirror or not.
func (m mirror) compare(t *testing.T, l *testLog, filter *ChangeFilter, what string) {
	t.Helper()
	got, want := maps.Clone(m), mirror{}
	e := encoder{reader: l.Reader(), tags: filter.Tags}
	for _, key := range l.Reader().RecordsAfter(engine.RecordKey{}, 1<<20, nil) {
		if !filter.picks(&key) || !e.load(change{key: key}) {
			continue
		}
		if want[key] = string(e.append(nil, change{key: key})); !e.hasTags() {
			if got[key] == "" || got[key] == want[key] {
				delete(want, key)
				delete(got, key)
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: the client has %d records, the server %d:\n%v\n%v", what, len(got), len(want), got, want)
	}
}

// TestChangesEndAlike: clients that apply the feed, with any filter, cut off and connected again at any place, in
// streams or pages, end with the server's records: none is missing, none is too many.
func TestChangesEndAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		l.do(stock("L1", "U1", "Web", 5), stock("L9", "U2", "Shop", 5))
		l.do(&engine.StartChanges{})
		f := NewChanges(l)
		done := make(chan struct{})
		var clients sync.WaitGroup
		for i := range 24 {
			filter := ChangeFilter{}
			if i%2 == 1 {
				filter.Tags = []engine.Tag{{Category: "Channel", Value: "Web"}}
			}
			if i%3 == 1 {
				filter.Locations = []string{"L0", "L1", "L4", "L7"}
			} else if i%3 == 2 {
				filter.Locations = []string{"L2"}
			}
			if i%5 == 1 {
				filter.UPCPrefix = "U1"
			}
			clients.Go(func() {
				m, cursor := mirror{}, ""
				follow := f.followStream
				if i%4 == 3 {
					follow = f.followPages
				}
				for ended := false; !ended; {
					select {
					case <-done:
						ended = true
					default:
					}
					cursor = follow(t, m, &filter, cursor, ended)
				}
				m.compare(t, l, &filter, fmt.Sprintf("client %d, %+v", i, filter))
			})
		}
		for range 400 {
			l.do(randomEntry()...)
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		}
		close(done)
		clients.Wait()
		synctest.Wait()
		if len(f.hubs) != 0 || l.waiting != 0 {
			t.Errorf("%d hubs are left, %d wait for the log", len(f.hubs), l.waiting)
		}
	})
}

// from is the position of a cursor, or the beginning.
func (f *Changes) from(t *testing.T, cursor string) Position {
	t.Helper()
	if cursor == "" {
		p, err := f.Begin()
		if err != nil {
			t.Error(err)
		}
		return p
	}
	p, err := Parse(cursor)
	if err = errors.Join(err, f.Check(p)); err != nil {
		t.Errorf("%q: %v", cursor, err)
	}
	return p
}

// followStream applies a stream for a while, or up to its end as it is now. It gives the cursor of the last event.
func (f *Changes) followStream(t *testing.T, m mirror, filter *ChangeFilter, cursor string, toEnd bool) string {
	s := f.Stream(f.from(t, cursor), *filter)
	defer s.Close()
	for waits := 0; ; {
		out, idle, err := s.Next(nil)
		if err != nil {
			t.Error(err)
			return cursor
		}
		if !toEnd && rand.IntN(10) == 0 { // the connection is cut in the middle
			out = out[:rand.IntN(len(out)+1)]
			idle, waits = true, 1<<20
		}
		in := stream.NewReader(bytes.NewReader(out), 1<<20)
		for ev, err := in.Read(); err == nil; ev, err = in.Read() {
			if cursor = ev.ID; ev.Type != copiedType {
				m.apply(t, ev.Data)
			}
		}
		if !idle {
			continue
		}
		if waits++; waits > 20 {
			return cursor
		}
		select {
		case <-s.Wake():
		case <-time.After(time.Second):
			return cursor
		}
	}
}

// followPages applies a few pages, or all that there are.
func (f *Changes) followPages(t *testing.T, m mirror, filter *ChangeFilter, cursor string, toEnd bool) string {
	for range 5 {
		page, err := f.Page(f.from(t, cursor), filter, 1+rand.IntN(30), time.Now().Add(10*time.Millisecond), nil)
		if err != nil {
			t.Error(err)
			return cursor
		}
		var changes []json.RawMessage
		err = json.Unmarshal(fmt.Appendf(nil, "[%s]", page.Changes), &changes)
		if err != nil || len(changes) != page.Count {
			t.Errorf("%d changes, %v: %s", page.Count, err, page.Changes)
		}
		for _, data := range changes {
			m.apply(t, data)
		}
		cursor = string(page.Next)
		if toEnd && page.Count == 0 && !page.More {
			break
		}
	}
	if toEnd {
		for page, _ := f.Page(f.from(t, cursor), filter, 1, time.Time{}, nil); page.Count > 0 || page.More; {
			return f.followPages(t, m, filter, cursor, true)
		}
	}
	return cursor
}

// TestChangesAreCompacted: a record that has changed often comes once, with its newest figures, at its last change.
func TestChangesAreCompacted(t *testing.T) {
	l := newTestLog(t)
	l.do(&engine.StartChanges{})
	f := NewChanges(l)
	begin := f.from(t, "")
	begin.copying = false
	for i := range 1000 {
		l.do(stock("L", "often", "Web", int64(i)))
		if i == 500 {
			l.do(stock("L", "once", "Web", 7))
		}
	}
	page, err := f.Page(begin, &ChangeFilter{}, 100, time.Time{}, nil)
	if err != nil || page.Count != 2 || page.More {
		t.Fatalf("the page has %d changes, %v: %s", page.Count, err, page.Changes)
	}
	once, often := strings.Index(string(page.Changes), `"once"`), strings.Index(string(page.Changes), `"often"`)
	if once < 0 || often < once || !strings.Contains(string(page.Changes), `"onHand":999`) {
		t.Errorf("the page has %s", page.Changes)
	}
}

// TestCursors: a cursor leads where it came from, and others are refused.
func TestCursors(t *testing.T) {
	for _, p := range []Position{
		{changes: engine.ChangeCursor{Seq: 1 << 40}}, {},
		{copying: true, changes: engine.ChangeCursor{Seq: 5}, copied: engine.RecordKey{Location: "L", UPC: "U"}},
	} {
		if got, err := Parse(string(p.appendCursor(nil))); err != nil || got != p {
			t.Errorf("%+v is read back as %+v, %v", p, got, err)
		}
	}
	for _, text := range []string{"", "x", "AQGsAgdTVE9SRS0xAUE"} {
		if p, err := Parse(text); err != ErrInvalid {
			t.Errorf("%q is read as %+v, %v", text, p, err)
		}
	}
}

// TestCheck: a position is refused before the counting, when its deletions are forgotten, and when it is ahead.
func TestCheck(t *testing.T) {
	l := newTestLog(t)
	f := NewChanges(l)
	if _, err := f.Begin(); !errors.Is(err, engine.ErrChangesNotCounted) {
		t.Errorf("before the counting: %v", err)
	}
	l.do(stock("L", "A", "Web", 1), stock("L", "B", "Web", 1), stock("L", "A", "Web", 2))
	l.do(&engine.StartChanges{})
	last, err := l.LastChange()
	if err != nil {
		t.Fatal(err)
	}
	for seq, want := range map[uint64]error{last.Seq: nil, last.Seq - 1: engine.ErrChangesForgotten,
		last.Seq + 1: ErrAhead} {
		if err := f.Check(Position{changes: engine.ChangeCursor{Seq: seq}}); !errors.Is(err, want) {
			t.Errorf("at %d of %d: %v, want %v", seq, last.Seq, err, want)
		}
	}
}

// TestHubsByTags: streams for the same tags share a hub, in whatever order they name them.
func TestHubsByTags(t *testing.T) {
	l := newTestLog(t)
	l.do(&engine.StartChanges{})
	f := NewChanges(l)
	a, b := engine.Tag{Category: "A", Value: "1"}, engine.Tag{Category: "B", Value: "2"}
	one := f.Stream(f.from(t, ""), ChangeFilter{Tags: []engine.Tag{a, b}})
	two := f.Stream(f.from(t, ""), ChangeFilter{Tags: []engine.Tag{b, a}})
	three := f.Stream(f.from(t, ""), ChangeFilter{Tags: []engine.Tag{b}})
	if n := len(f.hubs); n != 2 {
		t.Errorf("%d hubs, want 2", n)
	}
	for _, s := range []stream.Source{one, two, three} {
		s.Close()
	}
	if n := len(f.hubs); n != 0 {
		t.Errorf("%d hubs are left", n)
	}
}

// TestPageWaits: a page waits for a change that its filter picks.
func TestPageWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(t)
		l.do(&engine.StartChanges{})
		f := NewChanges(l)
		p := f.from(t, "")
		p.copying = false
		begin := time.Now()
		pages := make(chan Page, 1)
		go func() {
			page, err := f.Page(p, &ChangeFilter{Locations: []string{"L2"}}, 10, begin.Add(time.Minute), nil)
			if err != nil {
				t.Error(err)
			}
			pages <- page
		}()
		time.Sleep(time.Second)
		l.do(stock("L1", "U", "Web", 1))
		time.Sleep(time.Second)
		l.do(stock("L2", "U", "Web", 1))
		if page := <-pages; page.Count != 1 || time.Since(begin) > 3*time.Second || page.AsOf != l.AppliedIndex() {
			t.Errorf("after %s: %+v", time.Since(begin), page)
		}
		stop := make(chan struct{})
		close(stop)
		if page, err := f.Page(f.atEnd(t), &ChangeFilter{}, 10, time.Now().Add(time.Minute), stop); err != nil ||
			page.Count != 0 {
			t.Errorf("a wait that was stopped: %+v, %v", page, err)
		}
	})
}

// atEnd is the position behind all changes.
func (f *Changes) atEnd(t *testing.T) Position {
	t.Helper()
	last, err := f.store.LastChange()
	if err != nil {
		t.Error(err)
	}
	return Position{changes: last}
}

// TestCopyOfSomeLocations: a copy for some locations looks at no others.
func TestCopyOfSomeLocations(t *testing.T) {
	l := newTestLog(t)
	l.do(&engine.StartChanges{})
	for i := range 2000 {
		l.do(stock(fmt.Sprint("L", i%4), fmt.Sprintf("U%04d", i), "Web", 1))
	}
	f := NewChanges(l)
	for _, locations := range [][]string{{"L1"}, {"L0", "L3"}, {"A", "L2", "Z"}, {"none"}} {
		m, filter := mirror{}, ChangeFilter{Locations: locations}
		f.followPages(t, m, &filter, "", true)
		m.compare(t, l, &filter, strings.Join(locations, ","))
		if locations[0] != "none" && len(m) != 500*len(slices.DeleteFunc(slices.Clone(locations), func(s string) bool {
			return s[0] != 'L'
		})) {
			t.Errorf("%v: %d records", locations, len(m))
		}
	}
}
