package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// Redistribution on demand. The command splits by percent and queues the records that have a rule; then the rules plan
// the queued records.

// recordReply is the outcome of a rule for one record, done or in a dry run.
type recordReply struct {
	UPC      string `json:"upc"`
	Location string `json:"location"`
	Rule     string `json:"rule,omitempty"`
	Version  uint32 `json:"version,omitempty"`
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason"`
}

// The outcomes of a redistribution by rule.
const (
	outcomeDone     = "spread"
	outcomeFellBack = "fell-back" // split by percent
	outcomeKept     = "kept"      // unchanged
	outcomeWaiting  = "waiting"   // left to the background: the record changes too often, or the time is over
)

// changeReply is the change of one segment's available units.
type changeReply struct {
	upc, location string
	tags          string // JSON
	before, after int64
}

// redistributed is the answer to a redistribute.
type redistributed struct {
	asOf           uint64
	dryRun         bool
	records, units int64
	segments       segmentTotals
	changes        []changeReply
	byRule         []recordReply
	place          map[engine.PlanWanted]int // in byRule
	waiting        int64                     // records, of all scopes
}

// segmentTotals adds up changes by segment: available units before and after.
type segmentTotals struct {
	schema *engine.Schema
	all    map[string]*segmentTotal // by tags, as JSON
}

type segmentTotal struct {
	ranks         []int // of its values, category by category
	tags          string
	before, after int64
}

func (req *request) redistribute() {
	cmd := &req.commands.redistribute
	req.body().redistribute(cmd)
	if !req.parsed() || !req.execute(cmd) {
		return
	}
	done := redistributed{asOf: req.result().Index, dryRun: cmd.DryRun, records: req.result().Stock.Records,
		units:    req.result().Stock.Units,
		segments: segmentTotals{schema: req.schema(), all: map[string]*segmentTotal{}},
		place:    map[engine.PlanWanted]int{}}
	done.addChanges(req.schema(), req.result().Changes)
	for _, t := range req.result().Segments {
		done.segments.add(done.segments.schema.Tags(t.TagSet), t.Before, t.After)
	}
	switch {
	case cmd.DryRun:
		req.dryRedistribute(&cmd.Scope, &done)
	case cmd.Now:
		req.redistributeNow(&cmd.Scope, &done)
	}
	req.out = appendRedistributed(req.out, &done)
}

func (d *redistributed) addChanges(schema *engine.Schema, changes []engine.SegmentChange) {
	for i := range changes {
		from := &changes[i]
		d.addChange(changeReply{from.UPC, from.Location, schema.TagsJSON(from.TagSet), from.Before, from.After})
	}
}

func (d *redistributed) addChange(c changeReply) {
	if len(d.changes) < engine.ReportedItemsMax {
		d.changes = append(d.changes, c)
	}
}

// addRecord notes the outcome for a record. A later outcome replaces an earlier one.
func (d *redistributed) addRecord(it *engine.RedistributeItem, outcome string) {
	key := engine.PlanWanted{UPC: it.UPC, Location: it.Location}
	s := recordReply{UPC: it.UPC, Location: it.Location, Rule: it.Rule, Version: it.RuleVersion, Outcome: outcome,
		Reason: it.Reason}
	if at, known := d.place[key]; known {
		d.byRule[at] = s
	} else if len(d.byRule) < engine.ReportedItemsMax {
		d.place[key] = len(d.byRule)
		d.byRule = append(d.byRule, s)
	}
}

// redistributeNow asks the rules about all records that wait for a plan, and reports those in the scope. The command
// has queued the records, so the rules plan the rest in the background.
func (req *request) redistributeNow(scope *engine.Scope, d *redistributed) {
	if req.server.reader.PlansWaiting() == 0 {
		return
	}
	in := newScopeFilter(scope)
	var v engine.RecordView
	err := req.server.runner.Redistribute(req.deadline, func(done *engine.RedistributePlan, r *engine.Result) {
		d.asOf = max(d.asOf, r.Index)
		for i := range done.Items {
			it := &done.Items[i]
			if !in.has(it.UPC, it.Location) {
				continue
			}
			outcome := outcomeOf(it)
			if req.server.reader.ReadRecord(it.UPC, it.Location, &v) && v.Planned {
				outcome = outcomeWaiting
			}
			d.addRecord(it, outcome)
		}
		for i := range r.Changes {
			if from := &r.Changes[i]; in.has(from.UPC, from.Location) {
				d.addChanges(req.schema(), r.Changes[i:i+1])
				d.units += max(0, from.After-from.Before)
				d.segments.add(req.schema().Tags(from.TagSet), from.Before, from.After)
			}
		}
	})
	if err != nil {
		req.server.log.Warn("a redistribution by rule goes on in the background", "error", err)
	}
	d.waiting = req.server.reader.PlansWaiting()
}

func outcomeOf(it *engine.RedistributeItem) string {
	switch it.Action {
	case engine.RedistributeToTargets:
		return outcomeDone
	case engine.RedistributeByPercent:
		return outcomeFellBack
	}
	return outcomeKept
}

// dryRedistribute asks the rules about the records in the scope that have a rule, without effect.
func (req *request) dryRedistribute(scope *engine.Scope, d *redistributed) {
	if !req.server.reader.Rules().Asked(engine.HookRedistribute) {
		return
	}
	in := newScopeFilter(scope)
	var env engine.Envelope
	var plan engine.RedistributePlan
	req.eachInScope(scope, in, func(v *engine.RecordView) bool {
		if !req.server.runner.HasRedistributeRule(v.UPC, v.Location) {
			return true
		}
		req.server.runner.PlanRedistribution([]engine.PlanWanted{{UPC: v.UPC, Location: v.Location}}, &env, &plan)
		for i := range plan.Items {
			it := &plan.Items[i]
			d.addRecord(it, outcomeOf(it))
			for _, t := range it.Targets {
				d.dryTarget(req.schema(), v, &t)
			}
		}
		return time.Now().Before(req.deadline)
	})
}

// dryTarget adds the change that a target would make.
func (d *redistributed) dryTarget(schema *engine.Schema, v *engine.RecordView, t *engine.SegmentTarget) {
	before := int64(0)
	if id, code, _ := schema.Resolve(t.Tags); code == engine.CodeOK && id != 0 {
		for i := range v.Segments {
			if schema.Canonical(v.Segments[i].TagSet) == id {
				before = v.Segments[i].Available()
			}
		}
	}
	if before == t.Available {
		return
	}
	tags, err := json.Marshal(tagMap(t.Tags))
	if err != nil {
		panic(fmt.Sprintf("BUG: httpapi: tags cannot be encoded: %v", err))
	}
	d.units += max(0, t.Available-before)
	d.segments.add(t.Tags, before, t.Available)
	d.addChange(changeReply{v.UPC, v.Location, string(tags), before, t.Available})
}

// add adds the change of a segment. A category that its tags lack is at its default.
func (s *segmentTotals) add(tags []engine.Tag, before, after int64) {
	text := []byte{'{'}
	var ranks []int
	for i, c := range s.schema.Categories() {
		rank := slices.IndexFunc(c.Values, func(v engine.Value) bool {
			return slices.Contains(tags, engine.Tag{Category: c.Name, Value: v.Name})
		})
		if rank < 0 {
			rank = slices.IndexFunc(c.Values, func(v engine.Value) bool { return v.Default })
		}
		ranks = append(ranks, rank)
		text = append(strictjson.AppendString(strictjson.Comma(text, i), c.Name), ':')
		text = strictjson.AppendString(text, c.Values[rank].Name)
	}
	text = append(text, '}')
	t := s.all[string(text)]
	if t == nil {
		t = &segmentTotal{ranks: ranks, tags: string(text)}
		s.all[t.tags] = t
	}
	t.before, t.after = t.before+before, t.after+after
}

// appendTo appends the totals by rank, as many as a reply lists.
func (s *segmentTotals) appendTo(dst []byte) []byte {
	byRank := slices.SortedFunc(maps.Values(s.all), func(a, b *segmentTotal) int {
		return slices.Compare(a.ranks, b.ranks)
	})
	dst = append(dst, '[')
	for i, t := range byRank[:min(len(byRank), engine.ReportedItemsMax)] {
		dst = append(append(strictjson.Comma(dst, i), `{"tags":`...), t.tags...)
		dst = strictjson.AppendNumber(dst, `,"before":`, t.before)
		dst = append(strictjson.AppendNumber(dst, `,"after":`, t.after), '}')
	}
	return append(dst, ']')
}

// scopeFilter selects the records of a scope, as the engine does.
type scopeFilter struct{ upcs, locations []string }

func newScopeFilter(s *engine.Scope) scopeFilter {
	f := scopeFilter{slices.Clone(s.UPCs), slices.Clone(s.Locations)}
	slices.Sort(f.upcs)
	slices.Sort(f.locations)
	return f
}

func (f *scopeFilter) has(upc, location string) bool {
	return listHas(f.upcs, upc) && listHas(f.locations, location)
}

// listHas reports whether a sorted list has a name. An empty list has all names.
func listHas(list []string, name string) bool {
	_, found := slices.BinarySearch(list, name)
	return found || len(list) == 0
}

// eachInScope calls do for the records of a scope until it returns false.
func (req *request) eachInScope(scope *engine.Scope, in scopeFilter, do func(v *engine.RecordView) bool) {
	v := &req.reads.record
	if len(scope.UPCs) == 0 {
		for row := req.server.reader.NextRecord(0, v); row != 0; row = req.server.reader.NextRecord(row, v) {
			if in.has(v.UPC, v.Location) && !do(v) {
				return
			}
		}
		return
	}
	for _, upc := range slices.Compact(in.upcs) {
		for _, location := range req.server.reader.AppendLocations(nil, upc) {
			if in.has(upc, location) && req.server.reader.ReadRecord(upc, location, v) && !do(v) {
				return
			}
		}
	}
}

func appendRedistributed(dst []byte, d *redistributed) []byte {
	dst = strictjson.AppendNumber(dst, `{"asOf":`, int64(d.asOf))
	dst = strictjson.AppendBool(dst, `,"dryRun":`, d.dryRun)
	dst = strictjson.AppendNumber(dst, `,"records":`, d.records)
	dst = strictjson.AppendNumber(dst, `,"units":`, d.units)
	dst = d.segments.appendTo(append(dst, `,"segments":`...))
	dst = d.appendChanges(dst)
	if len(d.byRule) > 0 {
		byRule, err := json.Marshal(d.byRule)
		if err != nil {
			panic(fmt.Sprintf("BUG: httpapi: a reply cannot be encoded: %v", err))
		}
		dst = append(append(dst, `,"rules":`...), byRule...)
	}
	if d.waiting > 0 {
		dst = strictjson.AppendNumber(dst, `,"waiting":`, d.waiting)
	}
	return append(dst, '}')
}

// appendChanges appends the member with the changed segments.
func (d *redistributed) appendChanges(dst []byte) []byte {
	dst = append(dst, `,"changes":[`...)
	for i := range d.changes {
		c := &d.changes[i]
		dst = strictjson.AppendText(strictjson.Comma(dst, i), `{"upc":`, c.upc)
		dst = strictjson.AppendText(dst, `,"location":`, c.location)
		dst = append(append(dst, `,"tags":`...), c.tags...)
		dst = strictjson.AppendNumber(dst, `,"before":`, c.before)
		dst = strictjson.AppendNumber(dst, `,"after":`, c.after)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
