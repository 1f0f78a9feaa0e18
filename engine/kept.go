package engine

import (
	"apportion/engine/mem"
	"fmt"
	"math"
)

// keptLogID is one of the logs of what happened. All are kept in the same way: see keptLog.
type keptLogID int

// The kept logs, in the order in which Hash has them.
const (
	eventLog keptLogID = iota
	explanationLog
	jobLog
	resultLog
	deletionLog

	keptLogs
)

// keptLogKind is what sets one log apart from another. An entry leaves when it is as old as ageMS, or when the log has
// entriesMax entries, or more than bytesMax bytes, and one more comes.
type keptLogKind struct {
	table      byte
	entriesMax int
	bytesMax   int64
	ageMS      int64
	check      func(entry []byte) error // of the stored form
}

var keptLogKinds = [keptLogs]keptLogKind{
	eventLog:       {eventTable, EventsMax, math.MaxInt64, EventAgeMS, checkStoredEvent},
	explanationLog: {explanationTable, ExplanationsMax, math.MaxInt64, ExplanationAgeMS, checkStoredExplanation},
	jobLog:         {jobTable, JobsMax, math.MaxInt64, JobAgeMS, checkStoredJob},
	resultLog:      {resultTable, IdempotencyResultsMax, IdempotencyBytesMax, IdempotencyAgeMS, checkStoredResult},
	deletionLog:    {deletionTable, DeletionsMax, math.MaxInt64, EventAgeMS, checkStoredDeletion},
}

// keptLogOf gives the log of a table.
func keptLogOf(table byte) (id keptLogID, ok bool) {
	for id := range keptLogs {
		if keptLogKinds[id].table == table {
			return id, true
		}
	}
	return 0, false
}

// keptLog keeps entries under rising numbers, the oldest first. Each begins with its time.
type keptLog struct {
	mem.Ring
	saved entrySpan // the entries that the last checkpoint, and those before it, have written
}

// entrySpan is the entries [first, next).
type entrySpan struct{ first, next uint64 }

func (l *keptLog) span() entrySpan { return entrySpan{l.First(), l.Next()} }

// unsaved gives the first entry that the next checkpoint has to write.
func (l *keptLog) unsaved() uint64 { return max(l.saved.next, l.First()) }

// keep adds an entry of the log entry being applied, and gives its number.
func (e *Engine) keep(id keptLogID, entry []byte) uint64 {
	l, kind := &e.logs[id], &keptLogKinds[id]
	for l.Len() >= kind.entriesMax || l.Bytes() > kind.bytesMax {
		e.dropOldest(id)
	}
	e.stats.kept[id].Add(1)
	number := l.Add(entry)
	if id == resultLog {
		e.indexResult(number)
	}
	return number
}

func (e *Engine) dropOldest(id keptLogID) {
	l := &e.logs[id]
	switch id {
	case resultLog:
		e.unindexResult(l.First())
	case deletionLog:
		e.changed.known = e.deletion(l.First()).At.Seq
	}
	l.Drop()
	e.stats.kept[id].Add(-1)
}

// dropOld drops the entries of all logs that have reached their age.
func (e *Engine) dropOld() {
	now := e.nowMS.Load()
	for id := range keptLogs {
		l, ageMS := &e.logs[id], keptLogKinds[id].ageMS
		for l.Len() > 0 && entryTimeMS(l.Get(l.First()))+ageMS <= now {
			e.dropOldest(id)
		}
	}
}

// entryTimeMS is when an entry was kept.
func entryTimeMS(entry []byte) int64 {
	in := reader{b: entry}
	return in.varint()
}

// loadEntry adds a stored entry. Its number follows that of the entry before.
func (e *Engine) loadEntry(id keptLogID, number uint64, entry []byte) error {
	if err := keptLogKinds[id].check(entry); err != nil {
		return err
	}
	l := &e.logs[id]
	if l.Len() == 0 {
		l.Start(number)
	}
	if number != l.Next() {
		return fmt.Errorf("%w: entry %d where %d was to come", ErrCorrupt, number, l.Next())
	}
	l.Add(entry)
	if id == resultLog {
		e.indexResult(number)
	}
	return nil
}

// checkpointLog is what a log has got and dropped since the last freeze. Its entries stay as they are whatever becomes
// of the log.
type checkpointLog struct {
	saved   entrySpan // as the last checkpoint left it
	first   uint64    // entries from saved.first to here are to be deleted
	deleted bool
	entries mem.Ring
	next    uint64 // entries below are written
}

func (l *keptLog) freeze() checkpointLog {
	f := checkpointLog{saved: l.saved, first: l.First(), entries: l.Part(l.unsaved(), l.Next()), next: l.unsaved()}
	l.saved = l.span()
	return f
}

// nextOfLog goes on with a log.
func (c *Checkpoint) nextOfLog(f *checkpointLog, table byte, rows *Rows, bytesEnd int) (more bool) {
	if f.saved.first < f.first && !f.deleted {
		rows.add(RowDeleteRange, numberKey(table, f.saved.first), numberKey(table, f.first))
		f.deleted = true
	}
	for f.next < f.entries.Next() && rows.Bytes() < bytesEnd {
		c.key = appendNumberKey(c.key[:0], table, f.next)
		rows.add(RowSet, c.key, f.entries.Get(f.next))
		f.next++
	}
	return f.next < f.entries.Next()
}
