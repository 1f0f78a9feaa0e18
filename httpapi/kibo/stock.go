package kibo

import (
	"fmt"

	"apportion/engine"
)

// stockItem is one item of a refresh or an adjust.
type stockItem struct {
	product
	Quantity     integer `json:"quantity"`
	SafetyStock  integer `json:"safetyStock"`
	Floor        integer `json:"floor"`
	LTD          integer `json:"LTD"`
	Tags         tagMap  `json:"tags"`
	DeliveryDate date    `json:"deliveryDate"`
}

type stockBody struct {
	base
	Items []stockItem `json:"items"`
}

// smartReply is the answer to a call that that API may queue; here the call is done. That API's client has this number,
// and no other one, as a text.
type smartReply struct {
	Method string `json:"method"`
	JobID  uint64 `json:"jobID,string"`
}

func refresh(r *Request) (Reply, error) { return plainStock(r, jobRefresh) }

func adjust(r *Request) (Reply, error) { return plainStock(r, jobAdjust) }

func plainStock(r *Request, kind string) (Reply, error) {
	job, err := changeStock(r, kind)
	return Reply{Value: jobIDReply{job}}, err
}

func smartRefresh(r *Request) (Reply, error) { return smartStock(r, jobRefresh) }

func smartAdjust(r *Request) (Reply, error) { return smartStock(r, jobAdjust) }

func smartStock(r *Request, kind string) (Reply, error) {
	job, err := changeStock(r, kind)
	return Reply{Value: smartReply{Method: "sync", JobID: job}}, err
}

// changeStock proposes a refresh or an adjust and gives the number of its job.
func changeStock(r *Request, kind string) (job uint64, err error) {
	items := stockItems{schema: r.Host.Reader().Schema(), sets: kind == jobRefresh}
	var body stockBody
	if err := decode(r, r.Body, &body, list(engine.RefreshItemsMax, items.add)); err != nil {
		return 0, err
	}
	var c engine.Command = &engine.Adjust{Location: body.LocationCode, Items: items.list}
	if items.sets {
		c = &engine.Refresh{Location: body.LocationCode, Items: items.list}
	}
	if err := checked(c); err != nil {
		return 0, err
	}
	info := &engine.JobInfo{Type: kind, Owner: body.owner(), Location: body.LocationCode, Items: int64(len(items.list))}
	results, err := r.Host.Do([]Proposal{{Command: c, Job: info}})
	if err != nil {
		return 0, err
	}
	if results[0].Job.Count == 0 {
		return 0, refusal(&results[0])
	}
	return uint64(results[0].Job.First), nil
}

// stockItems are the items of a call, translated while they are read. In that API a missing category means its default:
// so each item names all categories here, and none is split by percentages before the record is redistributed.
type stockItems struct {
	schema *engine.Schema
	sets   bool // a refresh
	list   []engine.StockItem
}

// add translates item i, or gives its fault.
func (s *stockItems) add(i int, from *stockItem) error {
	switch {
	case from.name() == "":
		return badRequest("", "", "items[%d] needs a upc, a partNumber or a sku", i)
	case !from.Quantity.given:
		return badRequest("quantity", "", "items[%d] has no quantity", i)
	}
	item := engine.StockItem{UPC: from.name(), Tags: from.Tags.withDefaults(s.schema), Quantity: from.Quantity.n,
		DeliveryDateMS: from.DeliveryDate.ms}
	kind := engine.KindAdjust
	if s.sets {
		kind = engine.KindRefresh
		from.setFields(&item)
	}
	if f := engine.CheckItem(kind, &item); f != nil {
		return badRequest(f.Field, f.Value, "%s: %q: %s", f.Field, f.Value, f.Reason)
	}
	s.list = append(s.list, item)
	return nil
}

// setFields sets what a refresh may set besides the quantity.
func (s *stockItem) setFields(item *engine.StockItem) {
	if s.DeliveryDate.given {
		return // they belong to units on hand
	}
	for _, f := range []struct {
		from integer
		to   *int64
		has  engine.StockFields
	}{{s.SafetyStock, &item.SafetyStock, engine.HasSafetyStock}, {s.Floor, &item.Floor, engine.HasFloor},
		{s.LTD, &item.LTD, engine.HasLTD}} {
		if f.from.given {
			*f.to = f.from.n
			item.Has |= f.has
		}
	}
}

// itemField is the path of a field of an item.
func itemField(i int, name string) string { return fmt.Sprintf("items[%d].%s", i, name) }
