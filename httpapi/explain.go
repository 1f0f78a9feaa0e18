package httpapi

import (
	"net/http"

	"apportion/engine"
	"apportion/httpapi/api"
	"apportion/httpapi/strictjson"
)

// Why an order was filled as it was.

func (req *request) explain() {
	if !req.barrier() {
		return
	}
	asOf := req.server.store.AppliedIndex()
	view := &req.reads.why
	found, err := req.server.store.Explain(req.path[0], view)
	switch {
	case err != nil:
		req.storeFailed(err)
	case !found:
		req.fail(http.StatusNotFound, engine.CodeUnknownOrder.String(), codeDetails[engine.CodeUnknownOrder], "orderId",
			req.path[0])
	default:
		reply := api.OrderExplanation{AsOf: asOf, OrderID: view.OrderID, Items: []api.ItemExplanation{}}
		for i := range view.Items {
			reply.Items = append(reply.Items, showExplanation(req.schema(), &view.Items[i]))
		}
		req.reply(reply)
	}
}

func showExplanation(schema *engine.Schema, x *engine.ItemExplanation) api.ItemExplanation {
	item := api.ItemExplanation{ItemID: x.ItemID, UPC: x.UPC, Location: x.Location, Tags: tagMap(schema.Tags(x.TagSet)),
		Requested: x.Requested, Pending: x.Pending, Path: "native", Index: x.Index, Candidates: []api.Candidate{}}
	if x.TimeMS != 0 {
		item.Time = strictjson.FormatTime(x.TimeMS)
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
		candidate := api.Candidate{Tags: tagMap(from.Tags), Available: from.Available, Taken: from.Taken,
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
