package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/rules"
)

// What a rule would do now, without a log entry.

func (req *request) dryRunRule() {
	d := &req.commands.rule.dry
	req.body().dryRun(d)
	if !req.parsed() || !req.barrier() || !req.checkDry(d) {
		return
	}
	asOf := req.server.store.AppliedIndex()
	if record := &d.record; req.dryRecord(d, record) {
		if program, version, ok := req.dryProgram(d); ok {
			req.reply(runDry(d, program, version, asOf, record, req.deadline))
		}
	}
}

// checkDry refuses an item that no order could have, in the words of the request.
func (req *request) checkDry(d *dryRun) bool {
	if d.hasSource && d.version > 0 {
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

// dryRecord gives the record that the rule sees: the stored one, or the one that is given.
func (req *request) dryRecord(d *dryRun, record *rules.Record) bool {
	if d.hasRecord {
		return req.givenRecord(d, record)
	}
	view := &req.reads.record
	if !req.server.reader.ReadRecord(d.item.UPC, d.item.Location, view) {
		req.fail(http.StatusNotFound, engine.CodeUnknownRecord.String(), codeDetails[engine.CodeUnknownRecord],
			"item.upc", d.item.UPC)
		return false
	}
	schema := req.schema() // read after the record, it knows all of its tag sets
	record.Fill(view, schema, rules.SchemaOf(schema))
	return true
}

// givenRecord completes a record of the request: each segment has all its tags, and the record the sums.
func (req *request) givenRecord(d *dryRun, r *rules.Record) bool {
	schema := req.schema()
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
			req.fail(http.StatusBadRequest, codeDuplicate, "an earlier segment has the same tags", field, "")
			return false
		}
		seen[key], s.Tags = true, full
		r.OnHand, r.Allocated = r.OnHand+s.OnHand, r.Allocated+s.Allocated
		r.Pending, r.SafetyStock = r.Pending+s.Pending, r.SafetyStock+s.SafetyStock
	}
	return true
}

// dryProgram is the program that a dry run is of: a stored version, or a source that is given.
func (req *request) dryProgram(d *dryRun) (*rules.Program, uint32, bool) {
	source, version := d.source, uint32(0)
	if !d.hasSource {
		v, _, ok := req.version1(req.server.reader.Rules(), d.version)
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

// runDry calls the hook and shows what it would do. What is wrong with the rule is an answer like any other.
func runDry(d *dryRun, program *rules.Program, version uint32, asOf uint64, record *rules.Record,
	deadline time.Time) api.DryRun {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	output := new(rules.Output)
	in := rules.Input{Record: record, Seed: rules.ItemSeed(d.orderID, d.item.ItemID), Output: output}
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
		showPlan(&reply, &plan, d.item.Quantity, record)
	} else {
		var answer rules.Redistribution
		answer, usage, err = program.Redistribute(ctx, &in)
		reply.Micros = time.Since(begin).Microseconds()
		showRedistribution(&reply, &answer, record)
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
