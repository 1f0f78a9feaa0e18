package engine

import "pgregory.net/rapid"

// Generators of commands and results in normal form: encoding and decoding does not change them.

var commandKinds = func() (kinds []Kind) {
	for k := range Kind(len(commands)) {
		if k.known() {
			kinds = append(kinds, k)
		}
	}
	return kinds
}()

func genText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9-]{0,20}`),
		rapid.StringN(0, 40, 80),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "bytes")) }),
	)
}

func genQuantity() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(-3, 300), rapid.Int64())
}

// genList draws lists that are mostly short, and sometimes longer than the first length with a table of names.
func genList[E any](element func(t *rapid.T) E) *rapid.Generator[[]E] {
	return rapid.OneOf(
		rapid.SliceOfN(rapid.Custom(element), 0, 4),
		rapid.SliceOfN(rapid.Custom(element), 0, 40),
	)
}

func genTag(t *rapid.T) Tag {
	return Tag{Category: genText().Draw(t, "category"), Value: genText().Draw(t, "value")}
}

func genTags(t *rapid.T) []Tag { return rapid.SliceOfN(rapid.Custom(genTag), 0, 4).Draw(t, "tags") }

func genStockItem(t *rapid.T) StockItem {
	it := StockItem{UPC: genText().Draw(t, "upc"), Tags: genTags(t), Quantity: genQuantity().Draw(t, "quantity")}
	it.Has = StockFields(rapid.IntRange(0, int(stockFieldsKnown)).Draw(t, "has"))
	if it.Has&HasSafetyStock != 0 {
		it.SafetyStock = genQuantity().Draw(t, "safetyStock")
	}
	if it.Has&HasFloor != 0 {
		it.Floor = genQuantity().Draw(t, "floor")
	}
	if it.Has&HasLTD != 0 {
		it.LTD = genQuantity().Draw(t, "ltd")
	}
	if it.Has&HasVersion != 0 {
		it.IfVersion = rapid.Uint64().Draw(t, "ifVersion")
	}
	it.DeliveryDateMS = rapid.SampledFrom([]int64{0, 0, 1, -1, 1_790_000_000_000}).Draw(t, "deliveryDate")
	return it
}

func genNote(t *rapid.T) (n StockNote) {
	if rapid.Bool().Draw(t, "noted") {
		n.Reason, n.Reference = genText().Draw(t, "reason"), genText().Draw(t, "reference")
	}
	return n
}

func genTransferItem(t *rapid.T) TransferItem {
	it := TransferItem{
		UPC: genText().Draw(t, "upc"), FromLocation: genText().Draw(t, "from"), FromTags: genTags(t),
		ToLocation: genText().Draw(t, "to"), ToTags: genTags(t), Quantity: genQuantity().Draw(t, "quantity"),
	}
	if rapid.IntRange(0, 3).Draw(t, "hasVersion") == 3 {
		it.Has = HasVersion
		it.IfVersion = rapid.Uint64().Draw(t, "ifVersion")
	}
	return it
}

func genAllocateLine(t *rapid.T) AllocateLine {
	return AllocateLine{
		ItemID: genText().Draw(t, "itemId"), UPC: genText().Draw(t, "upc"), Location: genText().Draw(t, "location"),
		Quantity: genQuantity().Draw(t, "quantity"), Tags: genTags(t),
		Attributes: rapid.SliceOfN(rapid.Custom(genAttribute), 0, 3).Draw(t, "attributes"),
	}
}

func genAttribute(t *rapid.T) Attribute {
	return Attribute{Name: genText().Draw(t, "name"), Value: genText().Draw(t, "value")}
}

func genPlannedLine(t *rapid.T) PlannedLine {
	return PlannedLine{
		Line: rapid.IntRange(0, 2000).Draw(t, "line"), Rule: genText().Draw(t, "rule"), Version: rapid.Uint32().
			Draw(t, "version"),
		RecordVersion: rapid.Uint64().Draw(t, "recordVersion"), Outcome: PlanOutcome(rapid.Byte().Draw(t, "outcome")),
		Reason: genText().Draw(t, "reason"),
		Candidates: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) PlannedCandidate {
			return PlannedCandidate{Tags: genTags(t), Keep: genQuantity().Draw(t, "keep"), Max: genQuantity().
				Draw(t, "max")}
		}), 0, 3).Draw(t, "candidates"),
	}
}

func genRuleScope(t *rapid.T) RuleScope {
	names := genList(func(t *rapid.T) string { return genText().Draw(t, "location") })
	return RuleScope{Locations: names.Draw(t, "locations"), UPCPrefix: genText().Draw(t, "prefix"), Tags: genTags(t)}
}

func genRuleCommand(t *rapid.T, kind Kind) Command {
	text := func(label string) string { return genText().Draw(t, label) }
	hook := func() RuleHook { return RuleHook(rapid.IntRange(0, 3).Draw(t, "hook")) }
	switch kind {
	case KindPutRule:
		hooks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) RuleHook {
			return RuleHook(rapid.IntRange(0, 3).Draw(t, "hook"))
		}), 0, 3)
		return &PutRule{Name: text("name"), Source: text("source"), Author: text("author"),
			Hooks: hooks.Draw(t, "hooks")}
	case KindDeleteRule:
		return &DeleteRule{Name: text("name")}
	case KindActivateRule:
		return &ActivateRule{
			Name: text("name"), Version: rapid.Uint32().Draw(t, "version"), Hook: hook(), RuleScope: genRuleScope(t),
			OnError: RuleFallback(rapid.IntRange(0, 3).Draw(t, "onError")), FailuresMax: rapid.Uint32().
					Draw(t, "failuresMax"),
			Author: text("author"),
		}
	case KindRedistributePlan:
		return &RedistributePlan{Items: rapid.SliceOfN(rapid.Custom(genRedistributeItem), 0, 3).Draw(t, "items")}
	case KindDeactivateRule:
		return &DeactivateRule{Name: text("name"), Hook: hook(), RuleScope: genRuleScope(t)}
	default:
		return &SuspendRule{
			Activation: rapid.Uint64().Draw(t, "activation"), Failures: rapid.Uint32().Draw(t, "failures"),
			Reason: text("reason"),
		}
	}
}

func genRedistributeItem(t *rapid.T) RedistributeItem {
	text := func(label string) string { return genText().Draw(t, label) }
	return RedistributeItem{
		UPC: text("upc"), Location: text("location"), RecordVersion: rapid.Uint64().Draw(t, "recordVersion"),
		Rule:        text("rule"),
		RuleVersion: rapid.Uint32().Draw(t, "ruleVersion"),
		Action:      RedistributeAction(rapid.IntRange(0, 4).Draw(t, "action")),
		Reason:      text("reason"),
		Targets: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) SegmentTarget {
			return SegmentTarget{Tags: genTags(t), Available: genQuantity().Draw(t, "available")}
		}), 0, 3).Draw(t, "targets"),
	}
}

func genOrderLine(t *rapid.T) OrderLine {
	l := OrderLine{ItemID: genText().Draw(t, "itemId"), Quantity: genQuantity().Draw(t, "quantity")}
	if rapid.Bool().Draw(t, "goods") {
		l.UPC, l.Location, l.Tags = genText().Draw(t, "upc"), genText().Draw(t, "location"), genTags(t)
	}
	l.Lost, l.Block = rapid.Bool().Draw(t, "lost"), BlockMark(rapid.IntRange(0, 3).Draw(t, "block"))
	return l
}

func genValue(t *rapid.T) Value {
	return Value{
		Name: genText().Draw(t, "name"), Percent: rapid.Int32().Draw(t, "percent"), Default: rapid.Bool().
			Draw(t, "default"),
		Min: genQuantity().Draw(t, "min"), Max: genQuantity().Draw(t, "max"),
	}
}

func genMove(t *rapid.T) Move {
	return Move{From: genText().Draw(t, "from"), To: genText().Draw(t, "to")}
}

func genEventFilter(t *rapid.T) EventFilter {
	kinds := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) EventKind { return EventKind(rapid.Byte().Draw(t, "kind")) }),
		0, 4)
	return EventFilter{Kinds: kinds.Draw(t, "kinds"), Locations: rapid.SliceOfN(genText(), 0, 3).Draw(t, "locations"),
		Tags: genTags(t)}
}

func genWebhookPosition(t *rapid.T) WebhookPosition {
	return WebhookPosition{Name: genText().Draw(t, "name"), Revision: rapid.Uint64().Draw(t, "revision"),
		Position: EventID(rapid.Uint64().Draw(t, "position")), DisabledReason: genText().Draw(t, "reason")}
}

func genScope(t *rapid.T) Scope {
	names := genList(func(t *rapid.T) string { return genText().Draw(t, "name") })
	return Scope{UPCs: names.Draw(t, "upcs"), Locations: names.Draw(t, "locations"), All: rapid.Bool().Draw(t, "all")}
}

func genCommand(t *rapid.T, kind Kind) Command {
	text := func(label string) string { return genText().Draw(t, label) }
	flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
	switch kind {
	case KindRefresh:
		return &Refresh{Location: text("location"), Count: text("count"), StockNote: genNote(t),
			Items: genList(genStockItem).Draw(t, "items")}
	case KindAdjust:
		return &Adjust{Location: text("location"), Items: genList(genStockItem).Draw(t, "items"),
			StockNote: genNote(t)}
	case KindTransfer:
		return &Transfer{Items: genList(genTransferItem).Draw(t, "items"), StockNote: genNote(t)}
	case KindRedistribute:
		return &Redistribute{Scope: genScope(t), Now: flag("now"), DryRun: flag("dryRun")}
	case KindDelete:
		return &Delete{Scope: genScope(t), DryRun: flag("dryRun"), Force: flag("force")}
	case KindAllocate:
		return &Allocate{
			OrderID: text("orderId"), Mode: Mode(rapid.Byte().Draw(t, "mode")), Backorder: flag("backorder"),
			ExpiresAtMS: genQuantity().Draw(t, "expiresAt"), Lines: genList(genAllocateLine).Draw(t, "lines"),
		}
	case KindBlock:
		return &Block{Location: text("location"), StockNote: genNote(t), Items: genList(func(t *rapid.T) BlockItem {
			return BlockItem{UPC: genText().Draw(t, "upc"), Blocked: rapid.Bool().Draw(t, "blocked")}
		}).Draw(t, "items")}
	case KindDeleteSegments:
		return &DeleteSegments{Scope: genScope(t), Tags: genTags(t), DryRun: flag("dryRun")}
	case KindPutWebhook:
		return &PutWebhook{Name: text("name"), URL: text("url"), EventFilter: genEventFilter(t), Secret: text("secret"),
			Disabled: flag("disabled")}
	case KindDeleteWebhook:
		return &DeleteWebhook{Name: text("name")}
	case KindSetWebhookPosition:
		return &SetWebhookPosition{Items: genList(genWebhookPosition).Draw(t, "items")}
	case KindPutLocationGroup:
		return &PutLocationGroup{Group: text("group"), Locations: rapid.SliceOfN(genText(), 0, 3).Draw(t, "locations")}
	case KindPutLocation:
		return &PutLocation{
			Location: text("location"), Flags: LocationFlags(rapid.Uint16().Draw(t, "flags")), Name: text("name"),
			PostalCode: text("postalCode"),
			Country:    text("country"), Latitude: genQuantity().Draw(t, "latitude"), Longitude: genQuantity().
					Draw(t, "longitude"),
		}
	case KindTransition:
		return &Transition{FromOrderID: text("fromOrderId"), OrderID: text("orderId"),
			Lines: genList(func(t *rapid.T) TransitionLine {
				return TransitionLine{ItemID: genText().Draw(t, "itemId"), ToItemID: genText().Draw(t, "toItemId")}
			}).Draw(t, "lines")}
	case KindPutTagCategory:
		return &PutTagCategory{
			Name: text("name"), Values: genList(genValue).Draw(t, "values"),
			Rounding: Rounding(rapid.Byte().Draw(t, "rounding")), MoveTo: genList(genMove).Draw(t, "moveTo"),
		}
	case KindDeleteTagCategory:
		return &DeleteTagCategory{Name: text("name"), MoveTo: text("moveTo")}
	case KindStartCount:
		return &StartCount{Location: text("location"), Count: text("count")}
	case KindCloseCount:
		c := &CloseCount{Location: text("location"), Count: text("count"), Complete: rapid.Bool().Draw(t, "complete")}
		if c.Complete {
			c.DryRun, c.After = rapid.Bool().Draw(t, "dry run"), text("after")
		}
		return c
	case KindExpire:
		return &Expire{}
	case KindStartChanges:
		return &StartChanges{}
	case KindPutRule, KindDeleteRule, KindActivateRule, KindDeactivateRule, KindSuspendRule, KindRedistributePlan:
		return genRuleCommand(t, kind)
	default:
		return &OrderChange{Action: kind, OrderID: text("orderId"), Lines: genList(genOrderLine).Draw(t, "lines"),
			Reason: rapid.SampledFrom([]string{"", "", text("reason")}).Draw(t, "with reason")}
	}
}

func genAnyCommand(t *rapid.T) Command {
	return genCommand(t, rapid.SampledFrom(commandKinds).Draw(t, "kind"))
}

func genEnvelope(t *rapid.T) Envelope {
	env := Envelope{Key: genText().Draw(t, "key")}
	if rapid.Bool().Draw(t, "archived") {
		env.Archived = []byte(genText().Draw(t, "row"))
		env.ArchivedAt = rapid.Uint64().Draw(t, "archivedAt")
	}
	if rapid.Bool().Draw(t, "planned") {
		env.RulesIndex = rapid.Uint64().Draw(t, "rulesIndex")
		env.Plans = rapid.SliceOfN(rapid.Custom(genPlannedLine), 0, 3).Draw(t, "plans")
	}
	if env.IfSeen = rapid.Bool().Draw(t, "seen"); env.IfSeen {
		env.Seen = rapid.Uint64().Draw(t, "hash")
	}
	if rapid.Bool().Draw(t, "job") {
		env.Job = &JobInfo{
			Type: genText().Draw(t, "type"), Owner: genText().Draw(t, "owner"), Location: genText().Draw(t, "location"),
			Items: genQuantity().Draw(t, "items"), PerLocation: rapid.Bool().Draw(t, "perLocation"),
		}
	}
	return env
}

func genLineResult(t *rapid.T) LineResult {
	part := func(t *rapid.T) Part {
		return Part{
			TagSet: TagSetID(rapid.Uint32().Draw(t, "tagSet")), Units: genQuantity().Draw(t, "units"),
			Pending: genQuantity().Draw(t, "pending"),
		}
	}
	return LineResult{
		ItemID: genText().Draw(t, "itemId"), Code: Code(rapid.Byte().Draw(t, "code")), Repeated: rapid.Bool().
			Draw(t, "repeated"),
		Requested: genQuantity().Draw(t, "requested"),
		Units:     genQuantity().Draw(t, "units"), Pending: genQuantity().Draw(t, "pending"),
		Available: genQuantity().Draw(t, "available"), Parts: rapid.SliceOfN(rapid.Custom(part), 0, 4).Draw(t, "parts"),
		Rule: genText().Draw(t, "rule"), RuleVersion: rapid.Uint32Range(0, 2).Draw(t, "ruleVersion"), Reason: genText().
			Draw(t, "reason"),
	}
}

func genChange(t *rapid.T) SegmentChange {
	return SegmentChange{
		UPC: genText().Draw(t, "upc"), Location: genText().Draw(t, "location"),
		TagSet: TagSetID(rapid.Uint32().Draw(t, "tagSet")), Before: genQuantity().Draw(t, "before"),
		After: genQuantity().Draw(t, "after"),
	}
}

func genBlocked(t *rapid.T) BlockedRecord {
	return BlockedRecord{
		UPC: genText().Draw(t, "upc"), Location: genText().Draw(t, "location"), OnHand: genQuantity().Draw(t, "onHand"),
		Allocated: genQuantity().Draw(t, "allocated"), Pending: genQuantity().Draw(t, "pending"),
	}
}

func genRecordState(t *rapid.T) RecordState {
	return RecordState{
		Item: rapid.IntRange(0, 20_000).Draw(t, "item"), UPC: genText().Draw(t, "upc"), Location: genText().
			Draw(t, "location"), Version: rapid.Uint64().Draw(t, "version"), OnHand: genQuantity().Draw(t, "onHand"),
		Allocated: genQuantity().Draw(t, "allocated"), Pending: genQuantity().Draw(t, "pending"),
		SafetyStock: genQuantity().Draw(t, "safetyStock"),
	}
}

func genResult(t *rapid.T) Result {
	r := Result{
		Kind: Kind(rapid.Byte().Draw(t, "kind")), Code: Code(rapid.Byte().Draw(t, "code")),
		Repeated: rapid.Bool().Draw(t, "repeated"), Index: rapid.Uint64().Draw(t, "index"),
		Field: genText().Draw(t, "field"), Value: genText().Draw(t, "value"), Lines: genList(genLineResult).
			Draw(t, "lines"),
	}
	if rapid.Bool().Draw(t, "stock") {
		r.Stock = StockResult{
			Items: genQuantity().Draw(t, "items"), Records: genQuantity().Draw(t, "records"),
			Units: genQuantity().Draw(t, "units"), Promised: genQuantity().Draw(t, "promised"),
		}
		r.Changes = genList(genChange).Draw(t, "changes")
		r.Blocked = genList(genBlocked).Draw(t, "blocked")
	}
	if rapid.Bool().Draw(t, "short") {
		r.Shortfalls = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Shortfall {
			return Shortfall{Item: rapid.IntRange(0, 20_000).Draw(t, "item"), Units: genQuantity().Draw(t, "units")}
		}), 0, 3).Draw(t, "shortfalls")
	}
	r.Segments = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) SegmentTotal {
		return SegmentTotal{TagSet: TagSetID(rapid.Uint32Range(0, 300).Draw(t, "tagSet")),
			Before: genQuantity().Draw(t, "before"), After: genQuantity().Draw(t, "after")}
	}), 0, 3).Draw(t, "segments")
	r.Records = rapid.SliceOfN(rapid.Custom(genRecordState), 0, 3).Draw(t, "records")
	if rapid.Bool().Draw(t, "rule") {
		r.Rule = RuleResult{Version: rapid.Uint32().Draw(t, "version"), Activation: rapid.Uint64().
			Draw(t, "activation")}
	}
	if rapid.Bool().Draw(t, "job") {
		r.Job = JobResult{First: JobID(rapid.Uint64().Draw(t, "first")), Count: rapid.Uint32().Draw(t, "count")}
	}
	return r
}
