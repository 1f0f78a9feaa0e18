package kibo

import (
	"fmt"
	"net/http"

	"apportion/engine"
)

// groupBody is a group of locations, in requests and in replies.
type groupBody struct {
	Code      string   `json:"locationGroupCode"`
	Locations []string `json:"locationCodes"`
}

type groupReply struct {
	Success  bool   `json:"success"`
	GroupID  uint32 `json:"locationGroupID"`
	TenantID int64  `json:"tenantID"`
	groupBody
}

func shownGroup(r *Request, c *engine.PutLocationGroup) groupReply {
	return groupReply{true, tagNumber(c.Group), r.Tenant, groupBody{c.Group, c.Locations}}
}

func listGroups(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	list := []groupReply{}
	for _, c := range r.Host.Reader().LocationGroups() {
		list = append(list, shownGroup(r, &c))
	}
	return Reply{Value: list}, nil
}

func readGroup(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	c, ok := r.Host.Reader().LocationGroup(r.Path[0])
	if !ok {
		return Reply{}, unknownGroup(r.Path[0])
	}
	return Reply{Value: []groupReply{shownGroup(r, &c)}}, nil
}

func unknownGroup(code string) *Fault {
	return &Fault{Status: http.StatusNotFound, Code: "unknown-location-group", Field: "locationGroupCode", Value: code,
		Message: fmt.Sprintf("there is no location group %q", code)}
}

// saveGroup makes a location group, or replaces its locations.
func saveGroup(r *Request) (Reply, error) {
	var body groupBody
	if err := decode(r, r.Body, &body); err != nil {
		return Reply{}, err
	}
	if len(body.Locations) == 0 {
		return Reply{}, badRequest("locationCodes", "", "locationCodes is empty: DELETE locationGroup/{code} takes "+
			"a group away")
	}
	c := &engine.PutLocationGroup{Group: body.Code, Locations: body.Locations}
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	if err := doOne(r, c); err != nil {
		return Reply{}, err
	}
	return Reply{Value: []groupReply{shownGroup(r, c)}}, nil
}

func deleteGroup(r *Request) (Reply, error) {
	if _, err := readGroup(r); err != nil {
		return Reply{}, err
	}
	if err := doOne(r, &engine.PutLocationGroup{Group: r.Path[0]}); err != nil {
		return Reply{}, err
	}
	return Reply{Value: deletedReply{1}}, nil
}

// groupFilter selects the locations of a location group, if one is named.
type groupFilter struct {
	Group string `json:"locationGroupCode"`

	members map[string]bool // nil: all locations
}

// resolve looks the location group up. A misspelt name must not look like no stock.
func (f *groupFilter) resolve(e *engine.Reader) error {
	if f.Group == "" {
		return nil
	}
	c, ok := e.LocationGroup(f.Group)
	if !ok {
		return badRequest("locationGroupCode", f.Group, "there is no location group %q", f.Group)
	}
	f.members = make(map[string]bool, len(c.Locations))
	for _, location := range c.Locations {
		f.members[location] = true
	}
	return nil
}

func (f *groupFilter) inGroup(code string) bool { return f.members == nil || f.members[code] }
