package engine

// Kind names a command in the log. The numbers are part of the log's format and are never reused.
type Kind uint8

// The commands.
const (
	KindRefresh           Kind = 1
	KindAdjust            Kind = 2
	KindTransfer          Kind = 3
	KindRedistribute      Kind = 4
	KindDelete            Kind = 5
	KindAllocate          Kind = 6
	KindConfirm           Kind = 7
	KindDeallocate        Kind = 8
	KindFulfill           Kind = 9
	KindReturn            Kind = 10
	KindPutTagCategory    Kind = 11
	KindDeleteTagCategory Kind = 12
	KindStartCount        Kind = 13
	KindCloseCount        Kind = 14
	KindExpire            Kind = 15
	KindPutRule           Kind = 16
	KindDeleteRule        Kind = 17
	KindActivateRule      Kind = 18
	KindDeactivateRule    Kind = 19
	KindSuspendRule       Kind = 20
	KindRedistributePlan  Kind = 21
	KindTransition        Kind = 22
	KindPutLocation       Kind = 23
	KindBlock             Kind = 24
	KindPutLocationGroup  Kind = 25
	KindDeleteSegments    Kind = 26
)

// Command is one change of state, as data. AppendCommand gives the binary form that the log stores and Apply reads.
type Command interface {
	Kind() Kind

	// check finds what is wrong with the command as such, without a look at the state.
	check() *Fault

	// appendBody appends what distinguishes the command from others of its kind, and readBody reads it. A command that
	// was read has nothing of an earlier one.
	appendBody(dst []byte) []byte
	readBody(r *bodyReader)

	// digest appends the digests of the command's fields.
	digest(dst []byte) []byte

	// apply does the command, which check has passed, or refuses it in r and changes nothing.
	apply(e *Engine, envelope *Envelope, r *Result)
}

// commands is the list of all commands, by kind.
var commands = [...]struct {
	name string

	// in gives the scratch's command of the kind, to be read into.
	in func(s *commandScratch) Command

	// grows reports whether the command can need new rows, other than for giving up others.
	grows bool
}{
	KindRefresh:      {"Refresh", func(s *commandScratch) Command { return &s.refresh }, true},
	KindAdjust:       {"Adjust", func(s *commandScratch) Command { return &s.adjust }, true},
	KindTransfer:     {"Transfer", func(s *commandScratch) Command { return &s.transfer }, true},
	KindRedistribute: {"Redistribute", func(s *commandScratch) Command { return &s.redistribute }, false},
	KindDelete:       {"Delete", func(s *commandScratch) Command { return &s.remove }, false},
	KindAllocate:     {"Allocate", func(s *commandScratch) Command { return &s.allocate }, true},
	KindConfirm:      {"Confirm", func(s *commandScratch) Command { return s.change(KindConfirm) }, false},
	KindDeallocate:   {"Deallocate", func(s *commandScratch) Command { return s.change(KindDeallocate) }, false},
	KindFulfill:      {"Fulfill", func(s *commandScratch) Command { return s.change(KindFulfill) }, false},
	KindReturn:       {"Return", func(s *commandScratch) Command { return s.change(KindReturn) }, true},

	KindPutTagCategory:    {"PutTagCategory", func(s *commandScratch) Command { return &s.putCategory }, true},
	KindDeleteTagCategory: {"DeleteTagCategory", func(s *commandScratch) Command { return &s.deleteCategory }, false},
	KindStartCount:        {"StartCount", func(s *commandScratch) Command { return &s.startCount }, true},
	KindCloseCount:        {"CloseCount", func(s *commandScratch) Command { return &s.closeCount }, false},
	KindExpire:            {"Expire", func(s *commandScratch) Command { return &s.expire }, false},
	KindPutRule:           {"PutRule", func(s *commandScratch) Command { return &s.putRule }, false},
	KindDeleteRule:        {"DeleteRule", func(s *commandScratch) Command { return &s.deleteRule }, false},
	KindActivateRule:      {"ActivateRule", func(s *commandScratch) Command { return &s.activateRule }, false},
	KindDeactivateRule:    {"DeactivateRule", func(s *commandScratch) Command { return &s.deactivateRule }, false},
	KindSuspendRule:       {"SuspendRule", func(s *commandScratch) Command { return &s.suspendRule }, false},
	KindRedistributePlan:  {"RedistributePlan", func(s *commandScratch) Command { return &s.redistribution }, false},
	KindTransition:        {"Transition", func(s *commandScratch) Command { return &s.transition }, true},
	KindPutLocation:       {"PutLocation", func(s *commandScratch) Command { return &s.putLocation }, false},
	KindBlock:             {"Block", func(s *commandScratch) Command { return &s.block }, false},
	KindPutLocationGroup:  {"PutLocationGroup", func(s *commandScratch) Command { return &s.putGroup }, false},
	KindDeleteSegments:    {"DeleteSegments", func(s *commandScratch) Command { return &s.removeSegments }, false},
}

func (k Kind) known() bool { return int(k) < len(commands) && commands[k].in != nil }

// String is the command's name.
func (k Kind) String() string {
	if !k.known() {
		return "unknown command"
	}
	return commands[k].name
}

// Envelope is what a command carries besides its own fields.
type Envelope struct {
	// Key is the client's idempotency key, empty if it gave none.
	Key string

	// Archived is the stored row of a closed order that has left memory, read at log index ArchivedAt; empty for an
	// order that is in memory or does not exist. Only order commands carry it.
	Archived   []byte
	ArchivedAt uint64

	// RulesIndex is the RuleSet.Index of the rules under which an Allocate, or a RedistributePlan, was planned; Plans
	// are the lines for which a rule was asked, in the order of the lines. They are no part of what an idempotency key
	// stands for: a repetition may have been planned otherwise. If rules were activated or deactivated since, the
	// answer is CodeRetry.
	RulesIndex uint64
	Plans      []PlannedLine

	// IfSeen makes a PutTagCategory depend on what its maker saw: Seen is the Schema.CategoryHash of its category. If
	// that is another one now, the answer is CodeRetry. It is no part of what an idempotency key stands for.
	IfSeen bool
	Seen   uint64

	// Version is that of the form in which the command was written, 0 for a new one. A change of an order, or a Refresh
	// of a count, means what it meant to the programs of its version. Since 6, what a change of an order cannot do is
	// refused and not passed over in silence, and no item of a count keeps the others from being counted.
	Version byte

	// Job, if there is one, has the command's outcome kept as a job under a number of its own (Result.Job).
	Job *JobInfo
}

// strict reports whether a command means what it means since version 6.
func (e *Envelope) strict() bool { return e.Version == 0 || e.Version >= commandVersionStrict }

// JobInfo describes the call that a command stands for, to those who ask for the job later. The engine does not
// interpret its texts. Like plans it is no part of what an idempotency key stands for: a repetition answers the job of
// the first.
type JobInfo struct {
	Type     string // in the words of whoever will read it
	Owner    string // may be empty
	Location string // may be empty
	Items    int64  // of the call

	// PerLocation has a Redistribute that is carried out give a job for each location with records in its scope. Their
	// Location is that one, their Items the records there.
	PerLocation bool
}

// Tag names one value of one category.
type Tag struct {
	Category string `json:"category"`
	Value    string `json:"value"`
}

// StockFields says which optional fields of a StockItem were given.
type StockFields uint8

// The optional fields of a StockItem. A field that was not given stays as it is.
const (
	HasSafetyStock StockFields = 1 << iota
	HasFloor
	HasLTD
)

// StockItem is one item of a Refresh or an Adjust.
type StockItem struct {
	UPC  string `json:"upc"`
	Tags []Tag  `json:"tags"`

	// Quantity in units: the new on hand in a Refresh, the signed change in an Adjust.
	Quantity int64 `json:"quantity"`

	Has         StockFields `json:"fields"`
	SafetyStock int64       `json:"safetyStock"`
	Floor       int64       `json:"floor"`
	LTD         int64       `json:"ltd"` // days

	// DeliveryDateMS makes the quantity future stock, due at that time (Unix milliseconds). 0: on hand now.
	DeliveryDateMS int64 `json:"deliveryDate"`
}

// Refresh sets on hand of items at a location.
type Refresh struct {
	Location string `json:"location"`

	// Count names an open stock count at the location; quantities are then as of the count's start.
	Count string      `json:"count"`
	Items []StockItem `json:"items"`
}

// Adjust changes on hand of items at a location by signed amounts.
type Adjust struct {
	Location string      `json:"location"`
	Items    []StockItem `json:"items"`
}

// TransferItem moves available units of one UPC between two segments.
type TransferItem struct {
	UPC          string `json:"upc"`
	FromLocation string `json:"from.location"`
	FromTags     []Tag  `json:"from.tags"`
	ToLocation   string `json:"to.location"`
	ToTags       []Tag  `json:"to.tags"`
	Quantity     int64  `json:"quantity"`
}

// Transfer moves available units between segments of a record or between locations, all items or none.
type Transfer struct {
	Items []TransferItem `json:"items"`
}

// Scope selects records: those whose UPC is among UPCs and whose location is among Locations; an empty list does not
// restrict. All must be set when both lists are empty, so that nobody selects everything by accident.
type Scope struct {
	UPCs      []string `json:"upcs"`
	Locations []string `json:"locations"`
	All       bool     `json:"all"`
}

// Redistribute splits available units anew by percentages: at each record's next Refresh or Adjust, or Now.
type Redistribute struct {
	Scope
	Now    bool `json:"now"`
	DryRun bool `json:"dryRun"`
}

// Delete removes records. Refused while promises are open, unless Force is set: then the promises are released.
type Delete struct {
	Scope
	DryRun bool `json:"dryRun"`
	Force  bool `json:"force"`
}

// Mode says what an Allocate does with a line that cannot be met in full.
type Mode uint8

// The modes.
const (
	ModeAll     Mode = iota // all lines in full, or nothing at all
	ModeLine                // each line in full, or not
	ModePartial             // what there is
)

// AllocateLine asks for units of one UPC at one location from one segment.
type AllocateLine struct {
	ItemID   string `json:"itemId"`
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Quantity int64  `json:"quantity"`
	Tags     []Tag  `json:"tags"`

	// Attributes are what the router knows of the item, for rules to look at.
	Attributes []Attribute `json:"attributes"`
}

// Attribute is one fact about an order item. Names are unique within a line.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Allocate promises units to the items of one order.
type Allocate struct {
	OrderID   string `json:"orderId"`
	Mode      Mode   `json:"mode"`
	Backorder bool   `json:"backorder"` // the units that are not there become pending

	// ExpiresAtMS makes the allocation a reservation that ends at that time (Unix milliseconds); 0: it does not end.
	ExpiresAtMS int64          `json:"expiresAt"`
	Lines       []AllocateLine `json:"lines"`
}

// BlockMark says what becomes of the mark that Block gives a record.
type BlockMark uint8

// The block marks. The numbers are stored.
const (
	BlockKeep BlockMark = iota // as it is
	BlockSet
	BlockClear

	blockMarks
)

// OrderLine names units of one order item.
type OrderLine struct {
	ItemID string `json:"itemId"`

	// Quantity in units; 0: everything that is left.
	Quantity int64 `json:"quantity"`

	// UPC, Location and Tags are for Return only: goods whose order is unknown, or that come back to another location
	// or with other tags.
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Tags     []Tag  `json:"tags"`

	// Lost and Block are for Deallocate only. Lost: the allocated units that are released are not there any more, so on
	// hand falls by as many, as far as there are any. Block is for the item's record.
	Lost  bool      `json:"lost"`
	Block BlockMark `json:"block"`
}

// OrderChange acts on units of an order that an Allocate promised before. The action is one of:
//
//   - KindConfirm: a reservation, or the named part of it, becomes an order allocation; the rest is released.
//   - KindDeallocate: pending, then allocated units are released to the segments they came from.
//   - KindFulfill: allocated units ship; allocated and on hand both fall.
//   - KindReturn: fulfilled units go back on hand in the segments they came from. Goods of an unknown order are kept as
//     its items.
type OrderChange struct {
	Action  Kind        `json:"-"`
	OrderID string      `json:"orderId"`
	Lines   []OrderLine `json:"lines"` // empty: everything that is left
}

// TransitionLine names a reserved item, and the item that it becomes.
type TransitionLine struct {
	ItemID   string `json:"itemId"`
	ToItemID string `json:"toItemId"`
}

// Transition makes reserved items of one order firm items of another one, with the units that they hold: all lines or
// none. Nothing is released on the way, so nobody who waits can come between.
type Transition struct {
	FromOrderID string           `json:"fromOrderId"`
	OrderID     string           `json:"orderId"`
	Lines       []TransitionLine `json:"lines"`
}

// Rounding names the rule by which fractional units of a split become whole ones.
type Rounding uint8

// The rounding rules.
const (
	RoundingLargestRemainder Rounding = iota
	RoundingUnbiased
)

// NoPercent and NoMax stand for a value without a percent and without a max.
const (
	NoPercent = int32(-1)
	NoMax     = int64(-1)
)

// Value is one value of a tag category.
type Value struct {
	Name    string `json:"value"`
	Percent int32  `json:"percent"` // basis points of the available units (80 % = 8000), or NoPercent
	Default bool   `json:"default"`
	Min     int64  `json:"min"` // units a record
	Max     int64  `json:"max"` // units a record, or NoMax
}

// Move names, for a value that leaves the schema, the value that takes its stock and promises.
type Move struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// PutTagCategory creates a category or replaces its definition. Its values' order is their rank.
type PutTagCategory struct {
	Name     string   `json:"name"`
	Values   []Value  `json:"values"`
	Rounding Rounding `json:"rounding"`
	MoveTo   []Move   `json:"moveTo"`
}

// DeleteTagCategory removes a category: segments that differed only in it become one.
type DeleteTagCategory struct {
	Name string `json:"name"`

	// MoveTo names the value into whose segments everything is moved first; without it, a category with stock or
	// promises outside its default value is not deleted.
	MoveTo string `json:"moveTo"`
}

// StartCount opens a stock count at a location.
type StartCount struct {
	Location string `json:"location"`
	Count    string `json:"count"`
}

// CloseCount ends a stock count.
type CloseCount struct {
	Location string `json:"location"`
	Count    string `json:"count"`
}

// Expire carries only its entry's time: what is due by then (reservations, deliveries, counts) happens.
type Expire struct{}

// RuleHook is what a rule decides. The numbers are stored and never reused.
type RuleHook uint8

// The hooks.
const (
	HookSelect       RuleHook = 1 // from which segments an order item is filled
	HookRedistribute RuleHook = 2 // how a record's available units are divided among its segments
)

// RuleFallback is what happens to a request whose rule fails or is suspended. The numbers are stored and never reused.
type RuleFallback uint8

// The fallbacks.
const (
	FallbackDefault RuleFallback = 0 // as if no rule were active
	FallbackReject  RuleFallback = 1 // the line is refused, the record stays as it is
)

// RuleScope says what a rule is for. An empty list or prefix does not restrict.
type RuleScope struct {
	Locations []string `json:"scope.locations"`
	UPCPrefix string   `json:"scope.upcPrefix"`
	Tags      []Tag    `json:"scope.tags"` // of the order line; not for HookRedistribute
}

// PutRule stores a new version of a rule. Hooks lists what the source defines; the caller has compiled and tested it.
type PutRule struct {
	Name   string     `json:"name"`
	Source string     `json:"source"`
	Author string     `json:"author"` // may be empty
	Hooks  []RuleHook `json:"hooks"`  // ascending
}

// DeleteRule removes a rule with all its versions; CodeInUse while one is active.
type DeleteRule struct {
	Name string `json:"name"`
}

// ActivateRule makes a version of a rule the one that is asked for a hook in a scope. Any activation of the same rule
// with an equal hook and scope is replaced, so going back is activating an older version.
type ActivateRule struct {
	Name    string   `json:"name"`
	Version uint32   `json:"version"` // 0: the newest
	Hook    RuleHook `json:"hook"`
	RuleScope

	// OnError says what happens to a request when the rule fails. After FailuresMax failures in a row the rule is
	// suspended.
	OnError     RuleFallback `json:"onError"`
	FailuresMax uint32       `json:"failuresMax"`
	Author      string       `json:"author"` // may be empty
}

// DeactivateRule ends activations of a rule: all of them, or with Hook that for the hook and exactly the scope.
type DeactivateRule struct {
	Name string   `json:"name"`
	Hook RuleHook `json:"hook"` // 0: all activations; the scope is then empty
	RuleScope
}

// SuspendRule is the leader's word that an activation has failed too often. It does nothing if the activation is gone.
type SuspendRule struct {
	Activation uint64 `json:"activation"` // Activation.ID
	Failures   uint32 `json:"failures"`
	Reason     string `json:"reason"`
}

// The kinds of the commands.
func (*Refresh) Kind() Kind           { return KindRefresh }
func (*Adjust) Kind() Kind            { return KindAdjust }
func (*Transfer) Kind() Kind          { return KindTransfer }
func (*Redistribute) Kind() Kind      { return KindRedistribute }
func (*Delete) Kind() Kind            { return KindDelete }
func (*Allocate) Kind() Kind          { return KindAllocate }
func (c *OrderChange) Kind() Kind     { return c.Action }
func (*Transition) Kind() Kind        { return KindTransition }
func (*PutLocation) Kind() Kind       { return KindPutLocation }
func (*Block) Kind() Kind             { return KindBlock }
func (*PutLocationGroup) Kind() Kind  { return KindPutLocationGroup }
func (*DeleteSegments) Kind() Kind    { return KindDeleteSegments }
func (*PutTagCategory) Kind() Kind    { return KindPutTagCategory }
func (*DeleteTagCategory) Kind() Kind { return KindDeleteTagCategory }
func (*StartCount) Kind() Kind        { return KindStartCount }
func (*CloseCount) Kind() Kind        { return KindCloseCount }
func (*Expire) Kind() Kind            { return KindExpire }
func (*PutRule) Kind() Kind           { return KindPutRule }
func (*DeleteRule) Kind() Kind        { return KindDeleteRule }
func (*ActivateRule) Kind() Kind      { return KindActivateRule }
func (*DeactivateRule) Kind() Kind    { return KindDeactivateRule }
func (*SuspendRule) Kind() Kind       { return KindSuspendRule }
func (*RedistributePlan) Kind() Kind  { return KindRedistributePlan }
