package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"apportion/engine"
)

// kiboItem is an item of an allocate, a deallocate or a fulfill.
func kiboItem(order, item, quantity int64, upc, location, more string) string {
	return fmt.Sprintf(`{"orderID":%d,"orderItemID":%d,"shipmentID":7,"upc":%q,"quantity":%d,"locationCode":%q%s}`,
		order, item, upc, quantity, location, more)
}

func kiboItems(items ...string) string {
	return `{"tenantID":1,"userID":9,"runSynchronous":true,"items":[` + strings.Join(items, ",") + `]}`
}

const inStore = `,"tags":{"Channel":"Store"}`

func newKiboStock(t *testing.T) *kiboClient {
	t.Helper()
	c := newKiboClient(t)
	c.must("POST", kiboV1+"tagCategory", channel)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"11","items":[{"upc":"A","quantity":10},{"upc":"A","quantity":5,"tags":{"Channel":"Store"}},{"upc":"B","quantity":3}]}`)
	return c
}

func TestKiboOrders(t *testing.T) {
	c := newKiboStock(t)
	c.want(c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1001, 1, 7, "A", "11", inStore),
		kiboItem(1001, 2, 1, "B", "11", ""))),
		`{"jobID":2,"type":"ALLOCATE","status":"SUCCESS","success":true,"itemCount":2,"locationCode":"11","owner":"9"}`)
	f := func(want string) {
		t.Helper()
		if got := c.segments("A", "11", "Channel"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f("Web 10/0/0/10 Store 5/5/2/-2 ")
	c.must("POST", kiboV5+"/deallocate", kiboItems(kiboItem(1001, 1, 3, "A", "11", "")))
	f("Web 10/0/0/10 Store 5/4/0/1 ")
	c.must("POST", kiboV5+"/fulfill", kiboItems(kiboItem(1001, 1, 4, "A", "11", "")))
	f("Web 10/0/0/10 Store 1/0/0/1 ")

	// A refusal of the engine is a failed job. It changes nothing.
	c.want(c.must("POST", kiboV5+"/fulfill", kiboItems(kiboItem(1001, 1, 1, "A", "11", ""))),
		`{"status":"FAILED","success":false,"type":"FULFILL",
		"messages":["exceeds-left at lines[0]: 1@7","item 1@7: exceeds-left, nothing is left: fulfilled"]}`)
	c.want(c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1002, 1, 1, "A", "11", ""),
		kiboItem(1002, 2, 1, "Z", "11", ""))), `{"status":"FAILED"}`)
	// The orders of a call are independent. The answer is the first failed job.
	c.want(c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1003, 1, 1, "Z", "11", ""),
		kiboItem(1004, 1, 1, "A", "11", ""))), `{"status":"FAILED","jobID":7}`)
	c.want(c.must("GET", kiboV1+"queue/8", ""), `{"status":"SUCCESS"}`)
	f("Web 10/1/0/9 Store 1/0/0/1 ")

	c.want(c.must("POST", kiboV5+"/getOrderItemInformation", `{"orderID":1001,"items":[{"upc":"A"}]}`),
		`[{"orderID":1001,"orderItemID":1,"shipmentID":7,
		"locationCode":11,"upc":"A","allocates":2,"deallocates":1,"fulfills":1,"onHand":11,"events":[{"eventType":"ALLOCATED","quantity":5},
		{"eventType":"ALLOCATED","quantity":2},{"eventType":"DEALLOCATED","quantity":3},{"eventType":"FULFILLED","quantity":4}]}]`)
	c.want(c.must("POST", kiboV5+"/getOrderItemInformation", `{"orderID":1001}`), `[{"upc":"A"},{"upc":"B"}]`)
	if status, _, text := c.call("POST", kiboV5+"/getOrderItemInformation", `{"orderID":5}`); status != 404 {
		t.Errorf("an unknown order: %d %s", status, text)
	}
	// A failed job has the state of the item as its reason, now and later.
	c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1010, 1, 9, "B", "11", "")))
	c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1011, 1, 1, "B", "11", "")))
	c.want(c.must("POST", kiboV5+"/fulfill", kiboItems(kiboItem(1010, 1, 9, "B", "11", ""))),
		`{"messages":["exceeds-left at lines[0]: 1@7","item 1@7: exceeds-left, 2 left"]}`)
	c.want(c.must("POST", kiboV5+"/fulfill", kiboItems(kiboItem(1011, 1, 1, "B", "11", ""))),
		`{"jobID":12,"status":"FAILED","messages":["exceeds-left at lines[0]: 1@7","item 1@7: exceeds-left, nothing is left: pending"]}`)
	c.want(c.must("GET", kiboV1+"queue/12", ""),
		`{"messages":["exceeds-left at lines[0]: 1@7","item 1@7: exceeds-left, nothing is left: pending"]}`)
	// Fewer units on hand than promised: the answer has the units that can ship, and what to do.
	c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1012, 1, 6, "A", "11", "")))
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"11","items":[{"upc":"A","quantity":5}]}`)
	c.want(c.must("POST", kiboV5+"/fulfill", kiboItems(kiboItem(1012, 1, 6, "A", "11", ""))),
		`{"status":"FAILED","messages":["on-hand-below-zero at lines[0]: 1@7",
		"item 1@7: on-hand-below-zero, 5 can ship: fulfill those and deallocate the others, or correct on hand by a refresh or an adjust"]}`)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"11","items":[{"upc":"A","quantity":10}]}`)
	// Numbers become ids of the native API, without loss.
	c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(9223372036854775807, 9007199254740993, 1, "A", "11", "")))
	if text := c.get("/v1/orders/9223372036854775807").ok().
		body; !strings.Contains(text, `"itemId":"9007199254740993@7"`) {
		t.Error(text)
	}
}

func TestKiboOrderKeys(t *testing.T) {
	c := newKiboStock(t)
	body := kiboItems(kiboItem(1, 1, 1, "A", "11", ""), kiboItem(2, 1, 1, "A", "11", ""))
	for range 2 {
		_, value, _ := c.call("POST", kiboV5+"/allocate", body, "Idempotency-Key", "k")
		c.want(value, `{"jobID":3,"status":"SUCCESS"}`)
	}
	for range 2 {
		_, value, _ := c.call("POST", kiboV5+"/fulfill", body, "Idempotency-Key", "k2")
		c.want(value, `{"jobID":5,"status":"SUCCESS"}`)
	}
	if got := c.segments("A", "11", "Channel"); got != "Web 8/0/0/8 Store 5/0/0/5 " {
		t.Errorf("after repeated calls: %s", got)
	}
}

func TestKiboCarts(t *testing.T) {
	c := newKiboStock(t)
	item := `{"cartID":"c-1","cartItemID":"ci-1","orderID":0,"orderItemID":0,"upc":"A","quantity":2,"locationCode":"11"}`
	begin := time.Now()
	for range 2 { // a repeated item is the same reservation
		c.want(c.must("POST", kiboV5+"/allocate", kiboItems(item)), `{"status":"SUCCESS"}`)
	}
	var v engine.OrderView
	if found, _ := c.store.ReadOrder("cart-c-1", &v); !found || v.Items[0].ItemID != "ci-1" ||
		v.Items[0].ExpiresAtMS == 0 {
		t.Fatalf("the cart is %+v", v)
	}
	if day := (24 * time.Hour).Milliseconds(); v.Items[0].ExpiresAtMS < begin.UnixMilli()+day ||
		v.Items[0].ExpiresAtMS > time.Now().UnixMilli()+day {
		t.Errorf("it is held until %v", time.UnixMilli(v.Items[0].ExpiresAtMS))
	}
	c.store.mu.nowMS = v.Items[0].ExpiresAtMS
	c.must("POST", kiboV5+"/adjust", `{"locationCode":"11","items":[{"upc":"B","quantity":1}]}`)
	if got := c.segments("A", "11", "Channel"); got != "Web 10/0/0/10 Store 5/0/0/5 " {
		t.Errorf("after the cart's end: %s", got)
	}
	// A later item in the cart gets a new reservation. An item that names an order belongs to the order, not to its
	// cart.
	c.want(c.must("POST", kiboV5+"/allocate", kiboItems(strings.Replace(item, "ci-1", "ci-2", 1))),
		`{"status":"SUCCESS"}`)
	c.want(c.must("POST", kiboV5+"/allocate", kiboItems(
		`{"cartID":"c-2","cartItemID":"ci-3","orderID":5,"orderItemID":6,"upc":"A","quantity":2,"locationCode":"11"}`)),
		`{"status":"SUCCESS"}`)
	c.get("/v1/orders/5").ok().want(`"6"`, "items", 0, "itemId").want(`null`, "items", 0, "expiresAt")
}

func TestKiboBadOrders(t *testing.T) {
	c := newKiboStock(t)
	f := func(path, body, message string) {
		t.Helper()
		status, value, text := c.call("POST", kiboV5+path, body)
		said, _ := value.(map[string]any)["message"].(string)
		if status != 400 || !strings.Contains(said, message) {
			t.Errorf("%s %.300s answers %d %.300s, want 400 with %q", path, body, status, text, message)
		}
	}
	f("/allocate", ``, "no body")
	f("/allocate", `{"items":[]}`, "items is empty")
	f("/allocate", `{"items":[{"orderItemID":1,"upc":"A","quantity":1}]}`, "needs an orderID or a cartID")
	f("/allocate", `{"items":[{"orderID":1,"upc":"A","quantity":1}]}`, "has no orderItemID")
	f("/allocate", `{"items":[{"orderID":1,"orderItemID":1,"quantity":1}]}`, "needs a upc")
	f("/allocate", kiboItems(kiboItem(1, 1, 0, "A", "11", "")), "at least 1")
	f("/allocate", kiboItems(kiboItem(1, 1, -1, "A", "11", "")), "at least 1")
	f("/allocate", kiboItems(kiboItem(1, 1, 1, "A", "", "")), "location")
	f("/allocate", kiboItems(kiboItem(1, 1, 1, "A", "11", ""), kiboItem(1, 1, 1, "A", "11", "")), "itemId")
	f("/allocate", kiboItems(strings.TrimSuffix(strings.Repeat(kiboItem(1, 1, 1, "A", "11", "")+",", 1001), ",")),
		"more than 1000 elements")
	f("/fulfill", kiboItems(kiboItem(1, 1, 0, "A", "11", "")), "at least 1")
	f("/getOrderItemInformation", `{}`, "orderID")
	f("/getOrderItemInformation", `{"orderID":"x"}`, "whole number")
	f("/redistribute", `{"upcs":[""]}`, "upcs[0]")
	f("/redistribute", `{`, "cannot be read")
	f("/delete", `{}`, "needs a upc")
	f("/delete", `{"upc":"A["}`, "no pattern")
	f("/deleteItems", `{"items":[]}`, "items is empty")
	f("/deleteItems", `{"items":[{}]}`, "items[0] needs")
	f("/deleteFutureInventory", `{"upc":"A"}`, "futureStartDate")
	f("/deleteFutureInventory", `{"futureStartDate":"2026-12-01","futureEndDate":"2027-01-01"}`, "needs a upc")
	f("/delete", `{"upc":"A","tags":{"Channel":"x"}}`, "Channel=x does not exist")
	for path, body := range map[string]string{"/delete": `{"upc":"A","lotCode":"x"}`,
		"/deleteItems": `{"items":[{"upc":"A","tags":{"Channel":"Web"}},{"upc":"B"}]}`} {
		if status, _, text := c.call("POST", kiboV5+path, body); status != 501 {
			t.Errorf("%s answers %d %s", body, status, text)
		}
	}
	if n := c.store.engine.Stats(); n.Jobs != 1 || n.Orders != 0 || n.Records != 2 {
		t.Errorf("what was no good has left %+v", n)
	}
}

// TestKiboRedistribute: without a body and media type, it is for everything. Each location has a job. A record is
// redistributed at the next change of its stock.
func TestKiboRedistribute(t *testing.T) {
	c := newKiboStock(t)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"12","items":[{"upc":"A","quantity":10}]}`)
	c.want(c.must("POST", kiboV5+"/redistribute", ""),
		`[{"locationCode":"11","itemCount":2,"status":"SUCCESS"},{"locationCode":"12","itemCount":1}]`)
	c.want(c.must("POST", kiboV5+"/redistribute", `{"userID":9,"upcs":["B"]}`),
		`[{"locationCode":"11","itemCount":1,"owner":"9"}]`)
	c.want(c.must("POST", kiboV5+"/redistribute", `{"locations":["13"]}`), `[]`)
	if got := c.segments("A", "12", "Channel"); got != "Web 10/0/0/10 " {
		t.Errorf("before the next refresh: %s", got)
	}
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"12","items":[{"upc":"A","quantity":20}]}`)
	if got := c.segments("A", "12", "Channel"); got != "Web 14/0/0/14 Store 6/0/0/6 " {
		t.Errorf("after the next refresh: %s", got)
	}
}

func TestKiboDelete(t *testing.T) {
	c := newKiboStock(t)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"12","items":[{"upc":"A","quantity":1},{"upc":"AB","quantity":1},{"upc":"C.1","quantity":1}]}`)
	c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1, 1, 1, "A", "12", "")))
	c.want(c.must("POST", kiboV5+"/delete", `{"dryRun":true,"upc":"A"}`),
		`{"dryRun":true,"records":2,"units":16,"totalInventoryEntriesDeleted":true,
		"itemsDeleted":[{"locationCodes":["11","12"],"itemIdentifier":{"upc":"A"}}],"blocked":[{"upc":"A","locationCode":"12","allocated":1}],"jobIDs":false}`)
	if status, value, text := c.call("POST", kiboV5+"/delete", `{"upc":"A","allLocations":true}`); status != 409 {
		t.Errorf("with open promises: %d %s", status, text)
	} else {
		c.want(value,
			`{"message":"nothing was deleted: orders hold 1 units, of A at 12 and of 0 records more; deallocate them first"}`)
	}
	c.want(c.must("POST", kiboV5+"/delete", `{"upc":"A","locationCodes":["11"]}`),
		`{"dryRun":false,"records":1,"jobIDs":true}`)
	c.want(c.must("POST", kiboV5+"/delete", `{"upc":"C.*"}`), `{"itemsDeleted":[{"itemIdentifier":{"upc":"C.1"}}]}`)
	c.want(c.must("POST", kiboV5+"/deleteItems", `{"items":[{"upc":"A[B-Z]"},{"upc":"B"}]}`),
		`{"records":2,"itemsDeleted":[{},{}]}`)
	c.want(c.must("POST", kiboV5+"/deleteItems", `{"items":[{"upc":"nothing"}]}`),
		`{"records":0,"itemsDeleted":[],"totalProductsDeleted":false}`)
	if n := c.store.engine.Stats().Records; n != 1 {
		t.Errorf("%d records are left", n)
	}
	c.want(c.must("GET", kiboV1+"queue?types=DELETE", ""),
		`[{"status":"SUCCESS"},{"status":"SUCCESS"},{"status":"SUCCESS"},{"status":"FAILED"}]`)
}

func TestKiboFutureDates(t *testing.T) {
	c := newKiboStock(t)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"11","items":[{"upc":"A","quantity":7,"deliveryDate":"2026-12-24T00:00:00Z"},
		{"upc":"A","quantity":3,"deliveryDate":"2026-12-31T00:00:00Z"},{"upc":"B","quantity":1,"deliveryDate":"2026-12-24T00:00:00Z"}]}`)
	f := func(want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"A"}],"includeFutureInventory":true}`),
			`[{"futureInventory":`+want+`}]`)
	}
	f(`[{"futureInventoryID":1,"onhand":7},{"futureInventoryID":2,"onhand":3}]`)
	c.want(c.must("PUT", "/adjustFutureDate/1", `{"futureDate":"2026-12-31T00:00:00+0000"}`),
		`{"type":"ADJUST","status":"SUCCESS"}`)
	f(`[{"futureInventoryID":2,"onhand":10,"deliveryDate":"2026-12-31T00:00:00.000Z"}]`)
	c.want(c.must("PUT", "/adjustFutureDate/2", `{"futureDate":"2026-12-31T00:00:00+0000"}`), `{"status":"SUCCESS"}`)
	f(`[{"onhand":10}]`)
	c.want(c.must("PUT", "/adjustFutureDate/2", `{"futureDate":"2020-12-31T00:00:00+0000"}`), `{"status":"FAILED"}`)
	for path, body := range map[string]string{"/adjustFutureDate/9": `{"futureDate":"2027-01-01"}`,
		"/adjustFutureDate/x": `{"futureDate":"2027-01-01"}`, "/adjustFutureDate/2": `{}`} {
		if status, _, text := c.call("PUT", path, body); status != 404 && status != 400 {
			t.Errorf("%s answers %d %s", path, status, text)
		}
	}
	const span = `,"futureStartDate":"2026-12-01T00:00:00Z","futureEndDate":"2026-12-31T23:59:59Z"}`
	c.want(c.must("POST", kiboV5+"/deleteFutureInventory", `{"dryRun":true,"upc":"A"`+span),
		`{"dryRun":true,"deliveries":1,"itemsDeleted":[{"locationCodes":["11"]}]}`)
	f(`[{"onhand":10}]`)
	c.want(c.must("POST", kiboV5+"/deleteFutureInventory", `{"upc":".*","locationCodes":["11"]`+span),
		`{"deliveries":2,"totalInventoryEntriesDeleted":true,"jobIDs":true}`)
	f(`null`)
	c.want(c.must("POST", kiboV5+"/deleteFutureInventory", `{"upc":".*"`+span), `{"deliveries":0,"jobIDs":false}`)
}

// TestKiboDeallocateLostUnits: the store did not find the units to ship.
func TestKiboDeallocateLostUnits(t *testing.T) {
	c := newKiboStock(t)
	act := func(name, more string, items ...string) {
		t.Helper()
		body := strings.Replace(kiboItems(items...), "{", "{"+more, 1)
		c.want(c.must("POST", kiboV5+"/"+name, body), `{"status":"SUCCESS"}`)
	}
	blocked := func(want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"A"}]}`), `[{"blockAssignment":`+want+`}]`)
	}
	act("allocate", "", kiboItem(1, 1, 6, "A", "11", `,"blockAssignment":false`))
	act("allocate", "", kiboItem(2, 1, 7, "A", "11", "")) // 3 of them are pending
	act("deallocate", `"decrementOnHandOnDeallocate":true,`, kiboItem(1, 1, 6, "A", "11", `,"blockAssignment":true`))
	if got := c.segments("A", "11", "Channel"); got != "Web 4/4/3/-3 Store 5/0/0/5 " {
		t.Errorf("what is lost was promised again: %s", got)
	}
	blocked(`true`)
	act("deallocate", "", kiboItem(2, 1, 1, "A", "11", `,"blockAssignment":false,"holdBlockAssignment":true`))
	act("deallocate", "", kiboItem(2, 1, 1, "A", "11", ""))
	blocked(`true`)
	act("deallocate", "", kiboItem(2, 1, 2, "A", "11", `,"blockAssignment":false`))
	blocked(`false`)
	if got := c.segments("A", "11", "Channel"); got != "Web 4/3/0/1 Store 5/0/0/5 " {
		t.Errorf("at the end: %s", got)
	}
	info := c.must("POST", kiboV5+"/getOrderItemInformation", `{"orderID":1,"items":[{"upc":"A"}]}`)
	c.want(info, `[{"deallocates":1}]`)
	for _, name := range []string{"allocate", "fulfill"} {
		for _, body := range []string{kiboItems(kiboItem(3, 1, 1, "A", "11", `,"blockAssignment":true`)),
			`{"decrementOnHandOnDeallocate":true,"items":[` + kiboItem(3, 1, 1, "A", "11", "") + `]}`} {
			if status, _, text := c.call("POST", kiboV5+"/"+name, body); status != 400 ||
				!strings.Contains(text, "for deallocate only") {
				t.Errorf("%s of %s answers %d %s", name, body, status, text)
			}
		}
	}
}

// TestKiboDeleteOfSegments: with tags, only the stock with these tags is deleted.
func TestKiboDeleteOfSegments(t *testing.T) {
	c := newKiboStock(t)
	c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1, 1, 1, "A", "11", "")))
	c.want(c.must("POST", kiboV5+"/delete", `{"dryRun":true,"upc":".*"`+inStore+`}`),
		`{"records":1,"units":5,"itemsDeleted":[{"itemIdentifier":{"upc":"A"},"locationCodes":["11"]}]}`)
	c.want(c.must("POST", kiboV5+"/delete", `{"upc":".*"`+inStore+`}`), `{"records":1,"units":5,"jobIDs":true}`)
	if got := c.segments("A", "11", "Channel"); got != "Web 10/1/0/9 " {
		t.Errorf("left is %s", got)
	}
	c.want(c.must("POST", kiboV5+"/delete", `{"upc":"A"`+inStore+`}`), `{"records":0,"itemsDeleted":[],"jobIDs":false}`)
	if status, _, text := c.call("POST", kiboV5+"/deleteItems",
		`{"items":[{"upc":"A"},{"upc":"B"}],"tags":{"Channel":"Web"}}`); status != 409 ||
		!strings.Contains(text, "nothing was deleted") {
		t.Errorf("units that are promised: %d %s", status, text)
	}
	c.want(c.must("POST", kiboV5+"/deleteItems",
		`{"items":[{"upc":"B","tags":{"Channel":"Web"}},{"upc":"Z"}],"tags":{"Channel":"Web"}}`),
		`{"records":1,"units":3}`)
	c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"A"},{"upc":"B"}]}`), `[{"upc":"A"}]`)
}

// TestKiboDeleteTellsTagsApart: a delete distinguishes tags by their values, in records and in deliveries.
func TestKiboDeleteTellsTagsApart(t *testing.T) {
	c := newKiboStock(t)
	refused := func(body string) {
		t.Helper()
		status, value, text := c.call("POST", kiboV5+"/deleteItems", body)
		if m, _ := value.(map[string]any); status != 501 || m["field"] != "items[1].tags" {
			t.Errorf("%s answers %d %s", body, status, text)
		}
	}
	refused(`{"items":[{"upc":"A","tags":{"Channel":"Web"}},{"upc":"B","tags":{"Channel":"Store"}}]}`)
	refused(`{"items":[{"upc":"A"},{"upc":"B","tags":{"Channel":"Store"}}],"tags":{"Channel":"Web"}}`)

	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"12","items":[{"upc":"A","quantity":1},{"upc":"A","quantity":4,"deliveryDate":"2026-12-24T00:00:00Z","tags":{"Channel":"Store"}},
		{"upc":"B","quantity":5,"deliveryDate":"2026-12-24T00:00:00Z"},{"upc":"B","quantity":6,"deliveryDate":"2026-12-25T00:00:00Z"}]}`)
	// An item's own tags replace those of the call. Deliveries without stock on hand are deleted too.
	c.want(c.must("POST", kiboV5+"/deleteItems",
		`{"dryRun":true,"items":[{"upc":"A","tags":{"Channel":"Store"}}],"tags":{"Channel":"Web"}}`),
		`{"itemsDeleted":[{"locationCodes":["11","12"]}],"units":5}`)
	c.must("POST", kiboV5+"/deleteItems", `{"items":[{"upc":"A","tags":{"Channel":"Store"}}],"locationCodes":["12"]}`)
	c.want(c.must("POST", kiboV5, `{"items":[{"upc":"A"}],"includeFutureInventory":true}`),
		`[{"locationCode":"11","onHand":15},{"locationCode":"12","onHand":1,"futureInventory":null}]`)
	const span = `"futureStartDate":"2026-12-24T00:00:00Z","futureEndDate":"2026-12-25T00:00:00Z"}`
	c.want(c.must("POST", kiboV5+"/deleteFutureInventory", `{"upc":"B",`+span),
		`{"deliveries":2,"itemsDeleted":[{"locationCodes":["12"],"itemIdentifier":{"upc":"B"}}]}`)

	// In the native API, a delivery without a segment may wait for the percentages.
	c.must("POST", kiboV1+"tagCategory", `{"name":"Grade","tags":[{"tagValue":"New"},{"tagValue":"Used"}]}`)
	c.post("/v1/inventory/refresh",
		`{"location":"13","items":[{"upc":"E","quantity":8,"deliveryDate":"2026-12-24T00:00:00Z"}]}`).ok()
	for tags, found := range map[string]string{`{"Grade":"Used"}`: `[]`, `{"Channel":"Web"}`: `[]`,
		`{"Grade":"New"}`: `[{"locationCodes":["13"]}]`} {
		c.want(c.must("POST", kiboV5+"/delete", `{"dryRun":true,"upc":"E","tags":`+tags+`}`), `{"itemsDeleted":`+found+
			`}`)
	}
}

// TestKiboDeletesOfMany: the list of an answer ends at a thousand, but its counts have all.
func TestKiboDeletesOfMany(t *testing.T) {
	c := newKiboStock(t)
	c.refreshed("12", "T", 1_002)
	reply := c.must("POST", kiboV5+"/delete", `{"dryRun":true,"upc":"T.*","locationCodes":["12"]}`)
	if list := reply.(map[string]any)["itemsDeleted"].([]any); len(list) != 1_000 {
		t.Errorf("%d items are listed", len(list))
	}
	c.want(reply, `{"records":1002,"units":1002}`)
	for order := range 3 {
		var items []string
		for i := order * 334; i < min((order+1)*334, 1_001); i++ {
			items = append(items, kiboItem(int64(order+1), int64(i+1), 1, fmt.Sprintf("T%05d", i), "12", ""))
		}
		c.must("POST", kiboV5+"/allocate", kiboItems(items...))
	}
	if status, _, text := c.call("POST", kiboV5+"/delete", `{"upc":"T.*"}`); status != 409 ||
		!strings.Contains(text, "orders hold 1001 units, of T00000 at 12 and of at least 999 records more") {
		t.Errorf("with promises of 1,001 records: %d %s", status, text)
	}
	// A pattern is for the records at the given locations only.
	c.want(c.must("POST", kiboV5+"/delete", `{"upc":"[AB]|T01001","locationCodes":["11"]}`), `{"records":2}`)
	c.want(c.must("GET", kiboV1+"queue?limit=1", ""), `[{"type":"DELETE","itemCount":2}]`)
	if status, _, text := c.call("POST", kiboV5+"/deleteItems",
		`{"items":[{"upc":"A","tags":{"Channel":"x"}}]}`); status != 400 ||
		!strings.Contains(text, "Channel=x does not exist") {
		t.Errorf("an unknown tag of an item: %d %s", status, text)
	}
}

// TestKiboOrderInformation: an order item is shown with its whole record, and with the end of its reservations.
func TestKiboOrderInformation(t *testing.T) {
	c := newKiboStock(t)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"10","items":[{"upc":"A","quantity":9,"safetyStock":2}]}`)
	c.must("POST", kiboV1+"location", `{"locationCode":"10","active":false}`)
	c.post("/v1/orders/6/allocate",
		`{"expiresAt":"2026-11-23T16:00:00Z","lines":[{"itemId":"1","upc":"A","location":"10","quantity":3}]}`).ok()
	c.post("/v1/orders/6/allocate", `{"lines":[{"itemId":"2","upc":"B","location":"11","quantity":1}]}`).ok()
	info := func(want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5+"/getOrderItemInformation", `{"orderID":6}`), want)
	}
	info(
		`[{"orderItemID":1,"locationCode":10,"locationActive":false,"onHand":9,"available":4,"allocated":3,"safetyStock":2,"allocates":1,"deallocates":0},
		{"orderItemID":2,"locationCode":11,"locationActive":true}]`)
	c.must("POST", kiboV5+"/allocate", kiboItems(
		`{"orderID":8,"orderItemID":1,"upc":"B","quantity":5,"locationCode":"11"}`))
	c.want(c.must("POST", kiboV5+"/getOrderItemInformation", `{"orderID":8}`), `[{"pendingQuantity":3}]`)
	c.store.mu.nowMS = kiboNowMS + 3_600_000
	c.must("POST", kiboV5+"/adjust", `{"locationCode":"11","items":[{"upc":"A","quantity":1}]}`)
	info(
		`[{"allocates":1,"deallocates":1,"events":[{"eventType":"ALLOCATED"},{"eventType":"DEALLOCATED","quantity":3}]},{"deallocates":0}]`)
	// An item without a shipment is in no shipment.
	c.want(c.must("POST", kiboV5+"/shipmentInventoryAllocations", `{"shipmentIDs":[0]}`),
		`{"shipments":{"0":{"currentAllocations":[],"futureAllocations":[]}}}`)
}

// TestKiboDeliveriesOfOthers: deliveries from the native API, also many of them.
func TestKiboDeliveriesOfOthers(t *testing.T) {
	c := newKiboStock(t)
	future := func(upc, want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"`+upc+
			`"}],"includeFutureInventory":true}`), want)
	}
	// A delivery that is split on arrival is still split after a change of its date.
	c.post("/v1/inventory/refresh",
		`{"location":"11","items":[{"upc":"E","quantity":10,"deliveryDate":"2026-12-24T00:00:00Z"}]}`).ok()
	c.want(c.must("PUT", "/adjustFutureDate/1", `{"futureDate":"2026-12-31T00:00:00Z"}`), `{"status":"SUCCESS"}`)
	future("E", `[{"futureInventory":[{"onhand":10,"deliveryDate":"2026-12-31T00:00:00.000Z"}]}]`)
	c.store.mu.nowMS = time.Date(2026, 12, 31, 1, 0, 0, 0, time.UTC).UnixMilli()
	c.must("POST", kiboV5+"/adjust", `{"locationCode":"11","items":[{"upc":"A","quantity":1}]}`)
	if got := c.segments("E", "11", "Channel"); got != "Web 7/0/0/7 Store 3/0/0/3 " {
		t.Errorf("the delivery has come as %s", got)
	}
	// Two deliveries that a schema change has merged are deleted together.
	const span = `,"futureStartDate":"2027-01-01T00:00:00Z","futureEndDate":"2027-12-31T00:00:00Z"}`
	c.must("POST", kiboV1+"tagCategory", `{"name":"Kind","tags":[{"tagValue":"X"},{"tagValue":"Y"}]}`)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"11","items":[{"upc":"G","quantity":1,"deliveryDate":"2027-02-01T00:00:00Z"},
		{"upc":"G","quantity":2,"tags":{"Kind":"Y"},"deliveryDate":"2027-02-01T00:00:00Z"}]}`)
	c.put("/v1/tag-categories/Kind", `{"values":[{"value":"X","default":true}],"moveTo":{"Y":"X"}}`).ok()
	c.want(c.must("POST", kiboV5+"/deleteFutureInventory", `{"upc":"G"`+span), `{"deliveries":1,"jobIDs":true}`)
	future("G", `[{"futureInventory":null}]`)

	// More deliveries than a refresh can have: two of each item.
	for _, count := range []int{12_000, 1} {
		items := make([]string, count)
		for i := range items {
			items[i] = fmt.Sprintf(`{"upc":"M%d-%d","quantity":1,"deliveryDate":"2027-02-0%dT00:00:00Z"}`, count, i/2,
				1+i%2)
		}
		c.must("POST", kiboV5+"/refresh", `{"locationCode":"12","items":[`+strings.Join(items, ",")+`]}`)
	}
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"13","items":[{"upc":"M","quantity":1,"deliveryDate":"2027-02-01T00:00:00Z"}]}`)
	remove := func(key string, want int, found string) {
		t.Helper()
		status, value, text := c.call("POST", kiboV5+"/deleteFutureInventory", `{"upc":"M.*"`+span, "Idempotency-Key",
			key)
		if status != want {
			t.Errorf("with the key %s: %d %s", key, status, text)
		} else if found != "" {
			c.want(value, found)
		}
	}
	remove("k", 200, `{"deliveries":12002}`)
	remove("k2", 200, `{"deliveries":0,"jobIDs":false}`)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"13","items":[{"upc":"M","quantity":1,"deliveryDate":"2027-03-01T00:00:00Z"}]}`)
	remove("k", 409, "") // the key was used for other deliveries
}
