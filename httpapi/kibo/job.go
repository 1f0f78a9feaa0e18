package kibo

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"apportion/engine"
	"apportion/httpapi/strictjson"
)

// The types of jobs.
const (
	jobRefresh    = "REFRESH"
	jobAdjust     = "ADJUST"
	jobAllocate   = "ALLOCATE"
	jobDeallocate = "DEALLOCATE"
	jobFulfill    = "FULFILL"
	jobDelete     = "DELETE"
)

// Limits of the job list.
const (
	jobsDefault = 100
	jobsMax     = 1_000

	// jobsPage is how many jobs are read under the engine's mutex at a time.
	jobsPage = 200
)

// jobReply is a job in replies.
type jobReply struct {
	Success    bool     `json:"success"`
	Messages   []string `json:"messages"`
	NumResults int      `json:"numResults"`
	JobID      uint64   `json:"jobID"`
	TenantID   int64    `json:"tenantID"`
	Location   string   `json:"locationCode"`
	Owner      string   `json:"owner,omitempty"`
	Type       string   `json:"type"`
	Added      string   `json:"added"`
	Started    string   `json:"started"`
	Finished   string   `json:"finished"`
	HasData    bool     `json:"hasData"`
	ItemCount  int64    `json:"itemCount"`
	Status     string   `json:"status"`
	AsOf       uint64   `json:"asOf"`
}

// jobIDReply is the answer of a call that gives only the number of its job.
type jobIDReply struct {
	JobID uint64 `json:"jobID"`
}

func shownJob(r *Request, j *engine.Job) jobReply {
	at := strictjson.FormatTime(j.TimeMS)
	reply := jobReply{
		Success: j.Code == engine.CodeOK, Messages: []string{}, JobID: uint64(j.ID), TenantID: r.Tenant,
		Location: j.Location,
		Owner:    j.Owner, Type: j.Type, Added: at, Started: at, Finished: at, HasData: true, ItemCount: j.Items,
		Status: "SUCCESS", AsOf: j.Index,
	}
	if j.Code == engine.CodeOK {
		reply.NumResults = int(j.Items)
	} else {
		reply.Status = "FAILED"
		reply.Messages = append(reply.Messages, message(j.Code, j.Field, j.Value))
	}
	for _, f := range j.Faults {
		reply.Messages = append(reply.Messages, fmt.Sprintf("item %s: %s%s", f.ItemID, f.Code, faultDetail(&f)))
	}
	return reply
}

// faultDetail has what is known of a refused line beside its code.
func faultDetail(f *engine.JobFault) string {
	switch {
	case f.Reason != "":
		return ", nothing is left: " + f.Reason
	case f.Code == engine.CodeOnHandBelowZero:
		return fmt.Sprintf(", %d can ship: fulfill those and deallocate the others, or correct on hand by a refresh "+
			"or an adjust", f.Available)
	case f.Code == engine.CodeExceedsLeft && f.Available > 0:
		return fmt.Sprintf(", %d left", f.Available)
	}
	return ""
}

// message is a refusal as text.
func message(code engine.Code, field, value string) string {
	text := code.String()
	if field != "" {
		text += " at " + field
	}
	if value != "" {
		text += ": " + value
	}
	return text
}

// keptJobs reads the jobs that a result names.
func keptJobs(r *Request, result *engine.Result) []jobReply {
	jobs := make([]jobReply, 0, result.Job.Count)
	var j engine.Job
	for n := range result.Job.Count {
		if r.Host.Job(result.Job.First+engine.JobID(n), &j) {
			jobs = append(jobs, shownJob(r, &j))
		}
	}
	return jobs
}

// jobOf gives the one job of a result. An idempotency key may be kept longer than the job that it answers with.
func jobOf(r *Request, result *engine.Result) (jobReply, error) {
	if result.Job.Count == 0 { // the key was used with another call, or the state is full
		return jobReply{}, refusal(result)
	}
	if jobs := keptJobs(r, result); len(jobs) > 0 {
		return jobs[0], nil
	}
	return jobReply{}, notFound(engine.CodeUnknownOrder, "jobID", strconv.FormatUint(uint64(result.Job.First), 10),
		"the job is kept no longer")
}

func readJob(r *Request) (Reply, error) {
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	id, err := strconv.ParseUint(r.Path[0], 10, 64)
	if err != nil {
		return Reply{}, badRequest("jobID", r.Path[0], "jobID: %q is no number", r.Path[0])
	}
	var j engine.Job
	if !r.Host.Job(engine.JobID(id), &j) {
		return Reply{}, &Fault{Status: 404, Code: "unknown-job", Message: "no such job, or it is kept no longer",
			Field: "jobID", Value: r.Path[0]}
	}
	return Reply{Value: shownJob(r, &j)}, nil
}

// jobFilter selects jobs for a list.
type jobFilter struct {
	location, owner string
	types           []string
	limit           int
	nothing         bool
}

func newJobFilter(q url.Values) (f jobFilter, err error) {
	f = jobFilter{location: q.Get("locationCode"), owner: q.Get("owner"), limit: jobsDefault}
	f.nothing = q.Get("originalFilename") != "" // no job comes from a file
	for _, list := range q["types"] {
		f.types = append(f.types, strings.Split(list, ",")...)
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > jobsMax {
			return f, badRequest("limit", text, "limit: %q is no number from 1 to %d", text, jobsMax)
		}
		f.limit = n
	}
	return f, nil
}

func (f *jobFilter) wants(j *engine.Job) bool {
	return (f.location == "" || f.location == j.Location) && (f.owner == "" || f.owner == j.Owner) &&
		(len(f.types) == 0 || slices.Contains(f.types, j.Type))
}

// listJobs shows the newest jobs first.
func listJobs(r *Request) (Reply, error) {
	filter, err := newJobFilter(r.Query)
	if err != nil {
		return Reply{}, err
	}
	if err := r.Host.Barrier(); err != nil {
		return Reply{}, err
	}
	list := []jobReply{}
	var jobs []engine.Job
	for before := engine.JobID(0); !filter.nothing; before = jobs[len(jobs)-1].ID {
		if jobs = r.Host.Jobs(before, jobsPage, jobs[:0]); len(jobs) == 0 {
			break
		}
		for i := range jobs {
			if filter.wants(&jobs[i]) {
				list = append(list, shownJob(r, &jobs[i]))
			}
			if len(list) == filter.limit {
				return Reply{Value: list}, nil
			}
		}
	}
	return Reply{Value: list}, nil
}
