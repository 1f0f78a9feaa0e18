package engine

// TagSetID names a full combination of one value per category, as used by segments. Ids are never reused; the schema
// resolves them.
type TagSetID uint32

// SegmentView is a copy of one segment.
type SegmentView struct {
	TagSet      TagSetID
	OnHand      int64
	Allocated   int64
	Pending     int64
	SafetyStock int64
	Floor       int64
	LTD         int64
}

// Available is what can be promised: on hand less allocated, pending and safety stock. It may be negative.
func (v *SegmentView) Available() int64 { return v.OnHand - v.Allocated - v.Pending - v.SafetyStock }

// FutureView is a copy of one delivery that a record waits for.
type FutureView struct {
	ID             uint64 // never used again
	DeliveryDateMS int64  // Unix milliseconds
	Quantity       int64

	// TagSet is the segment that receives it. Split says that it is split by percentages on arrival instead, among the
	// segments that differ from TagSet only in distributed categories.
	TagSet TagSetID
	Split  bool
}

// RecordView is a consistent copy of one record: its totals are the sums over its segments. It owns no memory of the
// engine except UPC and Location, which are immutable; the slices are reused by the next read into the same view.
type RecordView struct {
	UPC         string
	Location    string
	Version     uint64 // rises with every change of the record
	OnHand      int64
	Allocated   int64
	Pending     int64
	SafetyStock int64
	Floor       int64
	LTD         int64
	Due         bool // redistributed at the next Refresh or Adjust
	Planned     bool // waits for a rule to say how it is redistributed
	Blocked     bool // nothing is to be assigned from it, see Block
	Segments    []SegmentView
	Future      []FutureView

	upc, location uint32
}

// Available is what can be promised: on hand less allocated, pending and safety stock. It may be negative.
func (v *RecordView) Available() int64 { return v.OnHand - v.Allocated - v.Pending - v.SafetyStock }

// MergeSegments makes one segment of those that have the same tags in a schema. A new schema can be read before the
// record has been changed to it, and then two segments, that of a value which left and that of the one which took its
// stock, have the tags of one. Merged, they are what the engine makes of them: sums, and the larger floor and ltd.
func (v *RecordView) MergeSegments(schema *Schema) {
	stale := false
	for i := range v.Segments {
		id := schema.Canonical(v.Segments[i].TagSet)
		stale = stale || id != v.Segments[i].TagSet
		v.Segments[i].TagSet = id
	}
	if !stale {
		return
	}
	at := make(map[TagSetID]int, len(v.Segments))
	merged := v.Segments[:0]
	for _, s := range v.Segments {
		i, ok := at[s.TagSet]
		if !ok {
			at[s.TagSet] = len(merged)
			merged = append(merged, s)
			continue
		}
		m := &merged[i]
		m.OnHand += s.OnHand
		m.Allocated += s.Allocated
		m.Pending += s.Pending
		m.SafetyStock += s.SafetyStock
		m.Floor, m.LTD = max(m.Floor, s.Floor), max(m.LTD, s.LTD)
	}
	v.Segments = merged
}

// OrderView is a copy of one order.
type OrderView struct {
	OrderID string
	Items   []ItemView
}

// ItemView is a copy of one order item.
type ItemView struct {
	ItemID      string
	UPC         string
	Location    string
	TagSet      TagSetID // as the order asked for
	Requested   int64    // 0: it is only known because it came back
	ExpiresAtMS int64    // 0: no reservation
	Lines       []LineView
	Movements   []MovementView
}

// LineView is a copy of one allocation line: the units of an order item from one segment. Allocated + Pending +
// Fulfilled + Released is what was promised in all; Returned is at most Fulfilled, or of an item that is only known
// because it came back.
type LineView struct {
	TagSet    TagSetID
	Allocated int64
	Pending   int64
	Fulfilled int64
	Returned  int64
	Released  int64
}

// MovementKind says what happened to units of an order item.
type MovementKind uint8

// The kinds of movements. The numbers are stored.
const (
	MovementAllocated MovementKind = 1 + iota
	MovementPending
	MovementPendingReleased // stock arrived: pending became allocated
	MovementConfirmed
	MovementReleased
	MovementExpired
	MovementFulfilled
	MovementReturned
	MovementRecordDeleted
	MovementLost // released, and not on hand any more
)

var movementTexts = [...]string{
	MovementAllocated: "allocated", MovementPending: "pending", MovementPendingReleased: "pending-released",
	MovementConfirmed: "confirmed", MovementReleased: "released", MovementExpired: "expired",
	MovementFulfilled: "fulfilled",
	MovementReturned:  "returned", MovementRecordDeleted: "record-deleted", MovementLost: "lost",
}

// String is the kind's stable text, as the API shows it.
func (k MovementKind) String() string {
	if k > 0 && int(k) < len(movementTexts) {
		return movementTexts[k]
	}
	return "unknown-movement"
}

// MovementView is one entry of an order item's history.
type MovementView struct {
	Kind   MovementKind
	TagSet TagSetID
	Units  int64
	Index  uint64 // log index
	TimeMS int64  // the entry's time, Unix milliseconds
}
