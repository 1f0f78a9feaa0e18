package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strings"

	"apportion/engine/mem"
)

// StartChanges begins to count the changes of records over all of them. It has no fields, and does nothing when they
// are counted. From then on the version of a record is the number of its last change, which no other record has; until
// then each record counts its own.
type StartChanges struct{}

func (*StartChanges) Kind() Kind { return KindStartChanges }

func (*StartChanges) check() *Fault { return nil }

func (*StartChanges) since() (form, meaning byte) { return commandVersionFeed, commandVersionFeed }

func (*StartChanges) appendBody(dst []byte) []byte { return dst }

func (*StartChanges) readBody(*bodyReader) {}

func (*StartChanges) digest(dst []byte) []byte { return dst }

// apply has counting begin above the versions that are there, so that none falls.
func (*StartChanges) apply(e *Engine, _ *Envelope, _ *Result) {
	if e.changed.seq != 0 {
		return
	}
	base := uint64(1)
	for row := uint32(1); row < e.records.Used(); row++ {
		if r := e.records.At(row); r.flags&recordLive != 0 {
			base = max(base, r.version)
		}
	}
	e.changed.changeOrder = changeOrder{seq: base, base: base, known: base}
	e.changed.rows.Start(base+1, e.lastChange)
}

// changeOrder is the figures of the order of changes.
type changeOrder struct {
	seq   uint64 // of the last change, 0: they are not counted
	base  uint64 // seq when counting began; a record with a higher version is in the order
	known uint64 // all deletions with a higher seq are kept
}

// changedRecords has the records in the order of their last change. The number of that change is their version.
type changedRecords struct {
	changeOrder
	rows  mem.Trail
	found []mem.TrailChange
}

// ChangeCursor is a place among the changes of records. It means the same on every node.
type ChangeCursor struct {
	Seq uint64 // of the change; behind it come those with a higher one
}

// Change is a record's last change.
type Change struct {
	At      ChangeCursor
	Key     RecordKey
	Deleted bool
}

// Errors of ChangesAfter.
var (
	// ErrChangesNotCounted means that no StartChanges was applied yet.
	ErrChangesNotCounted = errors.New("engine: changes are not counted yet")

	// ErrChangesForgotten means that records were deleted behind the place and are not known any more, or that the
	// place is from before the counting. A follower then lists all records again.
	ErrChangesForgotten = errors.New("engine: some changes behind that place are not known any more")
)

// nextVersion is the version that a change gives to an opened record.
func (e *Engine) nextVersion(r *record, row uint32) uint64 {
	c := &e.changed
	if c.seq == 0 {
		return r.version + 1
	}
	c.seq = c.rows.Change(row, r.version)
	return c.seq
}

// noteDeleted takes a record out of the order of changes, and keeps its key.
func (e *Engine) noteDeleted(row uint32) {
	c, r := &e.changed, e.records.At(row)
	if c.seq == 0 {
		return
	}
	c.seq = c.rows.Change(0, r.version)
	e.scratch.entry = binary.AppendVarint(e.scratch.entry[:0], e.nowMS.Load())
	e.scratch.entry = binary.AppendUvarint(e.scratch.entry, c.seq)
	e.scratch.entry = appendText(e.scratch.entry, e.text(r.upc))
	e.scratch.entry = appendText(e.scratch.entry, e.text(r.location))
	e.keep(deletionLog, e.scratch.entry)
}

// readDeletion reads a kept deletion. Its texts alias the entry.
func readDeletion(b []byte) (c Change, err error) {
	in := reader{b: b}
	in.varint()
	c = Change{At: ChangeCursor{Seq: in.uvarint()}, Deleted: true}
	c.Key = RecordKey{UPC: in.name(), Location: in.name()}
	return c, in.end(ErrCorrupt)
}

func checkStoredDeletion(entry []byte) error {
	_, err := readDeletion(entry)
	return err
}

func (e *Engine) deletion(number uint64) Change {
	c, err := readDeletion(e.logs[deletionLog].Get(number))
	assert(err == nil, "a kept deletion cannot be read")
	return c
}

// deletionAfter gives the number of the first kept deletion behind a place.
func (e *Engine) deletionAfter(seq uint64) uint64 {
	l := &e.logs[deletionLog]
	return l.First() + uint64(sort.Search(l.Len(), func(i int) bool {
		return e.deletion(l.First()+uint64(i)).At.Seq > seq
	}))
}

// LastChange is the place behind all changes so far. The caller holds the mutex of Apply.
func (e *Engine) LastChange() (ChangeCursor, error) {
	if e.changed.seq == 0 {
		return ChangeCursor{}, ErrChangesNotCounted
	}
	return ChangeCursor{Seq: e.changed.seq}, nil
}

// ChangesAfter appends the changes behind a place, the oldest first, at most limit. A record is among them once, at its
// last change; if it was deleted and created again, its deletion comes before. It stops after so many looks: the caller
// goes on from next, which is the same place if nothing is behind it. Nothing is behind a place that is ahead of this
// state. The caller holds the mutex of Apply, and reads the records themselves without it.
func (e *Engine) ChangesAfter(after ChangeCursor, limit int, dst []Change) (changes []Change, next ChangeCursor,
	err error) {
	c := &e.changed
	switch {
	case c.seq == 0:
		return dst, after, ErrChangesNotCounted
	case after.Seq < c.known:
		return dst, after, ErrChangesForgotten
	case after.Seq >= c.seq || limit == 0:
		return dst, after, nil
	}
	c.found, next.Seq = c.rows.After(after.Seq, limit, c.found[:0])
	end, deletedEnd := len(dst)+limit, e.logs[deletionLog].Next()
	rows := c.found
	for deleted := e.deletionAfter(after.Seq); len(dst) < end; {
		if deleted < deletedEnd {
			d := e.deletion(deleted)
			if len(rows) == 0 && d.At.Seq <= next.Seq || len(rows) > 0 && d.At.Seq < rows[0].Number {
				d.Key = RecordKey{UPC: strings.Clone(d.Key.UPC), Location: strings.Clone(d.Key.Location)}
				dst = append(dst, d)
				deleted++
				continue
			}
		}
		if len(rows) == 0 {
			return dst, next, nil
		}
		r := e.records.At(rows[0].Row)
		dst = append(dst, Change{At: ChangeCursor{rows[0].Number},
			Key: RecordKey{UPC: e.text(r.upc), Location: e.text(r.location)}})
		rows = rows[1:]
	}
	return dst, dst[end-1].At, nil
}

// lastChange is the number of a record's last change, 0: the record is gone.
func (e *Engine) lastChange(row uint32) uint64 {
	if r := e.records.At(row); r.flags&recordLive != 0 {
		return r.version
	}
	return 0
}

// isInOrder reports whether a record has changed since the counting began.
func (e *Engine) isInOrder(row uint32) bool {
	return e.changed.seq != 0 && e.lastChange(row) > e.changed.base
}

// orderLoaded puts the records that were loaded in the order of their last change.
func (e *Engine) orderLoaded() error {
	c := &e.changed
	if c.seq == 0 {
		return nil
	}
	var rows []ranked
	for row := uint32(1); row < e.records.Used(); row++ {
		if e.isInOrder(row) {
			rows = append(rows, ranked{e.lastChange(row), row})
		}
	}
	sortRanked(rows)
	c.rows.Start(c.seq+1, e.lastChange)
	last := c.base
	for _, r := range rows {
		if r.key <= last || r.key > c.seq {
			return corrupt("two records have one version, or one has a version that was not given yet", r.row)
		}
		c.rows.Load(r.row)
		last = r.key
	}
	return nil
}

// verifyChanges checks that the order of changes has all records that changed, and that they are in order.
func (e *Engine) verifyChanges(report func(string)) {
	c, want, seen, last := &e.changed, 0, 0, e.changed.base
	for row := uint32(1); row < e.records.Used(); row++ {
		if e.isInOrder(row) {
			want++
		}
	}
	if c.seq == 0 {
		return
	}
	for was := uint64(0); was != c.seq && seen <= want; {
		var all uint64
		if c.found, all = c.rows.After(was, 1000, c.found[:0]); all == was {
			break
		}
		was = all
		for _, at := range c.found {
			seen++
			if version := e.lastChange(at.Row); !e.isInOrder(at.Row) || version != at.Number || version <= last {
				report(fmt.Sprintf("the record in row %d, version %d, stands at change %d, behind %d", at.Row, version,
					at.Number, last))
			}
			last = at.Number
		}
	}
	if seen != want || last > c.seq || c.seq != c.rows.Newest() {
		report(fmt.Sprintf("%d records are in the order of %d changes, up to %d; %d records have changed", seen, c.seq,
			last, want))
	}
}
