package kibo

import (
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"

	"apportion/engine"
	"apportion/httpapi/stockquery"
)

// The types of a query: which locations it is after.
const (
	typeAny       = "ANY"        // that have one of the items in full
	typeAll       = "ALL"        // that have all items in full
	typePartial   = "PARTIAL"    // that have a unit of one of the items
	typeAllStores = "ALL_STORES" // that have a record of one of the items
)

var queryTypes = map[string]stockquery.Type{typeAny: stockquery.Any, typeAll: stockquery.All,
	typePartial: stockquery.Partial, typeAllStores: stockquery.AllLocations}

type queryItem struct {
	product
	Quantity integer `json:"quantity"`
	Tags     tagMap  `json:"tags"`

	upc  string
	tags []engine.Tag // the item's and the query's
}

type queryBody struct {
	base
	capabilityFilter
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
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	return body.run(r)
}

// queryByParams is query with parameters in place of a body. An item is a upc or a JSON object.
func queryByParams(r *Request) (Reply, error) {
	body := queryBody{Type: r.Query.Get("type"), Whitelist: listParam(r.Query, "locationWhitelist"),
		Blacklist: listParam(r.Query, "locationBlacklist")}
	body.Group = r.Query.Get("locationGroupCode")
	var ignoreSafety, includeNegative *bool
	for name, flag := range map[string]**bool{"directShip": &body.DirectShip, "shippingLocation": &body.DirectShip,
		"transferEnabled": &body.Transfer,
		"pickup":          &body.Pickup, "includeInAggregate": &body.Aggregate, "ignoreSafetyStock": &ignoreSafety,
		"includeNegativeInventory": &includeNegative} {
		if text := r.Query.Get(name); text != "" {
			on, err := strconv.ParseBool(text)
			if err != nil {
				return Reply{}, badRequest(name, text, "%s: %q is neither true nor false", name, text)
			}
			*flag = &on
		}
	}
	body.IgnoreSafety, body.IncludeNegative = ignoreSafety != nil && *ignoreSafety, includeNegative != nil &&
		*includeNegative
	for _, text := range listParam(r.Query, "items") {
		item := queryItem{product: product{UPC: text}}
		if strings.HasPrefix(text, "{") {
			item = queryItem{}
			if err := decode(r, []byte(text), &item); err != nil {
				return Reply{}, err
			}
		}
		body.Items = append(body.Items, item)
	}
	for name, number := range map[string]*integer{"limit": &body.Limit, "pageSize": &body.PageSize,
		"pageNum": &body.PageNum} {
		if text := r.Query.Get(name); text != "" {
			if err := number.UnmarshalJSON([]byte(text)); err != nil {
				return Reply{}, badRequest(name, text, "%s: %v", name, err)
			}
		}
	}
	if err := body.RequestLocation.read(r); err != nil {
		return Reply{}, err
	}
	return body.run(r)
}

// listParam gives a parameter that is a list: repeated, a JSON array, or separated by commas.
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

// run answers the query: it finds all results up to the last one that the reply shows, and reads those again.
func (q *queryBody) run(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	if err := q.check(r.Host.Reader()); err != nil {
		return Reply{}, err
	}
	part, err := q.part(q.Limit, q.usualResults())
	if err != nil {
		return Reply{}, err
	}
	run := newQueryRun(r.Host.Reader(), r.Tenant, q)
	if run.find(part.to); run.Exhausted() {
		return Reply{}, badRequest("items", strconv.Itoa(len(q.Items)),
			"the query would look at more than %d records; name fewer items, or locations in locationWhitelist",
			run.ReadsMax)
	}
	if err := q.fits(len(run.rows)); err != nil {
		return Reply{}, err
	}
	run.sort()
	return Reply{Value: run.show(cut(part, run.rows))}, nil
}

func (q *queryBody) check(e *engine.Reader) error {
	if err := q.resolve(e); err != nil {
		return err
	}
	if err := q.RequestLocation.check(); err != nil {
		return err
	}
	schema := e.Schema()
	if q.Type == "" {
		q.Type = typeAny
	}
	if _, known := queryTypes[q.Type]; !known {
		return badRequest("type", q.Type, "type: %q is none of ANY, ALL, PARTIAL and ALL_STORES", q.Type)
	}
	if _, ok := sortKeys[q.SortBy]; !ok && q.SortBy != "" {
		return badRequest("sortByEnum", q.SortBy, "sortByEnum: %q is none of ON_HAND, AVAILABLE, ALLOCATED, "+
			"PART_NUMBER and PRODUCT_ID", q.SortBy)
	}
	for _, list := range []struct {
		field    string
		n, limit int
	}{{"items", len(q.Items), stockquery.ItemsMax}, {"locationWhitelist", len(q.Whitelist), stockquery.LocationsMax},
		{"locationBlacklist", len(q.Blacklist), stockquery.LocationsMax},
		{"locationPriorityList", len(q.PriorityList), stockquery.LocationsMax}} {
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

// prepare checks item i and joins its tags with those of the query.
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

// known refuses tags that are not in the schema: a misspelt tag must not look like no stock.
func known(schema *engine.Schema, tags tagMap, field string) error {
	list := tags.list()
	switch _, code, at := schema.Resolve(list); code {
	case engine.CodeUnknownCategory, engine.CodeUnknownValue:
		return badRequest(field, list[at].Category+"="+list[at].Value, "%s: the tag %s=%s does not exist", field,
			list[at].Category, list[at].Value)
	}
	return nil
}

// show reads the records of results again for the reply. Records that were deleted meanwhile are left out.
func (run *queryRun) show(rows []row) []recordReply {
	list := make([]recordReply, 0, len(rows))
	for i := range rows {
		if !run.Read(rows[i].upc, rows[i].location) {
			continue
		}
		if rows[i].item == listed {
			list = append(list, run.record(run.q.listingTags(run.Schema)))
			continue
		}
		it := &run.q.Items[rows[i].item]
		reply := run.record(it.tags)
		reply.PartNumber, reply.SKU = it.PartNumber, it.SKU
		list = append(list, reply)
	}
	return list
}

// figures are the counters of a segment. A query that ignores safety stock finds it available.
func (q *queryBody) figures(s *engine.SegmentView) figures {
	f := figures{s.OnHand, s.Available(), s.Allocated, s.Pending}
	if q.IgnoreSafety {
		f.Available += s.SafetyStock
	}
	return f
}

// record shows what has the tags of the record just read.
func (run *queryRun) record(tags []engine.Tag) recordReply {
	v, schema := &run.view, run.Schema
	reply := recordReply{Success: true, Location: v.Location, UPC: v.UPC, TenantID: run.tenant, Blocked: v.Blocked,
		Tagged: []taggedReply{}}
	reply.setLocation(locationOf(run.Reader, v.Location))
	reply.Distance = run.q.RequestLocation.shownMiles(run.Reader, v.Location)
	reply.Floor, reply.LTD = thresholds(v, schema, tags)
	indexOf := map[engine.TagSetID]int{}
	for i := range v.Segments {
		s := &v.Segments[i]
		if !schema.Matches(s.TagSet, tags) {
			continue
		}
		f := run.q.figures(s)
		reply.add(f)
		reply.SafetyStock += s.SafetyStock
		if len(schema.Categories()) == 0 {
			continue
		}
		id := schema.Canonical(s.TagSet)
		at, ok := indexOf[id]
		if !ok {
			at = len(reply.Tagged)
			indexOf[id] = at
			reply.Tagged = append(reply.Tagged, taggedReply{Tags: tagsOf(schema.Tags(id))})
		}
		reply.Tagged[at].add(f)
	}
	if run.q.IncludeFuture {
		run.addFuture(&reply, schema, tags, indexOf)
	}
	return reply
}

// thresholds gives the floor and the LTD of the segments that have the tags. That API has one floor and one LTD a
// record, while its refreshes set those of the segment that they name: so floors add up, and the highest LTD counts.
// Where the segments have none, those of the record count, which a native refresh sets.
func thresholds(v *engine.RecordView, schema *engine.Schema, tags []engine.Tag) (floor, ltd int64) {
	for i := range v.Segments {
		if s := &v.Segments[i]; schema.Matches(s.TagSet, tags) {
			floor, ltd = min(floor+s.Floor, engine.RecordUnitsMax), max(ltd, s.LTD)
		}
	}
	if floor == 0 {
		floor = v.Floor
	}
	if ltd == 0 {
		ltd = v.LTD
	}
	return floor, ltd
}

func (reply *recordReply) setLocation(c engine.PutLocation) {
	reply.Name, reply.Country = c.Name, c.Country
	reply.DirectShip, reply.Transfer, reply.Pickup = c.Flags&engine.LocationDirectShip != 0,
		c.Flags&engine.LocationTransfer != 0, c.Flags&engine.LocationPickup != 0
}

func (f *figures) add(o figures) {
	f.OnHand += o.OnHand
	f.Available += o.Available
	f.Allocated += o.Allocated
	f.Pending += o.Pending
}

// addFuture shows the deliveries in the window that the query asks for, with the record and with their segments.
func (run *queryRun) addFuture(reply *recordReply, schema *engine.Schema, tags []engine.Tag,
	indexOf map[engine.TagSetID]int) {
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
		at, ok := indexOf[id]
		if !ok {
			at = len(reply.Tagged)
			indexOf[id] = at
			reply.Tagged = append(reply.Tagged, taggedReply{Tags: tagsOf(schema.Tags(id))})
		}
		reply.Tagged[at].Future = append(reply.Tagged[at].Future, shown)
	}
}
