package kibo

import "apportion/engine"

// futureReply is a delivery as the API shows it.
type futureReply struct {
	FutureID     uint64 `json:"futureInventoryID"`
	OnHand       int64  `json:"onhand"`
	Available    int64  `json:"available"`
	Allocated    int64  `json:"allocated"`
	Pending      int64  `json:"pending"`
	Type         string `json:"type"`
	DeliveryDate string `json:"deliveryDate"`
}

// shownFuture: nothing is promised of a delivery before it comes, and it adds to what is on hand then.
func shownFuture(f *engine.FutureView) futureReply {
	return futureReply{FutureID: f.ID, OnHand: f.Quantity, Available: f.Quantity, Type: jobAdjust, DeliveryDate: shownTime(f.DeliveryDateMS)}
}
