package kibo

import (
	"cmp"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"apportion/engine"
)

// Limits of reads.
const (
	queryItemsMax     = 1_000
	queryLocationsMax = 1_000
	resultsDefault    = 100
	resultsMax        = 10_000

	// queryReadsMax bounds the records that one read looks at.
	queryReadsMax = 1_000_000
)

// The types of a query: which locations it is after.
const (
	typeAny       = "ANY"        // that have one of the items in full
	typeAll       = "ALL"        // that have all items in full
	typePartial   = "PARTIAL"    // that have a unit of one of the items
	typeAllStores = "ALL_STORES" // that have a record of one of the items
)

type queryItem struct {
	product
	Quantity integer `json:"quantity"`
	Tags     tagMap  `json:"tags"`

	upc  string
	tags []engine.Tag // the item's and the query's
}

type queryBody struct {
	base
	placeFilter
	Type             string          `json:"type"`
	Items            []queryItem     `json:"items"`
	RequestLocation  requestLocation `json:"requestLocation"`
	Limit            integer         `json:"limit"`
	Whitelist        []string        `json:"locationWhitelist"`
	Blacklist        []string        `json:"locationBlacklist"`
	PriorityList     []string        `json:"locationPriorityList"`
	IgnoreSafety     bool            `json:"ignoreSafetyStock"`
	IncludeNegative  bool            `json:"includeNegativeInventory"`
	IncludeFuture    bool            `json:"includeFutureInventory"`
	DeliveryBefore   date            `json:"deliveryDateBefore"`
	DeliveryAfter    date            `json:"deliveryDateAfter"`
	SortBy           string          `json:"sortByEnum"`
	SortDescending   bool            `json:"sortDescending"`
	DefaultsForOther bool            `json:"forceDefaultsForUnspecifiedTagCategories"`
	ExcludeBlocked   bool            `json:"excludeBlockedAssignment"`
	Tags             tagMap          `json:"tags"`
}

// figures are the counters of a record, of a segment, or of a sum.
type figures struct {
	OnHand    int64 `json:"onHand"`
	Available int64 `json:"available"`
	Allocated int64 `json:"allocated"`
	Pending   int64 `json:"pending"`
}

type taggedReply struct {
	figures
	Tags   tagMap        `json:"tags"`
	Future []futureReply `json:"futureInventory,omitempty"`
}

type recordReply struct {
	Success bool `json:"success"`
	figures
	Location    string        `json:"locationCode"`
	Name        string        `json:"locationName"`
	Country     string        `json:"countryCode,omitempty"`
	DirectShip  bool          `json:"directShip"`
	Transfer    bool          `json:"transferEnabled"`
	Pickup      bool          `json:"pickup"`
	Distance    *float64      `json:"distance,omitempty"` // miles
	TenantID    int64         `json:"tenantID"`
	PartNumber  string        `json:"partNumber,omitempty"`
	UPC         string        `json:"upc"`
	SKU         string        `json:"sku,omitempty"`
	LTD         int64         `json:"ltd"`
	Floor       int64         `json:"floor"`
	SafetyStock int64         `json:"safetyStock"`
	Blocked     bool          `json:"blockAssignment"`
	Tagged      []taggedReply `json:"taggedInventory"`
	Future      []futureReply `json:"futureInventory,omitempty"`
}

func query(r *Request) (Reply, error) {
	var body queryBody
	if err := decode(r.Body, &body); err != nil {
		return Reply{}, err
	}
	return body.run(r)
}

// queryByParams is query with what it asks in the URL. An item is a upc or a JSON object.
func queryByParams(r *Request) (Reply, error) {
	body := queryBody{Type: r.Query.Get("type"), Whitelist: listParam(r.Query, "locationWhitelist"), Blacklist: listParam(r.Query, "locationBlacklist")}
	body.Group = r.Query.Get("locationGroupCode")
	body.IgnoreSafety = r.Query.Get("ignoreSafetyStock") == "true"
	body.IncludeNegative = r.Query.Get("includeNegativeInventory") == "true"
	for name, flag := range map[string]**bool{"directShip": &body.DirectShip, "shippingLocation": &body.DirectShip, "transferEnabled": &body.Transfer,
		"pickup": &body.Pickup, "includeInAggregate": &body.Aggregate} {
		if text := r.Query.Get(name); text != "" {
			on := text == "true"
			*flag = &on
		}
	}
	for _, text := range listParam(r.Query, "items") {
		item := queryItem{product: product{UPC: text}}
		if strings.HasPrefix(text, "{") {
			item = queryItem{}
			if err := decode([]byte(text), &item); err != nil {
				return Reply{}, err
			}
		}
		body.Items = append(body.Items, item)
	}
	if text := r.Query.Get("limit"); text != "" {
		if err := body.Limit.UnmarshalJSON([]byte(text)); err != nil {
			return Reply{}, badRequest("limit", text, "limit: %v", err)
		}
	}
	if err := body.RequestLocation.read(r.Query); err != nil {
		return Reply{}, err
	}
	return body.run(r)
}

// listParam gives a parameter that is a list: given several times, as a JSON array, or with commas.
func listParam(q url.Values, name string) (list []string) {
	for _, text := range append(q[name], q[name+"[]"]...) {
		var elements []json.RawMessage
		if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &elements) == nil {
			for _, e := range elements {
				list = append(list, strings.Trim(string(e), `"`))
			}
			continue
		}
		if strings.HasPrefix(text, "{") {
			list = append(list, text)
			continue
		}
		list = append(list, strings.Split(text, ",")...)
	}
	return list
}

// run answers the query.
func (q *queryBody) run(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	if err := q.check(r.Host.Engine()); err != nil {
		return Reply{}, err
	}
	run := queryRun{r: r, q: q, e: r.Host.Engine(), list: []recordReply{}}
	limit := resultsDefault
	if q.Limit.given {
		limit = int(min(max(q.Limit.n, 1), resultsMax))
	}
	if len(q.Items) == 0 {
		run.listing()
	} else {
		run.items(limit)
	}
	q.sort(run.list)
	list := page(&q.base, run.list)
	return Reply{Value: list[:min(len(list), limit)]}, nil
}

func (q *queryBody) check(e *engine.Engine) error {
	if err := q.resolve(e); err != nil {
		return err
	}
	if err := q.RequestLocation.check(); err != nil {
		return err
	}
	schema := e.Schema()
	switch q.Type {
	case typeAny, typeAll, typePartial, typeAllStores:
	case "":
		q.Type = typeAny
	default:
		return badRequest("type", q.Type, "type: %q is none of ANY, ALL, PARTIAL and ALL_STORES", q.Type)
	}
	for _, list := range []struct {
		field    string
		n, limit int
	}{{"items", len(q.Items), queryItemsMax}, {"locationWhitelist", len(q.Whitelist), queryLocationsMax},
		{"locationBlacklist", len(q.Blacklist), queryLocationsMax}, {"locationPriorityList", len(q.PriorityList), queryLocationsMax}} {
		if err := atMost(list.field, list.n, list.limit); err != nil {
			return err
		}
	}
	if len(q.Items) == 0 && q.RequestLocation.LocationCode == "" {
		return badRequest("items", "", "items is empty; without items requestLocation.locationCode is needed")
	}
	if err := known(schema, q.Tags, "tags"); err != nil {
		return err
	}
	for i := range q.Items {
		if err := q.prepare(schema, i); err != nil {
			return err
		}
	}
	return nil
}

// prepare checks item i and puts its tags together with those of the query.
func (q *queryBody) prepare(schema *engine.Schema, i int) (err error) {
	it := &q.Items[i]
	if it.upc, err = it.named("items[" + strconv.Itoa(i) + "]"); err != nil {
		return err
	}
	if err := known(schema, it.Tags, itemField(i, "tags")); err != nil {
		return err
	}
	all := tagMap{}
	for _, m := range []tagMap{q.Tags, it.Tags} {
		for category, value := range m {
			all[category] = value
		}
	}
	it.tags = all.list()
	if q.DefaultsForOther {
		it.tags = all.withDefaults(schema)
	}
	return nil
}

// known refuses tags that are not in the schema: a misspelt one should not look like no stock.
func known(schema *engine.Schema, tags tagMap, field string) error {
	list := tags.list()
	switch _, code, at := schema.Resolve(list); code {
	case engine.CodeUnknownCategory, engine.CodeUnknownValue:
		return badRequest(field, list[at].Category+"="+list[at].Value, "%s: the tag %s=%s does not exist", field, list[at].Category, list[at].Value)
	}
	return nil
}

// queryRun is the state of one query.
type queryRun struct {
	r     *Request
	q     *queryBody
	e     *engine.Engine
	view  engine.RecordView
	list  []recordReply
	reads int

	wanted []int64 // units of each item
}

// items looks location by location, and ends when it has enough if nothing is to be sorted.
func (run *queryRun) items(limit int) {
	run.wanted = run.q.wanted()
	paged := run.q.PageSize.given || run.q.SortBy != ""
	for _, location := range run.locations() {
		if run.reads > queryReadsMax || !paged && len(run.list) >= limit || len(run.list) > resultsMax {
			return
		}
		run.location(location)
	}
}

// locations gives those to look at: those of the priority list first, then the nearest, then by name.
func (run *queryRun) locations() []string {
	q := run.q
	var found []string
	if code := q.RequestLocation.LocationCode; code != "" {
		found = append(found, code)
	} else {
		for i := range q.Items {
			found = run.e.AppendLocations(found, q.Items[i].upc)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	found = slices.DeleteFunc(found, func(code string) bool {
		return len(q.Whitelist) > 0 && !slices.Contains(q.Whitelist, code) || slices.Contains(q.Blacklist, code) ||
			!q.placeFilter.has(run.e, code) || !q.RequestLocation.reaches(run.e, code)
	})
	rank := func(code string) int {
		if at := slices.Index(q.PriorityList, code); at >= 0 {
			return at
		}
		return len(q.PriorityList)
	}
	miles := map[string]float64{}
	for _, code := range found {
		miles[code], _ = q.RequestLocation.miles(run.e, code)
	}
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(miles[a], miles[b])) })
	return found
}

// location adds the records of a location, unless the query turns out not to be after it.
func (run *queryRun) location(code string) {
	begin := len(run.list)
	met, some := 0, false
	for i := range run.q.Items {
		it := &run.q.Items[i]
		run.reads++
		if !run.e.ReadRecord(it.upc, code, &run.view) || run.view.Blocked && run.q.ExcludeBlocked {
			continue
		}
		reply := run.record(it.tags)
		reply.PartNumber, reply.SKU = it.PartNumber, it.SKU
		some = some || reply.Available > 0
		if reply.Available >= run.wanted[i] {
			met++
		} else if run.q.Type == typeAny {
			continue // the location is wanted for its other items
		}
		if reply.Available < 0 && !run.q.IncludeNegative {
			continue
		}
		run.list = append(run.list, reply)
	}
	switch run.q.Type {
	case typeAll:
		if met < len(run.q.Items) {
			run.list = run.list[:begin]
		}
	case typePartial:
		if !some {
			run.list = run.list[:begin]
		}
	}
}

// wanted is how many units each item asks for, at least one. Where all items are wanted, those that draw on the same units
// are summed.
func (q *queryBody) wanted() []int64 {
	units := make([]int64, len(q.Items))
	sums := map[string]int64{}
	target := func(it *queryItem) string {
		text := it.upc
		for _, t := range it.tags {
			text += "\x00" + t.Category + "\x00" + t.Value
		}
		return text
	}
	for i := range q.Items {
		units[i] = min(max(q.Items[i].Quantity.n, 1), engine.QuantityMax)
		sums[target(&q.Items[i])] += units[i]
	}
	if q.Type == typeAll {
		for i := range q.Items {
			units[i] = sums[target(&q.Items[i])]
		}
	}
	return units
}

// listing adds all records of the one location that a query without items names.
func (run *queryRun) listing() {
	code := run.q.RequestLocation.LocationCode
	tags := run.q.Tags.list()
	if run.q.DefaultsForOther {
		tags = run.q.Tags.withDefaults(run.e.Schema())
	}
	if !run.q.placeFilter.has(run.e, code) {
		return
	}
	names, _ := run.e.AppendUPCs(nil, code, 0, resultsMax)
	slices.Sort(names)
	for _, upc := range slices.Compact(names) {
		if !run.e.ReadRecord(upc, code, &run.view) || run.view.Blocked && run.q.ExcludeBlocked {
			continue
		}
		if reply := run.record(tags); reply.Available >= 0 || run.q.IncludeNegative {
			run.list = append(run.list, reply)
		}
	}
}

// record shows the record just read, of it only what has the tags.
func (run *queryRun) record(tags []engine.Tag) recordReply {
	v := &run.view
	schema := run.e.Schema() // read after the record, it knows all of its tag sets
	reply := recordReply{Success: true, Location: v.Location, UPC: v.UPC, TenantID: run.r.Tenant, LTD: v.LTD, Floor: v.Floor, Blocked: v.Blocked, Tagged: []taggedReply{}}
	reply.setPlace(placeOf(run.e, v.Location))
	reply.Distance = run.q.RequestLocation.shownMiles(run.e, v.Location)
	place := map[engine.TagSetID]int{}
	for i := range v.Segments {
		s := &v.Segments[i]
		if !schema.Matches(s.TagSet, tags) {
			continue
		}
		available := s.Available()
		if run.q.IgnoreSafety {
			available += s.SafetyStock
		}
		f := figures{s.OnHand, available, s.Allocated, s.Pending}
		reply.add(f)
		reply.SafetyStock += s.SafetyStock
		if len(schema.Categories()) == 0 {
			continue
		}
		id := schema.Canonical(s.TagSet)
		at, ok := place[id]
		if !ok {
			at = len(reply.Tagged)
			place[id] = at
			reply.Tagged = append(reply.Tagged, taggedReply{Tags: tagsOf(schema.Tags(id))})
		}
		reply.Tagged[at].add(f)
	}
	if run.q.IncludeFuture {
		run.addFuture(&reply, schema, tags, place)
	}
	return reply
}

func (reply *recordReply) setPlace(c engine.PutLocation) {
	reply.Name, reply.Country = c.Name, c.Country
	reply.DirectShip, reply.Transfer, reply.Pickup = c.Flags&engine.PlaceDirectShip != 0, c.Flags&engine.PlaceTransfer != 0, c.Flags&engine.PlacePickup != 0
}

func (f *figures) add(o figures) {
	f.OnHand += o.OnHand
	f.Available += o.Available
	f.Allocated += o.Allocated
	f.Pending += o.Pending
}

// addFuture shows the deliveries in the window that the query asks for, with the record and with their segments.
func (run *queryRun) addFuture(reply *recordReply, schema *engine.Schema, tags []engine.Tag, place map[engine.TagSetID]int) {
	after, before := int64(math.MinInt64), int64(math.MaxInt64)
	if run.q.DeliveryAfter.given {
		after = run.q.DeliveryAfter.ms
	}
	if run.q.DeliveryBefore.given {
		before = run.q.DeliveryBefore.ms
	}
	for i := range run.view.Future {
		f := &run.view.Future[i]
		if f.DeliveryDateMS < after || f.DeliveryDateMS > before || !schema.Matches(f.TagSet, tags) {
			continue
		}
		shown := shownFuture(f)
		reply.Future = append(reply.Future, shown)
		if len(schema.Categories()) == 0 {
			continue
		}
		id := schema.Canonical(f.TagSet)
		at, ok := place[id]
		if !ok {
			at = len(reply.Tagged)
			place[id] = at
			reply.Tagged = append(reply.Tagged, taggedReply{Tags: tagsOf(schema.Tags(id))})
		}
		reply.Tagged[at].Future = append(reply.Tagged[at].Future, shown)
	}
}

// sort orders the records of a location as the query asks; without that they stay in the order of locations and items.
func (q *queryBody) sort(list []recordReply) {
	key := map[string]func(a, b *recordReply) int{
		"ON_HAND":     func(a, b *recordReply) int { return cmp.Compare(a.OnHand, b.OnHand) },
		"AVAILABLE":   func(a, b *recordReply) int { return cmp.Compare(a.Available, b.Available) },
		"ALLOCATED":   func(a, b *recordReply) int { return cmp.Compare(a.Allocated, b.Allocated) },
		"PART_NUMBER": func(a, b *recordReply) int { return strings.Compare(a.UPC, b.UPC) },
		"PRODUCT_ID":  func(a, b *recordReply) int { return strings.Compare(a.UPC, b.UPC) },
	}[q.SortBy]
	if key == nil || q.RequestLocation.LocationCode == "" {
		return
	}
	slices.SortStableFunc(list, func(a, b recordReply) int {
		if q.SortDescending {
			return key(&b, &a)
		}
		return key(&a, &b)
	})
}
