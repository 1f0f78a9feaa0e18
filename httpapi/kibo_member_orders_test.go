package httpapi

import "slices"

// orderMembers are the members of allocate, transitionCart and the reads of orders.
var orderMembers = slices.Concat(allocateNames("partNumber"), allocateNames("upc"), allocateNames("sku"), []memberCase{
	{opAllocate, "items[].quantity", kiboItems(kiboItem(9, 1, 2, "A", "1", "")), "GET /v1/orders/9",
		`{"items":[{"itemId":"1@7","requested":2}]}`},
	{opAllocate, "items[].orderID", kiboItems(kiboItem(9, 1, 2, "A", "1", "")), "GET /v1/orders/9",
		`{"items":[{"upc":"A"}]}`},
	{opAllocate, "items[].orderItemID", kiboItems(kiboItem(9, 8, 2, "A", "1", "")), "GET /v1/orders/9",
		`{"items":[{"itemId":"8@7"}]}`},
	{opAllocate, "items[].shipmentID", kiboItems(kiboItem(9, 8, 2, "A", "1", "")), "GET /v1/orders/9",
		`{"items":[{"itemId":"8@7"}]}`},
	{opAllocate, "items[].locationCode", `{"locationCode":"1","items":[` + kiboItem(9, 1, 2, "A", "2", "") + `]}`,
		"GET /v1/orders/9", `{"items":[{"location":"2"}]}`},
	{opAllocate, "locationCode", `{"locationCode":"2","items":[{"orderID":9,"orderItemID":1,"upc":"A","quantity":1}]}`,
		"GET /v1/orders/9", `{"items":[{"location":"2"}]}`},
	{opAllocate, "items[].tags", kiboItems(kiboItem(9, 1, 2, "A", "1", `,"tags":{"Channel":"Store"}`)),
		"GET /v1/orders/9", `{"items":[{"lines":[{"tags":{"Channel":"Store","Grade":"New"}}]}]}`},
	{opAllocate, "items[].cartID",
		`{"items":[{"cartID":"k","cartItemID":"y","orderItemID":3,"upc":"A","quantity":1,"locationCode":"1"}]}`,
		"GET /v1/orders/cart-k", `{"items":[{"itemId":"y"}]}`},
	{opAllocate, "items[].cartItemID",
		`{"items":[{"cartID":"k","cartItemID":"y","orderItemID":3,"upc":"A","quantity":1,"locationCode":"1"}]}`,
		"GET /v1/orders/cart-k", `{"items":[{"itemId":"y"}]}`},
	{opAllocate, "items[].blockAssignment", kiboItems(kiboItem(9, 1, 1, "A", "1", `,"blockAssignment":true`)), "",
		"400"},
	{opAllocate, "items[].holdBlockAssignment", kiboItems(
		kiboItem(9, 1, 1, "A", "1", `,"blockAssignment":true,"holdBlockAssignment":true`)), "", `{"status":"SUCCESS"}`},
	{opAllocate, "decrementOnHandOnDeallocate", `{"decrementOnHandOnDeallocate":true,"items":[` +
		kiboItem(9, 1, 1, "A", "1", "") + `]}`, "", "400"},
	{opAllocate, "userID", kiboItems(kiboItem(9, 1, 1, "A", "1", "")), newestJob,
		`[{"type":"ALLOCATE","owner":"9","locationCode":"1"}]`},

	{opTransition, "cartID", `{"cartID":"c","orderID":9,"items":[{"orderItemID":1,"cartItemID":"x"}]}`,
		"GET /v1/orders/9", `{"items":[{"itemId":"1","upc":"A","location":"3"}]}`},
	{opTransition, "orderID", `{"cartID":"c","orderID":9,"items":[{"orderItemID":1,"cartItemID":"x"}]}`,
		"GET /v1/orders/9", `{"items":[{"itemId":"1"}]}`},
	{opTransition, "items[].cartItemID", `{"cartID":"c","orderID":9,"items":[{"orderItemID":1,"cartItemID":"x"}]}`, "",
		`{"success":true,"numResults":1}`},
	{opTransition, "items[].orderItemID", `{"cartID":"c","orderID":9,"items":[{"orderItemID":1,"cartItemID":"x"}]}`,
		"GET /v1/orders/9", `{"items":[{"itemId":"1"}]}`},
	{opTransition, "items[].shipmentID",
		`{"cartID":"c","orderID":9,"items":[{"orderItemID":1,"cartItemID":"x","shipmentID":5}]}`, "GET /v1/orders/9",
		`{"items":[{"itemId":"1@5"}]}`},
	{opTransition, "items[].shipmentID", `{"cartID":"c","orderID":9,"items":[{"orderItemID":4,"shipmentID":6}]}`,
		"GET /v1/orders/9", `{"items":[{"itemId":"4@6","upc":"B"}]}`},
	{opTransition, "items[].transitionItemID",
		`{"cartID":"c","orderID":9,"items":[{"orderItemID":1,"cartItemID":"x","shipmentID":5,"transitionItemID":2}]}`,
		"GET /v1/orders/9", `{"items":[{"itemId":"2@5"}]}`},

	{opInfo, "orderID", `{"orderID":1}`, "", `[{"orderItemID":1,"shipmentID":7,"upc":"A"},{"orderItemID":2}]`},
	{opInfo, "items[].partNumber", `{"orderID":1,"items":[{"partNumber":"B"}]}`, "", `[{"upc":"B"}]`},
	{opInfo, "items[].upc", `{"orderID":1,"items":[{"upc":"B"}]}`, "", `[{"upc":"B"}]`},
	{opInfo, "items[].sku", `{"orderID":1,"items":[{"sku":"B"}]}`, "", `[{"upc":"B"}]`},
	{opInfo, "pageSize", `{"orderID":1,"pageSize":1}`, "", `[{"upc":"A"}]`},
	{opInfo, "pageNum", `{"orderID":1,"pageSize":1,"pageNum":2}`, "", `[{"upc":"B"}]`},
	{opShipments, "shipmentIDs[]", `{"shipmentIDs":[8]}`, "",
		`{"shipments":{"8":{"currentAllocations":[{"quantity":3,"upc":"D"}],"futureAllocations":[{"quantity":2}]}}}`},

	{opBlock, "items[].partNumber", `{"locationCode":"1","items":[{"partNumber":"A","blockAssignment":true}]}`, atOne,
		`[{"blockAssignment":true}]`},
	{opBlock, "items[].upc", `{"locationCode":"1","items":[{"upc":"A","blockAssignment":true}]}`, atOne,
		`[{"blockAssignment":true}]`},
	{opBlock, "items[].sku", `{"locationCode":"1","items":[{"sku":"A","blockAssignment":true}]}`, atOne,
		`[{"blockAssignment":true}]`},
	{opBlock, "items[].blockAssignment", `{"locationCode":"2","items":[{"upc":"H","blockAssignment":false}]}`,
		opQuery + ` {"items":[{"upc":"H"}],"excludeBlockedAssignment":true}`, `[{"upc":"H"}]`},
	{opBlock, "locationCode", `{"locationCode":"1","items":[{"upc":"A","blockAssignment":true}]}`, atOne,
		`[{"blockAssignment":true}]`},
})

const (
	opShipments  = "POST v5/inventory/shipmentInventoryAllocations"
	opAllocate   = "POST v5/inventory/allocate"
	opDeallocate = "POST v5/inventory/deallocate"
	opFulfill    = "POST v5/inventory/fulfill"
	opTransition = "POST v5/inventory/transitionCart"
	opBlock      = "POST v5/inventory/blockAssignment"
)

func allocateNames(name string) []memberCase {
	return []memberCase{{opAllocate, "items[]." + name, `{"items":[{"orderID":9,"orderItemID":1,"` + name +
		`":"A","quantity":1,"locationCode":"1"}]}`, "GET /v1/orders/9", `{"items":[{"upc":"A"}]}`}}
}

// bothRelease are the common members of deallocate and fulfill. For item 1 of order 1, in shipment 7, three units of 16
// are allocated at 1.
func bothRelease(op, kind, left string) []memberCase {
	ok := `{"status":"SUCCESS","type":"` + kind + `"}`
	return []memberCase{
		{op, "items[].quantity", `{"items":[` + first + `"quantity":2}]}`, atOne, `[{"allocated":1,"onHand":` + left +
			`}]`},
		{op, "items[].orderID", `{"items":[` + first + `"quantity":2}]}`, "", ok},
		{op, "items[].orderItemID", `{"items":[` + first + `"quantity":2}]}`, "", ok},
		{op, "items[].shipmentID", `{"items":[` + first + `"quantity":2}]}`, "", ok},
		{op, "items[].locationCode", `{"items":[` + first + `"quantity":2,"locationCode":"1"}]}`, newestJob,
			`[{"locationCode":"1"}]`},
		{op, "locationCode", `{"locationCode":"1","items":[` + first + `"quantity":2}]}`, newestJob,
			`[{"locationCode":"1"}]`},
		{op, "items[].cartID", `{"items":[{"cartID":"c","cartItemID":"x","quantity":1}]}`, "", ok},
		{op, "items[].cartItemID", `{"items":[{"cartID":"c","cartItemID":"x","quantity":1}]}`, "", ok},
		{op, "userID", `{"userID":77,"items":[` + first + `"quantity":2}]}`, newestJob, `[{"owner":"77"}]`},
	}
}

var releaseMembers = slices.Concat(bothRelease(opDeallocate, "DEALLOCATE", "16"),
	bothRelease(opFulfill, "FULFILL", "14"), []memberCase{
		{opDeallocate, "decrementOnHandOnDeallocate", `{"decrementOnHandOnDeallocate":true,"items":[` + first +
			`"quantity":2}]}`, atOne, `[{"allocated":1,"onHand":14}]`},
		{opDeallocate, "items[].blockAssignment", `{"items":[` + first + `"quantity":2,"blockAssignment":true}]}`,
			atOne,
			`[{"blockAssignment":true}]`},
		{opDeallocate, "items[].holdBlockAssignment", `{"items":[` + first +
			`"quantity":2,"blockAssignment":true,"holdBlockAssignment":true}]}`, atOne,
			`[{"blockAssignment":false,"allocated":1}]`},
		{opFulfill, "decrementOnHandOnDeallocate", `{"decrementOnHandOnDeallocate":true,"items":[` + first +
			`"quantity":2}]}`, "", "400"},
		{opFulfill, "items[].blockAssignment", `{"items":[` + first + `"quantity":2,"blockAssignment":true}]}`, "",
			"400"},
		{opFulfill, "items[].holdBlockAssignment", `{"items":[` + first +
			`"quantity":2,"blockAssignment":true,"holdBlockAssignment":true}]}`, "", `{"status":"SUCCESS"}`},
	})

// deleteMembers are the members of the three deletes. F and H have no promises. A has promises only at 1 and 3.
var deleteMembers = slices.Concat(lots(opDelete, `"upc":"F",`), lots(opDeliver, `"upc":"A",`+winter+`,`), []memberCase{
	{opDelete, "dryRun", `{"dryRun":true,"upc":"F"}`, opSum + ` {"items":[{"upc":"F"}]}`, `[{"onHand":5}]`},
	{opDelete, "locationCodes[]", `{"locationCodes":["2","3"],"upc":"F"}`, opSum + ` {"items":[{"upc":"F"}]}`,
		`[{"onHand":3}]`},
	{opDelete, "allLocations", `{"allLocations":true,"locationCodes":["2"],"upc":"F"}`,
		opSum + ` {"items":[{"upc":"F"}]}`, `[{"onHand":0,"numResults":0}]`},
	{opDelete, "partNumber", `{"partNumber":"F"}`, "", `{"records":5,"itemsDeleted":[{"itemIdentifier":{"upc":"F"}}]}`},
	{opDelete, "upc", `{"upc":"F"}`, "", `{"records":5,"itemsDeleted":[{"itemIdentifier":{"upc":"F"}}]}`},
	{opDelete, "sku", `{"sku":"F"}`, "", `{"records":5,"itemsDeleted":[{"itemIdentifier":{"upc":"F"}}]}`},
	{opDelete, "tags", `{"upc":"A","tags":{"Channel":"Store"}}`, atOne,
		`[{"onHand":11,"taggedInventory":[{"tags":{"Channel":"Web","Grade":"New"},"onHand":10},{"tags":{"Grade":"Used"}}]}]`},

	{opDeletes, "dryRun", `{"dryRun":true,"items":[{"upc":"F"}]}`, opSum + ` {"items":[{"upc":"F"}]}`,
		`[{"onHand":5}]`},
	{opDeletes, "locationCodes[]", `{"locationCodes":["2","3"],"items":[{"upc":"F"}]}`,
		opSum + ` {"items":[{"upc":"F"}]}`, `[{"onHand":3}]`},
	{opDeletes, "allLocations", `{"allLocations":true,"locationCodes":["2"],"items":[{"upc":"F"}]}`,
		opSum + ` {"items":[{"upc":"F"}]}`, `[{"onHand":0}]`},
	{opDeletes, "items[].partNumber", `{"items":[{"partNumber":"F"},{"upc":"H"}]}`, "",
		`{"records":6,"itemsDeleted":[{},{}]}`},
	{opDeletes, "items[].upc", `{"items":[{"upc":"F"},{"upc":"H"}]}`, "", `{"records":6,"itemsDeleted":[{},{}]}`},
	{opDeletes, "items[].sku", `{"items":[{"sku":"F"},{"upc":"H"}]}`, "", `{"records":6,"itemsDeleted":[{},{}]}`},
	{opDeletes, "items[].tags", `{"items":[{"upc":"A","tags":{"Channel":"Store"}}]}`, atOne, `[{"onHand":11}]`},
	{opDeletes, "tags", `{"items":[{"upc":"A"}],"tags":{"Channel":"Store"}}`, atOne, `[{"onHand":11}]`},

	{opDeliver, "dryRun", `{"dryRun":true,"upc":"A",` + winter + `}`, sumOfFuture, `[{"onHand":10}]`},
	{opDeliver, "locationCodes[]", `{"locationCodes":["1"],"upc":"A",` + winter + `}`, sumOfFuture, `[{"onHand":1}]`},
	{opDeliver, "allLocations", `{"allLocations":true,"locationCodes":["1"],"upc":"A",` + winter + `}`, sumOfFuture,
		`[{"onHand":0}]`},
	{opDeliver, "partNumber", `{"partNumber":"A",` + winter + `}`, "", `{"deliveries":3}`},
	{opDeliver, "upc", `{"upc":"A",` + winter + `}`, "", `{"deliveries":3}`},
	{opDeliver, "sku", `{"sku":"A",` + winter + `}`, "", `{"deliveries":3}`},
	{opDeliver, "futureStartDate",
		`{"upc":"A","futureStartDate":"2027-01-10T00:00:00Z","futureEndDate":"2027-12-31T00:00:00Z"}`, sumOfFuture,
		`[{"onHand":7}]`},
	{opDeliver, "futureEndDate",
		`{"upc":"A","futureStartDate":"2026-01-10T00:00:00Z","futureEndDate":"2027-01-10T00:00:00Z"}`, sumOfFuture,
		`[{"onHand":1}]`},
	{opDeliver, "externalIDs[]", `{"upc":"A","externalIDs":["x"],` + winter + `}`, "", "501"},
})

const sumOfFuture = opSum + ` {"items":[{"upc":"A"}],"includeFutureInventory":"futureOnly"}`

// lots are the members for lots. The server refuses each of them.
func lots(op, rest string) (list []memberCase) {
	for _, field := range [][2]string{{"lotCode", `"L"`}, {"condition", `"new"`}, {"serialNumber", `"S"`},
		{"date", `"2026-12-24T00:00:00Z"`}} {
		list = append(list, memberCase{op, field[0], "{" + rest + `"` + field[0] + `":` + field[1] + "}", "", "501"})
	}
	return list
}
