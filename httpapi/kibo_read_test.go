package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"apportion/engine"
	"apportion/httpapi/kibo"
)

// refused demands a 400 with a code and a field.
func (c *kiboClient) refused(method, path, body, code, field string) (value map[string]any) {
	c.t.Helper()
	status, reply, text := c.call(method, path, body)
	value, _ = reply.(map[string]any)
	if status != 400 || value["code"] != code || value["field"] != field {
		c.t.Errorf("%s %s %.200s answers %d %.300s, want 400 %s at %q", method, path, body, status, text, code, field)
	}
	return value
}

// TestKiboBodiesAreStrict: every operation reads its body as strictly as the native API.
func TestKiboBodiesAreStrict(t *testing.T) {
	c := newKiboStock(t)
	before, tried := c.store.engine.Stats(), 0
	for _, op := range kibo.Operations() {
		path := op.Pattern
		for _, param := range []string{"{name}", "{value}", "{futureInventoryID}", "{code}", "{id}"} {
			path = strings.ReplaceAll(path, param, "1")
		}
		if op.Method != "POST" && op.Method != "PUT" {
			continue
		}
		if status, _, _ := c.call(op.Method, path, "{"); status == 501 {
			continue
		}
		tried++
		for _, row := range [][3]string{
			{"{\"locationCode\":\"A\xff\"}", "bad-json", "locationCode"},
			{`{"locationCode":"A\ud800"}`, "bad-json", "locationCode"},
			{"{\"x\":[{\"y\":\"\xff\"}]}", "bad-json", "x[0].y"}, // also in an ignored field
			{"{\"\xff\":1}", "bad-json", ""},
			{`{"locationCode":"A","locationCode":"B"}`, "duplicate-field", "locationCode"},
			{`{"x":{"a":1,"b":[],"a":2}}`, "duplicate-field", "x.a"},
			{`{"locationCode":"A"}{}`, "bad-json", ""},
			{`{"locationCode":"A",}`, "bad-json", ""},
		} {
			c.refused(op.Method, path, row[0], row[1], row[2])
		}
	}
	if tried < 20 {
		t.Errorf("%d operations", tried)
	}
	// The same name in another case is the same field.
	c.refused("POST", kiboV5+"/refresh", `{"locationCode":"A","LocationCode":"B"}`, "duplicate-field", "LocationCode")
	if after := c.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
}

// TestKiboQueriesAreStrict: texts in a URL must be valid text, and numbers must be numbers.
func TestKiboQueriesAreStrict(t *testing.T) {
	c := newKiboStock(t)
	for _, query := range []string{"items=%ff", "locationWhitelist=%00", "%ff=1", "items=A;B%zz"} {
		c.refused("GET", kiboV5+"?"+query, "", "invalid", "")
	}
	c.refused("GET", kiboV1+"location/%ff", "", "invalid", "path")
	c.refused("GET", kiboV1+"location/A%E2%80%AE", "", "invalid", "path")
	for _, number := range []string{"NaN", "Inf", "-Infinity", "1e400", "0x10", "1_0", "91", ""} {
		for _, name := range []string{"latitude", "longitude", "radius"} {
			if number == "" || number == "91" && name != "latitude" {
				continue
			}
			// the form of the vendor's client, and that of OpenAPI
			for _, form := range []string{"requestLocation[%s]", "%s"} {
				query := url.Values{"items": {"A"}, fmt.Sprintf(form, "latitude"): {"1"},
					fmt.Sprintf(form, "longitude"): {"1"}}
				query.Set(fmt.Sprintf(form, name), number)
				if status, _, text := c.call("GET", kiboV5+"?"+query.Encode(), ""); status != 400 {
					t.Errorf("%s answers %d %s", query.Encode(), status, text)
				}
			}
		}
	}
	for _, text := range []string{`{"latitude":NaN,"longitude":1}`, `{"latitude":1,"latitude":2,"longitude":1}`,
		`{"latitude":"\ud800"}`} {
		if status, _, reply := c.call("GET", kiboV5+"?items=A&requestLocation="+url.QueryEscape(text),
			""); status != 400 {
			t.Errorf("%s answers %d %s", text, status, reply)
		}
	}
}

// TestKiboNames: names in the state have the same form as those of the native API.
func TestKiboNames(t *testing.T) {
	c := newKiboStock(t)
	before := c.store.engine.Stats()
	for _, name := range append(badEnds, badInside...) {
		f := func(method, path, body, field string) {
			t.Helper()
			c.refused(method, path, fmt.Sprintf(body, name), "invalid", field)
		}
		f("POST", kiboV5+"/refresh", `{"locationCode":%q,"items":[{"upc":"A","quantity":1}]}`, "locationCode")
		for _, key := range []string{"upc", "partNumber", "sku"} {
			f("POST", kiboV5+"/adjust", `{"locationCode":"11","items":[{"upc":"A","quantity":1},{"`+key+
				`":%q,"quantity":1}]}`, "items[1]."+key)
		}
		f("POST", kiboV5+"/refresh", `{"locationCode":"11","items":[{"upc":"A","quantity":1,"tags":{"Channel":%q}}]}`,
			"items[0].tags.Channel")
		f("POST", kiboV5+"/allocate",
			`{"items":[{"cartID":%q,"cartItemID":"1","upc":"A","quantity":1,"locationCode":"11"}]}`, "items[0].cartID")
		f("POST", kiboV5+"/allocate",
			`{"items":[{"cartID":"c","cartItemID":%q,"upc":"A","quantity":1,"locationCode":"11"}]}`,
			"items[0].cartItemID")
		f("POST", kiboV5+"/transitionCart", `{"cartID":%q,"orderID":1}`, "cartID")
		f("POST", kiboV1+"tagCategory", `{"name":%q,"tags":[{"tagValue":"a"}]}`, "name")
		f("PUT", kiboV1+"tagCategory/T", `{"tags":[{"tagValue":"a"},{"tagValue":%q}]}`, "tags[1].tagValue")
		f("POST", kiboV1+"tagCategory/Channel/tag", `{"tagValue":%q}`, "tagValue")
		f("POST", kiboV1+"location", `{"locationCode":%q}`, "locationCode")
		f("POST", kiboV1+"locationGroup", `{"locationGroupCode":%q,"locationCodes":["11"]}`, "locationGroupCode")
		f("POST", kiboV1+"locationGroup", `{"locationGroupCode":"G","locationCodes":["11",%q]}`, "locationCodes[1]")
	}
	if after := c.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
	c.refused("POST", kiboV1+"tagCategory/Channel/tag", `{"tagValue":"STORE"}`, "invalid", "values[2].value")
	c.refused("POST", kiboV1+"tagCategory", `{"name":"CHANNEL","tags":[{"tagValue":"a"}]}`, "invalid", "name")

	// The display name of a location is not normalized.
	c.want(c.must("POST", kiboV1+"location", `{"locationCode":"Cafe\u0301","locationName":" Café\u200b "}`),
		`[{"locationCode":"Café","locationName":" Café\u200b "}]`)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"Cafe\u0301","items":[{"upc":"Cafe\u0301","quantity":1,"tags":{"Channel":"Store"}}]}`)
	c.must("POST", kiboV5+"/allocate",
		`{"items":[{"cartID":"Cafe\u0301","cartItemID":"Cafe\u0301","upc":"Café","quantity":1,"locationCode":"Café","tags":{"Channel":"Store"}}]}`)
	c.must("POST", kiboV5+"/transitionCart",
		`{"cartID":"Café","orderID":77,"items":[{"cartItemID":"Café","orderItemID":1}]}`)
	c.want(c.must("POST", kiboV5,
		`{"type":"ALL_STORES","items":[{"upc":"Cafe\u0301"}],"locationWhitelist":["Cafe\u0301"]}`),
		`[{"locationCode":"Café","upc":"Café","allocated":1}]`)
	c.want(c.must("GET", kiboV5+"?type=ALL_STORES&items=Cafe%CC%81&locationWhitelist=11,Cafe%CC%81", ""),
		`[{"locationCode":"Café"}]`)
}

// TestKiboNamesFromBefore: older versions kept names in any form. These are read, changed and deleted by exactly that
// name.
func TestKiboNamesFromBefore(t *testing.T) {
	c := newKiboStock(t)
	for i, name := range []string{"SKU ", "Cafe\u0301", "S\u202eKU"} {
		c.apply(&engine.Refresh{Location: name,
			Items: []engine.StockItem{{UPC: name, Quantity: 5,
				Tags: []engine.Tag{{Category: "Channel", Value: "Web"}}}}},
			&engine.Allocate{OrderID: kibo.CartOrderID(name), ExpiresAtMS: 1 << 50,
				Lines: []engine.AllocateLine{{ItemID: "1", UPC: name, Location: name, Quantity: 2,
					Tags: []engine.Tag{{Category: "Channel", Value: "Web"}}}}})
		body := func(form string) string {
			return strings.ReplaceAll(strings.ReplaceAll(form, "NAME", name), "NUMBER", fmt.Sprint(i+1))
		}
		c.must("POST", kiboV5+"/transitionCart",
			body(`{"cartID":"NAME","orderID":5,"items":[{"cartItemID":"1","orderItemID":NUMBER}]}`))
		c.must("POST", kiboV5+"/adjust", body(`{"locationCode":"NAME","items":[{"upc":"NAME","quantity":1}]}`))
		c.want(c.must("POST", kiboV5,
			body(`{"type":"ALL_STORES","items":[{"upc":"NAME"}],"locationWhitelist":["NAME"]}`)),
			`[{"onHand":6,"allocated":2}]`)
		c.want(c.must("GET", kiboV1+"location/"+url.PathEscape(name), ""), body(`[{"locationCode":"NAME"}]`))
		c.must("POST", kiboV5+"/deallocate", body(`{"items":[{"orderID":5,"orderItemID":NUMBER,"quantity":2}]}`))
		c.want(c.must("POST", kiboV5+"/delete", body(`{"upc":"NAME"}`)), `{"records":1}`)
	}
}

// TestKiboBadRows: the answer to a load has the faults of all rows, up to a limit.
func TestKiboBadRows(t *testing.T) {
	c := newKiboStock(t)
	rows := make([]string, 3000)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"upc":"U%d","quantity":1}`, i)
	}
	body := func() string { return `{"locationCode":"11","items":[` + strings.Join(rows, ",") + `]}` }
	want := []struct{ row, field, value, code string }{
		{`{"upc":"A","quantity":5.5}`, "items[3].quantity", "", "invalid"},
		{`{"upc":"A","quantity":1,"deliveryDate":"soon"}`, "items[10].deliveryDate", "", "invalid"},
		{`{"upc":7,"quantity":1}`, "items[500].upc", "7", "wrong-type"},
		{`{"upc":"A"}`, "items[501].quantity", "", "invalid"},
		{`{"quantity":1}`, "items[502]", "", "invalid"},
		{`7`, "items[503]", "7", "wrong-type"},
		{`{"upc":"A","quantity":-1}`, "items[504].quantity", "-1", "invalid"},
		{`{"upc":"A ","quantity":1}`, "items[505].upc", "A ", "invalid"},
		{`{"upc":"A","quantity":1,"tags":{"Channel":true}}`, "items[506].tags.Channel", "", "wrong-type"},
		{`{"upc":"A","quantity":1,"tags":["Web"]}`, "items[2500].tags", "", "wrong-type"},
	}
	for i, at := range []int{3, 10, 500, 501, 502, 503, 504, 505, 506, 2500} {
		rows[at] = want[i].row
	}
	before := c.store.engine.Stats()
	for _, path := range []string{"/refresh", "/smart-refresh"} {
		reply := c.refused("POST", kiboV5+path, body(), "invalid", "items[3].quantity")
		errors, _ := reply["errors"].([]any)
		if len(errors) != len(want) {
			t.Fatalf("%d errors: %v", len(errors), errors)
		}
		for i, w := range want {
			e := errors[i].(map[string]any)
			if e["field"] != w.field || e["code"] != w.code || w.value != "" && e["value"] != w.value ||
				!strings.Contains(e["detail"].(string), fmt.Sprintf("items[%s", w.field[6:9][:1])) {
				t.Errorf("%s is told as %v", w.row, e)
			}
		}
	}
	for i := range rows {
		rows[i] = `{"upc":"A","quantity":0}`
	}
	reply := c.refused("POST", kiboV5+"/adjust", body(), "invalid", "items[0].quantity")
	if errors, _ := reply["errors"].([]any); len(errors) != kibo.RowFaultsMax {
		t.Errorf("%d errors", len(errors))
	}
	reply = c.refused("POST", kiboV5+"/allocate", `{"items":[{"orderID":1},{"orderID":"x"},{"orderID":2,"tags":7}]}`,
		"invalid", "items[1].orderID")
	if errors, _ := reply["errors"].([]any); len(errors) != 2 {
		t.Errorf("the errors of an order are %v", errors)
	}
	if after := c.store.engine.Stats(); after != before {
		t.Errorf("the state has changed from %+v to %+v", before, after)
	}
}
