package kibo

import (
	"slices"
	"strconv"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

type deleteFutureBody struct {
	base
	locationFilter
	lotFields
	product
	Start       date     `json:"futureStartDate"`
	End         date     `json:"futureEndDate"`
	ExternalIDs []string `json:"externalIDs"`
}

type deleteFutureReply struct {
	DryRun    bool          `json:"dryRun"`
	Items     []deletedItem `json:"itemsDeleted"`
	Entries   bool          `json:"totalInventoryEntriesDeleted"`
	Locations bool          `json:"totalLocationsAffected"`
	External  bool          `json:"totalexternalIDsAffected"`
	Jobs      bool          `json:"jobIDs"`
	Entry     int           `json:"deliveries"`
}

// deleteFuture removes the deliveries that are due in a period: of one item, or of all that match a pattern.
func deleteFuture(r *Request) (Reply, error) {
	var body deleteFutureBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if err := body.check(); err != nil {
		return Reply{}, err
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	name, err := body.named("item")
	if err != nil {
		return Reply{}, err
	}
	names := []string{name}
	if isPattern(name) {
		var p patterns
		if err := p.add("upc", name); err != nil {
			return Reply{}, err
		}
		if names, err = p.names(r, body.has); err != nil {
			return Reply{}, err
		}
	}
	slices.Sort(names)
	found := body.find(r.Host.Reader(), names)
	reply := deleteFutureReply{DryRun: body.DryRun, Items: found.items, Entries: found.count > 0,
		Locations: found.count > 0, Entry: found.count}
	if found.count == 0 || body.DryRun {
		return Reply{Value: reply}, nil
	}
	reply.Jobs = true
	return Reply{Value: reply}, found.remove(r, body.owner())
}

func (b *deleteFutureBody) check() error {
	if err := b.lotFields.check(); err != nil {
		return err
	}
	switch {
	case len(b.ExternalIDs) > 0:
		return &Fault{Status: 501, Code: "not-implemented", Field: "externalIDs",
			Message: "not done here: externalIDs; deliveries are known by item, location, tags and date"}
	case !b.Start.given || !b.End.given:
		return badRequest("futureStartDate", "", "futureStartDate and futureEndDate are needed")
	}
	return nil
}

// foundFutures has the refreshes that remove the deliveries found.
type foundFutures struct {
	items     []deletedItem
	refreshes []*engine.Refresh
	count     int
}

func (b *deleteFutureBody) find(e *engine.Reader, names []string) (found foundFutures) {
	found.items = []deletedItem{}
	at := map[string]*engine.Refresh{}
	var v engine.RecordView
	for _, name := range names {
		item := deletedItem{ProductID: tagNumber(name), Identifier: product{UPC: name}}
		for _, code := range e.AppendLocations(nil, name) {
			if !b.has(code) || !e.ReadRecord(name, code, &v) {
				continue
			}
			had := found.count
			for i := range v.Future {
				if f := &v.Future[i]; f.DeliveryDateMS >= b.Start.ms && f.DeliveryDateMS <= b.End.ms {
					found.add(at, code, futureItem(e.Schema(), name, f, 0))
				}
			}
			if found.count > had {
				item.LocationCodes = append(item.LocationCodes, code)
				item.LocationIDs = append(item.LocationIDs, tagNumber(code))
			}
		}
		if len(item.LocationCodes) > 0 && len(found.items) < engine.ReportedItemsMax {
			found.items = append(found.items, item)
		}
	}
	return found
}

// add puts the removal of a delivery into a refresh of its location that has room. After a schema change two deliveries
// may have the same target and date: one removal is for both.
func (f *foundFutures) add(at map[string]*engine.Refresh, code string, item engine.StockItem) {
	c := at[code]
	for i := len(items(c)) - 1; i >= 0 && c.Items[i].UPC == item.UPC; i-- { // a record's deliveries come together
		if o := &c.Items[i]; o.DeliveryDateMS == item.DeliveryDateMS && slices.Equal(o.Tags, item.Tags) {
			return
		}
	}
	if c == nil || len(c.Items) == engine.RefreshItemsMax {
		c = &engine.Refresh{Location: code}
		at[code] = c
		f.refreshes = append(f.refreshes, c)
	}
	c.Items = append(c.Items, item)
	f.count++
}

// items gives the items of a refresh, none if there is no refresh yet.
func items(c *engine.Refresh) []engine.StockItem {
	if c == nil {
		return nil
	}
	return c.Items
}

func (f *foundFutures) remove(r *Request, owner string) error {
	proposals := make([]Proposal, len(f.refreshes))
	for i, c := range f.refreshes {
		proposals[i] = Proposal{Command: c, Part: strconv.Itoa(i),
			Job: &engine.JobInfo{Type: jobDelete, Owner: owner, Location: c.Location, Items: int64(len(c.Items))}}
	}
	results, err := r.Host.Do(proposals)
	if err != nil {
		return err
	}
	for i := range results {
		if results[i].Code != engine.CodeOK {
			return refusal(&results[i])
		}
	}
	return nil
}

// futureItem names the target of a delivery, with a quantity. A delivery that is split on arrival has no tags of the
// categories with percentages.
func futureItem(schema *engine.Schema, upc string, f *engine.FutureView, quantity int64) engine.StockItem {
	item := engine.StockItem{UPC: upc, Quantity: quantity, DeliveryDateMS: f.DeliveryDateMS}
	for _, t := range schema.Tags(f.TagSet) {
		if c, ok := schema.Category(t.Category); ok && f.Split && c.Distributed() {
			continue
		}
		item.Tags = append(item.Tags, t)
	}
	return item
}

type futureDateBody struct {
	base
	FutureDate date `json:"futureDate"`
}

// adjustFutureDate moves a delivery to another date, which gives it another number.
func adjustFutureDate(r *Request) (Reply, error) {
	var body futureDateBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	to := body.FutureDate
	if !to.given {
		return Reply{}, badRequest("futureDate", "", "a futureDate is needed")
	}
	id, err := strconv.ParseUint(r.Path[0], 10, 64)
	if err != nil {
		return Reply{}, badRequest("futureInventoryID", r.Path[0], "futureInventoryID: %q is no number", r.Path[0])
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	v, at, err := findFuture(r, id)
	if err != nil {
		return Reply{}, err
	}
	if v == nil {
		return Reply{}, notFound(engine.CodeUnknownRecord, "futureInventoryID", r.Path[0],
			"there is no future inventory %d", id)
	}
	c := moveFuture(r.Host.Reader().Schema(), v, &v.Future[at], to.ms)
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	results, err := r.Host.Do([]Proposal{{Command: c, Job: &engine.JobInfo{Type: jobAdjust, Owner: body.owner(),
		Location: v.Location, Items: 1}}})
	if err != nil {
		return Reply{}, err
	}
	job, err := jobOf(r, &results[0])
	return Reply{Value: job}, err
}

// moveFuture moves a delivery to another date, where it adds to what is due already.
func moveFuture(schema *engine.Schema, v *engine.RecordView, f *engine.FutureView, toMS int64) engine.Command {
	moved := futureItem(schema, v.UPC, f, f.Quantity)
	moved.DeliveryDateMS = toMS
	if f.DeliveryDateMS == toMS { // it stays as it is
		return &engine.Refresh{Location: v.Location, Items: []engine.StockItem{moved}}
	}
	return &engine.Adjust{Location: v.Location, Items: []engine.StockItem{futureItem(schema, v.UPC, f, -f.Quantity),
		moved}}
}

// findFuture looks through all records for a delivery. It gives the record and the delivery's index in it, nil if there
// is none.
func findFuture(r *Request, id uint64) (record *engine.RecordView, at int, err error) {
	err = walk(r, func(v *engine.RecordView) bool {
		if at = slices.IndexFunc(v.Future, func(f engine.FutureView) bool { return f.ID == id }); at >= 0 {
			record = v
		}
		return record == nil
	})
	return record, at, err
}

// futureReply is a delivery in replies.
type futureReply struct {
	FutureID     uint64 `json:"futureInventoryID"`
	OnHand       int64  `json:"onhand"`
	Available    int64  `json:"available"`
	Allocated    int64  `json:"allocated"`
	Pending      int64  `json:"pending"`
	Type         string `json:"type"`
	DeliveryDate string `json:"deliveryDate"`
}

// shownFuture shows a delivery. All of it is available: nothing is promised of it before it comes.
func shownFuture(f *engine.FutureView) futureReply {
	return futureReply{FutureID: f.ID, OnHand: f.Quantity, Available: f.Quantity, Type: jobAdjust,
		DeliveryDate: strictjson.FormatTime(f.DeliveryDateMS)}
}
