package api

// DryRunRule is the body that asks what a rule would do now.
type DryRunRule struct {
	Version *int64        `json:"version,omitempty"` // the newest by default
	Source  *Source       `json:"source,omitempty"`  // in place of a stored version
	Hook    *string       `json:"hook,omitempty"`    // select by default
	Item    DryRunItem    `json:"item" required:"true"`
	Record  *DryRunRecord `json:"record,omitempty"` // in place of the stored record
}

// DryRunItem is the order item that a rule is asked about.
type DryRunItem struct {
	OrderID    *string    `json:"orderId,omitempty"`
	ItemID     *string    `json:"itemId,omitempty"`
	UPC        string     `json:"upc" required:"true"`
	Location   string     `json:"location" required:"true"`
	Quantity   *int64     `json:"quantity,omitempty"` // 1 by default
	Tags       Tags       `json:"tags,omitempty"`
	Attributes Attributes `json:"attributes,omitempty"`
}

// Attributes is what the order router says of an item, by name. A body may have numbers and booleans in it; they are
// kept as text.
type Attributes map[string]string

// DryRunRecord is a record to try a rule on. Its figures are the sums over its segments.
type DryRunRecord struct {
	Version  int64           `json:"version,omitempty"`
	Floor    int64           `json:"floor,omitempty"`
	LTD      int64           `json:"ltd,omitempty"`
	Due      bool            `json:"due,omitempty"`
	Segments []DryRunSegment `json:"segments" required:"true"`
}

// DryRunSegment is a segment of such a record.
type DryRunSegment struct {
	Tags        Tags  `json:"tags,omitempty"`
	OnHand      int64 `json:"onHand,omitempty"`
	Allocated   int64 `json:"allocated,omitempty"`
	Pending     int64 `json:"pending,omitempty"`
	SafetyStock int64 `json:"safetyStock,omitempty"`
	Floor       int64 `json:"floor,omitempty"`
	LTD         int64 `json:"ltd,omitempty"`
}

// DryRun is what a rule would do.
type DryRun struct {
	AsOf        uint64            `json:"asOf"`
	Rule        string            `json:"rule"`
	Version     uint32            `json:"version,omitempty"` // missing for a source that is not stored
	Hook        string            `json:"hook"`
	Steps       int64             `json:"steps"`
	MemoryBytes int64             `json:"memoryBytes"`
	Micros      int64             `json:"micros"`
	Output      string            `json:"output"`
	Error       string            `json:"error,omitempty"`
	Refused     bool              `json:"refused"`
	Unchanged   bool              `json:"unchanged"`
	Reason      string            `json:"reason"`
	Requested   int64             `json:"requested,omitempty"`
	Taken       int64             `json:"taken"`
	Missing     int64             `json:"missing"`
	Candidates  []DryRunCandidate `json:"candidates"`
	Targets     []DryRunTarget    `json:"targets"`
}

// DryRunCandidate is a segment that the select hook named.
type DryRunCandidate struct {
	Tags      Tags   `json:"tags"`
	Keep      int64  `json:"keep"`
	Max       int64  `json:"max"`
	Available int64  `json:"available"`
	Taken     int64  `json:"taken"`
	Why       string `json:"why"`
}

// DryRunTarget is what the redistribute hook would leave available in a segment.
type DryRunTarget struct {
	Tags   Tags  `json:"tags"`
	Before int64 `json:"before"`
	After  int64 `json:"after"`
	New    bool  `json:"new"`
}
