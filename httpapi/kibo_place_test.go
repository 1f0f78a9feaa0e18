package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"apportion/engine"
)

// TestKiboTransition: the items of a cart become items of an order and keep their units, also the pending ones.
func TestKiboTransition(t *testing.T) {
	c := newKiboStock(t)
	item := func(cartItem string, quantity int) string {
		return fmt.Sprintf(`{"cartID":"c-1","cartItemID":%q,"upc":"A","quantity":%d,"locationCode":"11"%s}`, cartItem,
			quantity, inStore)
	}
	c.must("POST", kiboV5+"/allocate", kiboItems(item("x", 6), item("y", 1), item("z", 1)))
	c.want(c.must("POST", kiboV5+"/transitionCart",
		`{"cartID":"c-1","orderID":77,"items":[{"orderItemID":1,"cartItemID":"x","shipmentID":7},
		{"orderItemID":2,"cartItemID":"y","shipmentID":7,"transitionItemID":3}]}`), `{"success":true,"messages":[],"numResults":2}`)
	var v engine.OrderView
	if found, _ := c.store.ReadOrder("77", &v); !found || len(v.Items) != 2 || v.Items[0].ItemID != "1@7" ||
		v.Items[1].ItemID != "3@7" || v.Items[0].ExpiresAtMS != 0 {
		t.Errorf("the order is %+v", v)
	}
	c.must("POST", kiboV5+"/fulfill", kiboItems(kiboItem(77, 1, 5, "A", "11", "")))
	if got := c.segments("A", "11", "Channel"); got != "Web 10/0/0/10 Store 0/0/3/-3 " {
		t.Errorf("after the order shipped: %s", got)
	}

	f := func(body string, status int, message string) {
		t.Helper()
		got, value, text := c.call("POST", kiboV5+"/transitionCart", body)
		if said, _ := value.(map[string]any)["message"].(string); got != status || !strings.Contains(said, message) {
			t.Errorf("%s answers %d %s, want %d with %q", body, got, text, status, message)
		}
	}
	f(`{"cartID":"c-1","orderID":77,"items":[{"orderItemID":1,"cartItemID":"x","shipmentID":7}]}`, 404, "unknown-item")
	f(`{"cartID":"c-1","orderID":77,"items":[{"orderItemID":1,"cartItemID":"z","shipmentID":7}]}`, 409, "conflict")
	f(`{"cartID":"c-2","orderID":77,"items":[{"orderItemID":1,"cartItemID":"x"}]}`, 409, "not-reserved")
	f(`{"orderID":77,"items":[{"orderItemID":1}]}`, 400, "cartID")
	f(`{"cartID":"c-1","items":[{"orderItemID":1}]}`, 400, "orderID")
	f(`{"cartID":"c-1","orderID":77,"items":[{"cartItemID":"z"}]}`, 400, "orderItemID")
	f(`{"cartID":"c-1","orderID":77,"items":[]}`, 400, "lines")
}

func TestKiboShipments(t *testing.T) {
	c := newKiboStock(t)
	for order := int64(1); order <= 450; order++ { // more than the limit of one look
		c.must("POST", kiboV5+"/allocate", kiboItems(
			fmt.Sprintf(`{"orderID":%d,"orderItemID":1,"shipmentID":%d,"upc":"A","quantity":1,"locationCode":"11"}`,
				order, 1000+order)))
	}
	c.must("POST", kiboV5+"/allocate", kiboItems(
		`{"orderID":2,"orderItemID":2,"shipmentID":1001,"upc":"A","quantity":7,"locationCode":"11"`+inStore+`}`))
	c.want(c.must("POST", kiboV5+"/shipmentInventoryAllocations", `{"shipmentIDs":[1001,"1450",5]}`), `{"shipments":{
		"1001":{"currentAllocations":[{"orderItemID":1,"upc":"A","quantity":1,"state":"ALLOCATED","tags":{"Channel":"Web"}},{"orderItemID":2,"quantity":5,"tags":{"Channel":"Store"}}],
			"futureAllocations":[{"orderItemID":2,"quantity":2,"state":"PENDING"}]},
		"1450":{"currentAllocations":[],"futureAllocations":[{"quantity":1}]},"5":{"currentAllocations":[],"futureAllocations":[]}}}`)
	for _, body := range []string{``, `{}`, `{"shipmentIDs":["x"]}`, `{"shipmentIDs":[` + strings.Repeat("1,", 1000) +
		`1]}`} {
		if status, _, text := c.call("POST", kiboV5+"/shipmentInventoryAllocations", body); status != 400 {
			t.Errorf("%.40s answers %d %s", body, status, text)
		}
	}
}

func TestKiboLocationsAndExport(t *testing.T) {
	c := newKiboStock(t)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"02","items":[{"upc":"A, \"B\"","quantity":1},{"upc":"A","quantity":9,"deliveryDate":"2026-12-24T00:00:00Z"}]}`)
	c.want(c.must("GET", kiboV1+"location", ""),
		`[{"locationCode":"02","active":true},{"locationCode":"11","tenantID":12345}]`)
	c.want(c.must("GET", kiboV1+"location/11", ""), `[{"locationCode":"11"}]`)
	c.want(c.must("POST", kiboV1+"location",
		`{"tenantID":1,"locationCode":"02","locationName":"Two","active":true,"directShip":true,"pickup":false,"latitude":52.52,"longitude":-13.4}`),
		`[{"locationCode":"02","locationName":"Two","pickup":false,"transferEnabled":true,"latitude":52.52,"longitude":-13.4}]`)
	c.must("POST", kiboV1+"location", `{"locationCode":"03","active":false}`)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"03","items":[{"upc":"A","quantity":5}]}`)
	c.want(c.must("POST", kiboV1+"location", `{"locationCode":"02","express":true}`),
		`[{"locationName":"Two","pickup":false,"express":true}]`)
	c.want(c.must("POST", kiboV1+"location",
		`{"locationCode":"02","locationName":null,"latitude":null,"express":null,"pickup":null}`),
		// null is like a missing field
		`[{"locationName":"Two","latitude":52.52,"pickup":false,"express":true}]`)
	c.want(c.must("GET", kiboV1+"location", ""),
		`[{"locationCode":"02","pickup":false},{"locationCode":"03","active":false},{"locationCode":"11","pickup":true}]`)
	where := func(more, want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"A"}]`+more+`}`), want)
	}
	// inactive locations are not shown
	where(``, `[{"locationCode":"02","locationName":"Two","pickup":false},{"locationCode":"11"}]`)
	where(`,"pickup":true`, `[{"locationCode":"11"}]`)
	where(`,"pickup":false`, `[{"locationCode":"02"}]`)
	where(`,"pickup":true,"requestLocation":{"locationCode":"02"}`, `[]`)
	c.want(c.must("GET", kiboV5+"?type=ALL_STORES&items=A&pickup=true", ""), `[{"locationCode":"11"}]`)
	c.want(c.must("POST", kiboV5+"/aggregate", `{"items":[{"upc":"A"}]}`), `[{"onHand":15}]`)
	for _, body := range []string{``, `{}`, `{"locationCode":"1","active":"yes"}`, `{"locationCode":"1","latitude":91}`,
		`{"locationCode":"1","longitude":1e300}`} {
		if status, _, text := c.call("POST", kiboV1+"location", body); status != 400 {
			t.Errorf("%s answers %d %s", body, status, text)
		}
	}
	c.must("POST", kiboV5+"/delete", `{"upc":"A","locationCodes":["03"]}`)
	if status, _, text := c.call("GET", kiboV1+"location/12", ""); status != 404 {
		t.Errorf("a location without records: %d %s", status, text)
	}
	f := func(query, want string) {
		t.Helper()
		if status, text := c.send("GET", "/api"+kiboV1+"export"+query, ""); status != 200 || text != want {
			t.Errorf("export%s: %d\n%s\nwant\n%s", query, status, text, want)
		}
	}
	const header = "LOCATIONCODE,PARTNUMBER,UPC,SKU,QUANTITY,DELIVERY_DATE,Channel\n"
	const at11 = "11,A,A,,10,,Web\n11,A,A,,5,,Store\n11,B,B,,3,,Web\n"
	f("", header+at11+"02,\"A, \"\"B\"\"\",\"A, "+
		"\"\"B\"\"\",,1,,Web\n02,A,A,,0,,Web\n02,A,A,,9,2026-12-24T00:00:00.000Z,Web\n")
	f("?locationCode=11", header+at11)
	f("?locationCode=12", header)
}

// TestKiboHasEveryOperation: each operation of the vendor's file is answered, possibly with the reason why it is not
// supported.
func TestKiboHasEveryOperation(t *testing.T) {
	c := newKiboClient(t)
	if c.spec == nil {
		t.Skip("the vendor's OpenAPI file is not there: no reply of Kibo's face is held against it, in this test " +
			"and in all others")
	}
	for pattern, operations := range c.spec.paths {
		path := strings.ReplaceAll(pattern, "}}", "}")
		for strings.Contains(path, "{") {
			path = path[:strings.Index(path, "{")] + "7" + path[strings.Index(path, "}")+1:]
		}
		for method := range operations {
			if method == "parameters" {
				continue
			}
			if status, text := c.send(strings.ToUpper(method), "/api"+path, ""); status == 405 || status == 404 &&
				strings.Contains(text, "there is no such path") {
				t.Errorf("%s %s is not served: %d %s", method, pattern, status, text)
			} else if status == 501 && !strings.Contains(text, "not done here: ") {
				t.Errorf("%s %s does not say why: %s", method, pattern, text)
			}
		}
	}
}

func TestKiboBlockAssignment(t *testing.T) {
	c := newKiboStock(t)
	where := func(more, want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5, `{"type":"ANY","items":[{"upc":"A"},{"upc":"B"}]`+more+`}`), want)
	}
	c.want(c.must("POST", kiboV5+"/blockAssignment",
		`{"tenantID":1,"locationCode":"11","items":[{"upc":"A","blockAssignment":true}]}`),
		`{"success":true,"numResults":1}`)
	where(``, `[{"upc":"A","blockAssignment":true},{"upc":"B","blockAssignment":false}]`)
	where(`,"excludeBlockedAssignment":true`, `[{"upc":"B"}]`)
	c.must("POST", kiboV5+"/blockAssignment", `{"locationCode":"11","items":[{"upc":"A","blockAssignment":false}]}`)
	where(`,"excludeBlockedAssignment":true`, `[{"upc":"A"},{"upc":"B"}]`)
	for body, want := range map[string]int{``: 400, `{"locationCode":"11"}`: 400,
		`{"items":[{"upc":"A","blockAssignment":true}]}`:                                                        400,
		`{"locationCode":"11","items":[{"upc":"A"}]}`:                                                           400,
		`{"locationCode":"11","items":[{"blockAssignment":true}]}`:                                              400,
		`{"locationCode":"11","items":[{"upc":"A","blockAssignment":true},{"upc":"Z","blockAssignment":true}]}`: 409} {
		if status, _, text := c.call("POST", kiboV5+"/blockAssignment", body); status != want {
			t.Errorf("%s answers %d %s, want %d", body, status, text, want)
		}
	}
	where(`,"excludeBlockedAssignment":true`, `[{"upc":"A"},{"upc":"B"}]`)
}

// TestKiboJobsAreDurable: after a restart a job is there, and its key still gives its answer.
func TestKiboJobsAreDurable(t *testing.T) {
	dir := t.TempDir()
	const body = `{"locationCode":"11","items":[{"upc":"A","quantity":4}]}`
	for restart := range 2 {
		store := openRaftStore(t, dir, nil)
		c := &kiboClient{serveTest(t, Config{}, store, nil), loadKiboSpec(t)}
		for range 2 {
			_, value, _ := c.call("POST", kiboV5+"/adjust", body, "Idempotency-Key", "k")
			c.want(value, `{"jobID":1}`)
		}
		c.want(c.must("GET", kiboV1+"queue", ""), `[{"jobID":1,"type":"ADJUST","status":"SUCCESS","itemCount":1}]`)
		c.want(c.must("POST", kiboV5+"/aggregate", `{"items":[{"upc":"A"}]}`), `[{"onHand":4}]`)
		if err := store.Close(); err != nil {
			t.Fatalf("start %d: %v", restart, err)
		}
	}
}

// TestKiboDistances: the locations nearest to a point come first.
func TestKiboDistances(t *testing.T) {
	c := newKiboClient(t)
	for code, at := range map[string]string{"Potsdam": `52.39,"longitude":13.06`, "Hamburg": `53.55,"longitude":9.99`,
		"Sydney": `-33.87,"longitude":151.21`, "nowhere": `0,"longitude":0`} {
		c.must("POST", kiboV1+"location", fmt.Sprintf(`{"locationCode":%q,"latitude":%s}`, code, at))
		c.must("POST", kiboV5+"/refresh", fmt.Sprintf(`{"locationCode":%q,"items":[{"upc":"A","quantity":5}]}`, code))
	}
	const berlin = `"latitude":52.52,"longitude":13.405`
	where := func(more, want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5, `{"items":[{"upc":"A"}],`+more+`}`), want)
	}
	where(`"requestLocation":{`+berlin+`}`,
		`[{"locationCode":"Potsdam","distance":17.08},{"locationCode":"Hamburg","distance":158.71},{"locationCode":"Sydney","distance":10000.86},{"locationCode":"nowhere"}]`)
	where(`"limit":1,"requestLocation":{`+berlin+`}`, `[{"locationCode":"Potsdam"}]`)
	where(`"locationPriorityList":["Sydney"],"limit":2,"requestLocation":{`+berlin+`}`,
		`[{"locationCode":"Sydney"},{"locationCode":"Potsdam"}]`)
	where(`"requestLocation":{"radius":158,`+berlin+`}`, `[{"locationCode":"Potsdam"}]`)
	where(`"requestLocation":{"radius":159,"unit":"MILES",`+berlin+`}`,
		`[{"locationCode":"Potsdam"},{"locationCode":"Hamburg"}]`)
	where(`"requestLocation":{"radius":254,"unit":"KM",`+berlin+`}`, `[{"locationCode":"Potsdam"}]`)
	where(`"requestLocation":{"radius":1,"postalCode":"10115"}`, `[{"locationCode":"Hamburg"},{},{},{}]`)
	const fields = "?items=A&requestLocation[latitude]=53.5&requestLocation[longitude]=10&" +
		"requestLocation[radius]=50&requestLocation[unit]=KM"
	c.want(c.must("GET", kiboV5+fields, ""), `[{"locationCode":"Hamburg"}]`)
	for _, location := range []string{`{"latitude":1}`, `{"latitude":91,"longitude":0}`,
		`{"latitude":1,"longitude":-181}`, `{"radius":-1}`, `{"unit":"FEET"}`, `{"latitude":"x"}`} {
		if status, _, text := c.call("POST", kiboV5, `{"items":[{"upc":"A"}],"requestLocation":`+location+
			`}`); status != 400 {
			t.Errorf("%s answers %d %s", location, status, text)
		}
	}
	if status, _, _ := c.call("GET", kiboV5+"?items=A&requestLocation[radius]=x", ""); status != 400 {
		t.Errorf("a radius that is no number answers %d", status)
	}
}
