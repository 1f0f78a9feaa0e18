package kibo

import (
	"bytes"

	"apportion/engine"
)

type redistributeBody struct {
	base
	UPCs      []string `json:"upcs"`
	Locations []string `json:"locations"`
}

// redistribute marks records to be split by the percentages at their next refresh or adjust, and answers with a job for
// each location. That API's call has no body and is for all records; here a body may name a scope, as in the native
// API.
func redistribute(r *Request) (Reply, error) {
	var body redistributeBody
	if len(bytes.TrimSpace(r.Body)) > 0 {
		if err := decode(r, r.Body, &body); err != nil {
			return Reply{}, err
		}
	}
	c := &engine.Redistribute{Scope: engine.Scope{UPCs: body.UPCs, Locations: body.Locations}}
	c.All = len(c.UPCs)+len(c.Locations) == 0
	if err := checked(c); err != nil {
		return Reply{}, err
	}
	results, err := r.Host.Do([]Proposal{{Command: c, Job: &engine.JobInfo{Type: jobRefresh, Owner: body.owner(),
		PerLocation: true}}})
	if err != nil {
		return Reply{}, err
	}
	if results[0].Code != engine.CodeOK && results[0].Job.Count == 0 {
		return Reply{}, refusal(&results[0])
	}
	return Reply{Value: keptJobs(r, &results[0])}, nil
}
