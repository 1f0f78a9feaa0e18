package engine_test

import (
	"fmt"
	"slices"

	"apportion/engine"

	"pgregory.net/rapid"
)

// The domains are small, so that commands often name the same records, orders, items and keys.
var (
	upcs      = []string{"A", "B"}
	locations = []string{"X", "Y"}
	orderIDs  = []string{"o1", "o2", "o3"}
	itemIDs   = []string{"1", "2", "3"}
	keys      = []string{"k1", "k2", "k3"}
	countIDs  = []string{"c1", "c2"}

	categoryValues = map[string][]string{
		"Channel": {"Kibo", "Amazon", "eBay", "Store"},
		"Grade":   {"New", "Used", "Defective"},
		"Zone":    {"North", "South"},
	}
	categoryNames = []string{"Channel", "Grade", "Zone"}
)

// generator draws commands that may fit the model's state. All random values come from t, so that rapid can shrink a
// failure.
type generator struct {
	t     *rapid.T
	m     *model
	nowMS int64 // the time of the command
}

// below is any number in [0, n) with equal chance. rapid's own ranges prefer small numbers.
func below(n int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		bits := 0
		for range 10 {
			bits <<= 1
			if rapid.Bool().Draw(t, "bit") {
				bits++
			}
		}
		return bits * n >> 10
	})
}

func (g generator) pick(label string, from []string) string {
	return from[below(len(from)).Draw(g.t, label)]
}

func (g generator) chance(label string, percent int) bool {
	return below(100).Draw(g.t, label) >= 100-percent
}

func (g generator) units(label string, least int64) int64 {
	if g.chance(label+" large", 10) {
		return rapid.Int64Range(least, 1000).Draw(g.t, label)
	}
	return rapid.Int64Range(least, 12).Draw(g.t, label)
}

// later is a time shortly after now, which a few steps reach.
func (g generator) later(label string) int64 {
	return g.nowMS + int64(1+below(30).Draw(g.t, label))
}

// tags names values of some categories, sometimes an unknown one, or a category twice.
func (g generator) tags(label string) []engine.Tag {
	var tags []engine.Tag
	for _, c := range g.m.categories {
		if g.chance(label+" names "+c.name, 60) {
			v := rapid.SampledFrom(c.values).Draw(g.t, label+" "+c.name)
			tags = append(tags, engine.Tag{Category: c.name, Value: v.Name})
		}
	}
	if g.chance(label+" at fault", 2) {
		category := g.pick(label+" category", categoryNames)
		tags = append(tags, engine.Tag{Category: category, Value: g.pick(label+" value", categoryValues[category])})
	}
	return tags
}

// kinds lists each kind as often as its share.
var kinds = func() (kinds []engine.Kind) {
	often := map[engine.Kind]int{
		engine.KindRefresh: 10, engine.KindAdjust: 8, engine.KindTransfer: 5, engine.KindRedistribute: 4,
		engine.KindDelete:   1,
		engine.KindAllocate: 20, engine.KindConfirm: 4, engine.KindDeallocate: 5, engine.KindFulfill: 7,
		engine.KindReturn:         6,
		engine.KindPutTagCategory: 5, engine.KindDeleteTagCategory: 1, engine.KindStartCount: 3,
		engine.KindCloseCount: 3,
		engine.KindExpire:     3, engine.KindTransition: 4, engine.KindPutLocation: 1, engine.KindBlock: 2,
		engine.KindPutLocationGroup: 1,
		engine.KindDeleteSegments:   3,
		engine.KindPutWebhook:       3, engine.KindDeleteWebhook: 1, engine.KindSetWebhookPosition: 4,
		engine.KindStartChanges: 4,
	}
	for kind := engine.KindRefresh; kind <= engine.KindSetWebhookPosition; kind++ {
		for range often[kind] {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}()

func (g generator) command() engine.Command {
	switch kind := kinds[below(len(kinds)).Draw(g.t, "kind")]; kind {
	case engine.KindRefresh:
		return g.refresh()
	case engine.KindAdjust:
		return &engine.Adjust{Location: g.pick("location", locations), Items: g.stockItems(-8)}
	case engine.KindTransfer:
		return g.transfer()
	case engine.KindRedistribute:
		return &engine.Redistribute{Scope: g.scope(), Now: g.chance("now", 40), DryRun: g.chance("dry run", 30)}
	case engine.KindDelete:
		return &engine.Delete{Scope: g.scope(), DryRun: g.chance("dry run", 20), Force: g.chance("force", 50)}
	case engine.KindAllocate:
		return g.allocate()
	case engine.KindPutTagCategory:
		return g.putCategory()
	case engine.KindDeleteTagCategory:
		return g.deleteCategory()
	case engine.KindStartCount:
		return &engine.StartCount{Location: g.pick("location", locations), Count: g.pick("count", countIDs)}
	case engine.KindCloseCount:
		return g.closeCount()
	case engine.KindExpire:
		return &engine.Expire{}
	case engine.KindStartChanges:
		return &engine.StartChanges{}
	case engine.KindBlock:
		return &engine.Block{Location: g.pick("location", locations),
			Items: []engine.BlockItem{{UPC: g.pick("upc", upcs), Blocked: g.chance("blocked", 60)}}}
	case engine.KindDeleteSegments:
		return &engine.DeleteSegments{Scope: g.scope(), Tags: g.tags("tags"), DryRun: g.chance("dry run", 20)}
	case engine.KindPutWebhook, engine.KindDeleteWebhook, engine.KindSetWebhookPosition:
		return g.webhookCommand(kind)
	case engine.KindPutLocationGroup:
		return &engine.PutLocationGroup{Group: g.pick("group", []string{"north", "south"}),
			Locations: locations[:below(len(locations)+1).Draw(g.t, "locations")]}
	case engine.KindPutLocation:
		return &engine.PutLocation{Location: g.pick("location", locations), Name: g.pick("name", []string{"", "n"}),
			Flags: engine.LocationFlags(below(4).Draw(g.t, "flags"))}
	case engine.KindTransition:
		return g.transition()
	default:
		return g.orderChange(kind)
	}
}

func (g generator) closeCount() *engine.CloseCount {
	c := &engine.CloseCount{Location: g.pick("location", locations), Count: g.pick("count", countIDs)}
	if open := g.m.counts[c.Location]; open != nil && g.chance("that is open", 80) {
		c.Count = open.name
	}
	if c.Complete = g.chance("complete", 60); c.Complete {
		c.DryRun = g.chance("dry run", 30)
		if g.chance("after", 30) {
			c.After = g.pick("upc", upcs)
		}
	}
	return c
}

func (g generator) refresh() *engine.Refresh {
	c := &engine.Refresh{Location: g.pick("location", locations), Items: g.stockItems(0)}
	if open := g.m.counts[c.Location]; open != nil && g.chance("counted", 60) {
		c.Count = open.name
	}
	for i := range c.Items { // sometimes less than the units that left since
		if c.Count != "" && g.chance("counted few", 50) {
			c.Items[i].Quantity = int64(below(2).Draw(g.t, "few"))
		}
	}
	if g.chance("any count", 3) {
		c.Count = g.pick("count", countIDs)
	}
	return c
}

func (g generator) stockItems(least int64) []engine.StockItem {
	items := make([]engine.StockItem, []int{1, 1, 1, 2, 2, 3}[below(6).Draw(g.t, "items")])
	for i := range items {
		items[i] = engine.StockItem{UPC: g.pick("upc", upcs), Tags: g.tags("tags"),
			Quantity: g.units("quantity", least)}
		if least < 0 && items[i].Quantity == 0 {
			items[i].Quantity = 1
		}
		if g.chance("safety stock", 20) {
			items[i].Has |= engine.HasSafetyStock
			items[i].SafetyStock = rapid.Int64Range(0, 5).Draw(g.t, "safety stock")
		}
		if g.chance("floor", 10) {
			items[i].Has |= engine.HasFloor
			items[i].Floor = rapid.Int64Range(0, 5).Draw(g.t, "floor")
		}
		if g.chance("ltd", 10) {
			items[i].Has |= engine.HasLTD
			items[i].LTD = rapid.Int64Range(0, 5).Draw(g.t, "ltd")
		}
		if g.chance("later", 15) {
			items[i].DeliveryDateMS = g.later("delivery")
		}
	}
	return items
}

func (g generator) transfer() *engine.Transfer {
	items := make([]engine.TransferItem, rapid.IntRange(1, 2).Draw(g.t, "items"))
	for i := range items {
		items[i] = engine.TransferItem{
			UPC:          g.pick("upc", upcs),
			FromLocation: g.pick("from", locations), FromTags: g.tags("from tags"),
			ToLocation: g.pick("to", locations), ToTags: g.tags("to tags"),
			Quantity: g.units("quantity", 1),
		}
	}
	return &engine.Transfer{Items: items}
}

func (g generator) scope() engine.Scope {
	var s engine.Scope
	if g.chance("by upc", 50) {
		s.UPCs = []string{g.pick("upc", upcs)}
	}
	if g.chance("by location", 50) {
		s.Locations = []string{g.pick("location", locations)}
	}
	s.All = s.UPCs == nil && s.Locations == nil
	return s
}

func (g generator) allocate() *engine.Allocate {
	c := &engine.Allocate{
		OrderID:   g.pick("order", orderIDs),
		Mode:      engine.Mode(below(3).Draw(g.t, "mode")),
		Backorder: g.chance("backorder", 40),
	}
	if g.chance("reservation", 30) {
		c.ExpiresAtMS = g.later("expires") - 1
	}
	for _, id := range g.itemIDs(1) {
		line := engine.AllocateLine{
			ItemID: id, UPC: g.pick("upc", upcs), Location: g.pick("location", locations),
			Quantity: g.units("quantity", 1), Tags: g.tags("tags"),
		}
		if it := g.m.orders[c.OrderID].find(id); it != nil && g.chance("again", 40) {
			line.UPC, line.Location, line.Quantity = it.place.upc, it.place.location, it.requested
			line.Tags = g.named(it.tags)
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

const ruleName = "r"

// ruleCommand changes whether the one rule decides.
func (g generator) ruleCommand() engine.Command {
	switch {
	case !g.m.rule || g.chance("put rule", 10):
		return &engine.PutRule{Name: ruleName, Source: g.pick("source", keys),
			Hooks: []engine.RuleHook{engine.HookSelect}}
	case g.m.ruleActive && g.chance("deactivate", 30):
		return &engine.DeactivateRule{Name: ruleName}
	}
	return &engine.ActivateRule{Name: ruleName, Hook: engine.HookSelect, FailuresMax: 3}
}

// redistributeRuleCommand changes whether a rule decides about the records of one location.
func (g generator) redistributeRuleCommand(e *engine.Engine) engine.Command {
	switch s := g.m.redistributeRule; {
	case !s.put || g.chance("put rule", 5):
		return &engine.PutRule{Name: redistributeRuleName, Source: g.pick("source", keys),
			Hooks: []engine.RuleHook{engine.HookRedistribute}}
	case s.active && g.chance("deactivate", 20):
		return &engine.DeactivateRule{Name: redistributeRuleName}
	case s.active && g.chance("suspend", 30):
		for _, a := range e.Rules().Active() {
			if a.Rule == redistributeRuleName {
				return &engine.SuspendRule{Activation: a.ID, Failures: 3, Reason: "no"}
			}
		}
	}
	return &engine.ActivateRule{Name: redistributeRuleName, Hook: engine.HookRedistribute, RuleScope: redistributeScope,
		FailuresMax: 3,
		OnError:     engine.RuleFallback(below(2).Draw(g.t, "onError"))}
}

// redistributeItem makes a plan for a record. Mostly it gives out exactly the available units, sometimes one too many.
func (g generator) redistributeItem(schema *engine.Schema, v *engine.RecordView) engine.RedistributeItem {
	it := engine.RedistributeItem{UPC: v.UPC, Location: v.Location, RecordVersion: v.Version,
		Rule:        redistributeRuleName,
		RuleVersion: 1,
		Action:      engine.RedistributeAction(1 + []int{0, 0, 0, 0, 1, 2}[below(6).Draw(g.t, "action")]), Reason: "so"}
	if g.chance("changed meanwhile", 10) {
		it.RecordVersion--
	}
	if it.Action != engine.RedistributeToTargets {
		return it
	}
	left := int64(0)
	for i := range v.Segments {
		left += v.Segments[i].Available()
		it.Targets = append(it.Targets, engine.SegmentTarget{Tags: schema.Tags(v.Segments[i].TagSet)})
	}
	if g.chance("another segment", 30) {
		it.Targets = append(it.Targets, engine.SegmentTarget{Tags: g.tags("target")})
	}
	if g.chance("one too many", 10) {
		left++
	}
	for i := range it.Targets {
		units := max(0, min(left, g.units("target", 0)))
		if i == len(it.Targets)-1 {
			units = max(0, left)
		}
		it.Targets[i].Available, left = units, left-units
	}
	return it
}

// plans makes plans for some lines of an Allocate.
func (g generator) plans(c *engine.Allocate) (plans []engine.PlannedLine) {
	for i := range c.Lines {
		if !g.chance("planned", 80) {
			continue
		}
		p := engine.PlannedLine{Line: i, Rule: ruleName, Version: uint32(1 + below(3).Draw(g.t, "version")),
			RecordVersion: uint64(below(9).Draw(g.t, "seen")), Outcome: engine.PlanCandidates}
		switch below(10).Draw(g.t, "outcome") {
		case 7:
			p.Outcome, p.Reason = engine.PlanRefused, "not today"
		case 8:
			p.Outcome, p.Reason = engine.PlanRejected, "line 3: no"
		case 9:
			p.Outcome, p.Reason = engine.PlanFallback, "too slow"
		default:
			for range below(5).Draw(g.t, "candidates") {
				p.Candidates = append(p.Candidates, engine.PlannedCandidate{
					Tags: g.tags("candidate"), Keep: []int64{0, 0, 0, 1, 3}[below(5).Draw(g.t, "keep")],
					Max: []int64{0, 0, 0, 1, 2, 4}[below(6).Draw(g.t, "max")],
				})
			}
		}
		plans = append(plans, p)
	}
	return plans
}

// named spells out a tag set as in a command.
func (g generator) named(tags tagSet) []engine.Tag {
	var named []engine.Tag
	for _, c := range g.m.categories {
		named = append(named, engine.Tag{Category: c.name, Value: tags[c.name]})
	}
	return named
}

func (g generator) itemIDs(least int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(itemIDs), least, len(itemIDs), rapid.ID).Draw(g.t, "items")
}

func (g generator) orderChange(action engine.Kind) *engine.OrderChange {
	c := &engine.OrderChange{Action: action, OrderID: g.pick("order", orderIDs)}
	if g.m.orders[c.OrderID] == nil && g.chance("known order", 70) {
		c.OrderID = g.pick("another order", orderIDs)
	}
	if action == engine.KindDeallocate && g.chance("with a reason", 40) {
		c.Reason = g.pick("reason", []string{"stuck", "the customer has paid nothing, and nobody knows why"})
	}
	if g.chance("whole order", 30) {
		return c
	}
	ids := g.itemIDs(1)
	if o := g.m.orders[c.OrderID]; o != nil && g.chance("known items", 80) {
		ids = nil
		for _, it := range o.items {
			if it.left(action) > 0 && g.chance("with "+it.id, 70) {
				ids = append(ids, it.id)
			}
		}
	}
	for _, id := range ids {
		line := engine.OrderLine{ItemID: id}
		if !g.chance("all of it", 40) {
			line.Quantity = rapid.Int64Range(1, 6).Draw(g.t, "quantity")
		}
		if action == engine.KindDeallocate {
			line.Lost = g.chance("lost", 40)
			line.Block = engine.BlockMark(below(3).Draw(g.t, "block"))
		}
		if action == engine.KindReturn && g.chance("upc", 5) {
			line.UPC = g.pick("upc", upcs)
		}
		if action == engine.KindReturn && g.chance("with tags", 40) {
			line.Tags = g.tags("tags")
		}
		if action == engine.KindReturn && g.chance("elsewhere", 40) {
			line.Location = g.pick("location", locations)
			switch it := g.m.orders[c.OrderID].find(id); {
			case it == nil:
				line.UPC, line.Quantity, line.Tags = g.pick("upc", upcs), g.units("quantity", 1), g.tags("tags")
			case it.onlyReturned() && g.chance("again", 70):
				line = engine.OrderLine{ItemID: id, Quantity: it.parts[0].returned, UPC: it.place.upc,
					Location: it.place.location, Tags: g.named(it.tags)}
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

func (g generator) putCategory() *engine.PutTagCategory {
	name := g.pick("category", categoryNames)
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(categoryValues[name]), 1, -1, rapid.ID).Draw(g.t, "values")
	c := &engine.PutTagCategory{Name: name}
	percents := g.percents(len(names))
	fallback := rapid.IntRange(0, len(names)-1).Draw(g.t, "default")
	for i, value := range names {
		v := engine.Value{Name: value, Percent: percents[i], Default: i == fallback, Max: engine.NoMax}
		if v.Percent != engine.NoPercent && g.chance("min", 15) {
			v.Min = rapid.Int64Range(0, 6).Draw(g.t, "min")
		}
		if v.Percent != engine.NoPercent && g.chance("max", 10) {
			v.Max = v.Min + rapid.Int64Range(0, 10).Draw(g.t, "max")
		}
		c.Values = append(c.Values, v)
	}
	if g.chance("unbiased", 30) {
		c.Rounding = engine.RoundingUnbiased
	}
	if old := g.m.category(name); old != nil && g.chance("move", 70) {
		for _, v := range old.values {
			if next := (category{values: c.Values}); !next.has(v.Name) {
				c.MoveTo = append(c.MoveTo, engine.Move{From: v.Name, To: g.pick("move to", names)})
			}
		}
	}
	return c
}

// percents are none, or basis points with a sum of exactly 100 %.
func (g generator) percents(values int) []int32 {
	percents := make([]int32, values)
	if g.chance("discrete", 30) {
		for i := range percents {
			percents[i] = engine.NoPercent
		}
		return percents
	}
	left := int32(10_000)
	for i := range percents {
		step := []int32{0, 1, 100, 1250, 2500, 3333, 5000}[below(7).Draw(g.t, fmt.Sprintf("percent %d", i))]
		percents[i] = min(step, left)
		left -= percents[i]
	}
	percents[rapid.IntRange(0, values-1).Draw(g.t, "rest")] += left
	return percents
}

func (g generator) deleteCategory() *engine.DeleteTagCategory {
	c := &engine.DeleteTagCategory{Name: g.pick("category", categoryNames)}
	if g.chance("move", 60) {
		c.MoveTo = g.pick("move to", categoryValues[c.Name])
	}
	return c
}

// jobInfo describes the call of a command.
func (g generator) jobInfo() *engine.JobInfo {
	j := &engine.JobInfo{Type: g.pick("job type", []string{"REFRESH", "ALLOCATE"}),
		PerLocation: g.chance("per location", 50)}
	if g.chance("described", 50) {
		j.Owner, j.Location, j.Items = "o", g.pick("location", locations), 3
	}
	return j
}

// transition mostly names reserved items of an existing order.
func (g generator) transition() *engine.Transition {
	c := &engine.Transition{FromOrderID: g.pick("from order", orderIDs), OrderID: g.pick("order", orderIDs)}
	for _, id := range orderIDs { // a cart, if possible
		if o := g.m.orders[id]; o != nil && slices.ContainsFunc(o.items, func(it *item) bool {
			return it.expiresMS > g.nowMS && it.held() > 0
		}) && g.chance("from "+id, 70) {
			c.FromOrderID = id
		}
	}
	from := g.m.orders[c.FromOrderID]
	for i, id := range g.itemIDs(1) {
		line := engine.TransitionLine{ItemID: id, ToItemID: id}
		if from != nil && i < len(from.items) && g.chance("known item", 80) {
			line.ItemID = from.items[i].id
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}
