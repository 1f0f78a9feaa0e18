package api

// TagCategories has all tag categories, in their order.
type TagCategories struct {
	AsOf       uint64        `json:"asOf"`
	Categories []TagCategory `json:"categories"`
}

// TagCategory is a category with its values by rank. A list leaves out AsOf.
type TagCategory struct {
	AsOf        uint64     `json:"asOf,omitempty"`
	Name        string     `json:"name"`
	Rounding    string     `json:"rounding"`
	Distributed bool       `json:"distributed"`
	Values      []TagValue `json:"values"`
}

// TagValue is a value of a category, in replies and in bodies.
type TagValue struct {
	Value   string   `json:"value" required:"true"`
	Percent *float64 `json:"percent"` // null in a category without percentages
	Default bool     `json:"default"`
	Min     int64    `json:"min"`
	Max     *int64   `json:"max"` // null: no maximum
}

// PutTagCategory is the body that makes a category or replaces its definition.
type PutTagCategory struct {
	Values   []TagValue        `json:"values" required:"true"`
	Rounding string            `json:"rounding,omitempty"` // largest-remainder by default
	MoveTo   map[string]string `json:"moveTo,omitempty"`   // of each value that leaves, the value that takes its stock
	DryRun   bool              `json:"dryRun,omitempty"`   // say what it would do, and change nothing
}

// ChangedSchema is the reply to a change of a category. Its figures count what moved because of it.
type ChangedSchema struct {
	AsOf     uint64 `json:"asOf"`
	Name     string `json:"name"`
	Records  int64  `json:"records"`
	Units    int64  `json:"units"`
	Promised int64  `json:"promised"`

	// DryRun reports whether nothing was changed. Then Redistribution is what a redistribution of all records after the
	// change would do: percentages move no stock before.
	DryRun         bool            `json:"dryRun,omitempty"`
	Redistribution *Redistribution `json:"redistribution,omitempty"`
}

// Redistribution is what a redistribution of all records would do. ByRule of them are left to their rules and are not
// in the other figures.
type Redistribution struct {
	Records  int64               `json:"records"`
	Changed  int64               `json:"changed"` // records
	ByRule   int64               `json:"byRule"`  // records
	Units    int64               `json:"units"`
	Segments []SegmentTotal      `json:"segments"` // by rank
	Changes  []RedistributedTags `json:"changes"`
}

// SegmentTotal is the available units of a segment in many records, before and after.
type SegmentTotal struct {
	Tags   Tags  `json:"tags"`
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}
