package kibo

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"apportion/engine"
	"apportion/httpapi/stockquery"
)

// lotFields tell lots of one item apart in that API. The engine has no lots, and a call to delete one lot must not
// delete them all.
type lotFields struct {
	LotCode      string `json:"lotCode"`
	Condition    string `json:"condition"`
	SerialNumber string `json:"serialNumber"`
	Date         date   `json:"date"`
}

func (g *lotFields) check() error {
	for _, f := range []struct {
		name  string
		given bool
	}{{"lotCode", g.LotCode != ""}, {"condition", g.Condition != ""}, {"serialNumber", g.SerialNumber != ""},
		{"date", g.Date.given}} {
		if f.given {
			return &Fault{Status: 501, Code: "not-implemented", Field: f.name, Message: "not done here: " + f.name +
				"; there are no lots of an item, only segments"}
		}
	}
	return nil
}

// locationFilter tells at which locations to delete.
type locationFilter struct {
	DryRun        bool     `json:"dryRun"`
	LocationCodes []string `json:"locationCodes"`
	AllLocations  bool     `json:"allLocations"`

	codes map[string]bool // the locations to look at
}

// locations gives the locations to look at; none is all.
func (f *locationFilter) locations() []string {
	if f.AllLocations {
		return nil
	}
	return f.LocationCodes
}

func (f *locationFilter) has(code string) bool {
	list := f.locations()
	if f.codes == nil {
		f.codes = make(map[string]bool, len(list))
		for _, code := range list {
			f.codes[code] = true
		}
	}
	return len(list) == 0 || f.codes[code]
}

type deleteItem struct {
	product
	Tags tagMap `json:"tags"`
}

type deleteBody struct {
	base
	locationFilter
	lotFields
	deleteItem
	Items []deleteItem `json:"items"`

	allTags tagMap // of the call and of each item
}

type deletedItem struct {
	ProductID     uint32   `json:"productID"`
	LocationIDs   []uint32 `json:"locationIDs"`
	LocationCodes []string `json:"locationCodes"`
	Identifier    product  `json:"itemIdentifier"`
}

// blockedReply is a record that is not deleted, since order items hold units of it.
type blockedReply struct {
	UPC       string `json:"upc"`
	Location  string `json:"locationCode"`
	Allocated int64  `json:"allocated"`
	Pending   int64  `json:"pending"`
}

// deleteReply has flags for totals, as that API's description has them. The counts are beside them.
type deleteReply struct {
	DryRun    bool           `json:"dryRun"`
	Items     []deletedItem  `json:"itemsDeleted"`
	Entries   bool           `json:"totalInventoryEntriesDeleted"`
	Locations bool           `json:"totalLocationsAffected"`
	Products  bool           `json:"totalProductsDeleted"`
	Audits    bool           `json:"totalAuditsDeleted"`
	Waves     bool           `json:"totalPickWavesDeleted"`
	Jobs      bool           `json:"jobIDs"`
	JobID     uint64         `json:"jobID,omitempty"`
	Records   int64          `json:"records"`
	Units     int64          `json:"units"`
	Blocked   []blockedReply `json:"blocked,omitempty"`
}

func deleteOne(r *Request) (Reply, error) {
	var body deleteBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	body.Items = []deleteItem{body.deleteItem}
	return body.run(r, "")
}

func deleteMany(r *Request) (Reply, error) {
	var body deleteBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if len(body.Items) == 0 {
		return Reply{}, badRequest("items", "", "items is empty")
	}
	return body.run(r, "items")
}

// run deletes records of the items, or segments of them. It deletes all or, if order items hold units of one of them,
// none.
func (b *deleteBody) run(r *Request, list string) (Reply, error) {
	if err := b.lotFields.check(); err != nil {
		return Reply{}, err
	}
	if err := atMost("items", len(b.Items), stockquery.ItemsMax); err != nil {
		return Reply{}, err
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	if err := b.sameTags(); err != nil {
		return Reply{}, err
	}
	if err := known(r.Host.Reader().Schema(), b.allTags, "tags"); err != nil {
		return Reply{}, err
	}
	names, err := b.names(r, list)
	if err != nil {
		return Reply{}, err
	}
	reply := deleteReply{DryRun: b.DryRun, Items: b.matches(r.Host.Reader(), names)}
	if len(reply.Items) == 0 {
		return Reply{Value: reply}, nil
	}
	c := b.command(names)
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	p := Proposal{Command: c}
	if !b.DryRun {
		p.Job = &engine.JobInfo{Type: jobDelete, Owner: b.owner(), Items: int64(len(names))}
	}
	results, err := r.Host.Do([]Proposal{p})
	if err != nil {
		return Reply{}, err
	}
	result := &results[0]
	if result.Code != engine.CodeOK && !(b.DryRun && result.Code == engine.CodeInUse) {
		return Reply{}, deleteRefusal(result)
	}
	reply.tell(result)
	return Reply{Value: reply}, nil
}

// sameTags takes the tags of the items into those of the call. They must be the same: the call is one command.
func (b *deleteBody) sameTags() error {
	for i := range b.Items {
		own := maps.Clone(b.Tags)
		if own == nil {
			own = tagMap{}
		}
		maps.Copy(own, b.Items[i].Tags)
		if i > 0 && !maps.Equal(own, b.allTags) {
			return &Fault{Status: http.StatusNotImplemented, Code: "not-implemented", Field: itemField(i, "tags"),
				Message: "not done here: items with different tags in one call; make a call for each"}
		}
		b.allTags = own
	}
	return nil
}

// command deletes the records of the items or, with tags, their segments.
func (b *deleteBody) command(names []string) engine.Command {
	scope := engine.Scope{UPCs: names, Locations: b.locations()}
	if len(b.allTags) == 0 {
		return &engine.Delete{Scope: scope, DryRun: b.DryRun}
	}
	return &engine.DeleteSegments{Scope: scope, Tags: b.allTags.list(), DryRun: b.DryRun}
}

func (reply *deleteReply) tell(result *engine.Result) {
	reply.Records, reply.Units, reply.JobID = result.Stock.Records, result.Stock.Units, uint64(result.Job.First)
	reply.Entries = result.Stock.Records > 0
	reply.Locations, reply.Products, reply.Jobs = reply.Entries, reply.Entries, result.Job.Count > 0
	for i := range result.Blocked {
		x := &result.Blocked[i]
		reply.Blocked = append(reply.Blocked, blockedReply{x.UPC, x.Location, x.Allocated, x.Pending})
	}
}

// deleteRefusal names the first record that cannot be deleted.
func deleteRefusal(result *engine.Result) *Fault {
	fault := refusal(result)
	if len(result.Blocked) > 0 {
		x := &result.Blocked[0]
		others := strconv.Itoa(len(result.Blocked)-1) + " records more"
		if len(result.Blocked) == engine.ReportedItemsMax {
			others = "at least " + others
		}
		fault.Message = fmt.Sprintf("nothing was deleted: orders hold %d units, of %s at %s and of %s; deallocate "+
			"them first",
			result.Stock.Promised, x.UPC, x.Location, others)
	}
	return fault
}

// names gives the UPCs of the items. A name may be a pattern.
func (b *deleteBody) names(r *Request, list string) (names []string, err error) {
	var p patterns
	for i := range b.Items {
		it, field := &b.Items[i], "item"
		if list != "" {
			field = list + "[" + strconv.Itoa(i) + "]"
		}
		name, err := it.named(field)
		if err == nil && isPattern(name) {
			err = p.add(field, name)
		} else if err == nil {
			names = append(names, name)
		}
		if err != nil {
			return nil, err
		}
	}
	matched, err := p.names(r, b.has)
	names = append(names, matched...)
	slices.Sort(names)
	return slices.Compact(names), err
}

// matches lists the items that have something to delete at the call's locations, at most as many as the engine lists.
func (b *deleteBody) matches(e *engine.Reader, names []string) []deletedItem {
	list := []deletedItem{}
	for _, name := range names {
		codes := slices.DeleteFunc(e.AppendLocations(nil, name), func(code string) bool {
			return !b.has(code) || !b.hasTagged(e, name, code)
		})
		if len(codes) == 0 || len(list) == engine.ReportedItemsMax {
			continue
		}
		item := deletedItem{ProductID: tagNumber(name), LocationCodes: codes, Identifier: product{UPC: name}}
		for _, code := range codes {
			item.LocationIDs = append(item.LocationIDs, tagNumber(code))
		}
		list = append(list, item)
	}
	return list
}

// hasTagged reports whether a record has a segment with the tags, or a delivery.
func (b *deleteBody) hasTagged(e *engine.Reader, name, code string) bool {
	if len(b.allTags) == 0 {
		return true
	}
	var v engine.RecordView
	if !e.ReadRecord(name, code, &v) {
		return false
	}
	schema, tags := e.Schema(), b.allTags.list()
	return slices.ContainsFunc(v.Segments, func(s engine.SegmentView) bool { return schema.Matches(s.TagSet, tags) }) ||
		slices.ContainsFunc(v.Future, func(f engine.FutureView) bool {
			return schema.MatchesDelivery(f.TagSet, f.Split, tags)
		})
}
