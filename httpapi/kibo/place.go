package kibo

import (
	"slices"

	"apportion/engine"
)

// locationReply is a location as the API shows it. Nothing is kept of it but its code, so it is shown as one that can do all.
type locationReply struct {
	Success    bool   `json:"success"`
	LocationID uint32 `json:"locationID"`
	TenantID   int64  `json:"tenantID"`
	Code       string `json:"locationCode"`
	Name       string `json:"locationName"`
	Active     bool   `json:"active"`
	DirectShip bool   `json:"directShip"`
	Pickup     bool   `json:"pickup"`
	Transfer   bool   `json:"transferEnabled"`
	Aggregate  bool   `json:"includeInAggregate"`
	Export     bool   `json:"includeInLocationExport"`
}

func shownLocation(r *Request, code string) locationReply {
	return locationReply{true, tagNumber(code), r.Tenant, code, code, true, true, true, true, true, true}
}

// listLocations shows the locations that have a record.
func listLocations(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	list := []locationReply{}
	for _, code := range locationCodes(r.Host.Engine()) {
		list = append(list, shownLocation(r, code))
	}
	return Reply{Value: list}, nil
}

// locationCodes looks through all records.
func locationCodes(e *engine.Engine) (codes []string) {
	var v engine.RecordView
	seen := map[string]bool{}
	for row := e.NextRecord(0, &v); row != 0; row = e.NextRecord(row, &v) {
		if !seen[v.Location] {
			seen[v.Location] = true
			codes = append(codes, v.Location)
		}
	}
	slices.Sort(codes)
	return codes
}

func readLocation(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	if upcs, _ := r.Host.Engine().AppendUPCs(nil, r.Path[0], 0, 1); len(upcs) == 0 {
		return Reply{}, notFound(engine.CodeUnknownRecord, "locationCode", r.Path[0], "there is no record at a location %q", r.Path[0])
	}
	return Reply{Value: []locationReply{shownLocation(r, r.Path[0])}}, nil
}
