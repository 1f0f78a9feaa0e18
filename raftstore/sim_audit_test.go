package raftstore

import (
	"bytes"
	"maps"
	"slices"

	"github.com/hashicorp/raft"

	"apportion/engine"
)

// audit sees everything that is applied and answered, on all nodes and in all their runs, and compares it with what it
// saw before. It does not see the actions of a node after its crash.
type audit struct {
	w       *world
	entries map[uint64]*auditEntry // entries with commands, by index
	indexes []uint64               // of the entries, ascending
	leaders map[uint64]int         // by term
	kept    map[string]keptAnswer  // by key
	acked   []keyed                // commands with an answer
	isAcked map[string]bool
	stock   *stockAccount
}

// keptAnswer is the first result of a command with a key, and its time.
type keptAnswer struct {
	result  []byte
	stampMS int64
}

// auditEntry is a committed entry with its results.
type auditEntry struct {
	term    uint64
	data    []byte
	results []byte
	ends    []int
	hash    [32]byte // of the state after it
}

func newAudit(w *world) *audit {
	return &audit{
		w: w, entries: map[uint64]*auditEntry{}, leaders: map[uint64]int{}, kept: map[string]keptAnswer{},
		isAcked: map[string]bool{},
		stock:   newStockAccount(w),
	}
}

func (a *audit) leads(id int, term uint64) {
	a.w.counts.Leaders++
	if other, ok := a.leaders[term]; ok {
		a.w.failf("nodes %d and %d were both elected in term %d", other, id, term)
	}
	a.leaders[term] = id
}

// observe sees an entry before it is applied. All nodes apply the same entry at an index.
func (a *audit) observe(id int, log *raft.Log) {
	if e := a.entries[log.Index]; e != nil {
		if e.term != log.Term || !bytes.Equal(e.data, log.Data) {
			a.w.failf("node %d applies at index %d another entry than was applied before: of term %d, not %d", id,
				log.Index, log.Term, e.term)
		}
		return
	}
	if n := len(a.indexes); n > 0 {
		last := a.indexes[n-1]
		if log.Index <= last {
			a.w.failf("node %d applies entry %d, which no node has applied before, and %d was applied already", id,
				log.Index, last)
		}
		if was, is := stampOf(a.entries[last].data), stampOf(log.Data); is < was {
			a.w.failf("the stamp of entry %d is %d ms before that of entry %d", log.Index, was-is, last)
		}
	}
	a.entries[log.Index] = &auditEntry{term: log.Term, data: log.Data}
	a.indexes = append(a.indexes, log.Index)
}

func stampOf(data []byte) int64 {
	e, err := decodeEntry(data)
	if err != nil {
		panic(simFailure{err.Error()})
	}
	return e.stampMS
}

// applied sees the results of an entry, and the state after it.
func (a *audit) applied(id int, log *raft.Log, got *entryResults, e *engine.Engine) {
	entry := a.entries[log.Index]
	if entry.results != nil {
		if !bytes.Equal(entry.results, got.results) || !slices.Equal(entry.ends, got.ends) {
			a.w.failf("node %d: entry %d gives other results than it gave before", id, log.Index)
		}
		if entry.hash != e.Hash() {
			a.w.failf("node %d: the state after entry %d is not what it was elsewhere, or before", id, log.Index)
		}
		return
	}
	a.w.counts.Entries++
	entry.results, entry.ends, entry.hash = bytes.Clone(got.results), slices.Clone(got.ends), e.Hash()
	a.w.tracef("entry %d, stamped %d, state %x", log.Index, stampOf(log.Data)-simStartMS, entry.hash[:4])
	e.Verify(func(problem string) { a.w.failf("after entry %d: %s", log.Index, problem) })
	a.account(log, entry)
	a.stock.compare(log.Index, e)
}

// account checks the commands of an entry at its first application.
func (a *audit) account(log *raft.Log, entry *auditEntry) {
	decoded, err := decodeEntry(log.Data)
	if err != nil || decoded.count != len(entry.ends) {
		a.w.failf("entry %d has %d commands and %d results: %v", log.Index, decoded.count, len(entry.ends), err)
	}
	a.stock.advance(decoded.stampMS)
	a.forget(decoded.stampMS)
	start := 0
	for _, end := range entry.ends {
		env, command, err := engine.DecodeCommand(decoded.next())
		if err != nil {
			a.w.failf("entry %d: %v", log.Index, err)
		}
		result := entry.results[start:end]
		start = end
		var r engine.Result
		if err := engine.DecodeResult(result, &r); err != nil {
			a.w.failf("entry %d: a result: %v", log.Index, err)
		}
		if len(env.Archived) > 0 {
			a.w.counts.Carried++
		}
		a.once(log.Index, decoded.stampMS, env.Key, &r)
		if !r.Repeated {
			a.stock.carriedOut(log.Index, command, &r)
		}
	}
}

// once demands that a command with a key is executed once, and always gives the same answer.
func (a *audit) once(index uint64, stampMS int64, key string, r *engine.Result) {
	if key == "" || r.Code == engine.CodeRetry {
		return
	}
	plain := unrepeated(r)
	kept, known := a.kept[key]
	switch {
	case known && !r.Repeated:
		a.w.failf("entry %d carries out the command with key %s a second time", index, key)
	case !known && r.Repeated:
		a.w.failf("entry %d repeats an answer that key %s does not have", index, key)
	case known && !bytes.Equal(kept.result, plain):
		a.w.failf("entry %d answers key %s otherwise than the first time", index, key)
	case known:
		a.w.counts.Repeats++
	default:
		a.kept[key] = keptAnswer{plain, stampMS}
	}
}

// forget removes the keys that are too old at an entry.
func (a *audit) forget(nowMS int64) {
	maps.DeleteFunc(a.kept, func(key string, kept keptAnswer) bool {
		old := kept.stampMS+engine.IdempotencyAgeMS <= nowMS
		if old {
			a.w.counts.Forgotten++
		}
		return old
	})
	a.acked = slices.DeleteFunc(a.acked, func(k keyed) bool {
		_, known := a.kept[k.key]
		return !known
	})
}

// unrepeated is the result without the mark of a repetition.
func unrepeated(r *engine.Result) []byte {
	plain := *r
	plain.Repeated = false
	return engine.AppendResult(nil, &plain)
}

// answered checks the answer of a client. It must be the result of the log. All commands of a batch have one log index,
// also in a repetition. A batch at its first attempt is not a repetition. answered returns false if a command must be
// sent again.
func (a *audit) answered(c *client) (done bool) {
	done = true
	var index uint64
	for i, k := range c.asked {
		var r engine.Result
		if err := engine.DecodeResult(c.batch.Result(i), &r); err != nil {
			a.w.failf("client %d: result %d: %v", c.id, i, err)
		}
		if i > 0 && r.Index != index && !c.mixed {
			a.w.failf("client %d: one half of a batch was done at index %d, the other at %d", c.id, index, r.Index)
		}
		index = r.Index
		if r.Code == engine.CodeRetry {
			done = false
			continue
		}
		if r.Repeated && !c.again {
			a.w.failf("client %d: key %s was never used before, and its answer is a repetition", c.id, k.key)
		}
		if k.key == "" {
			a.given(c, index, c.batch.Result(i))
			continue
		}
		if kept, known := a.kept[k.key]; known && !bytes.Equal(kept.result, unrepeated(&r)) {
			a.w.failf("client %d: the answer to key %s is not what the log gave", c.id, k.key)
		}
		if _, known := a.kept[k.key]; known && !a.isAcked[k.key] {
			a.isAcked[k.key] = true
			a.acked = append(a.acked, k)
		}
	}
	return done
}

// given demands that a result without a key is a result of its entry.
func (a *audit) given(c *client, index uint64, result []byte) {
	e := a.entries[index]
	if e == nil {
		a.w.failf("client %d: an answer from index %d, where nothing was applied", c.id, index)
	}
	start := 0
	for _, end := range e.ends {
		if bytes.Equal(e.results[start:end], result) {
			return
		}
		start = end
	}
	a.w.failf("client %d: an answer that entry %d did not give", c.id, index)
}

// loaded checks a state from disk: it must be the state after the last entry up to its index.
func (a *audit) loaded(id int, covered uint64, e *engine.Engine) {
	index := uint64(0)
	for _, i := range slices.Backward(a.indexes) {
		if i <= covered {
			index = i
			break
		}
	}
	if e.AppliedIndex() != index {
		a.w.failf("node %d: the state on disk is of %d by its own row and has entry %d, the last one before is %d",
			id, covered, e.AppliedIndex(), index)
	}
	if index > 0 && e.Hash() != a.entries[index].hash {
		a.w.failf("node %d: the state on disk is not the state after entry %d", id, index)
	}
}
