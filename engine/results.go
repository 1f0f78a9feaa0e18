package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"

	"apportion/engine/mem"
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

// AppendRepeated appends an encoded result to dst as the answer to a repetition: with Repeated set.
func AppendRepeated(dst, result []byte) []byte {
	if len(result) < resultHeaderBytes {
		panic("BUG: a repetition of something that is no result")
	}
	start := len(dst)
	dst = append(dst, result...)
	dst[start+resultFlagsAt] |= resultRepeated
	return dst
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

// The digest of a command stands for it where the command itself is too long to be kept (IdempotencyCommandBytesMax):
// it tells any other command of the kind apart from it, and can mostly name the element that differs.
//
//	byte 0   kind
//	         for each field of the command, in the order of the declaration, the fields of Scope first:
//	           list: uvarint count, hash of the whole list (8 bytes), 2 bytes for each element
//	           other: hash of the value (8 bytes)
//
// The hash of the list decides whether lists are equal. The elements' bytes only locate the difference: one that
// differs is overlooked once in 65,536 cases, and then a later one or the list as a whole is named. So 12,000 items
// take 24 KB. Like firstDifference, a digest does not depend on the order of tags.
const (
	digestHashBytes    = 8
	digestElementBytes = 2
)

// appendDigest appends c's digest to dst.
func appendDigest(dst []byte, c Command) []byte { return c.digest(append(dst, byte(c.Kind()))) }

func digestHash(dst []byte, hash uint64) []byte { return binary.LittleEndian.AppendUint64(dst, hash) }

func digestText(dst []byte, s string) []byte { return digestHash(dst, mem.HashText(s)) }

func digestNumber(dst []byte, n uint64) []byte { return digestHash(dst, mem.HashJoin(0, n)) }

func digestBool(dst []byte, b bool) []byte { return digestNumber(dst, uint64(flagBit(b, 1))) }

// digestTagList is the same for every order of the tags.
func digestTagList(dst []byte, tags []Tag) []byte {
	hashes := make([]uint64, len(tags))
	for i := range tags {
		hashes[i] = mem.HashText2(tags[i].Category, tags[i].Value)
	}
	slices.Sort(hashes)
	l := beginList(dst, len(hashes))
	for _, h := range hashes {
		l.add(h)
	}
	return l.end()
}

func digestTexts(dst []byte, texts []string) []byte {
	l := beginList(dst, len(texts))
	for _, s := range texts {
		l.add(mem.HashText(s))
	}
	return l.end()
}

// digested is a pointer to an element of a list. Its hash is over all its fields, in the order of the declaration.
type digested[E any] interface {
	*E
	hash() uint64
}

func digestList[E any, P digested[E]](dst []byte, list []E) []byte {
	l := beginList(dst, len(list))
	for i := range list {
		l.add(P(&list[i]).hash())
	}
	return l.end()
}

// listDigest is the digest of a list while its elements are added.
type listDigest struct {
	dst     []byte
	wholeAt int
	whole   uint64
}

func beginList(dst []byte, elements int) listDigest {
	dst = binary.AppendUvarint(dst, uint64(elements))
	return listDigest{dst: digestHash(dst, 0), wholeAt: len(dst)}
}

func (l *listDigest) add(hash uint64) {
	l.whole = mem.HashJoin(l.whole, hash)
	l.dst = binary.LittleEndian.AppendUint16(l.dst, uint16(hash))
}

// end puts the hash of the whole list into the place that beginList left for it.
func (l *listDigest) end() []byte {
	binary.LittleEndian.PutUint64(l.dst[l.wholeAt:], l.whole)
	return l.dst
}

// digestDifference names the first field, or element of a list ("items[17]"), in which c differs from the command whose
// digest is given; "kind" for a command of another kind, "" for an equal one.
func digestDifference(digest []byte, c Command) string {
	own := appendDigest(nil, c)
	if bytes.Equal(digest, own) {
		return ""
	}
	if len(digest) == 0 || digest[0] != own[0] {
		return "kind"
	}
	a, b := reader{b: digest, at: 1}, reader{b: own, at: 1}
	if d := digestStruct(&a, &b, reflect.TypeOf(c).Elem()); d != "" {
		return d
	}
	return "kind" // no digest of ours; whatever it is, c is not equal to it
}

// digestStruct compares the digests of two commands field by field; t tells the fields' names and which are lists.
func digestStruct(a, b *reader, t reflect.Type) string {
	for i := range t.NumField() {
		field := t.Field(i)
		name := field.Tag.Get("json")
		d := ""
		switch {
		case field.Anonymous:
			d = digestStruct(a, b, field.Type)
		case field.Type.Kind() == reflect.Slice:
			if d = digestListDifference(a, b, name); d != "" && field.Type == reflect.TypeFor[[]Tag]() {
				d = name // which of them is not told by its place
			}
		case !bytes.Equal(a.digestHash(), b.digestHash()):
			d = name
		}
		if d != "" {
			return d
		}
	}
	return ""
}

// emptyText is the digest of an empty text.
var emptyText = digestText(nil, "")

// digestHash reads the hash of a value. A field at the end that is empty may have been left out: see StockNote.
func (r *reader) digestHash() []byte {
	if r.left() == 0 && r.fault == "" {
		return emptyText
	}
	return r.take(digestHashBytes)
}

func digestListDifference(a, b *reader, name string) string {
	elements := a.count(digestElementBytes)
	if elements != b.count(digestElementBytes) {
		return name
	}
	same := bytes.Equal(a.take(digestHashBytes), b.take(digestHashBytes))
	x, y := a.take(elements*digestElementBytes), b.take(elements*digestElementBytes)
	for i := 0; i+digestElementBytes <= min(len(x), len(y)); i += digestElementBytes {
		if x[i] != y[i] || x[i+1] != y[i+1] {
			return fmt.Sprintf("%s[%d]", name, i/digestElementBytes)
		}
	}
	if !same {
		return name
	}
	return ""
}

// What distinguishes two commands that came with one idempotency key: the answer CodeKeyReused names the first field
// that differs, as a path into the request. Requests repeat rarely and conflict still more rarely, so this is by
// reflection. The order of tags carries no meaning: lists of the same tags are equal.

// stockFieldNames names the fields whose presence StockFields tells, bit by bit.
var stockFieldNames = [...]string{"safetyStock", "floor", "ltd", "ifVersion"}

// firstDifference gives the path of the first field, in the order of the declaration, in which two commands differ:
// "lines[3].quantity"; "lines" if the lists differ in length; "kind" for commands of different kinds; "" for equal
// ones.
func firstDifference(a, b Command) string {
	if a.Kind() != b.Kind() {
		return "kind"
	}
	return structDifference("", reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
}

// structDifference compares two structs of a type. prefix, "" or ending in a dot, leads to their fields.
func structDifference(prefix string, a, b reflect.Value) string {
	for i := range a.NumField() {
		field := a.Type().Field(i)
		name := prefix + field.Tag.Get("json")
		if field.Anonymous {
			if d := structDifference(prefix, a.Field(i), b.Field(i)); d != "" {
				return d
			}
			continue
		}
		if d := valueDifference(prefix, name, a.Field(i), b.Field(i)); d != "" {
			return d
		}
	}
	return ""
}

// valueDifference compares two fields called name.
func valueDifference(prefix, name string, a, b reflect.Value) string {
	switch x := a.Interface().(type) {
	case []Tag:
		return tagsDifference(name, x, b.Interface().([]Tag))
	case StockFields:
		return fieldsDifference(prefix, x, b.Interface().(StockFields))
	}
	if a.Kind() == reflect.Slice {
		return listDifference(name, a, b)
	}
	if !a.Equal(b) {
		return name
	}
	return ""
}

func listDifference(name string, a, b reflect.Value) string {
	if a.Len() != b.Len() {
		return name
	}
	for i := range a.Len() {
		element := fmt.Sprintf("%s[%d]", name, i)
		x, y := a.Index(i), b.Index(i)
		if x.Kind() != reflect.Struct {
			if !x.Equal(y) {
				return element
			}
			continue
		}
		if d := structDifference(element+".", x, y); d != "" {
			return d
		}
	}
	return ""
}

// fieldsDifference names the first optional field that only one of two stock items has.
func fieldsDifference(prefix string, a, b StockFields) string {
	for i, name := range stockFieldNames {
		if (a^b)&(1<<i) != 0 {
			return prefix + name
		}
	}
	return ""
}

// tagsDifference names the first category, in the order of a and then of b, of a tag that one list has more often.
func tagsDifference(name string, a, b []Tag) string {
	if category, found := firstSurplus(a, b); found {
		return name + "." + category
	}
	if category, found := firstSurplus(b, a); found {
		return name + "." + category
	}
	return ""
}

// firstSurplus gives the category of the first tag that is in a more often than in b.
func firstSurplus(a, b []Tag) (category string, found bool) {
	for i := range a {
		if countTag(a, a[i]) > countTag(b, a[i]) {
			return a[i].Category, true
		}
	}
	return "", false
}

func countTag(tags []Tag, tag Tag) int {
	count := 0
	for i := range tags {
		if tags[i] == tag {
			count++
		}
	}
	return count
}
