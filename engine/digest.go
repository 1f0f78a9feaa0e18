package engine

import (
	"apportion/engine/mem"
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
)

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

func (c *ActivateRule) digest(dst []byte) []byte {
	dst = digestNumber(digestText(dst, c.Name), uint64(c.Version))
	dst = digestRuleScope(digestNumber(dst, uint64(c.Hook)), &c.RuleScope)
	dst = digestNumber(digestNumber(dst, uint64(c.OnError)), uint64(c.FailuresMax))
	return digestText(dst, c.Author)
}

func (c *PutLocation) digest(dst []byte) []byte {
	dst = digestNumber(digestText(dst, c.Location), uint64(c.Flags))
	dst = digestText(digestText(digestText(dst, c.Name), c.PostalCode), c.Country)
	return digestNumber(digestNumber(dst, uint64(c.Latitude)), uint64(c.Longitude))
}

// appendDigest appends c's digest to dst.
func appendDigest(dst []byte, c Command) []byte { return c.digest(append(dst, byte(c.Kind()))) }

func digestHash(dst []byte, hash uint64) []byte { return binary.LittleEndian.AppendUint64(dst, hash) }

func digestText(dst []byte, s string) []byte { return digestHash(dst, mem.HashText(s)) }

func digestNumber(dst []byte, n uint64) []byte { return digestHash(dst, mem.HashJoin(0, n)) }

func digestBool(dst []byte, b bool) []byte { return digestNumber(dst, uint64(flagBit(b, 1))) }

func digestScope(dst []byte, s *Scope) []byte {
	dst = digestTexts(dst, s.UPCs)
	dst = digestTexts(dst, s.Locations)
	return digestBool(dst, s.All)
}

func digestHooks(dst []byte, hooks []RuleHook) []byte {
	l := beginList(dst, len(hooks))
	for _, h := range hooks {
		l.add(mem.HashJoin(0, uint64(h)))
	}
	return l.end()
}

func digestRuleScope(dst []byte, s *RuleScope) []byte {
	dst = digestTexts(dst, s.Locations)
	dst = digestText(dst, s.UPCPrefix)
	l := beginList(dst, len(s.Tags))
	for i := range s.Tags {
		l.add(mem.HashText2(s.Tags[i].Category, s.Tags[i].Value))
	}
	return l.end()
}

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

// digested is a pointer to an element of a list, which has a hash of all that matters in it.
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

// The hashes of the lists' elements, over all their fields in the order of the declaration.

func (it *StockItem) hash() uint64 {
	h := mem.HashJoin(mem.HashText(it.UPC), hashTags(it.Tags))
	h = mem.HashJoin(h, uint64(it.Quantity))
	if it.Has == 0 && it.DeliveryDateMS == 0 {
		return h
	}
	h = mem.HashJoin(h, uint64(it.Has))
	h = mem.HashJoin(h, uint64(it.SafetyStock))
	h = mem.HashJoin(h, uint64(it.Floor))
	h = mem.HashJoin(h, uint64(it.LTD))
	return mem.HashJoin(h, uint64(it.DeliveryDateMS))
}

func (it *TransferItem) hash() uint64 {
	h := mem.HashJoin(mem.HashText(it.UPC), mem.HashText2(it.FromLocation, it.ToLocation))
	h = mem.HashJoin(h, hashTags(it.FromTags))
	h = mem.HashJoin(h, hashTags(it.ToTags))
	return mem.HashJoin(h, uint64(it.Quantity))
}

func (l *AllocateLine) hash() uint64 {
	h := mem.HashJoin(mem.HashText(l.ItemID), mem.HashText2(l.UPC, l.Location))
	h = mem.HashJoin(h, uint64(l.Quantity))
	h = mem.HashJoin(h, hashTags(l.Tags))
	for i := range l.Attributes {
		h = mem.HashJoin(h, mem.HashText2(l.Attributes[i].Name, l.Attributes[i].Value))
	}
	return h
}

func (it *RedistributeItem) hash() uint64 {
	h := mem.HashJoin(mem.HashText2(it.UPC, it.Location), it.RecordVersion)
	h = mem.HashJoin(mem.HashJoin(h, mem.HashText(it.Rule)), uint64(it.RuleVersion))
	h = mem.HashJoin(mem.HashJoin(h, uint64(it.Action)), mem.HashText(it.Reason))
	for i := range it.Targets {
		h = mem.HashJoin(mem.HashJoin(h, hashTags(it.Targets[i].Tags)), uint64(it.Targets[i].Available))
	}
	return h
}

func (l *OrderLine) hash() uint64 {
	h := mem.HashJoin(mem.HashText(l.ItemID), uint64(l.Quantity))
	h = mem.HashJoin(h, mem.HashText2(l.UPC, l.Location))
	h = mem.HashJoin(h, hashTags(l.Tags))
	if l.Lost || l.Block != BlockKeep { // other lines have the hash that they had before there was this
		h = mem.HashJoin(h, uint64(l.Block)<<1|uint64(flagBit(l.Lost, 1)))
	}
	return h
}

func (it *BlockItem) hash() uint64 {
	return mem.HashJoin(mem.HashText(it.UPC), uint64(flagBit(it.Blocked, 1)))
}

func (l *TransitionLine) hash() uint64 { return mem.HashText2(l.ItemID, l.ToItemID) }

func (v *Value) hash() uint64 {
	h := mem.HashJoin(mem.HashText(v.Name), uint64(v.Percent))
	h = mem.HashJoin(h, uint64(flagBit(v.Default, 1)))
	h = mem.HashJoin(h, uint64(v.Min))
	return mem.HashJoin(h, uint64(v.Max))
}

func (m *Move) hash() uint64 { return mem.HashText2(m.From, m.To) }

// hashTags is the same for every order of the tags: a sum of their hashes.
func hashTags(tags []Tag) uint64 {
	sum := uint64(len(tags))
	for i := range tags {
		sum += mem.HashText2(tags[i].Category, tags[i].Value)
	}
	return sum
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
		case !bytes.Equal(a.take(digestHashBytes), b.take(digestHashBytes)):
			d = name
		}
		if d != "" {
			return d
		}
	}
	return ""
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

// take reads a fixed number of bytes; they alias the input.
func (r *reader) take(n int) []byte {
	if n > r.left() {
		r.fail("cut short")
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}
