package httpapi

import (
	"net/http"

	"apportion/engine"
)

// Why an order was filled as it was.

type explainReply struct {
	AsOf    uint64        `json:"asOf"`
	OrderID string        `json:"orderId"`
	Items   []explainItem `json:"items"`
}

type explainItem struct {
	ItemID        string             `json:"itemId"`
	UPC           string             `json:"upc"`
	Location      string             `json:"location"`
	Tags          map[string]string  `json:"tags"`
	Requested     int64              `json:"requested"`
	Taken         *int64             `json:"taken,omitempty"` // in backtests
	Pending       int64              `json:"pending"`
	Code          string             `json:"code,omitempty"` // of a refusal, in backtests
	Path          string             `json:"path"`           // native, rule, expired
	Index         uint64             `json:"index"`
	Time          string             `json:"time,omitempty"`
	Rule          string             `json:"rule,omitempty"`
	Version       uint32             `json:"version,omitempty"`
	Outcome       string             `json:"outcome,omitempty"`
	Reason        string             `json:"reason,omitempty"`
	SeenVersion   uint64             `json:"seenVersion,omitempty"`
	RecordVersion uint64             `json:"recordVersion,omitempty"`
	Candidates    []explainCandidate `json:"candidates"`
}

type explainCandidate struct {
	Tags        map[string]string `json:"tags"`
	Keep        *int64            `json:"keep,omitempty"`
	Max         *int64            `json:"max,omitempty"`
	OnHand      *int64            `json:"onHand,omitempty"`
	Allocated   *int64            `json:"allocated,omitempty"`
	Pending     *int64            `json:"pending,omitempty"`
	SafetyStock *int64            `json:"safetyStock,omitempty"`
	Available   int64             `json:"available"`
	Taken       int64             `json:"taken"`
	Why         string            `json:"why"`
}

func (c *call) explain() {
	if !c.barrier() {
		return
	}
	asOf := c.server.store.AppliedIndex()
	view := &c.reads.why
	found, err := c.server.store.Explain(c.path[0], view)
	switch {
	case err != nil:
		c.storeFailed(err)
	case !found:
		c.fail(http.StatusNotFound, engine.CodeUnknownOrder.String(), codeDetails[engine.CodeUnknownOrder], "orderId",
			c.path[0])
	default:
		reply := explainReply{AsOf: asOf, OrderID: view.OrderID, Items: []explainItem{}}
		for i := range view.Items {
			reply.Items = append(reply.Items, showExplanation(c.schema(), &view.Items[i]))
		}
		c.reply(reply)
	}
}

func showExplanation(schema *engine.Schema, x *engine.ItemExplanation) explainItem {
	item := explainItem{ItemID: x.ItemID, UPC: x.UPC, Location: x.Location, Tags: tagMap(schema.Tags(x.TagSet)),
		Requested: x.Requested, Pending: x.Pending, Path: "native", Index: x.Index, Candidates: []explainCandidate{}}
	if x.TimeMS != 0 {
		item.Time = timeText(x.TimeMS)
	}
	switch {
	case x.Expired:
		item.Path = "expired"
	case x.Rule != "":
		item.Path, item.Rule, item.Version, item.Outcome, item.Reason = "rule", x.Rule, x.Version, x.Outcome.String(),
			x.Reason
		item.SeenVersion, item.RecordVersion = x.SeenVersion, x.RecordVersion
	}
	for i := range x.Candidates {
		from := &x.Candidates[i]
		candidate := explainCandidate{Tags: tagMap(from.Tags), Available: from.Available, Taken: from.Taken,
			Why: from.Why.String()}
		if from.TagSet != 0 {
			candidate.Tags = tagMap(schema.Tags(from.TagSet))
		}
		if x.Rule != "" {
			candidate.Keep, candidate.Max = &from.Keep, &from.Max
			candidate.OnHand, candidate.Allocated = &from.OnHand, &from.Allocated
			candidate.Pending, candidate.SafetyStock = &from.Pending, &from.SafetyStock
		}
		item.Candidates = append(item.Candidates, candidate)
	}
	return item
}

func tagMap(tags []engine.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Category] = t.Value
	}
	return m
}
