package httpapi

import (
	"fmt"
	"testing"

	"apportion/raftstore"
)

// switchingServer has two versions of a rule. Version 1 is active and takes from Amazon; version 2 takes from eBay.
func switchingServer(t *testing.T) *testServer {
	s := newStockedServer(t)
	for _, channel := range []string{"Amazon", "eBay"} {
		s.putRule("r", fmt.Sprintf("function select(item, record) return { {tags={Channel=%q}} } end", channel)).ok()
	}
	s.activate(1)
	return s
}

func (s *testServer) activate(version int) {
	s.t.Helper()
	s.post("/v1/rules/r/activate", fmt.Sprintf(`{"version":%d}`, version)).ok()
}

// bulkBody has order o1 for a record with rules, and order o2 for a record that does not exist.
const bulkBody = `{"orders":[
	{"orderId":"o1","lines":[{"itemId":"1","upc":"BC76845","location":"Retailer2","quantity":1}]},
	{"orderId":"o2","mode":"line","lines":[{"itemId":"1","upc":"V","location":"Retailer2","quantity":1}]}]}`

// TestRulesChangeInFlight activates another version after an order is planned, and before it is in the log.
func TestRulesChangeInFlight(t *testing.T) {
	s := switchingServer(t)
	s.store.before = func() { s.activate(2) }
	s.post("/v1/orders/o/allocate", allocateBody("all", line("1", "Kibo", 1))).ok().
		want(`2`, "lines", 0, "ruleVersion").want(`"eBay"`, "lines", 0, "segments", 0, "tags", "Channel")

	s.store.before = func() { s.activate(1) }
	s.post("/v1/orders/allocate", bulkBody).ok().
		want(`1`, "orders", 0, "lines", 0, "ruleVersion").
		want(`"Amazon"`, "orders", 0, "lines", 0, "segments", 0, "tags", "Channel").
		want(`"unknown-record"`, "orders", 1, "lines", 0, "code")
}

// TestRulesChangeAllTheTime activates another version before each attempt.
func TestRulesChangeAllTheTime(t *testing.T) {
	s := switchingServer(t)
	var flip func()
	version := 1
	flip = func() {
		version = 3 - version
		s.activate(version)
		s.store.before = flip
	}
	s.store.before = flip
	s.post("/v1/orders/o/allocate", allocateBody("all", line("1", "Amazon", 1))).is(503, "retry")
	s.post("/v1/orders/allocate", bulkBody).ok().want(`"retry"`, "orders", 0, "code").
		want(`503`, "orders", 0, "status").
		want(`""`, "orders", 0, "field").want(`"unknown-record"`, "orders", 1, "lines", 0, "code")
	s.store.before = nil
	s.post("/v1/orders/allocate", bulkBody).ok().want(`"ok"`, "orders", 0, "code")
}

// TestBulkSecondRoundFails: the rules change, and then the log refuses the orders that are planned again.
func TestBulkSecondRoundFails(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{raftstore.ErrQueueFull, 200, ""},
		{raftstore.ErrOutcomeUnknown, 503, "outcome-unknown"},
	} {
		s := switchingServer(t)
		s.store.before = func() {
			s.activate(2)
			s.store.before = func() { s.store.doErr = tt.err }
		}
		r := s.post("/v1/orders/allocate", bulkBody).is(tt.status, tt.code)
		if tt.status == 200 {
			r.want(`"retry"`, "orders", 0, "code")
		}
		s.store.doErr = nil
		s.get("/v1/inventory/Retailer2/BC76845").ok().want(`0`, "records", 0, "allocated")
	}
}

// TestRuleWritesTakeAKey repeats each write about a rule with its idempotency key.
func TestRuleWritesTakeAKey(t *testing.T) {
	s := newStockedServer(t)
	twice := func(method, path, body, key string) *reply {
		t.Helper()
		first := s.do(method, path, body, "Idempotency-Key", key).ok()
		index := s.store.mu.index
		again := s.do(method, path, body, "Idempotency-Key", key).ok()
		if again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: %s, again: %s", first.request, first.body, again.body)
		}
		if s.store.mu.index != index+1 { // one entry, without other commands
			t.Errorf("%s: index %d after %d", first.request, s.store.mu.index, index)
		}
		return first
	}
	const source = `{"source":"function select(item, record) return {} end"}`
	twice("PUT", "/v1/rules/r", source, "k1").want(`1`, "version")
	s.do("PUT", "/v1/rules/r", `{"source":"function select(item, record) return nil, 'no' end"}`, "Idempotency-Key",
		"k1").is(409, "idempotency-key-reused").want(`"source"`, "field")
	twice("POST", "/v1/rules/r/activate", `{"scope":{"upcPrefix":"B"}}`, "k2").want(`"B"`, "scope", "upcPrefix")
	s.do("POST", "/v1/rules/r/activate", `{"scope":{"upcPrefix":"C"}}`, "Idempotency-Key", "k2").
		is(409, "idempotency-key-reused").want(`"scope.upcPrefix"`, "field")
	twice("POST", "/v1/rules/r/deactivate", `{"hook":"select","scope":{"upcPrefix":"B"}}`, "k3")
	twice("DELETE", "/v1/rules/r", "", "k4").want(`"r"`, "name")
	// the first answer
	s.do("POST", "/v1/rules/r/activate", `{"hook":"select","scope":{"upcPrefix":"B"}}`, "Idempotency-Key", "k2").ok().
		want(`"r"`, "name")
}
