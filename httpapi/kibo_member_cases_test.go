package httpapi

import "slices"

// memberCases are the cases of all operations. Their world is that of newKiboWorld.
var memberCases = slices.Concat(queryMembers, queryParams, aggregateMembers, stockMembers, orderMembers, releaseMembers,
	deleteMembers, placeMembers, tagMembers)

const (
	opQuery   = "POST v5/inventory"
	opGet     = "GET v5/inventory"
	opQueue   = "GET v1/queue"
	opSum     = "POST v5/inventory/aggregate"
	opInfo    = "POST v5/inventory/getOrderItemInformation"
	opDelete  = "POST v5/inventory/delete"
	opDeletes = "POST v5/inventory/deleteItems"
	opDeliver = "POST v5/inventory/deleteFutureInventory"
	newestJob = "GET v1/queue ?limit=1"
	ofA       = `{"items":[{"upc":"A"}],`
	ofF       = `{"items":[{"upc":"F"}],`
	berlin    = `"latitude":52.52,"longitude":13.405`
	atOne     = opQuery +
		` {"type":"ALL_STORES","items":[{"upc":"A"}],"locationWhitelist":["1"],"includeFutureInventory":true}`
	winter = `"futureStartDate":"2026-12-01T00:00:00Z","futureEndDate":"2027-12-31T00:00:00Z"`
	first  = `{"orderID":1,"orderItemID":1,"shipmentID":7,`
)

var queryMembers = []memberCase{
	{opQuery, "type", `{"type":"ALL","items":[{"upc":"A"},{"upc":"B"}]}`, "",
		`[{"locationCode":"1"},{"locationCode":"1"},{"locationCode":"2"},{"locationCode":"2"}]`},
	{opQuery, "items[].partNumber", `{"items":[{"partNumber":"B"}]}`, "", `[{"upc":"B","partNumber":"B"},{}]`},
	{opQuery, "items[].upc", `{"items":[{"upc":"B"}]}`, "", `[{"upc":"B"},{}]`},
	{opQuery, "items[].sku", `{"items":[{"sku":"B"}]}`, "", `[{"upc":"B","sku":"B"},{}]`},
	{opQuery, "items[].upc", `{"items":[{"upc":"B","partNumber":"A","sku":"F"}]}`, "",
		`[{"upc":"B","partNumber":"A","sku":"F"},{}]`},
	{opQuery, "items[].partNumber", `{"items":[{"partNumber":"B","sku":"A"}]}`, "", `[{"upc":"B","sku":"A"},{}]`},
	{opQuery, "items[].quantity", `{"items":[{"upc":"A","quantity":5}]}`, "",
		`[{"locationCode":"1"},{"locationCode":"3"}]`},
	{opQuery, "items[].tags", `{"items":[{"upc":"A","tags":{"Channel":"Store"}}]}`, "",
		`[{"available":5,"taggedInventory":[{"tags":{"Channel":"Store"}}]}]`},
	{opQuery, "requestLocation.unit", ofA + `"requestLocation":{` + berlin + `,"radius":200,"unit":"KM"}}`, "",
		`[{"locationCode":"1"}]`},
	{opQuery, "requestLocation.radius", ofA + `"requestLocation":{` + berlin + `,"radius":100}}`, "",
		`[{"locationCode":"1"}]`},
	{opQuery, "requestLocation.latitude", ofA + `"requestLocation":{"latitude":53.55,"longitude":9.99}}`, "",
		`[{"locationCode":"2","distance":0},{"locationCode":"1"},{"distance":null}]`},
	{opQuery, "requestLocation.longitude", ofA + `"requestLocation":{"latitude":53.55,"longitude":9.99}}`, "",
		`[{"locationCode":"2"},{"distance":158.71},{}]`},
	{opQuery, "requestLocation.locationCode", ofA + `"requestLocation":{"locationCode":"2"}}`, "",
		`[{"locationCode":"2"}]`},
	{opQuery, "requestLocation.locationCode", `{"requestLocation":{"locationCode":"1"}}`, "",
		`[{"upc":"A"},{"upc":"B"}]`},
	{opQuery, "limit", ofA + `"limit":2}`, "", `[{"locationCode":"1"},{"locationCode":"2"}]`},
	{opQuery, "pageSize", ofA + `"pageSize":2}`, "", `[{"locationCode":"1"},{"locationCode":"2"}]`},
	{opQuery, "pageNum", ofA + `"pageSize":2,"pageNum":2}`, "", `[{"locationCode":"3"}]`},
	{opQuery, "locationWhitelist[]", ofA + `"locationWhitelist":["2"]}`, "", `[{"locationCode":"2"}]`},
	{opQuery, "locationPriorityList[]", ofA + `"locationPriorityList":["3"]}`, "",
		`[{"locationCode":"3"},{"locationCode":"1"},{}]`},
	{opQuery, "locationBlacklist[]", ofA + `"locationBlacklist":["1"]}`, "",
		`[{"locationCode":"2"},{"locationCode":"3"}]`},
	{opQuery, "locationWhitelist[]", `{"locationWhitelist":["2"],"requestLocation":{"locationCode":"1"}}`, "", `[]`},
	{opQuery, "locationBlacklist[]", `{"locationBlacklist":["1"],"requestLocation":{"locationCode":"1"}}`, "", `[]`},
	{opQuery, "ignoreSafetyStock", ofA + `"ignoreSafetyStock":true}`, "", `[{"available":13,"safetyStock":2},{},{}]`},
	{opQuery, "includeNegativeInventory", `{"type":"ALL_STORES","items":[{"upc":"N"}],"includeNegativeInventory":true}`,
		"", `[{"available":-4}]`},
	{opQuery, "includeNegativeInventory", `{"requestLocation":{"locationCode":"1"},"includeNegativeInventory":true}`,
		"", `[{"upc":"A"},{"upc":"B"},{"upc":"D","available":-2}]`},
	{opQuery, "directShip", ofF + `"directShip":false}`, "", `[{"locationCode":"2"}]`},
	{opQuery, "transferEnabled", ofF + `"transferEnabled":false}`, "", `[{"locationCode":"3"}]`},
	{opQuery, "pickup", ofF + `"pickup":false}`, "", `[{"locationCode":"4"}]`},
	{opQuery, "includeInAggregateExport", ofF + `"includeInAggregateExport":false}`, "", `[{"locationCode":"5"}]`},
	{opQuery, "includeInLocationExport", ofF + `"includeInLocationExport":false}`, "", `[{"locationCode":"6"}]`},
	{opQuery, "directShip", ofF + `"directShip":true}`, "", `[{"locationCode":"3"},{},{},{}]`},
	{opQuery, "excludeBlockedAssignment", `{"items":[{"upc":"H"}],"excludeBlockedAssignment":true}`, "", `[]`},
	{opQuery, "excludeBlockedAssignment", `{"requestLocation":{"locationCode":"2"},"excludeBlockedAssignment":true}`,
		"", `[{"upc":"A"},{"upc":"B"},{"upc":"F"}]`},
	{opQuery, "includeFutureInventory", ofA + `"includeFutureInventory":true}`, "",
		`[{"futureInventory":[{"onhand":7},{"onhand":2}]},{"futureInventory":null},{"futureInventory":[{}]}]`},
	{opQuery, "deliveryDateBefore", ofA + `"includeFutureInventory":true,"deliveryDateBefore":"2026-12-24T00:00:00Z"}`,
		"", `[{"futureInventory":[{"onhand":7}]},{},{"futureInventory":null}]`},
	{opQuery, "deliveryDateAfter", ofA + `"includeFutureInventory":true,"deliveryDateAfter":"2027-01-10T00:00:00Z"}`,
		"", `[{"futureInventory":[{"onhand":2}]},{},{"futureInventory":[{}]}]`},
	{opQuery, "sortByEnum", `{"requestLocation":{"locationCode":"1"},"sortByEnum":"AVAILABLE"}`, "",
		`[{"upc":"B"},{"upc":"A"}]`},
	{opQuery, "sortByEnum", `{"requestLocation":{"locationCode":"1"},"sortByEnum":"ON_HAND"}`, "",
		`[{"upc":"B"},{"upc":"A"}]`},
	{opQuery, "sortByEnum", `{"requestLocation":{"locationCode":"1"},"sortByEnum":"ALLOCATED"}`, "",
		`[{"upc":"B"},{"upc":"A"}]`},
	{opQuery, "sortByEnum",
		`{"items":[{"upc":"B"},{"upc":"A"}],"requestLocation":{"locationCode":"1"},"sortByEnum":"PRODUCT_ID"}`, "",
		`[{"upc":"A"},{"upc":"B"}]`},
	{opQuery, "sortDescending",
		`{"requestLocation":{"locationCode":"1"},"sortByEnum":"PART_NUMBER","sortDescending":true}`, "",
		`[{"upc":"B"},{"upc":"A"}]`},
	{opQuery, "forceDefaultsForUnspecifiedTagCategories", ofA + `"forceDefaultsForUnspecifiedTagCategories":true}`, "",
		`[{"available":5,"onHand":10},{},{}]`},
	{opQuery, "forceDefaultsForUnspecifiedTagCategories",
		`{"requestLocation":{"locationCode":"1"},"forceDefaultsForUnspecifiedTagCategories":true}`, "",
		`[{"available":5},{}]`},
	{opQuery, "tags", ofA + `"tags":{"Channel":"Store"}}`, "", `[{"available":5}]`},
	{opQuery, "tags", `{"requestLocation":{"locationCode":"1"},"tags":{"Grade":"Used"}}`, "",
		`[{"upc":"A","available":1},{"upc":"B","available":0},{"upc":"D","available":0}]`},
	{opQuery, "locationGroupCode", ofA + `"locationGroupCode":"g"}`, "", `[{"locationCode":"2"}]`},
}

var queryParams = []memberCase{
	{opGet, "?type", `?type=ALL&items=A&items=B`, "",
		`[{"locationCode":"1"},{"locationCode":"1"},{"locationCode":"2"},{"locationCode":"2"}]`},
	{opGet, "?items", `?items=B,F&type=ALL`, "", `[{"upc":"B","locationCode":"2"},{"upc":"F"}]`},
	{opGet, "?items", `?items={"partNumber":"A","quantity":5}`, "",
		`[{"locationCode":"1","partNumber":"A"},{"locationCode":"3"}]`},
	{opGet, "?requestLocation", `?items=A&requestLocation=2`, "", `[{"locationCode":"2"}]`},
	{opGet, "?requestLocation", `?items=A&requestLocation={"latitude":53.55,"longitude":9.99,"radius":9}`, "",
		`[{"locationCode":"2"}]`},
	{opGet, "?requestLocation[locationCode]", `?items=A&requestLocation[locationCode]=2`, "", `[{"locationCode":"2"}]`},
	{opGet, "?requestLocation[unit]",
		`?items=A&requestLocation[latitude]=52.52&requestLocation[longitude]=13.405&requestLocation[radius]=200&requestLocation[unit]=KM`, "", `[{"locationCode":"1"}]`},
	{opGet, "?requestLocation[radius]",
		`?items=A&requestLocation[latitude]=52.52&requestLocation[longitude]=13.405&requestLocation[radius]=9`, "",
		`[{"locationCode":"1"}]`},
	{opGet, "?locationWhitelist", `?items=A&locationWhitelist=2,3`, "", `[{"locationCode":"2"},{"locationCode":"3"}]`},
	{opGet, "?locationBlacklist", `?items=A&locationBlacklist=1&locationBlacklist=2`, "", `[{"locationCode":"3"}]`},
	{opGet, "?limit", `?items=A&limit=1`, "", `[{"locationCode":"1"}]`},
	{opGet, "?pageSize", `?items=A&pageSize=1`, "", `[{"locationCode":"1"}]`},
	{opGet, "?pageNum", `?items=A&pageSize=1&pageNum=3`, "", `[{"locationCode":"3"}]`},
	{opGet, "?ignoreSafetyStock", `?items=A&ignoreSafetyStock=true`, "", `[{"available":13},{},{}]`},
	{opGet, "?includeNegativeInventory", `?type=ALL_STORES&items=N&includeNegativeInventory=true`, "",
		`[{"available":-4}]`},
	{opGet, "?shippingLocation", `?items=F&shippingLocation=false`, "", `[{"locationCode":"2"}]`},
	{opGet, "?transferEnabled", `?items=F&transferEnabled=false`, "", `[{"locationCode":"3"}]`},
	{opGet, "?pickup", `?items=F&pickup=false`, "", `[{"locationCode":"4"}]`},
	{opGet, "?includeInAggregate", `?items=F&includeInAggregate=false`, "", `[{"locationCode":"5"}]`},
	{opGet, "?locationGroupCode", `?items=F&locationGroupCode=g`, "", `[{"locationCode":"2"}]`},
	{opQueue, "?locationCode", `?locationCode=3`, "", `[{"locationCode":"3","type":"REFRESH"}]`},
	{opQueue, "?limit", `?limit=1`, "", `[{"type":"ALLOCATE","itemCount":2}]`},
	{opQueue, "?owner", `?owner=5`, "", `[{"owner":"5","type":"REFRESH"}]`},
	{opQueue, "?types", `?types=REFRESH`, "", `[{"locationCode":"3"},{"locationCode":"2"},{"locationCode":"1"}]`},
	{opQueue, "?originalFilename", `?originalFilename=a.csv`, "", `[]`},
}

var aggregateMembers = []memberCase{
	{opSum, "items[].partNumber", `{"items":[{"partNumber":"B"}]}`, "", `[{"upc":"B","partNumber":"B","onHand":23}]`},
	{opSum, "items[].upc", `{"items":[{"upc":"B"}]}`, "", `[{"upc":"B","onHand":23,"available":21,"numResults":2}]`},
	{opSum, "items[].sku", `{"items":[{"sku":"B"}]}`, "", `[{"upc":"B","sku":"B","onHand":23}]`},
	{opSum, "items[].tags", `{"items":[{"upc":"A","tags":{"Channel":"Store"}}]}`, "",
		`[{"onHand":5,"tags":{"Channel":"Store"}}]`},
	{opSum, "tags", ofA + `"tags":{"Grade":"Used"}}`, "", `[{"onHand":1,"tags":{"Grade":"Used"}}]`},
	{opSum, "ignoreSafetyStock", ofA + `"ignoreSafetyStock":true}`, "", `[{"onHand":26,"available":22}]`},
	{opSum, "includeNegativeInventory", `{"items":[{"upc":"N"}],"includeNegativeInventory":true}`, "",
		`[{"onHand":1,"available":-4,"numResults":1}]`},
	{opSum, "directShip", ofA + `"directShip":false}`, "", `[{"onHand":4}]`},
	{opSum, "transferEnabled", ofA + `"transferEnabled":false}`, "", `[{"onHand":6}]`},
	{opSum, "pickup", ofF + `"pickup":true}`, "", `[{"onHand":4}]`},
	{opSum, "locationGroupCode", ofA + `"locationGroupCode":"g"}`, "", `[{"onHand":4}]`},
	{opSum, "includeFutureInventory", ofA + `"includeFutureInventory":"futureOnly"}`, "",
		`[{"onHand":10,"available":10}]`},
	{opSum, "includeFutureInventory", ofA + `"includeFutureInventory":"futureAndCurrent"}`, "",
		`[{"onHand":36,"available":30}]`},
	{opSum, "futureStartDate", ofA + `"includeFutureInventory":"futureOnly","futureStartDate":"2027-01-10T00:00:00Z"}`,
		"", `[{"onHand":3}]`},
	{opSum, "futureEndDate", ofA + `"includeFutureInventory":"futureOnly","futureEndDate":"2027-01-10T00:00:00Z"}`, "",
		`[{"onHand":9}]`},
	{opSum, "forceDefaultsForUnspecifiedTagCategories", ofA + `"forceDefaultsForUnspecifiedTagCategories":true}`, "",
		`[{"onHand":20}]`},
	{opSum, "pageSize", `{"items":[{"upc":"A"},{"upc":"B"},{"upc":"D"}],"pageSize":2}`, "",
		`[{"upc":"A"},{"upc":"B"}]`},
	{opSum, "pageNum", `{"items":[{"upc":"A"},{"upc":"B"},{"upc":"D"}],"pageSize":2,"pageNum":2}`, "", `[{"upc":"D"}]`},
}

// changeMembers are the common members of refresh and adjust. The world has no P, and 16 of A at 1.
func changeMembers(op, afterwards string) []memberCase {
	const sumOfP = opSum + ` {"items":[{"upc":"P"}]}`
	one := func(name string) memberCase {
		return memberCase{op, "items[]." + name, `{"locationCode":"1","items":[{"` + name + `":"P","quantity":2}]}`,
			sumOfP, `[{"onHand":2}]`}
	}
	return []memberCase{
		one("partNumber"), one("upc"), one("sku"),
		{op, "items[].quantity", `{"locationCode":"1","items":[{"upc":"A","quantity":20}]}`, atOne,
			`[{"onHand":` + afterwards + `}]`},
		{op, "items[].tags",
			`{"locationCode":"1","items":[{"upc":"P","quantity":2,"tags":{"Channel":"Store","Grade":"Used"}}]}`,
			opQuery + ` {"items":[{"upc":"P"}]}`,
			`[{"taggedInventory":[{"tags":{"Channel":"Store","Grade":"Used"},"onHand":2}]}]`},
		{op, "items[].deliveryDate",
			`{"locationCode":"2","items":[{"upc":"A","quantity":2,"deliveryDate":"2026-12-25T01:00:00+0100"}]}`,
			opQuery + ` {"items":[{"upc":"A"}],"locationWhitelist":["2"],"includeFutureInventory":true}`,
			`[{"onHand":4,"futureInventory":[{"onhand":2,"deliveryDate":"2026-12-25T00:00:00.000Z"}]}]`},
		{op, "locationCode", `{"locationCode":"9","items":[{"upc":"A","quantity":2}]}`,
			opQuery + ` {"requestLocation":{"locationCode":"9"}}`, `[{"upc":"A","onHand":2}]`},
		{op, "userID", `{"locationCode":"9","userID":"77","items":[{"upc":"A","quantity":2}]}`, newestJob,
			`[{"owner":"77","locationCode":"9"}]`},
	}
}

var stockMembers = slices.Concat(changeMembers("POST v5/inventory/refresh", "26"),
	changeMembers("POST v5/inventory/adjust", "36"), []memberCase{
		{"POST v5/inventory/refresh", "items[].safetyStock",
			`{"locationCode":"2","items":[{"upc":"A","quantity":4,"safetyStock":3}]}`,
			opQuery + ` {"items":[{"upc":"A"}]}`, `[{},{"safetyStock":3,"available":1},{}]`},
		{"POST v5/inventory/refresh", "items[].floor",
			`{"locationCode":"2","items":[{"upc":"A","quantity":4,"floor":3}]}`,
			opQuery + ` {"items":[{"upc":"A"}]}`, `[{},{"floor":3},{}]`},
		{"POST v5/inventory/refresh", "items[].LTD", `{"locationCode":"2","items":[{"upc":"A","quantity":4,"LTD":3}]}`,
			opQuery + ` {"items":[{"upc":"A"}]}`, `[{},{"ltd":3},{}]`},
	})

var placeMembers = slices.Concat(oneLocation(`"express":true`, "express"),
	oneLocation(`"includeInLocationExport":false`, "includeInLocationExport"),
	oneLocation(`"includeInAggregate":false`, "includeInAggregate"),
	oneLocation(`"active":false`, "active"), oneLocation(`"directShip":false`, "directShip"),
	oneLocation(`"pickup":false`, "pickup"), oneLocation(`"transferEnabled":false`, "transferEnabled"),
	oneLocation(`"postalCode":"10115"`, "postalCode"), oneLocation(`"countryCode":"DE"`, "countryCode"),
	oneLocation(`"latitude":1.5`, "latitude"), oneLocation(`"longitude":-2.5`, "longitude"),
	oneLocation(`"locationName":"Nine"`, "locationName"), oneLocation(`"wmsEnabled":true`, "wmsEnabled"), []memberCase{
		{"POST v1/location", "locationCode", `{"locationCode":"9"}`, "GET v1/location/9",
			`[{"locationCode":"9","locationName":"9"}]`},
		{"POST v1/locationGroup", "locationGroupCode", `{"locationGroupCode":"h","locationCodes":["1"]}`,
			"GET v1/locationGroup/h", `[{"locationCodes":["1"]}]`},
		{"POST v1/locationGroup", "locationCodes[]", `{"locationGroupCode":"g","locationCodes":["1","3"]}`,
			"GET v1/locationGroup/g", `[{"locationCodes":["1","3"]}]`},
	})

func oneLocation(field, name string) []memberCase {
	return []memberCase{{"POST v1/location", name, `{"locationCode":"9",` + field + `}`, "GET v1/location/9",
		`[{` + field + `}]`}}
}

var tagMembers = []memberCase{
	{"POST v1/tagCategory", "name", `{"name":"Size","tags":[{"tagValue":"S"}]}`, "GET v1/tagCategory/Size",
		`{"tags":[{"tagValue":"S"}]}`},
	{"POST v1/tagCategory", "tags[].tagValue", `{"name":"Size","tags":[{"tagValue":"S"}]}`, "GET v1/tagCategory/Size",
		`{"tags":[{"tagValue":"S"}]}`},
	{"POST v1/tagCategory/Grade/tag", "tagValue", `{"tagValue":"Mid"}`, "GET v1/tagCategory/Grade",
		`{"tags":[{},{},{"tagValue":"Mid","isDefault":false,"percent":null}]}`},
	{"POST v1/tagCategory/Grade/tag", "isDefault", `{"tagValue":"Mid","isDefault":true}`, "GET v1/tagCategory/Grade",
		`{"tags":[{"isDefault":false},{},{"isDefault":true}]}`},
	{"POST v1/tagCategory/Grade/tag", "percent", `{"tagValue":"Mid","percent":100}`, "GET v1/tagCategory/Grade",
		`{"tags":[{"percent":0},{"percent":0},{"percent":100}]}`},
	{"PUT v1/tagCategory/Grade/tag/Used", "tagValue", `{"tagValue":"Mid"}`, "", "400"},
	{"PUT v1/tagCategory/Grade/tag/Used", "isDefault", `{"isDefault":true}`, "GET v1/tagCategory/Grade",
		`{"tags":[{"isDefault":false},{"isDefault":true}]}`},
	{"PUT v1/tagCategory/Grade/tag/Used", "percent", `{"percent":100}`, "GET v1/tagCategory/Grade",
		`{"tags":[{"percent":0},{"percent":100}]}`},
	{"PUT v1/tagCategory/Grade", "name", `{"name":"Size"}`, "", "400"},
	{"PUT v1/tagCategory/Grade", "tags[].tagValue",
		`{"tags":[{"tagValue":"New"},{"tagValue":"Used"},{"tagValue":"Mid"}]}`, "GET v1/tagCategory/Grade",
		`{"tags":[{},{},{"tagValue":"Mid"}]}`},
	{"PUT v1/tagCategory/Grade", "tags[].isDefault",
		`{"tags":[{"tagValue":"New"},{"tagValue":"Used","isDefault":true}]}`, "GET v1/tagCategory/Grade",
		`{"tags":[{"isDefault":false},{"isDefault":true}]}`},
	{"PUT v1/tagCategory/Grade", "tags[].percent",
		`{"tags":[{"tagValue":"New","percent":60},{"tagValue":"Used","percent":40}]}`, "GET v1/tagCategory/Grade",
		`{"tags":[{"percent":60},{"percent":40}]}`},
}
