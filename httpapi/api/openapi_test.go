package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// bodies and replies are the types for the schemas of requests and replies in openapi.yaml.
var (
	bodies = map[string]any{
		"TagCategoryBody":    PutTagCategory{},
		"RefreshBody":        Refresh{},
		"AdjustBody":         Adjust{},
		"TransferBody":       Transfer{},
		"BlockBody":          Block{},
		"RedistributeBody":   Redistribute{},
		"DeleteBody":         DeleteRecords{},
		"CountBody":          StartCount{},
		"CloseCountBody":     CloseCount{},
		"QueryBody":          Query{},
		"AggregateBody":      Aggregate{},
		"AllocateBody":       Allocate{},
		"AllocateManyBody":   AllocateMany{},
		"OrderChangeBody":    ChangeOrder{},
		"DeallocateBody":     DeallocateOrder{},
		"DeallocateManyBody": DeallocateMany{},
		"ReturnBody":         ReturnOrder{},
		"RuleBody":           PutRule{},
		"CheckBody":          CheckRule{},
		"ActivateBody":       ActivateRule{},
		"DeactivateBody":     DeactivateRule{},
		"DryRunBody":         DryRunRule{},
		"BacktestBody":       StartBacktest{},
		"MemberBody":         PutMember{},
		"WebhookBody":        PutWebhook{},
		"TransferLeaderBody": TransferLeader{},
	}
	replies = map[string]any{
		"TagCategories":   TagCategories{},
		"TagCategory":     TagCategory{},
		"SchemaChanged":   ChangedSchema{},
		"StockChanged":    ChangedStock{},
		"Redistributed":   Redistributed{},
		"Deleted":         DeletedRecords{},
		"Count":           Count{},
		"Records":         Records{},
		"RecordPage":      RecordPage{},
		"Locations":       LocationList{},
		"UPCs":            UPCList{},
		"Aggregates":      Aggregates{},
		"Allocated":       Allocated{},
		"AllocatedMany":   AllocatedMany{},
		"OrderChanged":    ChangedOrder{},
		"DeallocatedMany": DeallocatedMany{},
		"Order":           Order{},
		"Orders":          OrderList{},
		"Explanation":     OrderExplanation{},
		"Rules":           RuleList{},
		"Rule":            Rule{},
		"RulePut":         StoredRule{},
		"RuleChecked":     CheckedRule{},
		"RuleDone":        ChangedRule{},
		"Activation":      Activation{},
		"DryRun":          DryRun{},
		"History":         History{},
		"Backtests":       BacktestList{},
		"Backtest":        Backtest{},
		"Cluster":         Cluster{},
		"Events":          Events{},
		"RecordHistory":   RecordHistory{},
		"Changes":         Changes{},
		"Webhooks":        WebhookList{},
		"Counts":          CountList{},
		"Webhook":         Webhook{},
		"WebhookDone":     ChangedWebhook{},
		"WebhookReplayed": ReplayedWebhook{},
		"WebhookTested":   TestedWebhook{},
		"Ready":           Ready{},
		"Problem":         Problem{},
		"Imported":        Imported{},
		"Index":           Index{},
	}

	// untyped are schemas of replies without a type.
	untyped = []string{"Health"}

	// shared are types for several schemas. These differ in their fields, or in the required fields.
	shared = []reflect.Type{reflect.TypeFor[Scope](), reflect.TypeFor[TagCategory](), reflect.TypeFor[Moment](),
		reflect.TypeFor[ItemExplanation](), reflect.TypeFor[BacktestSuspension]()}
)

// TestTypesMatchOpenAPI: each body and each reply of openapi.yaml has a type with the same fields, the same types of
// fields, and the same required fields.
func TestTypesMatchOpenAPI(t *testing.T) {
	d := readDocument(t)
	named := map[string]bool{}
	for _, place := range []string{"paths", "components/responses"} {
		d.names(d.at(place), named)
	}
	for name := range named {
		if bodies[name] == nil && replies[name] == nil && !slices.Contains(untyped, name) {
			t.Errorf("openapi.yaml has a body or a reply %s: give it a type here, and name it in this test", name)
		}
	}
	for _, side := range []struct {
		types map[string]any
		body  bool
	}{{bodies, true}, {replies, false}} {
		for name, value := range side.types {
			schema := d.at("components/schemas/" + name)
			if schema == nil {
				t.Errorf("openapi.yaml has no schema %s any more: delete the type %T, if nothing uses it", name, value)
				continue
			}
			for _, fault := range d.compare(name, schema, reflect.TypeOf(value), side.body) {
				t.Error(fault)
			}
		}
	}
}

type node = map[string]any

type document struct{ root node }

func readDocument(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := yaml.Unmarshal(text, &d.root); err != nil {
		t.Fatal(err)
	}
	return d
}

// at returns the node at a path, nil if there is none.
func (d document) at(path string) node {
	found := d.root
	for key := range strings.SplitSeq(path, "/") {
		found, _ = found[key].(node)
	}
	return found
}

// names collects the schemas of JSON content below a node.
func (d document) names(below any, into map[string]bool) {
	switch below := below.(type) {
	case node:
		for media, content := range below {
			if object, ok := content.(node); ok && strings.HasSuffix(media, "json") {
				d.schemas(object["schema"], into)
			}
			d.names(content, into)
		}
	case []any:
		for _, one := range below {
			d.names(one, into)
		}
	}
}

// schemas collects the names of a schema: a reference, or a choice of several.
func (d document) schemas(schema any, into map[string]bool) {
	object, _ := schema.(node)
	if ref, ok := object["$ref"].(string); ok {
		into[strings.TrimPrefix(ref, "#/components/schemas/")] = true
	}
	choices, _ := object["anyOf"].([]any)
	for _, choice := range choices {
		d.schemas(choice, into)
	}
}

// resolve follows references. Of a choice with null, it takes the other schema.
func (d document) resolve(schema node) node {
	for {
		if ref, ok := schema["$ref"].(string); ok {
			schema = d.at(strings.TrimPrefix(ref, "#/"))
			continue
		}
		choices, _ := schema["anyOf"].([]any)
		if all, ok := schema["allOf"].([]any); ok {
			choices = all
		}
		if len(choices) == 0 {
			return schema
		}
		for _, choice := range choices {
			if schema = choice.(node); schema["type"] != "null" {
				break
			}
		}
	}
}

// kinds are the Go kinds for a type of JSON Schema.
var kinds = map[string][]reflect.Kind{
	"string":  {reflect.String},
	"boolean": {reflect.Bool},
	"number":  {reflect.Float64},
	"integer": {reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64},
	"array":   {reflect.Slice},
	"object":  {reflect.Struct, reflect.Map},
}

// compare lists what differs between a schema and a type.
func (d document) compare(place string, schema node, of reflect.Type, body bool) (faults []string) {
	schema = d.resolve(schema)
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of == reflect.TypeFor[json.RawMessage]() || of == reflect.TypeFor[Bound]() {
		return nil // several forms
	}
	want := typeOf(schema)
	if want == "" {
		return nil // a list of constants
	}
	if !slices.Contains(kinds[want], of.Kind()) {
		return []string{fmt.Sprintf("%s: the document has a %s, the type a %s", place, want, of)}
	}
	if items, ok := schema["items"].(node); ok && want == "array" {
		return d.compare(place+"[]", items, of.Elem(), body)
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	properties, _ := schema["properties"].(node)
	fields := fieldsOf(of)
	for name := range properties {
		if _, ok := fields[name]; !ok {
			faults = append(faults, fmt.Sprintf("%s.%s: the document has it, the type %s has not", place, name, of))
		}
	}
	required, _ := schema["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field := fields[name]
		property, ok := properties[name].(node)
		if !ok && slices.Contains(shared, of) {
			continue
		}
		if !ok {
			faults = append(faults, fmt.Sprintf("%s.%s: the type %s has it, the document has not", place, name, of))
			continue
		}
		must := field.Tag.Get("required") == "true"
		if !body {
			must = !strings.Contains(field.Tag.Get("json"), ",omitempty")
		}
		if should := slices.Contains(required, any(name)); should != must && !slices.Contains(shared, of) {
			faults = append(faults, fmt.Sprintf("%s.%s: required is %t in the document, %t in the type", place, name,
				should, must))
		}
		faults = append(faults, d.compare(place+"."+name, property, field.Type, body)...)
	}
	return faults
}

// typeOf is the type of a schema, apart from null.
func typeOf(schema node) string {
	switch types := schema["type"].(type) {
	case string:
		return types
	case []any:
		for _, one := range types {
			if one != "null" {
				return one.(string)
			}
		}
	}
	return ""
}

// fieldsOf returns the fields of a struct by their JSON names, with those of embedded structs.
func fieldsOf(of reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" {
			fields[name] = field
		}
	}
	return fields
}

// TestComparisonFindsFaults: the comparison finds a missing field, another type, and a field that only one side
// requires.
func TestComparisonFindsFaults(t *testing.T) {
	d := document{root: node{}}
	schema := node{"type": "object", "required": []any{"name"}, "properties": node{
		"name": node{"type": "string"}, "units": node{"type": []any{"integer", "null"}}}}
	f := func(value any, want string) {
		t.Helper()
		faults := strings.Join(d.compare("Thing", schema, reflect.TypeOf(value), false), "\n")
		if !strings.Contains(faults, want) || want == "" && faults != "" {
			t.Errorf("%T: got %q, want %q", value, faults, want)
		}
	}
	f(struct {
		Name  string `json:"name"`
		Units int64  `json:"units,omitempty"`
	}{}, "")
	f(struct {
		Name string `json:"name"`
	}{}, "Thing.units: the document has it")
	f(struct {
		Name  string `json:"name"`
		Units int64  `json:"units,omitempty"`
		More  int64  `json:"more,omitempty"`
	}{}, "Thing.more: the type")
	f(struct {
		Name  string  `json:"name"`
		Units float64 `json:"units,omitempty"`
	}{}, "Thing.units: the document has a integer")
	f(struct {
		Name  string `json:"name,omitempty"`
		Units int64  `json:"units,omitempty"`
	}{}, "Thing.name: required is true")
}
