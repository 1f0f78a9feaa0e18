package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rows sends a query and returns its results as "location/upc:available".
func (c *kiboClient) rows(body string) (list []string) {
	c.t.Helper()
	status, text := c.send("POST", "/api"+kiboV5, body)
	var records []struct {
		Location  string `json:"locationCode"`
		UPC       string `json:"upc"`
		Available int64  `json:"available"`
	}
	if err := json.Unmarshal([]byte(text), &records); status != 200 || err != nil {
		c.t.Fatalf("%.300s answers %d %.300s", body, status, text)
	}
	for _, r := range records {
		list = append(list, fmt.Sprintf("%s/%s:%d", r.Location, r.UPC, r.Available))
	}
	return list
}

// pages sends a query, given without its last brace, page by page until one is empty.
func (c *kiboClient) pages(query string, size int) (list []string, sizes []int) {
	c.t.Helper()
	for number := 1; ; number++ {
		page := c.rows(fmt.Sprintf(`%s,"pageSize":%d,"pageNum":%d}`, query, size, number))
		if len(page) == 0 {
			return list, sizes
		}
		list, sizes = append(list, page...), append(sizes, len(page))
	}
}

// refreshed makes items at a location, with one unit each, and names that begin with a text.
func (c *kiboClient) refreshed(location, name string, count int) {
	c.t.Helper()
	items := make([]string, count)
	for i := range items {
		items[i] = fmt.Sprintf(`{"upc":"%s%05d","quantity":1}`, name, i)
	}
	c.must("POST", kiboV5+"/refresh", fmt.Sprintf(`{"locationCode":%q,"items":[%s]}`, location,
		strings.Join(items, ",")))
}

func distinct(list []string) int { return len(slices.Compact(slices.Sorted(slices.Values(list)))) }

func TestKiboPagesAreComplete(t *testing.T) {
	c := newKiboClient(t)
	c.refreshed("S", "SKU", 450)
	const ofS = `{"requestLocation":{"locationCode":"S"}`
	if rows, sizes := c.pages(ofS, 200); distinct(rows) != 450 || !slices.Equal(sizes, []int{200, 200, 50}) {
		t.Errorf("pages of 200 have %v results, %d different ones", sizes, distinct(rows))
	}
	// pages without a size have the default number of results
	first, second := c.rows(ofS+`}`), c.rows(ofS+`,"pageNum":2}`)
	if distinct(append(first, second...)) != 200 {
		t.Errorf("without a pageSize, pages 1 and 2 have %d and %d results, %d different ones", len(first), len(second),
			distinct(append(first, second...)))
	}
	if rows, sizes := c.pages(ofS+`,"limit":250`, 200); distinct(rows) != 250 || !slices.Equal(sizes, []int{200, 50}) {
		t.Errorf("of 250, pages of 200 have %v results", sizes)
	}

	for i := range 150 {
		c.refreshed(fmt.Sprintf("L%03d", i), "T", 2)
	}
	if rows := c.rows(`{"items":[{"upc":"T00000"},{"upc":"T00001"}]}`); len(rows) != 200 || distinct(rows) != 200 {
		t.Errorf("two items have %d results, want 100 for each", len(rows))
	}
	if status, text := c.send("GET", "/api"+kiboV5+"?items=T00000&pageSize=120&pageNum=2", ""); status != 200 ||
		strings.Count(text, `"success":true`) != 30 {
		t.Errorf("the second page of a GET: %d %.300s", status, text)
	}
}

// TestKiboLargeQueries: a result that is too large for a reply is refused, but available page by page.
func TestKiboLargeQueries(t *testing.T) {
	c := newKiboClient(t)
	c.refreshed("S", "SKU", 12_000)
	const ofS = `{"requestLocation":{"locationCode":"S"}`
	for _, query := range []string{ofS, ofS + `,"sortByEnum":"AVAILABLE"`,
		ofS + `,"sortByEnum":"PART_NUMBER","sortDescending":true`} {
		if rows, sizes := c.pages(query, 10_000); distinct(rows) != 12_000 ||
			!slices.Equal(sizes, []int{10_000, 2_000}) {
			t.Errorf("%s has pages of %v results, %d different ones", query, sizes, distinct(rows))
		}
	}
	const items = 101 // with a hundred results each
	for i := range 100 {
		c.refreshed(fmt.Sprintf("L%03d", i), "T", items)
	}
	var names []string
	for i := range items {
		names = append(names, fmt.Sprintf(`{"upc":"T%05d"}`, i))
	}
	ofT := `{"items":[` + strings.Join(names, ",") + `]`
	if rows, sizes := c.pages(ofT, 4_000); distinct(rows) != 10_100 ||
		!slices.Equal(sizes, []int{4_000, 4_000, 2_100}) {
		t.Errorf("101 items have pages of %v results, %d different ones", sizes, distinct(rows))
	}
	if rows := c.rows(ofT + `,"limit":10000}`); distinct(rows) != 10_000 {
		t.Errorf("with the highest limit there are %d results", distinct(rows))
	}
	if rows := c.rows(strings.Replace(ofT, `{"upc":"T00100"}`, `{"upc":"none"}`, 1) + `}`); distinct(rows) != 10_000 {
		t.Errorf("as many as fit into a reply: %d results", distinct(rows))
	}
	refused := func(body, field, value, expected string) {
		t.Helper()
		status, problem, text := c.call("POST", kiboV5, body)
		if m, _ := problem.(map[string]any); status != 400 || m["field"] != field || m["value"] != value &&
			(value != "" || m["value"] != nil) || !strings.Contains(text, expected) {
			t.Errorf("%.100s...%.60s answers %d %.300s", body, body[max(0, len(body)-60):], status, text)
		}
	}
	refused(ofT+`}`, "limit", "", "more results than the 10000")
	refused(ofS+`,"limit":10001}`, "limit", "10001", "from 1 to 10000")
	refused(ofS+`,"limit":0}`, "limit", "0", "from 1 to 10000")
	refused(ofS+`,"pageSize":10001}`, "pageSize", "10001", "from 1 to 10000")
	refused(ofS+`,"pageSize":"-1"}`, "pageSize", "-1", "from 1 to 10000")
	refused(ofS+`,"pageNum":0}`, "pageNum", "0", "from 1 to 1000000")
	refused(ofS+`,"sortByEnum":"FLOOR"}`, "sortByEnum", "FLOOR", "none of ON_HAND")
	for _, query := range []string{"?items=T00000&limit=10001", "?items=T00000&pageSize=0", "?items=T00000&pageNum=x",
		"?items=T00000&directShip=on"} {
		if status, _, text := c.call("GET", kiboV5+query, ""); status != 400 {
			t.Errorf("%s answers %d %s", query, status, text)
		}
	}
	if status, _, text := c.call("GET", kiboV1+"queue?limit=1001", ""); status != 400 ||
		!strings.Contains(text, "from 1 to 1000") {
		t.Errorf("a job list of 1001 answers %d %s", status, text)
	}
}

// TestKiboQueryReadsMax: a query that would look at too many records is refused. It does not return only a part.
func TestKiboQueryReadsMax(t *testing.T) {
	c := newKiboClient(t)
	for i := range 1_010 {
		c.refreshed(fmt.Sprintf("L%04d", i), "T", 1)
	}
	query := `{"type":"ALL_STORES","pageNum":9,"items":[{"upc":"T00000"}` + strings.Repeat(`,{"upc":"none"}`, 988) +
		`%s]}`
	if rows := c.rows(fmt.Sprintf(query, "")); len(rows) != 0 {
		t.Errorf("page 9 has %d results", len(rows))
	}
	status, problem, text := c.call("POST", kiboV5, fmt.Sprintf(query, strings.Repeat(`,{"upc":"none"}`, 11)))
	if m, _ := problem.(map[string]any); status != 400 || m["field"] != "items" || m["value"] != "1000" ||
		!strings.Contains(text, "more than 1000000 records") {
		t.Errorf("the query answers %d %.300s", status, text)
	}
}

// pageWorld is some stock in a simple list.
type pageWorld struct{ records []pageRecord }

type pageRecord struct {
	location, upc      string
	web, store, safety int64 // the safety stock is in Web
}

const (
	pageLocations = 9
	pageItems     = 14
)

func newPageWorld(c *kiboClient) (w pageWorld) {
	c.must("POST", kiboV1+"tagCategory", channel)
	for l := range pageLocations {
		var items []string
		for i := range pageItems {
			if (l*5+i*3)%7 == 0 {
				continue // no record
			}
			r := pageRecord{fmt.Sprintf("L%d", l), fmt.Sprintf("U%02d", i), int64((l*11 + i*7) % 9),
				int64((l + i*5) % 4), int64((l*i + 3) % 8)}
			w.records = append(w.records, r)
			items = append(items, fmt.Sprintf(
				`{"upc":%q,"quantity":%d,"safetyStock":%d},{"upc":%q,"quantity":%d,"tags":{"Channel":"Store"}}`, r.upc,
				r.web, r.safety, r.upc, r.store))
		}
		c.must("POST", kiboV5+"/refresh", fmt.Sprintf(`{"locationCode":"L%d","items":[%s]}`, l,
			strings.Join(items, ",")))
	}
	return w
}

// pageQuery is a query of the API over it.
type pageQuery struct {
	Type     string         `json:"type"`
	Items    []pageItem     `json:"items"`
	At       *pageAt        `json:"requestLocation,omitempty"`
	White    []string       `json:"locationWhitelist,omitempty"`
	Black    []string       `json:"locationBlacklist,omitempty"`
	First    []string       `json:"locationPriorityList,omitempty"`
	Safety   bool           `json:"ignoreSafetyStock"`
	Negative bool           `json:"includeNegativeInventory"`
	Tags     map[string]any `json:"tags,omitempty"`
	Sort     string         `json:"sortByEnum,omitempty"`
	Down     bool           `json:"sortDescending"`
	Limit    int            `json:"limit,omitempty"`
}

type pageItem struct {
	UPC      string         `json:"upc"`
	Quantity int64          `json:"quantity"`
	Tags     map[string]any `json:"tags,omitempty"`
}

type pageAt struct {
	Location string `json:"locationCode"`
}

func drawPageQuery(t *rapid.T) (q pageQuery) {
	location := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("L%d", rapid.IntRange(0, pageLocations).Draw(t, "l"))
	})
	tags := rapid.SampledFrom([]map[string]any{nil, nil, {"Channel": "Web"}, {"Channel": "Store"}})
	flag := rapid.Bool()
	q.Type = rapid.SampledFrom([]string{"ANY", "ALL", "PARTIAL", "ALL_STORES"}).Draw(t, "type")
	for range rapid.IntRange(0, 5).Draw(t, "items") {
		q.Items = append(q.Items, pageItem{fmt.Sprintf("U%02d", rapid.IntRange(0, pageItems).Draw(t, "upc")),
			rapid.Int64Range(1, 4).Draw(t, "quantity"), tags.Draw(t, "tags")})
	}
	if len(q.Items) == 0 || rapid.IntRange(0, 3).Draw(t, "at") == 0 {
		q.At = &pageAt{location.Draw(t, "location")}
		q.Sort = rapid.SampledFrom([]string{"", "AVAILABLE", "ON_HAND", "PART_NUMBER"}).Draw(t, "sort")
		q.Down = flag.Draw(t, "down")
	}
	for _, list := range []*[]string{&q.White, &q.Black, &q.First} {
		if rapid.IntRange(0, 2).Draw(t, "list") == 0 {
			*list = rapid.SliceOfNDistinct(location, 0, 5, rapid.ID).Draw(t, "locations")
		}
	}
	q.Safety, q.Negative, q.Tags = flag.Draw(t, "safety"), flag.Draw(t, "negative"), tags.Draw(t, "tags")
	q.Limit = rapid.SampledFrom([]int{0, 0, 0, 1, 7, 20, 200, 10_000}).Draw(t, "limit")
	return q
}

// figures returns the units on hand and available of a record, for the tags of the query and of an item. The tags of
// the item have priority.
func (q *pageQuery) figures(r *pageRecord, tags map[string]any) (onHand, available int64) {
	channel := tags["Channel"]
	if channel == nil {
		channel = q.Tags["Channel"]
	}
	if channel != "Store" {
		onHand, available = r.web, r.web-r.safety
		if q.Safety {
			available = r.web
		}
	}
	if channel != "Web" {
		onHand, available = onHand+r.store, available+r.store
	}
	return onHand, available
}

type pageRow struct {
	text              string
	upc               string
	onHand, available int64
}

// results returns all results of the query, in order.
func (w pageWorld) results(q *pageQuery) (list []string) {
	var codes []string
	for l := range pageLocations {
		code := fmt.Sprintf("L%d", l)
		if q.At != nil && code != q.At.Location || len(q.White) > 0 && !slices.Contains(q.White, code) ||
			slices.Contains(q.Black, code) {
			continue
		}
		codes = append(codes, code)
	}
	slices.SortStableFunc(codes, func(a, b string) int {
		return cmp.Compare(uint(slices.Index(q.First, a)), uint(slices.Index(q.First, b)))
	})
	var rows []pageRow
	for _, code := range codes {
		rows = append(rows, w.location(q, code)...)
	}
	if q.At != nil && q.Sort != "" {
		slices.SortStableFunc(rows, func(a, b pageRow) int {
			if q.Down {
				a, b = b, a
			}
			return map[string]int{"AVAILABLE": cmp.Compare(a.available, b.available),
				"ON_HAND": cmp.Compare(a.onHand, b.onHand), "PART_NUMBER": strings.Compare(a.upc, b.upc)}[q.Sort]
		})
	}
	for _, r := range rows {
		list = append(list, r.text)
	}
	if q.Limit > 0 {
		list = list[:min(q.Limit, len(list))]
	}
	return list
}

func (w pageWorld) location(q *pageQuery, code string) (rows []pageRow) {
	items, kind := q.Items, q.Type
	if len(items) == 0 {
		kind = "ALL_STORES"
		for i := range pageItems {
			items = append(items, pageItem{UPC: fmt.Sprintf("U%02d", i)})
		}
	}
	met, some := 0, false
	for _, item := range items {
		wanted := item.Quantity
		for _, other := range items {
			if kind == "ALL" && q.sameUnits(&other, &item) {
				wanted += other.Quantity
			}
		}
		if kind == "ALL" {
			wanted -= item.Quantity // the item itself is among the others
		}
		at := slices.IndexFunc(w.records, func(r pageRecord) bool { return r.location == code && r.upc == item.UPC })
		if at < 0 {
			continue
		}
		onHand, available := q.figures(&w.records[at], item.Tags)
		some = some || available > 0
		if available >= wanted {
			met++
		} else if kind == "ANY" {
			continue
		}
		if available >= 0 || q.Negative {
			rows = append(rows, pageRow{fmt.Sprintf("%s/%s:%d", code, item.UPC, available), item.UPC, onHand,
				available})
		}
	}
	if kind == "ALL" && met < len(items) || kind == "PARTIAL" && !some {
		return nil
	}
	return rows
}

// sameUnits reports whether two items draw on the same units.
func (q *pageQuery) sameUnits(a, b *pageItem) bool {
	channel := func(i *pageItem) any {
		if i.Tags != nil {
			return i.Tags["Channel"]
		}
		return q.Tags["Channel"]
	}
	return a.UPC == b.UPC && channel(a) == channel(b)
}

// TestKiboPagesProperty: the pages of any query, with any size, have each result once, in order.
func TestKiboPagesProperty(t *testing.T) {
	c := newKiboClient(t)
	world := newPageWorld(c)
	rapid.Check(t, func(t *rapid.T) {
		q := drawPageQuery(t)
		body, err := json.Marshal(&q)
		if err != nil {
			t.Fatal(err)
		}
		query, size := strings.TrimSuffix(string(body), "}"), rapid.IntRange(1, 40).Draw(t, "size")
		want := world.results(&q)
		if got, sizes := c.pages(query, size); !slices.Equal(got, want) {
			t.Fatalf("%s\npages of %v, %v\nwant %v", body, sizes, got, want)
		}
		if got := c.rows(string(body)); !slices.Equal(got, want) {
			t.Fatalf("%s\nwithout pages %v\nwant %v", body, got, want)
		}
	})
}
