package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
	"apportion/rules"
)

func ruleRoutes() []*route {
	return []*route{
		{method: methodGet, pattern: "/v1/rules", params: paramReads, serve: (*request).listRules},
		{method: methodGet, pattern: "/v1/rules/{name}", params: paramReads | paramVersion, serve: (*request).readRule},
		{method: methodPut, pattern: "/v1/rules/{name}", body: bodySource, params: paramAuthor, write: true,
			serve: (*request).putRule},
		{method: methodDelete, pattern: "/v1/rules/{name}", write: true, serve: (*request).deleteRule},
		{method: methodPost, pattern: "/v1/rules/{name}/activate", body: bodyOptional, write: true,
			serve: (*request).activateRule},
		{method: methodPost, pattern: "/v1/rules/{name}/deactivate", body: bodyOptional, write: true,
			serve: (*request).deactivateRule},
		{method: methodPost, pattern: "/v1/rules/{name}/check", body: bodyRequired, serve: (*request).checkRule},
		{method: methodPost, pattern: "/v1/rules/{name}/dry-run", body: bodyRequired, params: paramReads,
			serve: (*request).dryRunRule},
	}
}

// Rules: upload, show, activate, deactivate, delete. Operators use these routes, so their replies may use
// encoding/json.

var (
	hookWords     = []string{engine.HookSelect.String(), engine.HookRedistribute.String()}
	fallbackWords = []string{engine.FallbackDefault: "default", engine.FallbackReject: "reject"}
)

// failuresDefault is how many failures in a row suspend a rule, unless its activation has another number.
const failuresDefault = 10

// reply answers with v as JSON.
func (req *request) reply(v any) {
	out, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("BUG: httpapi: a reply cannot be encoded: %v", err))
	}
	req.out = append(req.out, out...)
}

// putRule compiles a source, runs its tests, and stores it if they pass.
func (req *request) putRule() {
	cmd := &engine.PutRule{Name: req.path[0], Author: req.author}
	if isSourceMediaType(req.ctx.Request.Header.ContentType()) {
		cmd.Source = strictjson.Alias(req.received)
	} else {
		var body api.PutRule
		if !req.readBody(&body) {
			return
		}
		cmd.Source = string(body.Source)
		if author := req.field("author"); author != nil && string(author) != "null" {
			cmd.Author = body.Author
		}
	}
	program, warnings, tests, ok := req.compile(cmd.Name, cmd.Source)
	if !ok {
		return
	}
	cmd.Hooks = program.Hooks()
	if !req.execute(cmd) {
		return
	}
	r := api.StoredRule{AsOf: req.result().Index, Name: cmd.Name, Version: req.result().Rule.Version,
		Hash:  program.Hash(),
		Hooks: hookNames(cmd.Hooks), Warnings: showWarnings(warnings), Tests: tests}
	req.reply(r)
}

func showWarnings(warnings []rules.Warning) []api.Warning {
	all := []api.Warning{}
	for _, w := range warnings {
		all = append(all, api.Warning{Line: w.Line, Message: w.Message})
	}
	return all
}

// compile compiles a source and runs its tests, or answers what is wrong.
func (req *request) compile(name, source string) (*rules.Program, []rules.Warning, []api.TestResult, bool) {
	if !utf8.ValidString(source) { // no reply could show it unchanged
		req.failRule(codeRuleSyntax, "the source is not valid UTF-8", "source", "", 0, 0)
		return nil, nil, nil, false
	}
	program, warnings, err := req.server.runner.Compile(name, source)
	if err != nil {
		req.badSource(err)
		return nil, nil, nil, false
	}
	ctx, cancel := context.WithDeadline(context.Background(), req.deadline)
	defer cancel()
	results, err := program.Test(ctx)
	if err != nil {
		req.failRule(codeRuleTest, err.Error(), "tests", "", 0, 0)
		return nil, nil, nil, false
	}
	for _, t := range results {
		if !t.Passed {
			req.failRule(codeRuleTest, "a test of the rule fails: "+t.Diff, "tests", t.Name, 0, 0)
			return nil, nil, nil, false
		}
	}
	return program, warnings, showTests(results), true
}

func showTests(results []rules.TestResult) []api.TestResult {
	all := []api.TestResult{}
	for _, t := range results {
		all = append(all, api.TestResult{Name: t.Name, OK: t.Passed, Diff: t.Diff, Output: t.Output})
	}
	return all
}

// checkRule compiles a source and runs its tests, and stores nothing. What is wrong with the source is its answer, not
// a problem.
func (req *request) checkRule() {
	var body api.CheckRule
	if !req.readBody(&body) {
		return
	}
	reply := api.CheckedRule{Hooks: []string{}, Warnings: []api.Warning{}, Tests: []api.TestResult{}}
	program, warnings, err := req.server.runner.Compile(req.path[0], string(body.Source))
	if err == nil {
		reply.Hash, reply.Hooks, reply.Warnings = program.Hash(), hookNames(program.Hooks()), showWarnings(warnings)
		ctx, cancel := context.WithDeadline(context.Background(), req.deadline)
		defer cancel()
		var results []rules.TestResult
		results, err = program.Test(ctx)
		reply.Tests = showTests(results)
	}
	if err != nil {
		line, column := placeOf(err)
		reply.Error = &api.SourceError{Line: line, Column: column, Message: err.Error()}
	}
	req.reply(reply)
}

// badSource answers that a source cannot be compiled, with the line and column if they are known.
func (req *request) badSource(err error) {
	line, column := placeOf(err)
	req.failRule(codeRuleSyntax, err.Error(), "source", "", line, column)
}

// placeOf gives the line and the column that an error of a source is about, 0 where they are not known.
func placeOf(err error) (line, column int) {
	var syntax *rules.SyntaxError
	var runtime *rules.RuntimeError
	var limit *rules.LimitError
	switch {
	case errors.As(err, &syntax):
		return syntax.Line, syntax.Column
	case errors.As(err, &runtime):
		return runtime.Line, 0
	case errors.As(err, &limit):
		return limit.Line, 0
	}
	return 0, 0
}

// failRule answers with a problem about a source.
func (req *request) failRule(code, detail, field, value string, line, column int) {
	p := problem{status: http.StatusUnprocessableEntity, code: code, detail: detail, field: field, value: value,
		offset: -1}
	req.openProblem(&p)
	if line > 0 {
		req.out = strictjson.AppendNumber(req.out, `,"line":`, int64(line))
	}
	if column > 0 {
		req.out = strictjson.AppendNumber(req.out, `,"column":`, int64(column))
	}
	req.out = append(req.out, '}')
}

func hookNames(hooks []engine.RuleHook) []string {
	names := []string{}
	for _, h := range hooks {
		names = append(names, h.String())
	}
	return names
}

func (req *request) listRules() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	set := req.server.reader.Rules()
	all := []api.Rule{}
	for _, r := range set.Rules() {
		all = append(all, showRule(set, &r))
	}
	req.reply(api.RuleList{AsOf: asOf, Rules: all})
}

func (req *request) readRule() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	set := req.server.reader.Rules()
	v, r, ok := req.findVersion(set, req.version)
	if !ok {
		return
	}
	reply := showRule(set, r)
	reply.AsOf, reply.Version, reply.Source = asOf, v.Version, v.Source
	req.reply(reply)
}

// findVersion finds a version of the rule in the path, 0 for the newest, or answers that there is none.
func (req *request) findVersion(set *engine.RuleSet, version uint32) (*engine.RuleVersion, *engine.Rule, bool) {
	field, value := "name", req.path[0]
	r, ok := set.Rule(req.path[0])
	if ok {
		v, ok := r.Version(version)
		if ok {
			return v, r, true
		}
		field, value = "version", fmt.Sprint(version)
	}
	req.fail(http.StatusNotFound, engine.CodeUnknownRule.String(), codeDetails[engine.CodeUnknownRule], field, value)
	return nil, nil, false
}

func showRule(set *engine.RuleSet, r *engine.Rule) api.Rule {
	reply := api.Rule{Name: r.Name, Active: []api.Activation{}}
	for _, v := range r.Versions {
		reply.Versions = append(reply.Versions, api.RuleVersion{Version: v.Version, Author: v.Author,
			Time: strictjson.FormatTime(v.TimeMS),
			AsOf: v.Index, Hash: v.Hash, Hooks: hookNames(v.Hooks), Bytes: len(v.Source)})
	}
	for _, a := range set.Active() {
		if a.Rule == r.Name {
			reply.Active = append(reply.Active, showActivation(a))
		}
	}
	return reply
}

func showActivation(a *engine.Activation) api.Activation {
	return api.Activation{ID: a.ID, Rule: a.Rule, Version: a.Version, Hook: a.Hook.String(),
		Scope:   showScope(&a.Scope),
		OnError: fallbackWords[a.OnError], FailuresMax: a.FailuresMax, Author: a.Author,
		Time:      strictjson.FormatTime(a.TimeMS),
		AsOf:      a.Index,
		Suspended: a.Suspended, Reason: a.Reason}
}

func showScope(s *engine.RuleScope) api.Scope {
	return api.Scope{Locations: append([]string{}, s.Locations...), UPCPrefix: s.UPCPrefix, Tags: tagMap(s.Tags)}
}

func (req *request) deleteRule() {
	if req.execute(&engine.DeleteRule{Name: req.path[0]}) {
		req.reply(api.ChangedRule{AsOf: req.result().Index, Name: req.path[0]})
	}
}

func (req *request) activateRule() {
	var body api.ActivateRule
	if !req.readBody(&body) {
		return
	}
	k := req.checker()
	cmd := &engine.ActivateRule{Name: req.path[0], Version: k.number32("version", body.Version, 0),
		Hook: k.hook("hook", body.Hook), RuleScope: k.scope(body.Scope), OnError: k.fallback(body.OnError),
		FailuresMax: k.number32("failuresMax", body.FailuresMax, failuresDefault), Author: body.Author}
	if !req.sound(&k.fault) {
		return
	}
	if cmd.Hook == 0 {
		if !req.defaultHook(cmd) {
			return
		}
	}
	if !req.execute(cmd) {
		return
	}
	for _, a := range req.server.reader.Rules().Active() {
		if a.ID == req.result().Rule.Activation {
			req.reply(showActivation(a))
			return
		}
	}
	// Another request has replaced it already; the log has both.
	req.reply(api.ChangedRule{AsOf: req.result().Index, Name: cmd.Name})
}

// defaultHook takes the hook of a version that defines one only, or answers that the request must name it.
func (req *request) defaultHook(cmd *engine.ActivateRule) bool {
	if !req.barrier() { // the newest version must be the newest of the log
		return false
	}
	v, _, ok := req.findVersion(req.server.reader.Rules(), cmd.Version)
	if !ok {
		return false
	}
	if len(v.Hooks) != 1 {
		req.fail(http.StatusBadRequest, codeMissingField, "the version defines both hooks: name one, select or "+
			"redistribute", "hook", "")
		return false
	}
	cmd.Hook = v.Hooks[0]
	return true
}

func (req *request) deactivateRule() {
	var body api.DeactivateRule
	if !req.readBody(&body) {
		return
	}
	k := req.checker()
	cmd := &engine.DeactivateRule{Name: req.path[0], Hook: k.hook("hook", body.Hook), RuleScope: k.scope(body.Scope)}
	if req.field("scope") != nil && req.field("hook") == nil {
		k.fail(codeMissingField, "a scope needs its hook: select or redistribute", "hook", "")
	}
	if req.sound(&k.fault) && req.execute(cmd) {
		req.reply(api.ChangedRule{AsOf: req.result().Index, Name: cmd.Name})
	}
}

func tagMap(tags []engine.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Category] = t.Value
	}
	return m
}
