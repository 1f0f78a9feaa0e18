package api

// Query is the body that asks for records by items, locations and tags. Items or locations are needed.
type Query struct {
	Items     []QueryItem `json:"items,omitempty"`
	Locations []string    `json:"locations,omitempty"`
	Tags      Tags        `json:"tags,omitempty"`
	Type      string      `json:"type,omitempty"`   // all-locations by default
	Limit     int64       `json:"limit,omitempty"`  // 1,000 by default
	Cursor    string      `json:"cursor,omitempty"` // next of the page before
}

// QueryItem is an item of a Query.
type QueryItem struct {
	UPC      string `json:"upc" required:"true"`
	Quantity int64  `json:"quantity,omitempty"` // 1 by default
	Tags     Tags   `json:"tags,omitempty"`
}

// Records has records.
type Records struct {
	AsOf    uint64   `json:"asOf"`
	Records []Record `json:"records"`
}

// RecordPage is a page of records.
type RecordPage struct {
	AsOf    uint64   `json:"asOf"`
	Records []Record `json:"records"`
	Next    *string  `json:"next"` // the cursor of the next page, null for none
}

// Imported tells what an import of a file has done.
type Imported struct {
	AsOf    uint64   `json:"asOf"`
	DryRun  bool     `json:"dryRun"`
	Rows    int64    `json:"rows"`
	Applied int64    `json:"applied"` // in a dry run: would be
	Bad     int64    `json:"bad"`
	Records int64    `json:"records"`
	Units   int64    `json:"units"`
	Errors  []BadRow `json:"errors"` // the first 12,000

	Unnamed *Unnamed `json:"unnamed,omitempty"` // of a complete file
}

// BadRow is what is wrong with one row of a file.
type BadRow struct {
	Line   int    `json:"line"`
	Column string `json:"column"`
	Value  string `json:"value"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Figures are the units of a record, a segment or a sum.
type Figures struct {
	OnHand      int64 `json:"onHand"`
	Allocated   int64 `json:"allocated"`
	Pending     int64 `json:"pending"`
	SafetyStock int64 `json:"safetyStock"`
	Available   int64 `json:"available"`
}

// Record is one UPC at one location.
type Record struct {
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Version  uint64 `json:"version"`
	Figures
	Floor        int64      `json:"floor"`
	LTD          int64      `json:"ltd"`
	Due          bool       `json:"due"`
	Blocked      bool       `json:"blocked,omitempty"` // skipped where a location is chosen
	WaitsForPlan bool       `json:"waitsForPlan,omitempty"`
	Segments     []Segment  `json:"segments"`
	Future       []Delivery `json:"future"`
}

// Segment is the part of a record with one set of tags.
type Segment struct {
	Tags Tags `json:"tags"`
	Figures
	Floor int64 `json:"floor"`
	LTD   int64 `json:"ltd"`
}

// Delivery is stock that is not on hand yet.
type Delivery struct {
	DeliveryDate string `json:"deliveryDate"`
	Quantity     int64  `json:"quantity"`
	Tags         Tags   `json:"tags"`
	Split        bool   `json:"split"` // by percentages, on arrival
}

// Aggregate is the body that asks for sums over locations.
type Aggregate struct {
	Items     []AggregateItem `json:"items" required:"true"`
	Locations []string        `json:"locations,omitempty"`
	Tags      Tags            `json:"tags,omitempty"`
	GroupBy   []string        `json:"groupBy,omitempty"` // location and tag categories; all tag categories by default
}

// AggregateItem is an item of an Aggregate.
type AggregateItem struct {
	UPC string `json:"upc" required:"true"`
}

// Aggregates has the sums of the asked items, in their order.
type Aggregates struct {
	AsOf  uint64           `json:"asOf"`
	Items []AggregatedItem `json:"items"`
}

// AggregatedItem is the sum of the records of one UPC.
type AggregatedItem struct {
	UPC       string `json:"upc"`
	Locations int64  `json:"locations"`
	Figures
	Segments []AggregatedSegment `json:"segments"`
}

// AggregatedSegment is the sum of the segments that agree in what is grouped by.
type AggregatedSegment struct {
	Location string `json:"location,omitempty"` // if grouped by it
	Tags     Tags   `json:"tags"`
	Figures
}

// LocationList is a page of locations that have a record.
type LocationList struct {
	AsOf      uint64           `json:"asOf"`
	Locations []ListedLocation `json:"locations"`
	Next      *string          `json:"next"` // the cursor of the next page, null for none
}

// ListedLocation is a location with the sums over its records.
type ListedLocation struct {
	Location string `json:"location"`
	Records  int64  `json:"records"`
	OnHand   int64  `json:"onHand"`
}

// UPCList is a page of UPCs that have a record.
type UPCList struct {
	AsOf uint64      `json:"asOf"`
	UPCs []ListedUPC `json:"upcs"`
	Next *string     `json:"next"` // the cursor of the next page, null for none
}

// ListedUPC is a UPC.
type ListedUPC struct {
	UPC string `json:"upc"`
}
