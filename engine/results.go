package engine

import (
	"apportion/engine/mem"
	"bytes"
	"encoding/binary"
)

// keptResult is one entry: what was asked and what was answered.
type keptResult struct {
	timeMS int64
	key    string
	kind   Kind
	digest bool   // asked is a digest of the command and not its body
	asked  []byte // see digest
	result []byte
}

const resultDigest = 1

// The result log keeps the answers given for idempotency keys, and resultsByKey finds them.

// resultRow stands for an entry in the table: the low bits of its number, and one bit so that it is not zero.
func resultRow(number uint64) uint32 { return uint32(number) | 1<<31 }

// resultNumber is the entry that a row of the table stands for.
func (e *Engine) resultNumber(row uint32) uint64 {
	behind := (uint32(e.logs[resultLog].Next()) - row) & (1<<31 - 1)
	return e.logs[resultLog].Next() - uint64(behind)
}

func (e *Engine) result(number uint64) keptResult {
	k, err := readKeptResult(e.logs[resultLog].Get(number))
	assert(err == nil, "a kept result cannot be read")
	return k
}

func readKeptResult(b []byte) (k keptResult, err error) {
	in := reader{b: b}
	k.timeMS = in.varint()
	k.key = in.text()
	k.kind = Kind(in.byte())
	k.digest = in.byte()&resultDigest != 0
	k.asked = in.bytes()
	k.result = in.bytes()
	return k, in.end(ErrCorrupt)
}

func checkStoredResult(entry []byte) error {
	_, err := readKeptResult(entry)
	return err
}

// findResult gives the number of the entry of a key.
func (e *Engine) findResult(key string) (uint64, bool) {
	for row, p := e.resultsByKey.Probe(mem.HashText(key)).Next(); row != 0; row, p = p.Next() {
		if number := e.resultNumber(row); e.result(number).key == key {
			return number, true
		}
	}
	return 0, false
}

// mayHaveResult reports whether a result may be kept for the key. No is certain.
func (rd *Reader) mayHaveResult(key string) bool {
	row, _ := rd.resultsByKey.Probe(mem.HashText(key)).Next()
	return row != 0
}

// keepResult keeps the answer to a command. The command is the one decoded last.
func (e *Engine) keepResult(key string, c Command, result []byte) {
	body, flags := e.scratch.command.body, byte(0)
	if len(body) > IdempotencyCommandBytesMax {
		e.scratch.digest = appendDigest(e.scratch.digest[:0], c)
		body, flags = e.scratch.digest, resultDigest
	}
	b := binary.AppendVarint(e.scratch.encoded[:0], e.nowMS.Load())
	b = appendText(b, key)
	b = append(b, byte(c.Kind()), flags)
	b = appendText(b, aliasText(body))
	b = appendText(b, aliasText(result))
	e.scratch.encoded = b
	e.keep(resultLog, b)
}

// indexResult enters the key of an entry that has come, unindexResult takes it out before the entry goes.
func (e *Engine) indexResult(number uint64) {
	e.resultsByKey.Add(mem.HashText(e.result(number).key), resultRow(number))
}

func (e *Engine) unindexResult(number uint64) {
	e.resultsByKey.Remove(mem.HashText(e.result(number).key), resultRow(number))
}

// difference names the first field in which a command differs from the one that was answered, "" if they are equal.
// body is the command's binary form.
func (k *keptResult) difference(c Command, body []byte) string {
	if k.kind != c.Kind() {
		return "kind"
	}
	if k.digest {
		return digestDifference(k.asked, c)
	}
	if bytes.Equal(k.asked, body) {
		return ""
	}
	was, err := new(commandScratch).decodeBody(k.kind, k.asked)
	assert(err == nil, "a kept command cannot be read")
	return firstDifference(was, c)
}
