package kibo

import (
	"fmt"
	"strconv"

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

// smartReply is the answer to a call that may, or may not, be queued there. Here everything is done when it is answered. That
// API's client has this number, alone of all, as a text.
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

// changeStock does a refresh or an adjust and gives the number of its job.
func changeStock(r *Request, kind string) (job uint64, err error) {
	var body stockBody
	if err := decode(r.Body, &body); err != nil {
		return 0, err
	}
	if err := atMost("items", len(body.Items), engine.RefreshItemsMax); err != nil {
		return 0, err
	}
	items, err := body.stockItems(r.Host.Engine().Schema(), kind == jobRefresh)
	if err != nil {
		return 0, err
	}
	var c engine.Command = &engine.Adjust{Location: body.LocationCode, Items: items}
	if kind == jobRefresh {
		c = &engine.Refresh{Location: body.LocationCode, Items: items}
	}
	if err := checked(c); err != nil {
		return 0, err
	}
	info := &engine.JobInfo{Type: kind, Owner: body.owner(), Location: body.LocationCode, Items: int64(len(items))}
	results, err := r.Host.Do([]Proposal{{Command: c, Job: info}})
	if err != nil {
		return 0, err
	}
	if results[0].Job.Count == 0 {
		return 0, refusal(&results[0])
	}
	return uint64(results[0].Job.First), nil
}

// stockItems translates the items. There, a category that an item leaves out takes its default; so all categories are named
// here, and no item is split by percentages before the record is redistributed.
func (b *stockBody) stockItems(schema *engine.Schema, sets bool) ([]engine.StockItem, error) {
	items := make([]engine.StockItem, len(b.Items))
	for i := range b.Items {
		from := &b.Items[i]
		field := "items[" + strconv.Itoa(i) + "]"
		name, err := from.named(field)
		if err != nil {
			return nil, err
		}
		if !from.Quantity.given {
			return nil, badRequest(field+".quantity", "", "%s has no quantity", field)
		}
		items[i] = engine.StockItem{UPC: name, Tags: from.Tags.withDefaults(schema), Quantity: from.Quantity.n, DeliveryDateMS: from.DeliveryDate.ms}
		if sets {
			from.setFields(&items[i])
		}
	}
	return items, nil
}

// setFields sets what a refresh may set besides the quantity.
func (s *stockItem) setFields(item *engine.StockItem) {
	if s.DeliveryDate.given {
		return // they are of what is on hand
	}
	for _, f := range []struct {
		from integer
		to   *int64
		has  engine.StockFields
	}{{s.SafetyStock, &item.SafetyStock, engine.HasSafetyStock}, {s.Floor, &item.Floor, engine.HasFloor}, {s.LTD, &item.LTD, engine.HasLTD}} {
		if f.from.given {
			*f.to = f.from.n
			item.Has |= f.has
		}
	}
}

// itemField is the path of a field of an item.
func itemField(i int, name string) string { return fmt.Sprintf("items[%d].%s", i, name) }
