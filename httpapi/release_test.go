package httpapi

import (
	"testing"
	"time"

	"apportion/engine"
)

// stuck is a server with two open orders, one of them with two items, and a cart.
func stuck(t *testing.T) *testServer {
	s := newTestServer(t, Config{})
	s.post("/v1/inventory/refresh", `{"location":"L","items":[{"upc":"A","quantity":9},{"upc":"B","quantity":9}]}`).ok()
	s.post("/v1/orders/one/allocate", `{"lines":[{"itemId":"1","upc":"A","location":"L","quantity":2},
		{"itemId":"2","upc":"B","location":"L","quantity":1}]}`).ok()
	s.post("/v1/orders/two/allocate", `{"lines":[{"itemId":"1","upc":"A","location":"L","quantity":3}]}`).ok()
	s.post("/v1/orders/cart/allocate", `{"expiresAt":"2099-01-01T00:00:00Z","lines":[
		{"itemId":"1","upc":"B","location":"L","quantity":1}]}`).ok()
	return s
}

const deallocateMany = "/v1/orders/deallocate"

// TestDeallocateMany: a dry run changes nothing; then those items are released that the filter picks, with the reason.
func TestDeallocateMany(t *testing.T) {
	s := stuck(t)
	dry := s.post(deallocateMany, `{"upc":"A","dryRun":true,"reason":"stuck"}`).ok().want(`true`, "dryRun").
		want(`"one"`, "released", 0, "orderId").want(`"two"`, "released", 1, "orderId").want(`[]`, "skipped").want(`null`, "next")
	dry.want(`2`, "released", 0, "items", 0, "allocated")
	s.get("/v1/inventory/L/A").ok().want(`5`, "records", 0, "allocated")

	first := s.post(deallocateMany, `{"upc":"A","limit":1,"reason":"stuck"}`).ok().want(`"one"`, "released", 0, "orderId")
	next, _ := first.at("next").(string)
	if len(first.at("released").([]any)) != 1 || len(first.at("released", 0, "items").([]any)) != 1 || next == "" {
		t.Fatal(first.body)
	}
	s.get("/v1/orders/one").ok().want(`"released"`, "items", 0, "history", 1, "type").
		want(`"stuck"`, "items", 0, "history", 1, "reason").want(`1`, "items", 1, "lines", 0, "allocated")
	s.post(deallocateMany, `{"upc":"A","limit":1,"cursor":"`+next+`"}`).ok().
		want(`"two"`, "released", 0, "orderId").want(`[]`, "skipped")
	s.get("/v1/inventory/L/A").ok().want(`0`, "records", 0, "allocated")

	s.post(deallocateMany, `{"state":"reserved"}`).ok().want(`"cart"`, "released", 0, "orderId")
	s.post(deallocateMany, `{"state":"open","olderThanSeconds":948672000}`).ok().want(`[]`, "released")
	s.post(deallocateMany, `{"state":"open"}`).ok().want(`"one"`, "released", 0, "orderId")
	s.post(deallocateMany, `{"state":"open"}`).ok().want(`[]`, "released")
}

// TestDeallocateManySkips: an order that changes after it was found is left alone.
func TestDeallocateManySkips(t *testing.T) {
	s := stuck(t)
	s.store.before = func() {
		batch := s.store.NewBatch()
		batch.Append(nil, &engine.OrderChange{Action: engine.KindFulfill, OrderID: "one",
			Lines: []engine.OrderLine{{ItemID: "1", Quantity: 1}}})
		if err := s.store.Do(time.Time{}, batch); err != nil {
			t.Error(err)
		}
	}
	done := s.post(deallocateMany, `{"upc":"A"}`).ok().want(`"two"`, "released", 0, "orderId").
		want(`"one"`, "skipped", 0, "orderId").want(`"version-mismatch"`, "skipped", 0, "code")
	if len(done.at("released").([]any)) != 1 || len(done.at("skipped").([]any)) != 1 {
		t.Error(done.body)
	}
	s.get("/v1/orders/one").ok().want(`1`, "items", 0, "lines", 0, "allocated")
}

// TestDeallocateManyRefused: what the body may not be.
func TestDeallocateManyRefused(t *testing.T) {
	s := stuck(t)
	f := func(code, field, body string) {
		t.Helper()
		s.post(deallocateMany, body).is(400, code).want(`"`+field+`"`, "field")
	}
	s.post(deallocateMany, `{}`).is(400, "missing-field")
	s.post(deallocateMany, `{"reason":"stuck","dryRun":true}`).is(400, "missing-field")
	f("invalid", "state", `{"state":"closed"}`)
	f("invalid", "olderThanSeconds", `{"olderThanSeconds":-1}`)
	f("invalid", "limit", `{"upc":"A","limit":1001}`)
	f("invalid-cursor", "cursor", `{"upc":"A","cursor":"next"}`)
	f("invalid", "reason", `{"upc":"A","reason":"`+longReason+`","dryRun":true}`)
	f("unknown-field", "all", `{"all":true}`)
	s.get("/v1/inventory/L/A").ok().want(`5`, "records", 0, "allocated")
}

const longReason = "a reason of more than sixty-four bytes, which the history of an item does not keep"
