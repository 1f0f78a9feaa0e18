package feed

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"apportion/engine"
	"apportion/httpapi/cursor"
	"apportion/httpapi/render"
	"apportion/httpapi/stream"
	"apportion/httpapi/strictjson"
)

// ChangeStore has the records and their changes; see raftstore.Store.
type ChangeStore interface {
	Log
	Reader() *engine.Reader
	ChangesAfter(after engine.ChangeCursor, limit int, dst []engine.Change) ([]engine.Change, error)
	LastChange() (engine.ChangeCursor, error)
}

// Changes is the feed of the records' changes.
type Changes struct {
	store ChangeStore
	own   chan struct{} // see hub

	mu   sync.Mutex
	hubs map[string]*changesHub // by tags
}

// changesHub is the hub of all streams that ask for the same tags.
type changesHub struct {
	*hub[engine.RecordKey]
	streams int
}

// NewChanges makes the feed. It does nothing while it has no readers.
func NewChanges(store ChangeStore) *Changes {
	return &Changes{store: store, own: make(chan struct{}, ownReadersMax()), hubs: map[string]*changesHub{}}
}

// ChangeFilter picks records. Empty fields do not restrict.
type ChangeFilter struct {
	Tags      []engine.Tag // of the segments that are shown
	Locations []string     // sorted
	UPCPrefix string
}

func (f *ChangeFilter) picks(key *engine.RecordKey) bool {
	if !strings.HasPrefix(key.UPC, f.UPCPrefix) {
		return false
	}
	_, found := slices.BinarySearch(f.Locations, key.Location)
	return found || len(f.Locations) == 0
}

// Position is how far a reader is: in a copy of all records, or among the changes.
type Position struct {
	changes engine.ChangeCursor // those up to here are known, or, in a copy, were there when it began
	copying bool
	copied  engine.RecordKey // up to here
}

// ErrInvalid is the error of a text that is no cursor of the feed.
var ErrInvalid = cursor.ErrInvalid

// ErrAhead is the error of a position behind all changes: its cursor is of another state.
var ErrAhead = errors.New("feed: the position is ahead of all changes")

// Parse reads a cursor.
func Parse(text string) (Position, error) {
	if key, err := cursor.Parse(cursor.Copy, text); err == nil {
		return Position{copying: true, changes: engine.ChangeCursor{Seq: key.Number},
			copied: engine.RecordKey{Location: key.First, UPC: key.Second}}, nil
	}
	key, err := cursor.Parse(cursor.Changes, text)
	if err != nil || key.First != "" || key.Second != "" {
		return Position{}, ErrInvalid
	}
	return Position{changes: engine.ChangeCursor{Seq: key.Number}}, nil
}

// appendCursor appends the cursor of a position.
func (p *Position) appendCursor(dst []byte) []byte {
	if p.copying {
		return cursor.Append(dst, cursor.Copy, cursor.Key{Number: p.changes.Seq, First: p.copied.Location,
			Second: p.copied.UPC})
	}
	return cursor.Append(dst, cursor.Changes, cursor.Key{Number: p.changes.Seq})
}

// Begin is the position before the first record of a copy.
func (f *Changes) Begin() (Position, error) {
	last, err := f.store.LastChange()
	return Position{copying: true, changes: engine.ChangeCursor{Seq: last.Seq}}, err
}

// End is the position behind all changes.
func (f *Changes) End() (Position, error) {
	last, err := f.store.LastChange()
	return Position{changes: last}, err
}

// Check reports whether a reader can go on from a position: engine.ErrChangesForgotten or engine.ErrChangesNotCounted
// if not. ErrAhead: this node's state does not have it yet, or never will.
func (f *Changes) Check(p Position) error {
	last, err := f.store.LastChange()
	if err == nil {
		_, err = f.store.ChangesAfter(p.changes, 1, nil)
	}
	if err == nil && p.changes.Seq > last.Seq {
		err = ErrAhead
	}
	return err
}

// change is one element of the feed.
type change struct {
	key     engine.RecordKey
	deleted bool
}

// encoder writes changes. It is of one goroutine.
type encoder struct {
	reader *engine.Reader
	tags   []engine.Tag
	view   engine.RecordView
	schema *engine.Schema
}

// load reads the record of a change. It reports whether there is something to tell: a record that has gone meanwhile
// comes again, as deleted.
func (e *encoder) load(c change) bool {
	if c.deleted {
		return true
	}
	if !e.reader.ReadRecord(c.key.UPC, c.key.Location, &e.view) {
		return false
	}
	e.schema = e.reader.Schema() // read after the record, it knows all of its tag sets
	e.view.MergeSegments(e.schema)
	return true
}

// hasTags reports whether the loaded record has a segment with the tags.
func (e *encoder) hasTags() bool {
	return len(e.tags) == 0 || slices.ContainsFunc(e.view.Segments, func(s engine.SegmentView) bool {
		return e.schema.Matches(s.TagSet, e.tags)
	})
}

// append appends a loaded change as JSON.
func (e *encoder) append(dst []byte, c change) []byte {
	if !c.deleted {
		return render.AppendRecord(dst, e.schema, &e.view, e.tags)
	}
	dst = strictjson.AppendText(dst, `{"upc":`, c.key.UPC)
	dst = strictjson.AppendText(dst, `,"location":`, c.key.Location)
	return append(dst, `,"deleted":true}`...)
}

// The types of the stream's events.
const (
	recordType  = "record"
	deletedType = "deleted"
	copiedType  = "copied"
)

// appendEvent appends a loaded change as an event of a stream, behind which a reader is at a position.
func (e *encoder) appendEvent(dst []byte, c change, at *Position) []byte {
	var id [cursor.BytesMax]byte
	dst = stream.AppendID(dst, at.appendCursor(id[:0]))
	if c.deleted {
		dst = stream.AppendType(dst, deletedType)
	} else {
		dst = stream.AppendType(dst, recordType)
	}
	return stream.CloseData(e.append(stream.OpenData(dst), c))
}

// readTags makes a read of the hub for some tags.
func (f *Changes) readTags(tags []engine.Tag) read[engine.RecordKey] {
	e := encoder{reader: f.store.Reader(), tags: tags}
	var changes []engine.Change
	return func(_ place, into *batch[engine.RecordKey]) error {
		for !into.full() {
			var err error
			if changes, err = f.store.ChangesAfter(into.until, changesAtATime, changes[:0]); err != nil {
				return err
			}
			for i := range changes {
				c := change{changes[i].Key, changes[i].Deleted}
				if e.load(c) {
					into.data = e.appendEvent(into.data, c, &Position{changes: changes[i].At})
				}
				into.add(changes[i].At, c.key)
			}
			if len(changes) < changesAtATime {
				return nil
			}
		}
		return nil
	}
}

// Page is a page of changes.
type Page struct {
	AsOf    uint64
	Changes []byte // elements of a JSON list
	Count   int
	Next    []byte // the cursor behind them
	More    bool   // there are more now
	Copying bool   // those are of a copy that has not ended
}

// Page reads up to limit changes behind a position. Without any, it waits until the deadline, or until stop is closed.
func (f *Changes) Page(p Position, filter *ChangeFilter, limit int, deadline time.Time, stop <-chan struct{}) (Page,
	error) {
	e := encoder{reader: f.store.Reader(), tags: filter.Tags}
	for {
		page := Page{AsOf: f.store.AppliedIndex()}
		err := f.fill(&page, &p, &e, filter, limit)
		if err != nil || page.Count > 0 || page.More || !time.Now().Before(deadline) {
			page.Next = p.appendCursor(nil)
			return page, err
		}
		pause := time.NewTimer(min(waitPause, time.Until(deadline)))
		select {
		case <-pause.C:
		case <-stop:
			deadline = time.Time{}
		}
		pause.Stop()
		if f.store.WaitApplied(page.AsOf+1, deadline, stop) != nil {
			deadline = time.Time{} // one look more: something may have come at the last moment
		}
	}
}

// fill fills a page, and moves the position on.
func (f *Changes) fill(page *Page, p *Position, e *encoder, filter *ChangeFilter, limit int) error {
	full := func() bool { return page.Count == limit || len(page.Changes) >= pageBytesMax }
	add := func(c change) {
		page.Changes = e.append(strictjson.Comma(page.Changes, page.Count), c)
		page.Count++
	}
	if p.copying {
		page.Copying = true
		for looks := 0; looks < pageLooksMax && p.copying && !full(); looks += copyAtATime {
			f.copyOn(p, e, filter, min(copyAtATime, limit-page.Count), add)
		}
		page.More = true
		return nil
	}
	var changes []engine.Change
	for looks := 0; looks < pageLooksMax; looks += len(changes) {
		atATime := min(changesAtATime, limit-page.Count)
		var err error
		if changes, err = f.store.ChangesAfter(p.changes, atATime, changes[:0]); err != nil {
			return err
		}
		for i := range changes {
			c := change{changes[i].Key, changes[i].Deleted}
			if p.changes = changes[i].At; filter.picks(&c.key) && e.load(c) {
				add(c)
			}
		}
		if len(changes) < atATime {
			return nil
		}
		if full() {
			break
		}
	}
	page.More = true
	return nil
}

// copyOn looks at up to limit records of a copy, tells those that the filter picks, and moves the position on. At the
// end of the copy the position is the place among the changes where the copy began.
func (f *Changes) copyOn(p *Position, e *encoder, filter *ChangeFilter, limit int, tell func(c change)) {
	at := -1 // among the locations of the filter
	if len(filter.Locations) > 0 {
		at, _ = slices.BinarySearch(filter.Locations, p.copied.Location)
		if at == len(filter.Locations) {
			p.copying, p.copied = false, engine.RecordKey{}
			return
		}
		if location := filter.Locations[at]; location != p.copied.Location {
			p.copied = engine.RecordKey{Location: location}
		}
	}
	keys := e.reader.RecordsAfter(p.copied, limit, nil)
	for _, key := range keys {
		if at >= 0 && key.Location != filter.Locations[at] {
			if at++; at == len(filter.Locations) {
				p.copying, p.copied = false, engine.RecordKey{}
			} else {
				p.copied = engine.RecordKey{Location: filter.Locations[at]}
			}
			return
		}
		p.copied = key
		if c := (change{key: key}); strings.HasPrefix(key.UPC, filter.UPCPrefix) && e.load(c) && e.hasTags() {
			tell(c)
		}
	}
	if len(keys) < limit {
		p.copying, p.copied = false, engine.RecordKey{}
	}
}
