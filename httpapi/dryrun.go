package httpapi

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
	"apportion/rules"
)

// Dry runs: what a rule would do now. They make no log entry.

// dryRun is a call of a rule that changes nothing.
type dryRun struct {
	version uint32
	source  *api.Source // nil: that of the version
	hook    engine.RuleHook
	orderID string
	item    engine.AllocateLine
	record  rules.Record
	given   bool // the body has the record
}

func (req *request) dryRunRule() {
	var body api.DryRunRule
	if !req.readBody(&body) {
		return
	}
	k := req.checker()
	d := newDryRun(&body, k)
	for field, id := range map[string]*string{"orderId": body.Item.OrderID, "itemId": body.Item.ItemID} {
		if id == nil && req.field("item", field) != nil {
			k.fail(strictjson.CodeWrongType, "a string is expected: leave the field out for its default", "item."+field,
				"null")
		}
	}
	if !req.sound(&k.fault) || !req.barrier() || !req.checkDry(d) {
		return
	}
	asOf := req.server.store.AppliedIndex()
	if req.dryRecord(d) {
		if program, version, ok := req.dryProgram(d); ok {
			req.reply(runDry(d, program, version, asOf, req.deadline))
		}
	}
}

// newDryRun takes a dry run from its body. Only the UPC and the location have no default.
func newDryRun(body *api.DryRunRule, k *bodyCheck) *dryRun {
	it := &body.Item
	d := &dryRun{version: k.number32("version", body.Version, 0), source: body.Source, hook: k.hook("hook", body.Hook),
		orderID: "dry-run", item: engine.AllocateLine{ItemID: "1", UPC: k.name("item.upc", it.UPC),
			Location: k.name("item.location", it.Location),
			Quantity: k.integer("item.quantity", it.Quantity, 1, math.MaxInt64, 1), Tags: k.tags("item.tags", it.Tags)}}
	if d.hook == 0 {
		d.hook = engine.HookSelect
	}
	if it.OrderID != nil {
		d.orderID = k.name("item.orderId", *it.OrderID)
	}
	if it.ItemID != nil {
		d.item.ItemID = k.name("item.itemId", *it.ItemID)
	}
	for _, name := range slices.Sorted(maps.Keys(it.Attributes)) {
		d.item.Attributes = append(d.item.Attributes, engine.Attribute{Name: name, Value: it.Attributes[name]})
	}
	if d.given = body.Record != nil; d.given {
		d.record = dryRecord(body.Record, k)
	}
	return d
}

// dryRecord takes the record from the body of a dry run.
func dryRecord(from *api.DryRunRecord, k *bodyCheck) rules.Record {
	figure := func(field string, n int64) int64 {
		return k.integer("record."+field, &n, 0, engine.QuantityMax, 0)
	}
	r := rules.Record{Version: uint64(figure("version", from.Version)), Floor: figure("floor", from.Floor),
		LTD: figure("ltd", from.LTD), Due: from.Due}
	for i := range from.Segments {
		s, field := &from.Segments[i], fmt.Sprintf("segments[%d].", i)
		r.Segments = append(r.Segments, rules.Segment{Tags: k.tags("record."+field+"tags", s.Tags),
			OnHand: figure(field+"onHand", s.OnHand), Allocated: figure(field+"allocated", s.Allocated),
			Pending: figure(field+"pending", s.Pending), SafetyStock: figure(field+"safetyStock", s.SafetyStock),
			Floor: figure(field+"floor", s.Floor), LTD: figure(field+"ltd", s.LTD)})
	}
	return r
}

// checkDry refuses an item that no order could have, with the field of the body.
func (req *request) checkDry(d *dryRun) bool {
	if d.source != nil && d.version > 0 {
		req.fail(http.StatusBadRequest, codeInvalid, "a version or a source is expected, not both", "source", "")
		return false
	}
	order := engine.Allocate{OrderID: d.orderID, Lines: []engine.AllocateLine{d.item}}
	if f := engine.CheckCommand(&order); f != nil {
		req.fail(http.StatusBadRequest, codeInvalid, f.Reason, "item."+strings.TrimPrefix(f.Field, "lines[0]."),
			f.Value)
		return false
	}
	return req.knows(d.item.Tags, "item.tags")
}

// dryRecord completes the record that the rule sees: the given one, or else the stored one.
func (req *request) dryRecord(d *dryRun) bool {
	if d.given {
		return req.givenRecord(d)
	}
	view := &req.reads.record
	if !req.server.reader.ReadRecord(d.item.UPC, d.item.Location, view) {
		req.fail(http.StatusNotFound, engine.CodeUnknownRecord.String(), codeDetails[engine.CodeUnknownRecord],
			"item.upc", d.item.UPC)
		return false
	}
	schema := req.schema() // read after the record, it knows all of its tag sets
	d.record.Fill(view, schema, rules.SchemaOf(schema))
	return true
}

// givenRecord completes the record of the body: each segment gets all its tags, and the record the sums.
func (req *request) givenRecord(d *dryRun) bool {
	schema, r := req.schema(), &d.record
	r.UPC, r.Location, r.Schema = d.item.UPC, d.item.Location, rules.SchemaOf(schema)
	seen := map[string]bool{}
	for i := range r.Segments {
		s := &r.Segments[i]
		field := fmt.Sprintf("record.segments[%d].tags", i)
		if !req.isIn(schema, s.Tags, field) {
			return false
		}
		full, err := r.Schema.Full(s.Tags)
		if err != nil {
			panic(fmt.Sprintf("BUG: httpapi: tags of the schema are not in it: %v", err))
		}
		key := fmt.Sprint(full)
		if seen[key] {
			req.fail(http.StatusBadRequest, codeDuplicate, "an earlier segment has the same tags: send each once",
				field, "")
			return false
		}
		seen[key], s.Tags = true, full
		r.OnHand, r.Allocated = r.OnHand+s.OnHand, r.Allocated+s.Allocated
		r.Pending, r.SafetyStock = r.Pending+s.Pending, r.SafetyStock+s.SafetyStock
	}
	return true
}

// dryProgram gives the program to run: of a stored version, or of the body's source.
func (req *request) dryProgram(d *dryRun) (*rules.Program, uint32, bool) {
	source, version := "", uint32(0)
	if d.source != nil {
		source = string(*d.source)
	} else {
		v, _, ok := req.findVersion(req.server.reader.Rules(), d.version)
		if !ok {
			return nil, 0, false
		}
		source, version = v.Source, v.Version
	}
	program, _, err := rules.Compile(req.path[0], source, rules.Limits{})
	if err != nil {
		req.badSource(err)
		return nil, 0, false
	}
	if !program.Has(d.hook) {
		req.fail(http.StatusBadRequest, codeInvalid, "the rule does not define the hook", "hook", d.hook.String())
		return nil, 0, false
	}
	return program, version, true
}

// runDry calls the hook and shows what it would do. A failure of the rule is part of the reply, not a problem.
func runDry(d *dryRun, program *rules.Program, version uint32, asOf uint64, deadline time.Time) api.DryRun {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	output := new(rules.Output)
	in := rules.Input{Record: &d.record, Seed: rules.ItemSeed(d.orderID, d.item.ItemID), Output: output}
	reply := api.DryRun{AsOf: asOf, Rule: program.Name(), Version: version, Hook: d.hook.String(),
		Candidates: []api.DryRunCandidate{},
		Targets:    []api.DryRunTarget{}}
	begin := time.Now()
	var usage rules.Usage
	var err error
	if d.hook == engine.HookSelect {
		in.Item = dryItem(d, begin)
		reply.Requested = d.item.Quantity
		var plan rules.Plan
		plan, usage, err = program.Select(ctx, &in)
		reply.Micros = time.Since(begin).Microseconds()
		showPlan(&reply, &plan, d.item.Quantity, &d.record)
	} else {
		var answer rules.Redistribution
		answer, usage, err = program.Redistribute(ctx, &in)
		reply.Micros = time.Since(begin).Microseconds()
		showRedistribution(&reply, &answer, &d.record)
	}
	reply.Steps, reply.MemoryBytes, reply.Output = usage.Steps, usage.MemoryBytes, output.Text()
	if err != nil {
		reply.Error = err.Error()
	}
	return reply
}

func dryItem(d *dryRun, now time.Time) *rules.Item {
	item := &rules.Item{OrderID: d.orderID, ItemID: d.item.ItemID, UPC: d.item.UPC, Location: d.item.Location,
		Quantity: d.item.Quantity, Tags: d.item.Tags, NowMS: now.UnixMilli(), Attributes: map[string]string{}}
	for _, a := range d.item.Attributes {
		item.Attributes[a.Name] = a.Value
	}
	return item
}

func showPlan(reply *api.DryRun, plan *rules.Plan, quantity int64, record *rules.Record) {
	reply.Refused, reply.Reason = plan.Refused, plan.Reason
	outcome := rules.Execute(plan, quantity, record)
	reply.Taken, reply.Missing = outcome.Taken, outcome.Missing
	for _, c := range outcome.Candidates {
		reply.Candidates = append(reply.Candidates, api.DryRunCandidate{Tags: tagMap(c.Tags), Keep: c.Keep, Max: c.Max,
			Available: c.Available, Taken: c.Taken, Why: c.Why.String()})
	}
}

func showRedistribution(reply *api.DryRun, answer *rules.Redistribution, record *rules.Record) {
	reply.Unchanged, reply.Reason = answer.Unchanged, answer.Reason
	for _, t := range answer.Targets {
		before := int64(0)
		for i := range record.Segments {
			if s := &record.Segments[i]; slices.Equal(s.Tags, t.Tags) {
				before = s.Available()
			}
		}
		reply.Targets = append(reply.Targets, api.DryRunTarget{Tags: tagMap(t.Tags), Before: before, After: t.Available,
			New: t.New})
	}
}
