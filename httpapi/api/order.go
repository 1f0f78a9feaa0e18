package api

// Allocate is the body that promises units to the items of an order.
type Allocate struct {
	Mode      string         `json:"mode,omitempty"`      // all by default
	Backorder bool           `json:"backorder,omitempty"` // promise missing units too, as pending
	ExpiresAt string         `json:"expiresAt,omitempty"` // makes it a reservation
	Lines     []AllocateLine `json:"lines" required:"true"`
}

// AllocateLine is an order item that asks for units.
type AllocateLine struct {
	ItemID     string     `json:"itemId" required:"true"`
	UPC        string     `json:"upc" required:"true"`
	Location   string     `json:"location" required:"true"`
	Quantity   int64      `json:"quantity" required:"true"`
	Tags       Tags       `json:"tags,omitempty"`
	Attributes Attributes `json:"attributes,omitempty"`
}

// AllocateMany is the body that allocates many orders, each for itself.
type AllocateMany struct {
	Orders []AllocateOrder `json:"orders" required:"true"`
}

// AllocateOrder is one order of many.
type AllocateOrder struct {
	OrderID string `json:"orderId" required:"true"`
	Allocate
}

// Allocated is the reply to an Allocate.
type Allocated struct {
	OrderID string          `json:"orderId"`
	AsOf    uint64          `json:"asOf"`
	Lines   []AllocatedLine `json:"lines"`
}

// AllocatedLine is what one line of an order got.
type AllocatedLine struct {
	ItemID      string `json:"itemId"`
	Outcome     string `json:"outcome"` // allocated, pending, partial or refused
	Code        string `json:"code"`
	Requested   int64  `json:"requested"`
	Allocated   int64  `json:"allocated"`
	Pending     int64  `json:"pending"`
	Available   *int64 `json:"available,omitempty"` // of a refused line
	Rule        string `json:"rule,omitempty"`
	RuleVersion uint32 `json:"ruleVersion,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Repeated    bool   `json:"repeated,omitempty"`
	Segments    []Part `json:"segments"`
}

// Part is what one segment gave, or got back.
type Part struct {
	Tags     Tags  `json:"tags"`
	Quantity int64 `json:"quantity"`
	Pending  int64 `json:"pending"`
}

// AllocatedMany is the reply to an AllocateMany.
type AllocatedMany struct {
	AsOf   uint64           `json:"asOf"`
	Orders []AllocatedOrder `json:"orders"`
}

// AllocatedOrder is one order of many, with the status and code that it would have had alone.
type AllocatedOrder struct {
	OrderID  string          `json:"orderId"`
	Status   int             `json:"status"`
	Code     string          `json:"code"`
	AsOf     uint64          `json:"asOf"`
	Replayed bool            `json:"replayed"`
	Detail   string          `json:"detail,omitempty"`
	Field    string          `json:"field,omitempty"`
	Value    string          `json:"value,omitempty"`
	Lines    []AllocatedLine `json:"lines"`
}

// ChangeOrder is the body that confirms, deallocates or fulfills. Without lines it is about everything that is left.
type ChangeOrder struct {
	Lines []ChangeLine `json:"lines,omitempty"`
}

// DeallocateOrder is the body that releases units of an order. Without lines it is about everything that is left.
type DeallocateOrder struct {
	Lines  []ChangeLine `json:"lines,omitempty"`
	Reason string       `json:"reason,omitempty"` // the items' history shows it
}

// DeallocateMany is the body that releases what the orders that a filter finds hold. It has at least one of State,
// Location, UPC and OlderThanSeconds.
type DeallocateMany struct {
	State            string `json:"state,omitempty"` // open (the default), reserved or pending
	Location         string `json:"location,omitempty"`
	UPC              string `json:"upc,omitempty"`
	OlderThanSeconds int64  `json:"olderThanSeconds,omitempty"` // since the last change
	Reason           string `json:"reason,omitempty"`           // the items' history shows it
	DryRun           bool   `json:"dryRun,omitempty"`
	Limit            int64  `json:"limit,omitempty"` // orders; 100 by default
	Cursor           string `json:"cursor,omitempty"`
}

// DeallocatedMany is what a DeallocateMany did or would do.
type DeallocatedMany struct {
	AsOf     uint64         `json:"asOf"`
	DryRun   bool           `json:"dryRun"`
	Released []ListedOrder  `json:"released"` // with the units that each item held
	Skipped  []SkippedOrder `json:"skipped"`
	Next     *string        `json:"next"` // the cursor of the next page, null for none
}

// SkippedOrder is an order that was left alone.
type SkippedOrder struct {
	OrderID string `json:"orderId"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// ChangeLine is an item of a ChangeOrder or a DeallocateOrder.
type ChangeLine struct {
	ItemID   string `json:"itemId" required:"true"`
	Quantity int64  `json:"quantity,omitempty"` // what is left by default
}

// ReturnOrder is the body that puts fulfilled units back. Without lines it is about everything that is left.
type ReturnOrder struct {
	Lines []ReturnLine `json:"lines,omitempty"`
}

// ReturnLine is an item of a ReturnOrder.
type ReturnLine struct {
	ItemID   string `json:"itemId" required:"true"`
	Quantity int64  `json:"quantity,omitempty"` // what is left by default
	UPC      string `json:"upc,omitempty"`      // for goods whose order is unknown
	Location string `json:"location,omitempty"` // the item's own by default
	Tags     Tags   `json:"tags,omitempty"`     // over those of the item
}

// ChangedOrder is the reply to a ChangeOrder or a ReturnOrder.
type ChangedOrder struct {
	OrderID string        `json:"orderId"`
	AsOf    uint64        `json:"asOf"`
	Lines   []ChangedLine `json:"lines"`
}

// ChangedLine is what became of one line.
type ChangedLine struct {
	ItemID    string `json:"itemId"`
	Outcome   string `json:"outcome"` // confirmed, released, fulfilled, returned or refused
	Code      string `json:"code"`
	Requested int64  `json:"requested"`
	Quantity  int64  `json:"quantity"`
	Pending   int64  `json:"pending"`
	Available *int64 `json:"available,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Repeated  bool   `json:"repeated,omitempty"`
	Segments  []Part `json:"segments"`
}

// Order is an order with its items.
type Order struct {
	AsOf    uint64      `json:"asOf"`
	OrderID string      `json:"orderId"`
	Items   []OrderItem `json:"items"`
}

// OrderItem is an order item with its lines and its history.
type OrderItem struct {
	ItemID    string      `json:"itemId"`
	UPC       string      `json:"upc"`
	Location  string      `json:"location"`
	Requested int64       `json:"requested"`
	ExpiresAt *string     `json:"expiresAt"` // null: no reservation
	Lines     []OrderLine `json:"lines"`
	History   []Movement  `json:"history"`
}

// OrderLine is the part of an order item that one segment fills.
type OrderLine struct {
	Tags      Tags  `json:"tags"`
	Allocated int64 `json:"allocated"`
	Pending   int64 `json:"pending"`
	Fulfilled int64 `json:"fulfilled"`
	Returned  int64 `json:"returned"`
	Released  int64 `json:"released"`
}

// Movement is one event in the history of an order item.
type Movement struct {
	Type     string `json:"type"`
	Tags     Tags   `json:"tags"`
	Quantity int64  `json:"quantity"`
	Index    uint64 `json:"index"`
	Time     string `json:"time"`
	Reason   string `json:"reason,omitempty"` // of a release
}

// OrderList is a page of orders, those that changed longest ago first.
type OrderList struct {
	AsOf   uint64        `json:"asOf"`
	Orders []ListedOrder `json:"orders"`
	Next   *string       `json:"next"` // the cursor of the next page, null for none
}

// ListedOrder is an order with those of its items that the filter picks.
type ListedOrder struct {
	OrderID string       `json:"orderId"`
	Changed Moment       `json:"changed"`
	Items   []ListedItem `json:"items"`
}

// ListedItem is an order item with the units that it holds.
type ListedItem struct {
	ItemID    string     `json:"itemId"`
	UPC       string     `json:"upc"`
	Location  string     `json:"location"`
	Requested int64      `json:"requested"`
	ExpiresAt *string    `json:"expiresAt"` // null: no reservation
	Allocated int64      `json:"allocated"`
	Pending   int64      `json:"pending"`
	Lines     []HeldLine `json:"lines"`
}

// HeldLine has the units that an order item holds of one segment.
type HeldLine struct {
	Tags      Tags  `json:"tags"`
	Allocated int64 `json:"allocated"`
	Pending   int64 `json:"pending"`
}
