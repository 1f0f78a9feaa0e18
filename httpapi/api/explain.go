package api

// OrderExplanation tells why each item of an order was filled as it was.
type OrderExplanation struct {
	AsOf    uint64            `json:"asOf"`
	OrderID string            `json:"orderId"`
	Items   []ItemExplanation `json:"items"`
}

// ItemExplanation tells why an order item was filled as it was.
type ItemExplanation struct {
	ItemID        string      `json:"itemId"`
	UPC           string      `json:"upc"`
	Location      string      `json:"location"`
	Tags          Tags        `json:"tags"`
	Requested     int64       `json:"requested"`
	Taken         *int64      `json:"taken,omitempty"` // in backtests only
	Pending       int64       `json:"pending"`
	Code          string      `json:"code,omitempty"` // of a refusal, in backtests only
	Path          string      `json:"path"`           // native, rule or expired
	Index         uint64      `json:"index"`
	Time          string      `json:"time,omitempty"`
	Rule          string      `json:"rule,omitempty"`
	Version       uint32      `json:"version,omitempty"`
	Outcome       string      `json:"outcome,omitempty"`
	Reason        string      `json:"reason,omitempty"`
	SeenVersion   uint64      `json:"seenVersion,omitempty"` // of the record, when the rule was asked
	RecordVersion uint64      `json:"recordVersion,omitempty"`
	Candidates    []Candidate `json:"candidates"`
}

// Candidate is a segment that could have filled an item. Keep to SafetyStock are missing where no rule was asked.
type Candidate struct {
	Tags        Tags   `json:"tags"`
	Keep        *int64 `json:"keep,omitempty"`
	Max         *int64 `json:"max,omitempty"`
	OnHand      *int64 `json:"onHand,omitempty"`
	Allocated   *int64 `json:"allocated,omitempty"`
	Pending     *int64 `json:"pending,omitempty"`
	SafetyStock *int64 `json:"safetyStock,omitempty"`
	Available   int64  `json:"available"`
	Taken       int64  `json:"taken"`
	Why         string `json:"why"`
}
