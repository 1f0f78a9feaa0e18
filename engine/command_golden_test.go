package engine

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
)

var rewriteGolden = flag.Bool("rewrite-commands", false,
	"write testdata/commands.txt: only for a new command, since logs and kept results outlive programs")

// commandExamples has a command of each kind with all its fields.
var commandExamples = []struct {
	name string
	env  Envelope
	c    Command
}{
	{"Refresh", Envelope{Key: "k"}, &Refresh{Location: "S1", Count: "night", Items: []StockItem{
		{UPC: "0042", Tags: []Tag{{"Channel", "Web"}, {"Defective", "NO"}}, Quantity: 300,
			Has: HasSafetyStock | HasFloor | HasLTD, SafetyStock: 3, Floor: 5, LTD: 7},
		{UPC: "0043", Quantity: 1, DeliveryDateMS: 1_790_000_000_000}}}},
	{"Refresh without count", Envelope{}, &Refresh{Location: "S1", Items: []StockItem{{UPC: "0042", Quantity: 0}}}},
	{"Adjust", Envelope{}, &Adjust{Location: "S1", Items: []StockItem{
		{UPC: "0042", Tags: []Tag{{"Channel", "Web"}}, Quantity: -2, Has: HasFloor, Floor: 9}}}},
	{"Transfer", Envelope{}, &Transfer{Items: []TransferItem{{UPC: "0042", FromLocation: "S1",
		FromTags: []Tag{{"Channel", "Web"}}, ToLocation: "S2", ToTags: []Tag{{"Channel", "Shop"}}, Quantity: 4}}}},
	{"Adjust with versions", Envelope{}, &Adjust{Location: "S1", Items: []StockItem{
		{UPC: "0042", Quantity: -2, Has: HasVersion, IfVersion: 300}, {UPC: "0043", Quantity: 1}}}},
	{"Transfer with versions", Envelope{}, &Transfer{Items: []TransferItem{
		{UPC: "0042", FromLocation: "S1", ToLocation: "S2", Quantity: 4},
		{UPC: "0043", FromLocation: "S1", ToLocation: "S2", Quantity: 4, Has: HasVersion, IfVersion: 300}}}},
	{"Refresh with a note", Envelope{}, &Refresh{Location: "S1", Items: []StockItem{{UPC: "0042", Quantity: 3}},
		StockNote: StockNote{Reason: "received", Reference: "PO 7"}}},
	{"Transfer with a note", Envelope{}, &Transfer{StockNote: StockNote{Reference: "T1"}, Items: []TransferItem{
		{UPC: "0043", FromLocation: "S1", ToLocation: "S2", Quantity: 4, Has: HasVersion, IfVersion: 300}}}},
	{"Redistribute", Envelope{Job: &JobInfo{Type: "t", Owner: "o", Location: "S1", Items: 2, PerLocation: true}},
		&Redistribute{Scope: Scope{UPCs: []string{"0042"}, Locations: []string{"S1", "S2"}}, Now: true, DryRun: true}},
	{"Delete", Envelope{}, &Delete{Scope: Scope{All: true}, DryRun: true, Force: true}},
	{"Allocate", Envelope{RulesIndex: 3, Plans: []PlannedLine{{Line: 0, Rule: "r", Version: 2, RecordVersion: 9,
		Outcome: PlanCandidates, Reason: "why", Candidates: []PlannedCandidate{
			{Tags: []Tag{{"Channel", "Web"}}, Keep: 1, Max: 2}}}}},
		&Allocate{OrderID: "o-1", Mode: ModePartial, Backorder: true, ExpiresAtMS: 300, Lines: []AllocateLine{
			{ItemID: "1", UPC: "0042", Location: "S1", Quantity: 3, Tags: []Tag{{"Channel", "Web"}},
				Attributes: []Attribute{{"priority", "high"}}},
			{ItemID: "2", UPC: "0043", Location: "S1", Quantity: 1}}}},
	{"Confirm", Envelope{}, &OrderChange{Action: KindConfirm, OrderID: "o-1",
		Lines: []OrderLine{{ItemID: "1", Quantity: 2}}}},
	{"Deallocate", Envelope{}, &OrderChange{Action: KindDeallocate, OrderID: "o-1",
		Lines: []OrderLine{{ItemID: "1", Lost: true, Block: BlockSet}, {ItemID: "2", Block: BlockClear}}}},
	{"Deallocate with a reason", Envelope{}, &OrderChange{Action: KindDeallocate, OrderID: "o-1", Reason: "stuck"}},
	{"Deallocate if unchanged", Envelope{IfSeen: true, Seen: 9}, &OrderChange{Action: KindDeallocate, OrderID: "o-1"}},
	{"Deallocate of before", Envelope{Version: 4}, &OrderChange{Action: KindDeallocate, OrderID: "o-1"}},
	{"Fulfill", Envelope{Archived: []byte("row"), ArchivedAt: 77}, &OrderChange{Action: KindFulfill, OrderID: "o-1"}},
	{"Return", Envelope{}, &OrderChange{Action: KindReturn, OrderID: "o-1", Lines: []OrderLine{
		{ItemID: "1", Quantity: 2, UPC: "0042", Location: "S2", Tags: []Tag{{"Defective", "YES"}}}}}},
	{"PutTagCategory", Envelope{IfSeen: true, Seen: 1 << 40}, &PutTagCategory{Name: "Channel", Values: []Value{
		{Name: "Web", Percent: 6000, Default: true, Min: 5, Max: 50}, {Name: "Shop", Percent: 4000, Max: NoMax}},
		Rounding: RoundingUnbiased, MoveTo: []Move{{From: "Old", To: "Web"}}}},
	{"DeleteTagCategory", Envelope{}, &DeleteTagCategory{Name: "Channel", MoveTo: "Web"}},
	{"StartCount", Envelope{}, &StartCount{Location: "S1", Count: "night"}},
	{"CloseCount", Envelope{}, &CloseCount{Location: "S1", Count: "night"}},
	{"CloseCount complete", Envelope{}, &CloseCount{Location: "S1", Count: "night", Complete: true, After: "0042",
		DryRun: true}},
	{"Redistribute of before", Envelope{Version: 4}, &Redistribute{Scope: Scope{All: true}, Now: true}},
	{"StartCount of before", Envelope{Version: 4}, &StartCount{Location: "S1", Count: "night"}},
	{"Expire", Envelope{}, &Expire{}},
	{"PutRule", Envelope{}, &PutRule{Name: "r", Source: "function select() end", Author: "ann",
		Hooks: []RuleHook{HookSelect, HookRedistribute}}},
	{"DeleteRule", Envelope{}, &DeleteRule{Name: "r"}},
	{"ActivateRule", Envelope{}, &ActivateRule{Name: "r", Version: 2, Hook: HookSelect,
		RuleScope: RuleScope{Locations: []string{"S1"}, UPCPrefix: "00", Tags: []Tag{{"Channel", "Web"}}},
		OnError:   FallbackReject, FailuresMax: 5, Author: "ann"}},
	{"DeactivateRule", Envelope{}, &DeactivateRule{Name: "r", Hook: HookRedistribute,
		RuleScope: RuleScope{Locations: []string{"S1"}}}},
	{"SuspendRule", Envelope{}, &SuspendRule{Activation: 300, Failures: 5, Reason: "why"}},
	{"RedistributePlan", Envelope{RulesIndex: 3}, &RedistributePlan{Items: []RedistributeItem{{UPC: "0042",
		Location: "S1", RecordVersion: 9, Rule: "r", RuleVersion: 2, Action: RedistributeToTargets, Reason: "why",
		Targets: []SegmentTarget{{Tags: []Tag{{"Channel", "Web"}}, Available: 7}}}}}},
	{"Transition", Envelope{}, &Transition{FromOrderID: "o-1", OrderID: "o-2",
		Lines: []TransitionLine{{ItemID: "1", ToItemID: "2"}}}},
	{"PutLocation", Envelope{}, &PutLocation{Location: "S1", Flags: LocationActive | LocationWarehouse, Name: "Shop 1",
		PostalCode: "10115", Country: "DE", Latitude: 52_520_000, Longitude: -13_405_000}},
	{"Deallocate of before", Envelope{Version: 6}, &OrderChange{Action: KindDeallocate, OrderID: "o-1",
		Lines: []OrderLine{{ItemID: "1", Block: BlockClear}}}},
	{"Block", Envelope{}, &Block{Location: "S1", Items: []BlockItem{{UPC: "0042", Blocked: true}, {UPC: "0043"}}}},
	{"Block of before", Envelope{Version: 4}, &Block{Location: "S1", Items: []BlockItem{{UPC: "0042", Blocked: true}}}},
	{"Block with a note", Envelope{}, &Block{Location: "S1", Items: []BlockItem{{UPC: "0042", Blocked: true}},
		StockNote: StockNote{Reason: "damaged", Reference: "case 7"}}},
	{"PutLocationGroup", Envelope{}, &PutLocationGroup{Group: "north", Locations: []string{"S1", "S2"}}},
	{"DeleteSegments", Envelope{}, &DeleteSegments{Scope: Scope{Locations: []string{"S1"}},
		Tags: []Tag{{"Channel", "Web"}, {"Defective", "NO"}}, DryRun: true}},
	{"PutWebhook", Envelope{}, &PutWebhook{Name: "shop", URL: "https://shop.example/hook", EventFilter: EventFilter{
		Kinds: []EventKind{EventFloorCrossed, EventDelivered}, Locations: []string{"S1", "S2"},
		Tags: []Tag{{"Channel", "Web"}}}, Secret: webhookSecret('1'), Disabled: true}},
	{"DeleteWebhook", Envelope{}, &DeleteWebhook{Name: "shop"}},
	{"SetWebhookPosition", Envelope{}, &SetWebhookPosition{Items: []WebhookPosition{
		{Name: "shop", Revision: 300, Position: 7, DisabledReason: "why"}}}},
	{"StartChanges", Envelope{}, &StartChanges{}},
}

// TestCommandsGolden fixes the bytes of every command in the log, and the bytes that are kept of it with its result.
// Later versions read both, and all replicas must agree on the second.
func TestCommandsGolden(t *testing.T) {
	const path = "testdata/commands.txt"
	var got bytes.Buffer
	var kinds []Kind
	for _, x := range commandExamples {
		kinds = append(kinds, x.c.Kind())
		fmt.Fprintf(&got, "%s\n  log    %x\n  digest %x\n", x.name, AppendCommand(nil, &x.env, x.c),
			appendDigest(nil, x.c))
	}
	for _, kind := range commandKinds {
		if !slices.Contains(kinds, kind) {
			t.Errorf("no example of kind %d", kind)
		}
	}
	if *rewriteGolden {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s: %v; the commands are now\n%s", path, err, &got)
	}
}
