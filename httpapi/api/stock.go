package api

// The usual reasons of stock changes. Any other text of up to 64 bytes is one, too.
const (
	ReasonCorrection = "correction"
	ReasonCount      = "count"
	ReasonReceived   = "received"
	ReasonDamaged    = "damaged"
	ReasonShrinkage  = "shrinkage"
)

// Refresh is the body that sets on hand of items at a location.
type Refresh struct {
	Location string      `json:"location" required:"true"`
	Count    string      `json:"count,omitempty"` // the open stock count that the quantities belong to
	Items    []StockItem `json:"items" required:"true"`

	Reason    string `json:"reason,omitempty"`    // with it, or a reference, each change is an event
	Reference string `json:"reference,omitempty"` // to a document
}

// Adjust is the body that changes on hand of items at a location by signed amounts.
type Adjust struct {
	Location string      `json:"location" required:"true"`
	Items    []StockItem `json:"items" required:"true"`

	Reason    string `json:"reason,omitempty"`    // with it, or a reference, each change is an event
	Reference string `json:"reference,omitempty"` // to a document
}

// StockItem is an item of a Refresh or an Adjust. What is not given stays as it is.
type StockItem struct {
	UPC          string `json:"upc" required:"true"`
	Tags         Tags   `json:"tags,omitempty"`
	Quantity     int64  `json:"quantity" required:"true"`
	SafetyStock  *int64 `json:"safetyStock,omitempty"`
	Floor        *int64 `json:"floor,omitempty"`
	LTD          *int64 `json:"ltd,omitempty"`
	DeliveryDate string `json:"deliveryDate,omitempty"` // the quantity is future stock

	// IfVersion refuses the request if the record has another version; 0: it must not exist.
	IfVersion *uint64 `json:"ifVersion,omitempty"`
}

// Transfer is the body that moves available units between segments or locations.
type Transfer struct {
	Items []TransferItem `json:"items" required:"true"`

	Reason    string `json:"reason,omitempty"`    // with it, or a reference, each change is an event
	Reference string `json:"reference,omitempty"` // to a document
}

// TransferItem is one move of a Transfer.
type TransferItem struct {
	UPC      string `json:"upc" required:"true"`
	From     Place  `json:"from" required:"true"`
	To       Place  `json:"to" required:"true"`
	Quantity int64  `json:"quantity" required:"true"`

	// IfVersion refuses the request if the record that the units are taken from has another version.
	IfVersion *uint64 `json:"ifVersion,omitempty"`
}

// Place is a segment at a location.
type Place struct {
	Location string `json:"location" required:"true"`
	Tags     Tags   `json:"tags,omitempty"`
}

// ChangedStock is the reply to a Refresh, an Adjust, a Transfer or a Block.
type ChangedStock struct {
	AsOf       uint64      `json:"asOf"`
	Items      int64       `json:"items"`
	Records    int64       `json:"records"`
	Units      int64       `json:"units"`
	Shortfalls []Shortfall `json:"shortfalls,omitempty"`
}

// Shortfall is an item of a count where more had gone since its start than was counted.
type Shortfall struct {
	Item    int64  `json:"item"`
	UPC     string `json:"upc"`
	Counted int64  `json:"counted"`
	Units   int64  `json:"units"`
}

// VersionMismatch is a record whose version is another than an item depends on, as it is now.
type VersionMismatch struct {
	Item        int64  `json:"item"`
	UPC         string `json:"upc"`
	Location    string `json:"location"`
	Version     uint64 `json:"version"` // 0: there is no such record
	OnHand      int64  `json:"onHand"`
	Allocated   int64  `json:"allocated"`
	Pending     int64  `json:"pending"`
	SafetyStock int64  `json:"safetyStock"`
	Available   int64  `json:"available"`
}

// Redistribute is the body that splits available units again by the percentages.
type Redistribute struct {
	UPCs      []string `json:"upcs,omitempty"`
	Locations []string `json:"locations,omitempty"`
	All       bool     `json:"all,omitempty"`
	Now       bool     `json:"now,omitempty"`
	DryRun    bool     `json:"dryRun,omitempty"`
}

// Redistributed is what a Redistribute did or would do.
type Redistributed struct {
	AsOf     uint64                `json:"asOf"`
	DryRun   bool                  `json:"dryRun"`
	Records  int64                 `json:"records"`
	Units    int64                 `json:"units"`
	Segments []SegmentTotal        `json:"segments"` // all changes, added up by segment, by rank
	Changes  []RedistributedTags   `json:"changes"`
	Waiting  int64                 `json:"waiting,omitempty"` // records that wait for a rule
	Rules    []RedistributedByRule `json:"rules,omitempty"`
}

// RedistributedTags is a segment whose available units changed.
type RedistributedTags struct {
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Tags     Tags   `json:"tags"`
	Before   int64  `json:"before"`
	After    int64  `json:"after"`
}

// RedistributedByRule is what a rule did, or would do, to a record.
type RedistributedByRule struct {
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Rule     string `json:"rule,omitempty"`
	Version  uint32 `json:"version,omitempty"`
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason"`
}

// Block is the body that marks records at a location as blocked, or clears the mark: all items or none.
type Block struct {
	Location string      `json:"location" required:"true"`
	Items    []BlockItem `json:"items" required:"true"`

	Reason    string `json:"reason,omitempty"` // the event of each mark that changes has it
	Reference string `json:"reference,omitempty"`
}

// BlockItem is the mark that one UPC's record gets.
type BlockItem struct {
	UPC     string `json:"upc" required:"true"`
	Blocked bool   `json:"blocked" required:"true"`
}

// DeleteRecords is the body that removes records.
type DeleteRecords struct {
	UPCs      []string `json:"upcs,omitempty"`
	Locations []string `json:"locations,omitempty"`
	All       bool     `json:"all,omitempty"`
	DryRun    bool     `json:"dryRun,omitempty"`
	Force     bool     `json:"force,omitempty"` // release open promises with the records
}

// DeletedRecords is what a DeleteRecords did or would do.
type DeletedRecords struct {
	AsOf     uint64          `json:"asOf"`
	DryRun   bool            `json:"dryRun"`
	Records  int64           `json:"records"`
	Units    int64           `json:"units"`
	Promised int64           `json:"promised"`
	Blocked  []BlockedRecord `json:"blocked"`
}

// BlockedRecord is a record with stock or promises in the way of a deletion.
type BlockedRecord struct {
	UPC       string `json:"upc"`
	Location  string `json:"location"`
	OnHand    int64  `json:"onHand"`
	Allocated int64  `json:"allocated"`
	Pending   int64  `json:"pending"`
}

// StartCount is the body that opens a stock count.
type StartCount struct {
	Count string `json:"count" required:"true"`
}

// CloseCount is the body that closes a stock count.
type CloseCount struct {
	Count string `json:"count" required:"true"`

	// Complete first sets what the count has not named to zero, but for what came since its start.
	Complete bool `json:"complete,omitempty"`
	DryRun   bool `json:"dryRun,omitempty"` // with Complete: only says what would be set
}

// Count is a stock count that was opened or closed.
type Count struct {
	AsOf     uint64 `json:"asOf"`
	Location string `json:"location"`
	Count    string `json:"count"`

	Unnamed *Unnamed `json:"unnamed,omitempty"` // of a count that was closed as complete
}

// CountList has the open stock counts, those that began first first.
type CountList struct {
	AsOf   uint64      `json:"asOf"`
	Counts []OpenCount `json:"counts"`
}

// OpenCount is an open stock count. Changed and Named count segments: those whose on hand has changed since its start,
// and those that refreshes of the count have set.
type OpenCount struct {
	Location  string `json:"location"`
	Count     string `json:"count"`
	StartedAt string `json:"startedAt"`
	ClosesAt  string `json:"closesAt"`
	Index     uint64 `json:"index"` // at which it was opened
	Changed   int    `json:"changed"`
	Named     int    `json:"named"`
}

// Unnamed is what a complete count set, or would set, since it did not name it.
type Unnamed struct {
	DryRun  bool            `json:"dryRun"`
	Records int64           `json:"records"` // whose on hand changes
	Units   int64           `json:"units"`   // that go
	Changes []UnnamedChange `json:"changes"` // the first 1,000 segments
}

// UnnamedChange is on hand of one segment.
type UnnamedChange struct {
	UPC    string `json:"upc"`
	Tags   Tags   `json:"tags"`
	Before int64  `json:"before"`
	After  int64  `json:"after"`
}
