package engine

// Limits of the engine. Each bounds something a caller could otherwise grow without end; a breach is answered with
// CodeInvalid and the name of the field.
const (
	// UPCBytesMax, LocationBytesMax, OrderIDBytesMax, ItemIDBytesMax and TagBytesMax bound the identities, in bytes.
	UPCBytesMax      = 64
	LocationBytesMax = 64
	OrderIDBytesMax  = 64
	ItemIDBytesMax   = 64
	TagBytesMax      = 64

	// KeyBytesMax bounds an idempotency key, in bytes. It is larger than an identity because a request for many orders
	// derives one key per order from the client's.
	KeyBytesMax = 144

	// QuantityMax bounds every quantity that a command names, in units.
	QuantityMax = 1_000_000_000_000

	// RefreshItemsMax, AdjustItemsMax and TransferItemsMax bound the items of one stock command.
	RefreshItemsMax  = 12_000
	AdjustItemsMax   = 12_000
	TransferItemsMax = 1_000

	// StockReasonBytesMax and StockReferenceBytesMax bound why stock is changed, in bytes.
	StockReasonBytesMax    = 64
	StockReferenceBytesMax = 64

	// OrderLinesMax bounds the lines of one order command.
	OrderLinesMax = 1_000

	// AttributesMax bounds the attributes of an order line, AttributeBytesMax their names and values, in bytes.
	AttributesMax     = 32
	AttributeBytesMax = 256

	// CandidatesMax bounds the candidates that a rule names for an order line.
	CandidatesMax = 64

	// RuleNameBytesMax, RuleSourceBytesMax, RuleAuthorBytesMax and RuleReasonBytesMax bound the texts of rules, in
	// bytes.
	RuleNameBytesMax   = 64
	RuleSourceBytesMax = 64 << 10
	RuleAuthorBytesMax = 128
	RuleReasonBytesMax = 256

	// RulesMax, RuleVersionsMax and RuleActivationsMax bound the rules, the versions kept of each (the oldest that is
	// not active goes first), and what is active.
	RulesMax           = 256
	RuleVersionsMax    = 50
	RuleActivationsMax = 256

	// RuleSourcesBytesMax bounds the sources of all versions together, in bytes.
	RuleSourcesBytesMax = 64 << 20

	// RuleScopeLocationsMax bounds the locations that a rule's scope names.
	RuleScopeLocationsMax = 1_000

	// RuleFailuresMax bounds ActivateRule.FailuresMax.
	RuleFailuresMax = 1_000_000

	// OrderItemsMax bounds the items of one order, over all its commands.
	OrderItemsMax = 10_000

	// RedistributeItemsMax bounds the records of one RedistributePlan.
	RedistributeItemsMax = 1_000

	// ScopeNamesMax bounds the UPCs, and the locations, that Redistribute and Delete name.
	ScopeNamesMax = 12_000

	// CategoriesMax and CategoryValuesMax bound the schema.
	CategoriesMax     = 8
	CategoryValuesMax = 256

	// DistributedCategoriesMax keeps the product of basis points (10^4 each) inside 64 bits.
	DistributedCategoriesMax = 4

	// DistributedCombinationsMax bounds the segments that one split can create in one group of a record.
	DistributedCombinationsMax = 1024

	// SegmentsPerRecordMax bounds the segments of one record.
	SegmentsPerRecordMax = 4096

	// TagSetsMax bounds the combinations of values that segments have had since the first category was put: each is
	// kept for ever, since orders and events refer to it.
	TagSetsMax = 100_000

	// FuturesPerRecordMax bounds the deliveries that one record waits for.
	FuturesPerRecordMax = 1024

	// MovementsPerItemMax bounds the history kept with one order item; the oldest movement goes first.
	MovementsPerItemMax = 64

	// IdempotencyResultsMax, IdempotencyBytesMax and IdempotencyAgeMS bound the kept results; the oldest goes first.
	IdempotencyResultsMax = 1_000_000
	IdempotencyBytesMax   = 1 << 30
	IdempotencyAgeMS      = 24 * 60 * 60 * 1000

	// IdempotencyCommandBytesMax is the size up to which a command is kept whole beside its result, so that a key
	// reused with another body can be answered with the field that differs. Longer commands are kept as hashes of their
	// parts.
	IdempotencyCommandBytesMax = 2048

	// ClosedOrderEntries is how many log entries a closed order stays in memory after its last change.
	ClosedOrderEntries = 100_000

	// RecordUnitsMax bounds what a record has on hand and as safety stock together, and what it has pending.
	RecordUnitsMax = 1_000 * QuantityMax

	// ReportedItemsMax bounds the items that a refusal, a dry run or a delete lists one by one; the counts stay exact.
	ReportedItemsMax = 1_000

	// PlannedChangesMax bounds the changes that the result of a RedistributePlan lists. It is far more, because a
	// request that asked for the plans adds them up.
	PlannedChangesMax = 100_000
)

// A record's units are weights where too few are left for all promises, and nothing comes near an overflow.
const (
	_ = uint64(splitWeightSumMax) - 3*RecordUnitsMax
	_ = uint64(1<<55) - 3*RecordUnitsMax
)

const (
	// EventsMax and EventAgeMS bound the kept events; the oldest goes first.
	EventsMax  = 100_000
	EventAgeMS = 7 * 24 * 60 * 60 * 1000

	// DeletionsMax bounds the deletions of records that are kept for those who follow the changes; the oldest goes
	// first. They are kept as long as events.
	DeletionsMax = 1_000_000

	// ExplanationsMax and ExplanationAgeMS bound the kept explanations of lines for which a rule was asked; the oldest
	// goes first.
	ExplanationsMax  = 100_000
	ExplanationAgeMS = 7 * 24 * 60 * 60 * 1000

	// JobsMax and JobAgeMS bound the kept jobs; the oldest goes first. JobFaultsMax bounds the lines that a job lists
	// as refused.
	JobsMax      = 100_000
	JobAgeMS     = 7 * 24 * 60 * 60 * 1000
	JobFaultsMax = 32

	// LocationsMax bounds the locations with details beside their stock, LocationNameBytesMax their texts, in
	// bytes.
	LocationsMax         = 10_000
	LocationNameBytesMax = 128

	// LocationGroupsMax bounds the groups of locations, LocationGroupMembersMax the locations that all groups have
	// together: they are one row of the durable form.
	LocationGroupsMax       = 1_000
	LocationGroupMembersMax = 100_000

	// JobTypeBytesMax and JobOwnerBytesMax bound the texts of a job's description, in bytes.
	JobTypeBytesMax  = 32
	JobOwnerBytesMax = 64

	// WebhooksMax bounds the webhooks, WebhookNameBytesMax, WebhookURLBytesMax and WebhookReasonBytesMax their texts,
	// in bytes, WebhookLocationsMax the locations that a filter names.
	WebhooksMax           = 64
	WebhookNameBytesMax   = 64
	WebhookURLBytesMax    = 2048
	WebhookReasonBytesMax = 256
	WebhookLocationsMax   = 1_000

	// WebhookSecretBytesMin and WebhookSecretBytesMax bound a secret without its prefix and encoding, in bytes.
	// WebhookSecretAgeMS is how long one that was replaced goes on signing.
	WebhookSecretBytesMin = 24
	WebhookSecretBytesMax = 64
	WebhookSecretAgeMS    = 24 * 60 * 60 * 1000

	// CountAgeMS is how long a stock count stays open at most.
	CountAgeMS = 24 * 60 * 60 * 1000

	// CountsMax bounds the stock counts open at one time.
	CountsMax = 1_000

	// CloseRecordsMax bounds the records that one CloseCount looks at.
	CloseRecordsMax = 10_000
)
