package kibo

import (
	"strconv"

	"apportion/engine"
)

type aggregateBody struct {
	base
	capabilityFilter
	Items            []queryItem `json:"items"`
	IgnoreSafety     bool        `json:"ignoreSafetyStock"`
	IncludeNegative  bool        `json:"includeNegativeInventory"`
	Tags             tagMap      `json:"tags"`
	IncludeFuture    string      `json:"includeFutureInventory"`
	FutureStart      date        `json:"futureStartDate"`
	FutureEnd        date        `json:"futureEndDate"`
	DefaultsForOther bool        `json:"forceDefaultsForUnspecifiedTagCategories"`
}

// The values of includeFutureInventory.
const (
	futureOnly       = "futureOnly"
	futureAndCurrent = "futureAndCurrent"
)

type aggregateReply struct {
	Success    bool   `json:"success"`
	TenantID   int64  `json:"tenantID"`
	OnHand     int64  `json:"onHand"`
	Available  int64  `json:"available"`
	PartNumber string `json:"partNumber,omitempty"`
	UPC        string `json:"upc"`
	SKU        string `json:"sku,omitempty"`
	Floor      int64  `json:"floor"`
	Tags       tagMap `json:"tags,omitempty"`
	Locations  int    `json:"numResults"`
}

// aggregate sums each item over all locations.
func aggregate(r *Request) (Reply, error) {
	var body aggregateBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	q := queryBody{Type: typeAllStores, capabilityFilter: body.capabilityFilter, Items: body.Items, Tags: body.Tags,
		DefaultsForOther: body.DefaultsForOther,
		IgnoreSafety:     body.IgnoreSafety, IncludeFuture: body.IncludeFuture != "", DeliveryAfter: body.FutureStart,
		DeliveryBefore: body.FutureEnd}
	switch body.IncludeFuture {
	case "", futureOnly, futureAndCurrent:
	default:
		return Reply{}, badRequest("includeFutureInventory", body.IncludeFuture, "includeFutureInventory is "+
			"futureOnly or futureAndCurrent")
	}
	if len(body.Items) == 0 {
		return Reply{}, badRequest("items", "", "items is empty")
	}
	if err := q.check(r.Host.Reader()); err != nil {
		return Reply{}, err
	}
	part, err := body.part(integer{}, len(q.Items))
	if err != nil {
		return Reply{}, err
	}
	run := newQueryRun(r.Host.Reader(), r.Tenant, &q)
	list := []aggregateReply{}
	items := cut(part, q.Items)
	for i := range items {
		list = append(list, run.sum(&items[i], &body))
		if run.Exhausted() {
			return Reply{}, badRequest("items", strconv.Itoa(len(q.Items)), "the items have too many records in "+
				"all; name fewer")
		}
	}
	return Reply{Value: list}, nil
}

func (run *queryRun) sum(it *queryItem, body *aggregateBody) aggregateReply {
	reply := aggregateReply{Success: true, TenantID: run.tenant, PartNumber: it.PartNumber, UPC: it.upc, SKU: it.SKU}
	if len(it.tags) > 0 {
		reply.Tags = tagsOf(it.tags)
	}
	for _, code := range run.Reader.AppendLocations(nil, it.upc) {
		if run.Reads++; run.Exhausted() || !run.q.capabilityFilter.has(run.Reader, code) || !run.Read(it.upc, code) {
			continue
		}
		record := run.record(it.tags)
		if record.Available < 0 && !body.IncludeNegative {
			continue
		}
		reply.Locations++
		reply.Floor = min(reply.Floor+record.Floor, engine.RecordUnitsMax)
		if body.IncludeFuture != futureOnly {
			reply.OnHand += record.OnHand
			reply.Available += record.Available
		}
		for _, f := range record.Future {
			reply.OnHand += f.OnHand
			reply.Available += f.Available
		}
	}
	return reply
}
