package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

const (
	kiboV1 = "/commerce/inventory/v1/"
	kiboV5 = "/commerce/inventory/v5/inventory"
)

// channel is a distributed category.
const channel = `{"name":"Channel","tags":[{"tagValue":"Web","isDefault":true,"percent":70},{"tagValue":"Store","percent":30}]}`

func TestKiboTags(t *testing.T) {
	c := newKiboClient(t)
	c.want(c.must("GET", kiboV1+"tagCategory", ""), `[]`)
	made := c.must("POST", kiboV1+"tagCategory", channel)
	c.want(made,
		`{"name":"Channel","tags":[{"tagValue":"Web","isDefault":true,"percent":70},{"tagValue":"Store","isDefault":false,"percent":30}]}`)
	c.want(c.must("PUT", kiboV1+"tagCategory/Type", `{"tags":[{"tagValue":"A"},{"tagValue":"B"}],"unknown":1}`),
		`{"name":"Type","tags":[{"tagValue":"A","isDefault":true},{"tagValue":"B","isDefault":false}]}`)
	c.want(c.must("GET", kiboV1+"tagCategory", ""), `[{"name":"Channel"},{"name":"Type"}]`)
	c.want(c.must("PUT", kiboV1+"tagCategory/Channel", `{"name":"Channel"}`),
		`{"tags":[{"tagValue":"Web","percent":70},{}]}`)

	c.want(c.must("POST", kiboV1+"tagCategory/Channel/tag", `{"tagValue":"Outlet"}`),
		`{"tagValue":"Outlet","isDefault":false,"percent":0}`)
	c.want(c.must("PUT", kiboV1+"tagCategory/Type/tag/B", `{"isDefault":true}`), `{"tagValue":"B","isDefault":true}`)
	c.want(c.must("GET", kiboV1+"tagCategory/Type/tag/A", ""), `{"tagValue":"A","isDefault":false}`)
	c.want(c.must("DELETE", kiboV1+"tagCategory/Type/tag/A", ""), `{"deleted":1}`)
	c.want(c.must("DELETE", kiboV1+"tagCategory/Type", ""), `{"deleted":1}`)
	c.want(c.must("GET", kiboV1+"tagCategory/Channel", ""),
		`{"tags":[{"tagValue":"Web"},{"tagValue":"Store"},{"tagValue":"Outlet"}]}`)

	f := func(method, path, body string, status int, message string) {
		t.Helper()
		got, value, text := c.call(method, kiboV1+"tagCategory"+path, body)
		said, _ := value.(map[string]any)["message"].(string)
		if got != status || !strings.Contains(said, message) {
			t.Errorf("%s %s %s answers %d %s, want %d with %q", method, path, body, got, text, status, message)
		}
	}
	f("GET", "/Size", "", 404, "no tag category")
	f("GET", "/Channel/tag/Mail", "", 404, "has no tag")
	f("PUT", "/Channel", `{"name":"Other"}`, 400, "keeps its name")
	f("PUT", "/Channel", `{"tags":[{"tagValue":"Web","percent":70},{"tagValue":"Store","percent":20}]}`, 400, "percent")
	f("PUT", "/Channel", `{"tags":[{"tagValue":"Web","percent":70.001},{"tagValue":"Store","percent":29.999}]}`, 400,
		"percent")
	f("PUT", "/Channel", `{"tags":[]}`, 400, "values")
	f("PUT", "/Channel", `{"tags":{}}`, 400, "tags")
	f("PUT", "/Channel", ``, 400, "no body")
	f("PUT", "/Channel", `{`, 400, "cannot be read")
	f("POST", "", channel, 400, "already")
	f("POST", "", `{"tags":[{"tagValue":"A"}]}`, 400, "name")
	f("POST", "/Channel/tag", `{"tagValue":"Web"}`, 400, "already")
	f("POST", "/Channel/tag", `{"tagValue":"Mail","percent":10}`, 400, "percent")
	f("PUT", "/Channel/tag/Web", `{"tagValue":"Mail"}`, 400, "keeps its value")
	f("DELETE", "/Channel/tag/Web", ``, 400, "default")
	f("DELETE", "/Channel/tag/Mail", ``, 404, "has no tag")
	f("DELETE", "/Channel/tag/Store", ``, 400, "percent")
}

// segments reads the tagged inventory of one record as "value onHand/allocated/pending/available ...".
func (c *kiboClient) segments(upc, location, category string) string {
	c.t.Helper()
	list := c.must("POST", kiboV5, fmt.Sprintf(
		`{"type":"ALL_STORES","items":[{"upc":%q}],"locationWhitelist":[%q],"includeNegativeInventory":true}`, upc,
		location)).([]any)
	if len(list) != 1 {
		return "none"
	}
	text := ""
	for _, s := range list[0].(map[string]any)["taggedInventory"].([]any) {
		m := s.(map[string]any)
		text += fmt.Sprintf("%v %v/%v/%v/%v ", m["tags"].(map[string]any)[category], m["onHand"], m["allocated"],
			m["pending"], m["available"])
	}
	return text
}

func TestKiboStock(t *testing.T) {
	c := newKiboClient(t)
	c.must("POST", kiboV1+"tagCategory", channel)
	c.want(c.must("POST", kiboV5+"/refresh", `{"locationCode":"S1","userID":7,"items":[
		{"upc":"A","quantity":100,"safetyStock":2,"floor":5,"LTD":3,"retailPrice":9.5},
		{"upc":"A","quantity":"20","tags":{"Channel":"Store"}},{"partNumber":"P","quantity":4}]}`), `{"jobID":1}`)
	// A missing tag has its default value. Nothing is split.
	if got := c.segments("A", "S1", "Channel"); got != "Web 100/0/0/98 Store 20/0/0/20 " {
		t.Errorf("after a refresh: %s", got)
	}
	c.want(c.must("POST", kiboV5+"/adjust", `{"locationCode":"S1","items":[{"upc":"A","quantity":-10}]}`),
		`{"jobID":2}`)
	c.want(c.must("POST", kiboV5+"/smart-refresh/", `{"locationCode":"S2","items":[{"upc":"A","quantity":1}]}`),
		`{"method":"sync","jobID":"3"}`)
	c.want(c.must("POST", kiboV5+"/smart-adjust", `{"locationCode":"S2","items":[{"upc":"A","quantity":-2}]}`),
		`{"method":"sync","jobID":"4"}`)
	c.want(c.must("GET", kiboV1+"queue/1", ""),
		`{"success":true,"messages":[],"jobID":1,"tenantID":12345,"locationCode":"S1","owner":"7",
		"type":"REFRESH","status":"SUCCESS","itemCount":3,"numResults":3,"hasData":true}`)
	c.want(c.must("GET", kiboV1+"queue/4", ""),
		`{"success":false,"messages":["on-hand-below-zero at items[0].quantity: -2"],"type":"ADJUST","status":"FAILED","itemCount":1,"numResults":0}`)
	c.want(c.must("GET", kiboV1+"queue?limit=2", ""), `[{"jobID":4},{"jobID":3}]`)
	c.want(c.must("GET", kiboV1+"queue?locationCode=S1", ""), `[{"jobID":2},{"jobID":1}]`)
	c.want(c.must("GET", kiboV1+"queue?types=REFRESH&owner=7", ""), `[{"jobID":1}]`)
	c.want(c.must("GET", kiboV1+"queue?types=ADJUST,ALLOCATE", ""), `[{"jobID":4},{"jobID":2}]`)
	c.want(c.must("GET", kiboV1+"queue?originalFilename=x", ""), `[]`)

	// A repeated key gives its first job again.
	for range 2 {
		status, value, text := c.call("POST", kiboV5+"/adjust",
			`{"locationCode":"S2","items":[{"upc":"A","quantity":1}]}`, "Idempotency-Key", "k")
		if status != 200 {
			t.Fatal(text)
		}
		c.want(value, `{"jobID":5}`)
	}
	if got := c.segments("A", "S2", "Channel"); got != "Web 2/0/0/2 " {
		t.Errorf("after a repeated adjust: %s", got)
	}
	status, _, text := c.call("POST", kiboV5+"/adjust", `{"locationCode":"S2","items":[{"upc":"A","quantity":2}]}`,
		"Idempotency-Key", "k")
	if status != 409 || !strings.Contains(text, "items[0].quantity") {
		t.Errorf("a key with another body answers %d %s", status, text)
	}
}

func TestKiboBadStock(t *testing.T) {
	c := newKiboClient(t)
	f := func(path, body, message string) {
		t.Helper()
		status, value, text := c.call("POST", kiboV5+path, body)
		said, _ := value.(map[string]any)["message"].(string)
		if status != 400 || !strings.Contains(said, message) {
			t.Errorf("%s %.300s answers %d %.300s, want 400 with %q", path, body, status, text, message)
		}
	}
	f("/refresh", ``, "no body")
	f("/refresh", `[]`, "not what is expected")
	f("/refresh", `{"locationCode":"S","items":[{"quantity":1}]}`, "items[0] needs a upc")
	f("/refresh", `{"locationCode":"S","items":[{"upc":"A"}]}`, "items[0] has no quantity")
	f("/refresh", `{"locationCode":"S","items":[{"upc":"A","quantity":1.5}]}`, "whole number")
	f("/refresh", `{"locationCode":"S","items":[{"upc":"A","quantity":9223372036854775808}]}`, "whole number")
	f("/refresh", `{"locationCode":"S","items":[{"upc":"A","quantity":-1}]}`, "items[0].quantity")
	f("/refresh", `{"locationCode":"S","items":[{"upc":"A","quantity":1,"deliveryDate":"soon"}]}`, "no date")
	f("/refresh", `{"locationCode":"S","items":[{"upc":"A","quantity":1,"tags":[]}]}`, "tags")
	f("/refresh", `{"items":[{"upc":"A","quantity":1}]}`, "location")
	f("/refresh", `{"locationCode":"S","items":[]}`, "items")
	f("/refresh", `{"locationCode":"S","items":[`+strings.Repeat(`{"upc":"A","quantity":1},`, 12000)+`{}]}`,
		"items: more than 12000 elements")
	f("", `{"type":"SOME","items":[{"upc":"A"}]}`, "none of ANY")
	f("", `{"type":"ANY","items":[]}`, "items is empty")
	f("", `{"type":"ANY","items":[{"upc":"A","tags":{"No":"x"}}]}`, "does not exist")
	f("", `{"type":"ANY","items":[{"upc":"A"}],"tags":{"No":"x"}}`, "does not exist")
	f("/aggregate", `{"items":[]}`, "items is empty")
	f("/aggregate", `{"items":[{"upc":"A"}],"includeFutureInventory":"x"}`, "futureOnly")
	for path, status := range map[string]int{kiboV1 + "queue/9": 404, kiboV1 + "queue/x": 400,
		kiboV1 + "queue?limit=0": 400, "/commerce/nothing": 404, kiboV1 + "bin": 501} {
		if got, _, text := c.call("GET", path, ""); got != status {
			t.Errorf("%s answers %d %s, want %d", path, got, text, status)
		}
	}
	if n := c.store.engine.Stats(); n.Jobs != 0 || n.Records != 0 {
		t.Errorf("what was no good has left %+v", n)
	}
}

func TestKiboQuery(t *testing.T) {
	c := newKiboClient(t)
	c.must("POST", kiboV1+"tagCategory", channel)
	for location, quantities := range map[string][2]int{"L1": {5, 5}, "L2": {1, 9}, "L3": {0, 2}, "L4": {7, 0}} {
		c.must("POST", kiboV5+"/refresh", fmt.Sprintf(
			`{"locationCode":%q,"items":[{"upc":"A","quantity":%d},{"upc":"B","quantity":%d},
			{"upc":"B","quantity":1,"tags":{"Channel":"Store"}}]}`, location, quantities[0], quantities[1]))
	}
	f := func(body, want string) {
		t.Helper()
		got := ""
		for _, record := range c.must("POST", kiboV5, body).([]any) {
			m := record.(map[string]any)
			got += fmt.Sprintf("%v/%v:%v ", m["locationCode"], m["upc"], m["available"])
		}
		if got != want {
			t.Errorf("%s\ngives %s\nwant  %s", body, got, want)
		}
	}
	const both = `"items":[{"upc":"A","quantity":2},{"upc":"B","quantity":3}]`
	f(`{"type":"ANY",`+both+`}`, "L1/A:5 L1/B:6 L2/B:10 L3/B:3 L4/A:7 ")
	f(`{"type":"ALL",`+both+`}`, "L1/A:5 L1/B:6 ")
	f(`{"type":"PARTIAL",`+both+`}`, "L1/A:5 L1/B:6 L2/A:1 L2/B:10 L3/A:0 L3/B:3 L4/A:7 L4/B:1 ")
	f(`{"type":"ALL_STORES","items":[{"upc":"A"}]}`, "L1/A:5 L2/A:1 L3/A:0 L4/A:7 ")
	f(`{"type":"ALL","items":[{"upc":"A","quantity":3},{"upc":"A","quantity":3}]}`, "L4/A:7 L4/A:7 ")
	f(`{"type":"ANY","items":[{"upc":"B","quantity":1,"tags":{"Channel":"Store"}}]}`, "L1/B:1 L2/B:1 L3/B:1 L4/B:1 ")
	f(`{"type":"ANY","items":[{"upc":"B","quantity":2}],"tags":{"Channel":"Store"}}`, "")
	f(`{"type":"ANY","items":[{"upc":"B","quantity":2}],"forceDefaultsForUnspecifiedTagCategories":true}`,
		"L1/B:5 L2/B:9 L3/B:2 ")
	f(
		`{"type":"ANY","items":[{"upc":"B","quantity":1,"tags":{"Channel":"Store"}}],"forceDefaultsForUnspecifiedTagCategories":true}`, "L1/B:1 L2/B:1 L3/B:1 L4/B:1 ")
	f(`{"type":"ALL_STORES","items":[{"upc":"A"}],"locationWhitelist":["L2","L4","L9"]}`, "L2/A:1 L4/A:7 ")
	f(`{"type":"ALL_STORES","items":[{"upc":"A"}],"locationBlacklist":["L2","L4"]}`, "L1/A:5 L3/A:0 ")
	f(`{"type":"ALL_STORES","items":[{"upc":"A"}],"limit":2}`, "L1/A:5 L2/A:1 ")
	f(`{"type":"ALL_STORES","items":[{"upc":"A"}],"limit":2,"locationPriorityList":["L4","L3"]}`, "L4/A:7 L3/A:0 ")
	f(`{"type":"ALL_STORES","items":[{"upc":"A"}],"pageSize":3,"pageNum":2}`, "L4/A:7 ")
	f(`{"type":"ALL_STORES","items":[{"upc":"A"}],"pageSize":3,"pageNum":9}`, "")
	f(`{"type":"ALL_STORES","items":[{"upc":"Z"}]}`, "")
	f(`{"type":"ANY","items":[],"requestLocation":{"locationCode":"L2"}}`, "L2/A:1 L2/B:10 ")
	f(
		`{"type":"ANY","items":[],"requestLocation":{"locationCode":"L2"},"sortByEnum":"AVAILABLE","sortDescending":true}`, "L2/B:10 L2/A:1 ")
	f(`{"type":"ANY",`+both+`,"requestLocation":{"locationCode":"L2"}}`, "L2/B:10 ")

	c.want(c.must("GET", kiboV5+"?type=ALL&items=A&items=B&locationWhitelist=L1,L2&limit=1", ""),
		`[{"locationCode":"L1","upc":"A"}]`)
	c.want(c.must("GET", kiboV5+`?type=ANY&items=[{"upc":"A","quantity":6}]`, ""), `[{"locationCode":"L4"}]`)
	c.want(c.must("POST", kiboV5+"/aggregate",
		`{"items":[{"upc":"A"},{"partNumber":"B","tags":{"Channel":"Store"}},{"upc":"Z"}]}`),
		`[{"upc":"A","onHand":13,"available":13},{"upc":"B","partNumber":"B","onHand":4,"tags":{"Channel":"Store"}},{"upc":"Z","onHand":0}]`)
}

func TestKiboFuture(t *testing.T) {
	c := newKiboClient(t)
	c.must("POST", kiboV1+"tagCategory", channel)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"L1","items":[{"upc":"A","quantity":5,"safetyStock":2},
		{"upc":"A","quantity":7,"deliveryDate":"2026-12-24T12:00:00-0500","tags":{"Channel":"Store"}}]}`)
	value := c.must("POST", kiboV5,
		`{"type":"ANY","items":[{"upc":"A"}],"includeFutureInventory":true,"ignoreSafetyStock":true}`)
	c.want(value,
		`[{"onHand":5,"available":5,"safetyStock":2,"futureInventory":[{"futureInventoryID":1,"onhand":7,"deliveryDate":"2026-12-24T17:00:00.000Z"}],
		"taggedInventory":[{"tags":{"Channel":"Web"},"onHand":5},{"tags":{"Channel":"Store"},"onHand":0,"futureInventory":[{"onhand":7}]}]}]`)
	c.want(c.must("POST", kiboV5,
		`{"type":"ANY","items":[{"upc":"A"}],"includeFutureInventory":true,"deliveryDateBefore":"2026-12-01T00:00:00Z"}`),
		`[{"available":3,"futureInventory":null}]`)
	f := func(body, want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5+"/aggregate", `{"items":[{"upc":"A"}]`+body+`}`), want)
	}
	f(``, `[{"onHand":5,"available":3}]`)
	f(`,"includeFutureInventory":"futureAndCurrent"`, `[{"onHand":12,"available":10}]`)
	f(`,"includeFutureInventory":"futureOnly"`, `[{"onHand":7,"available":7}]`)
	f(`,"includeFutureInventory":"futureOnly","futureEndDate":"2026-12-01T00:00:00Z"`, `[{"onHand":0}]`)
}

func TestKiboTicket(t *testing.T) {
	c := newKiboClient(t)
	c.want(c.must("POST", "/platform/applications/authtickets/oauth",
		`{"client_id":"a","client_secret":"b","grant_type":"client_credentials"}`),
		`{"token_type":"bearer","expires_in":3600}`)
	// The vendor's documents have paths without /api, for the same operations.
	if status, text := c.send("GET", kiboV1+"tagCategory", ""); status != 200 || text != "[]" {
		t.Errorf("without /api: %d %s", status, text)
	}
}

// TestKiboTagsAtATime: a change of one tag keeps a concurrent change of another tag.
func TestKiboTagsAtATime(t *testing.T) {
	c := newKiboClient(t)
	const category = kiboV1 + "tagCategory/Type"
	c.must("PUT", category, `{"tags":[{"tagValue":"A"},{"tagValue":"B"}]}`)
	meanwhile := func(method, path, body string) { c.store.before = func() { c.must(method, category+path, body) } }
	meanwhile("POST", "/tag", `{"tagValue":"C"}`)
	c.must("POST", category+"/tag", `{"tagValue":"D"}`)
	meanwhile("PUT", "/tag/B", `{"isDefault":true}`)
	c.must("DELETE", category+"/tag/C", "")
	c.want(c.must("GET", category, ""),
		`{"tags":[{"tagValue":"A","isDefault":false},{"tagValue":"B","isDefault":true},{"tagValue":"D"}]}`)

	f := func(want int, method, path, body string) {
		t.Helper()
		if status, _, text := c.call(method, category+path, body); status != want {
			t.Errorf("%s %s answers %d %s, want %d", method, path, status, text, want)
		}
	}
	meanwhile("DELETE", "/tag/D", "")
	f(404, "PUT", "/tag/D", `{"isDefault":true}`)
	meanwhile("POST", "/tag", `{"tagValue":"E"}`)
	f(400, "POST", "/tag", `{"tagValue":"E"}`)
	meanwhile("PUT", "/tag/A", `{"isDefault":true}`)
	f(400, "DELETE", "/tag/A", "")
	meanwhile("DELETE", "", "")
	f(404, "POST", "/tag", `{"tagValue":"F"}`)
	c.store.before = func() { c.must("POST", kiboV1+"tagCategory", `{"name":"Type","tags":[{"tagValue":"X"}]}`) }
	if status, _, text := c.call("POST", kiboV1+"tagCategory",
		`{"name":"Type","tags":[{"tagValue":"Y"}]}`); status != 400 {
		t.Errorf("a category is made twice: %d %s", status, text)
	}

	var others sync.WaitGroup
	for i := range 8 {
		others.Go(func() {
			if status, text := c.send("POST", category+"/tag", fmt.Sprintf(`{"tagValue":"T%d"}`, i)); status != 200 {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	others.Wait()
	if tags := c.must("GET", category, "").(map[string]any)["tags"].([]any); len(tags) != 9 {
		t.Errorf("there are %d tags", len(tags))
	}
}

// TestKiboFloorAndLTD: a query returns the figures that a refresh wrote, for the segments that it asks for.
func TestKiboFloorAndLTD(t *testing.T) {
	c := newKiboClient(t)
	c.must("POST", kiboV1+"tagCategory", channel)
	c.must("POST", kiboV5+"/refresh",
		`{"locationCode":"1","items":[{"upc":"A","quantity":9,"floor":5,"LTD":3},{"upc":"B","quantity":1},
		{"upc":"A","quantity":9,"floor":4,"LTD":7,"tags":{"Channel":"Store"}}]}`)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"2","items":[{"upc":"A","quantity":9,"floor":20}]}`)
	query := func(more, want string) {
		t.Helper()
		c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"A"}]`+more+`}`), want)
	}
	query(``, `[{"locationCode":"1","floor":9,"ltd":7},{"locationCode":"2","floor":20,"ltd":0}]`)
	query(`,"tags":{"Channel":"Web"}`, `[{"floor":5,"ltd":3},{"floor":20}]`)
	query(`,"tags":{"Channel":"Store"}`, `[{"floor":4,"ltd":7},{"onHand":0,"floor":0}]`)
	c.want(c.must("POST", kiboV5, `{"requestLocation":{"locationCode":"1"}}`),
		`[{"floor":9,"ltd":7},{"upc":"B","floor":0,"ltd":0}]`)
	c.want(c.must("POST", kiboV5+"/aggregate", `{"items":[{"upc":"A"},{"upc":"A","tags":{"Channel":"Web"}}]}`),
		`[{"floor":29},{"floor":25}]`)
	c.must("POST", kiboV5+"/allocate", kiboItems(kiboItem(1, 1, 1, "A", "1", "")))
	c.want(c.must("POST", kiboV5+"/getOrderItemInformation", `{"orderID":1}`), `[{"floor":9,"ltd":"7"}]`)

	// A refresh of the native API without tags sets both for the record.
	c.post("/v1/inventory/refresh", `{"location":"1","items":[{"upc":"B","quantity":1,"floor":6,"ltd":2}]}`).ok()
	c.want(c.must("POST", kiboV5, `{"items":[{"upc":"B"}]}`), `[{"floor":6,"ltd":2}]`)
	c.want(c.must("POST", kiboV5+"/aggregate", `{"items":[{"upc":"B"}]}`), `[{"floor":6}]`)

	// Without any category there is one segment.
	plain := newKiboClient(t)
	plain.must("POST", kiboV5+"/refresh", `{"locationCode":"1","items":[{"upc":"A","quantity":9,"floor":5,"LTD":3}]}`)
	plain.want(plain.must("POST", kiboV5, `{"items":[{"upc":"A"}]}`), `[{"floor":5,"ltd":3}]`)
}

// TestKiboCategoryKeepsNativeBounds: a PUT keeps bounds that only the native API can set, as long as there are
// percentages.
func TestKiboCategoryKeepsNativeBounds(t *testing.T) {
	c := newKiboClient(t)
	c.put("/v1/tag-categories/Channel",
		`{"rounding":"unbiased","values":[{"value":"Web","percent":70,"min":5,"default":true},{"value":"Store","percent":30,"max":9}]}`).ok()
	bounds := func(want string) {
		t.Helper()
		var have, wanted any
		if err := json.Unmarshal([]byte(c.get("/v1/tag-categories/Channel").ok().body), &have); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil || !contains(have, wanted) {
			t.Errorf("%v\nwant %s", have, want)
		}
	}
	bounds(`{"rounding":"unbiased","values":[{"min":5},{"max":9}]}`)
	c.must("PUT", kiboV1+"tagCategory/Channel",
		`{"tags":[{"tagValue":"Store","percent":40},{"tagValue":"Web","percent":60,"isDefault":true}]}`)
	bounds(
		`{"rounding":"unbiased","values":[{"value":"Store","percent":40,"max":9},{"value":"Web","percent":60,"min":5,"default":true}]}`)
	c.must("PUT", kiboV1+"tagCategory/Channel/tag/Store", `{"isDefault":true}`)
	bounds(`{"rounding":"unbiased","values":[{"value":"Store","max":9,"default":true},{"value":"Web","min":5}]}`)
	c.must("PUT", kiboV1+"tagCategory/Channel", `{"tags":[{"tagValue":"Store"},{"tagValue":"Web"}]}`)
	bounds(`{"rounding":"unbiased","values":[{"value":"Store","percent":null,"max":null},{"value":"Web"}]}`)
}
