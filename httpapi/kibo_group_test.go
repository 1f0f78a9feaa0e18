package httpapi

import "testing"

func TestKiboLocationGroups(t *testing.T) {
	c := newKiboStock(t)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"02","items":[{"upc":"A","quantity":4}]}`)
	c.must("POST", kiboV5+"/refresh", `{"locationCode":"03","items":[{"upc":"A","quantity":9}]}`)
	c.want(c.must("GET", kiboV1+"locationGroup", ""), `[]`)
	c.want(c.must("POST", kiboV1+"locationGroup",
		`{"tenantID":1,"locationGroupCode":"north","locationCodes":["11","02","99"]}`),
		`[{"success":true,"tenantID":12345,"locationGroupCode":"north","locationCodes":["11","02","99"]}]`)
	c.must("POST", kiboV1+"locationGroup", `{"locationGroupCode":"south","locationCodes":["03"]}`)
	c.must("POST", kiboV1+"locationGroup", `{"locationGroupCode":"south","locationCodes":["02"]}`)
	c.want(c.must("GET", kiboV1+"locationGroup", ""),
		`[{"locationGroupCode":"north"},{"locationGroupCode":"south","locationCodes":["02"]}]`)
	c.want(c.must("GET", kiboV1+"location/south", ""), `[{"locationGroupCode":"south","locationCodes":["02"]}]`)
	c.want(c.must("GET", kiboV1+"locationGroup/south", ""), `[{"locationGroupCode":"south"}]`)

	const north = `,"locationGroupCode":"north"`
	c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"A"}]`+north+`}`),
		`[{"locationCode":"02"},{"locationCode":"11"}]`)
	c.want(c.must("POST", kiboV5, `{"type":"ALL_STORES","items":[{"upc":"A"}],"locationBlacklist":["02"]`+north+`}`),
		`[{"locationCode":"11"}]`)
	c.want(c.must("POST", kiboV5, `{"requestLocation":{"locationCode":"03"}`+north+`}`), `[]`)
	c.want(c.must("GET", kiboV5+"?type=ALL_STORES&items=A&locationGroupCode=south", ""), `[{"locationCode":"02"}]`)
	c.want(c.must("POST", kiboV5+"/aggregate", `{"items":[{"upc":"A"}]`+north+`}`), `[{"onHand":19}]`)
	const header = "LOCATIONCODE,PARTNUMBER,UPC,SKU,QUANTITY,DELIVERY_DATE,Channel\n"
	if status, text := c.send("GET", "/api"+kiboV1+"export?locationGroupCode=south", ""); status != 200 ||
		text != header+"02,A,A,,4,,Web\n" {
		t.Errorf("the group's export: %d\n%s", status, text)
	}

	f := func(method, path, body string, want int) {
		t.Helper()
		if status, _, text := c.call(method, path, body); status != want {
			t.Errorf("%s %s with %s answers %d %s, want %d", method, path, body, status, text, want)
		}
	}
	f("POST", kiboV5, `{"items":[{"upc":"A"}],"locationGroupCode":"nroth"}`, 400)
	f("POST", kiboV5+"/aggregate", `{"items":[{"upc":"A"}],"locationGroupCode":"nroth"}`, 400)
	f("GET", kiboV1+"export?locationGroupCode=nroth", "", 400)
	f("POST", kiboV1+"locationGroup", ``, 400)
	f("POST", kiboV1+"locationGroup", `{"locationCodes":["1"]}`, 400)
	f("POST", kiboV1+"locationGroup", `{"locationGroupCode":"x","locationCodes":[]}`, 400)
	f("POST", kiboV1+"locationGroup", `{"locationGroupCode":"x","locationCodes":["1","1"]}`, 400)
	f("DELETE", kiboV1+"locationGroup/x", "", 404)
	c.want(c.must("DELETE", kiboV1+"locationGroup/south", ""), `{"deleted":1}`)
	f("GET", kiboV1+"locationGroup/south", "", 404)
	f("GET", kiboV1+"location/south", "", 404)

	// A location with records comes before a group with the same code. Degrees come back without rounding errors.
	c.must("POST", kiboV1+"locationGroup", `{"locationGroupCode":"11","locationCodes":["02"]}`)
	c.want(c.must("GET", kiboV1+"location/11", ""), `[{"locationCode":"11"}]`)
	c.must("POST", kiboV1+"location", `{"locationCode":"04","latitude":8.2,"longitude":-32.3}`)
	c.want(c.must("GET", kiboV1+"location/04", ""), `[{"latitude":8.2,"longitude":-32.3}]`)
}
