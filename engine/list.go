package engine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"apportion/engine/mem"
)

// Reader.listed has all records, by location and then by UPC, and before them all UPCs, which stand as if they were at
// a location without a name. An item is a record's row, or listedUPC and the row of a UPC's name.
const listedUPC = 1 << 31

// nameOfLocation sets the name of a location apart from that of a UPC.
const nameOfLocation = 1 << 31

// locationSums is what is kept of all records at a location together.
type locationSums struct {
	records int64
	onHand  int64
}

// RecordKey names a record. Records are listed in the order of their keys: by location, then by UPC.
type RecordKey struct {
	Location string
	UPC      string
}

// LocationView is a location with the sums over its records.
type LocationView struct {
	Location string
	Records  int64
	OnHand   int64 // units
}

// compareListed compares the key of what is listed with another one.
func (rd *Reader) compareListed(item uint32, location, upc string) int {
	if item&listedUPC != 0 {
		if location != "" {
			return -1
		}
		return strings.Compare(rd.text(item&^listedUPC), upc)
	}
	r := rd.records.At(item)
	if at := rd.textAt(&r.locationText); at != location {
		return strings.Compare(at, location)
	}
	return strings.Compare(rd.textAt(&r.upcText), upc)
}

// textAt gives a text of a record that may be changing.
func (rd *Reader) textAt(ref *mem.TextRef) string {
	return rd.namesText.Get(mem.TextRef(atomic.LoadUint32((*uint32)(ref))))
}

// listedKey is the names of something listed. A UPC has no location.
type listedKey struct{ location, upc uint32 }

// listedAfter gives some of what is listed behind a place, all as of one moment; nothing: there is no more.
func (rd *Reader) listedAfter(compare func(item uint32) int, page *[mem.SortedPageMax]listedKey) []listedKey {
	var buffer [mem.SortedPageMax]uint32
	for try := 1; ; try++ {
		seq := rd.listed.Begin()
		items := rd.listed.Page(compare, buffer[:0])
		for i, item := range items {
			if item&listedUPC != 0 {
				page[i] = listedKey{upc: item &^ listedUPC}
				continue
			}
			r := rd.records.At(item)
			page[i] = listedKey{atomic.LoadUint32(&r.location), atomic.LoadUint32(&r.upc)}
		}
		if rd.listed.Unchanged(seq) {
			return page[:len(items)]
		}
		if try%spinsMax == 0 {
			runtime.Gosched()
		}
	}
}

// RecordsAfter appends the keys of up to limit records behind a key, in their order. A record that exists throughout a
// listing, over all its pages, is in it once. The texts stay valid.
func (rd *Reader) RecordsAfter(after RecordKey, limit int, dst []RecordKey) []RecordKey {
	var buffer [mem.SortedPageMax]listedKey
	if after.Location == "" {
		after.UPC = "\xff" // behind all UPCs, which have no such byte
	}
	for limit > 0 {
		page := rd.listedAfter(func(item uint32) int {
			return rd.compareListed(item, after.Location, after.UPC)
		}, &buffer)
		if len(page) == 0 {
			break
		}
		for _, key := range page[:min(limit, len(page))] {
			after = RecordKey{rd.text(key.location), rd.text(key.upc)}
			dst = append(dst, after)
			limit--
		}
	}
	return dst
}

// UPCsAfter appends up to limit UPCs that have a record, in order, behind one.
func (rd *Reader) UPCsAfter(after string, limit int, dst []string) []string {
	var buffer [mem.SortedPageMax]listedKey
	for limit > 0 {
		page := rd.listedAfter(func(item uint32) int { return rd.compareListed(item, "", after) }, &buffer)
		if len(page) == 0 {
			break
		}
		for _, key := range page {
			if key.location != 0 || limit == 0 {
				return dst // the records stand behind the UPCs
			}
			after = rd.text(key.upc)
			if atomic.LoadUint32(&rd.names.At(key.upc).records) != 0 {
				dst = append(dst, after)
				limit--
			}
		}
	}
	return dst
}

// LocationsAfter appends up to limit locations that have a record, in order, behind one.
func (rd *Reader) LocationsAfter(after string, limit int, dst []LocationView) []LocationView {
	var buffer [mem.SortedPageMax]listedKey
	for limit > 0 {
		page := rd.listedAfter(func(item uint32) int {
			if item&listedUPC != 0 {
				return -1
			}
			return strings.Compare(rd.textAt(&rd.records.At(item).locationText), after)
		}, &buffer)
		if len(page) == 0 {
			break
		}
		for _, key := range page {
			if location := rd.text(key.location); location > after && limit > 0 {
				after = location
				dst = append(dst, rd.locationView(key.location))
				limit--
			}
		}
	}
	return dst
}

// ReadLocation gives the sums over the records at a location; false: it has none.
func (rd *Reader) ReadLocation(location string) (v LocationView, ok bool) {
	name := rd.findName(&rd.locations, location)
	if name == 0 {
		return LocationView{Location: location}, false
	}
	v = rd.locationView(name)
	return v, v.Records > 0
}

func (rd *Reader) locationView(name uint32) LocationView {
	sums := rd.sumsOf(name)
	return LocationView{Location: rd.text(name), Records: atomic.LoadInt64(&sums.records),
		OnHand: atomic.LoadInt64(&sums.onHand)}
}

func (rd *Reader) sumsOf(location uint32) *locationSums {
	return rd.locationSums.At(rd.names.At(location).records &^ nameOfLocation)
}

// SearchUPCs appends up to limit UPCs that have a record and contain a text, in order, behind one. It looks at every
// UPC: at 1 million for some 30 ms.
func (rd *Reader) SearchUPCs(part, after string, limit int, dst []string) []string {
	if part == "" {
		return rd.UPCsAfter(after, limit, dst)
	}
	s := nameSearch{rd: rd, part: part, after: after, limit: limit}
	for row := uint32(1); row < rd.namesUsed.Load(); row++ {
		if head := atomic.LoadUint32(&rd.names.At(row).records); head != 0 && head&nameOfLocation == 0 {
			s.look(row)
		}
	}
	return append(dst, s.first()...)
}

// SearchLocations appends up to limit locations that have a record and contain a text, in order, behind one.
func (rd *Reader) SearchLocations(part, after string, limit int, dst []LocationView) []LocationView {
	if part == "" {
		return rd.LocationsAfter(after, limit, dst)
	}
	s := nameSearch{rd: rd, part: part, after: after, limit: limit}
	for row := uint32(1); row < rd.namesUsed.Load(); row++ {
		head := atomic.LoadUint32(&rd.names.At(row).records)
		if head&nameOfLocation != 0 && atomic.LoadInt64(&rd.sumsOf(row).records) > 0 {
			s.look(row)
		}
	}
	for _, location := range s.first() {
		if v, ok := rd.ReadLocation(location); ok {
			dst = append(dst, v)
		}
	}
	return dst
}

// nameSearch keeps the first names, in their order, of those that contain a text.
type nameSearch struct {
	rd          *Reader
	part, after string
	before      string // names from here on are not among the first; empty: any may be
	limit       int
	found       []string
}

func (s *nameSearch) look(row uint32) {
	text := s.rd.text(row)
	if s.before != "" && text >= s.before || !strings.Contains(text, s.part) || text <= s.after || s.limit <= 0 {
		return
	}
	s.found = append(s.found, text)
	if len(s.found) > 4*s.limit+1000 {
		s.first()
		s.before = s.found[s.limit-1]
	}
}

func (s *nameSearch) first() []string {
	slices.Sort(s.found)
	s.found = s.found[:min(max(0, s.limit), len(s.found))]
	return s.found
}

// list puts a record, or the name of a UPC, among those that are listed. While rows are loaded, it is left to
// listLoaded.
func (e *Engine) list(item uint32) {
	if e.loading {
		return
	}
	location, upc := e.listedTexts(item)
	e.listed.Add(item, func(other uint32) int { return e.compareListed(other, location, upc) })
}

func (e *Engine) unlist(item uint32) {
	location, upc := e.listedTexts(item)
	e.listed.Remove(item, func(other uint32) int { return e.compareListed(other, location, upc) })
}

func (e *Engine) listedTexts(item uint32) (location, upc string) {
	if item&listedUPC != 0 {
		return "", e.text(item &^ listedUPC)
	}
	r := e.records.At(item)
	return e.text(r.location), e.text(r.upc)
}

// addToLocation adds to the sums of a record's location.
func (e *Engine) addToLocation(r *record, records, onHand int64) {
	s := e.sumsOf(r.location)
	if records != 0 {
		atomic.StoreInt64(&s.records, s.records+records)
	}
	atomic.StoreInt64(&s.onHand, s.onHand+onHand)
}

// ranked is a row with what it is sorted by.
type ranked struct {
	key uint64
	row uint32
}

func sortRanked(rows []ranked) {
	slices.SortFunc(rows, func(a, b ranked) int { return cmp.Compare(a.key, b.key) })
}

// listLoaded lists all that was loaded. It compares texts once for each name, and then the places of names only.
func (e *Engine) listLoaded() {
	e.loading = false
	used := max(e.names.Used(), 1)
	names := make([]ranked, 0, used)
	for row := uint32(1); row < used; row++ {
		var start [8]byte
		copy(start[:], e.text(row))
		names = append(names, ranked{binary.BigEndian.Uint64(start[:]), row})
	}
	slices.SortFunc(names, func(a, b ranked) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return strings.Compare(e.text(a.row), e.text(b.row))
	})
	places := make([]uint32, used)
	items := make([]uint32, 0, len(names)+e.records.Count())
	for i, n := range names {
		places[n.row] = uint32(i)
		if e.names.At(n.row).records&nameOfLocation == 0 {
			items = append(items, n.row|listedUPC)
		}
	}
	records := make([]ranked, 0, e.records.Count())
	for row := uint32(1); row < e.records.Used(); row++ {
		if r := e.records.At(row); r.flags&recordLive != 0 {
			records = append(records, ranked{uint64(places[r.location])<<32 | uint64(places[r.upc]), row})
		}
	}
	sortRanked(records)
	for _, r := range records {
		items = append(items, r.row)
	}
	e.listed.Fill(items)
}

// verifyListed checks that everything is listed once and in order, and that the sums of the locations are right.
func (e *Engine) verifyListed(report func(string)) {
	if want := e.stats.records.Load() + e.stats.upcs.Load(); int64(e.listed.Len()) != want {
		report(fmt.Sprintf("%d records and UPCs are listed, there are %d", e.listed.Len(), want))
	}
	sums := map[uint32]locationSums{}
	location, upc, seen := "", "", 0
	for {
		page := e.listed.Page(func(item uint32) int { return e.compareListed(item, location, upc) }, nil)
		if len(page) == 0 {
			break
		}
		for _, item := range page {
			if e.compareListed(item, location, upc) <= 0 {
				report(fmt.Sprintf("what is listed behind %s at %s has a smaller key", upc, location))
			}
			location, upc = e.listedTexts(item)
			if item&listedUPC == 0 {
				r := e.records.At(item)
				s := sums[r.location]
				sums[r.location] = locationSums{s.records + 1, s.onHand + r.onHand}
			}
		}
		seen += len(page)
	}
	if seen != e.listed.Len() {
		report(fmt.Sprintf("%d of %d records and UPCs are found in their order", seen, e.listed.Len()))
	}
	for row := uint32(1); row < e.names.Used(); row++ {
		if e.names.At(row).records&nameOfLocation != 0 && *e.sumsOf(row) != sums[row] {
			report(fmt.Sprintf("location %s has the sums %+v, and its records add up to %+v", e.text(row),
				*e.sumsOf(row), sums[row]))
		}
	}
}

// CountView is an open stock count.
type CountView struct {
	Location  string
	Count     string
	StartedMS int64
	Index     uint64 // at which it was opened
	Changed   int    // segments whose on hand has changed since
	Named     int    // segments that refreshes of the count have set
}

// Counts gives the open counts, in the order of their start. The caller holds the mutex under which Apply is called.
func (e *Engine) Counts() []CountView {
	all := make([]CountView, len(e.counts.open))
	for i, c := range e.counts.open {
		all[i] = CountView{Location: e.text(c.location), Count: c.name, StartedMS: c.startedMS, Index: c.index,
			Changed: len(c.bases), Named: len(c.named)}
	}
	return all
}
