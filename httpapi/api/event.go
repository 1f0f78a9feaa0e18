package api

// Events has events in the order of the log. Next is the after of the request that goes on behind them.
type Events struct {
	AsOf   uint64  `json:"asOf"`
	Next   uint64  `json:"next"`
	Events []Event `json:"events"`
}

// Event is something that happened to stock, orders, the schema or rules.
type Event struct {
	ID       uint64 `json:"id"`
	Type     string `json:"type"`
	Index    uint64 `json:"index"`
	Time     string `json:"time"`
	UPC      string `json:"upc,omitempty"`
	Location string `json:"location,omitempty"`
	Tags     Tags   `json:"tags,omitempty"`
	OrderID  string `json:"orderId,omitempty"`
	ItemID   string `json:"itemId,omitempty"`
	Name     string `json:"name,omitempty"`
	Reason   string `json:"reason,omitempty"`

	Reference string `json:"reference,omitempty"`

	Units int64 `json:"units"`
	Limit int64 `json:"limit"`
}

// RecordHistory is a page of what happened to a record, the newest first.
type RecordHistory struct {
	AsOf     uint64  `json:"asOf"`
	UPC      string  `json:"upc"`
	Location string  `json:"location"`
	Events   []Event `json:"events"`
	Since    *Moment `json:"since"` // of the oldest event, of any record, that is kept; null: all are
	Next     *string `json:"next"`  // the cursor of the next page, null for none
}

// Index is where a newcomer begins.
type Index struct {
	Name  string `json:"name"`
	Links []Link `json:"links"`
}

// Link is a path with what is there.
type Link struct {
	Href  string `json:"href"`
	Title string `json:"title"`
}

// Ready tells that a node has caught up and its disk answers.
type Ready struct {
	Status string  `json:"status"`
	AsOf   uint64  `json:"asOf"`
	Checks []Check `json:"checks,omitempty"` // with verbose
}

// Check is one of the things that readiness depends on.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok or failed
	Detail string `json:"detail"`
}

// Changes is a page of the feed of changes, the oldest first. Next is the after of the request that goes on behind it.
type Changes struct {
	AsOf    uint64   `json:"asOf"`
	Next    string   `json:"next"`
	More    bool     `json:"more"`
	Copying bool     `json:"copying"` // the page is of the copy of all records with which the feed begins
	Changes []Change `json:"changes"`
}

// Change is a record with its newest figures. Of one that was deleted, UPC and Location tell which it was.
type Change struct {
	Record
	Deleted bool `json:"deleted,omitempty"`
}
