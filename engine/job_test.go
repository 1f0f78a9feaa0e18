package engine

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestJobs: the outcome of a call, also a refusal, is kept under the number in its result. A repeated key gets that
// number again.
func TestJobs(t *testing.T) {
	h := newHost(t)
	refresh := &Refresh{Location: "L", Items: []StockItem{units("U", 5)}}
	env := &Envelope{Key: "k", Job: &JobInfo{Type: "REFRESH", Owner: "me", Location: "L", Items: 1}}
	first := h.do(env, refresh)
	if first.Job != (JobResult{First: 1, Count: 1}) {
		t.Fatalf("the first job is %+v", first.Job)
	}
	var j Job
	want := Job{ID: 1, Kind: KindRefresh, Index: 1, TimeMS: 1_000, Type: "REFRESH", Owner: "me", Location: "L",
		Items: 1}
	if !h.e.Job(1, &j) || !reflect.DeepEqual(j, want) {
		t.Errorf("the job is %+v, want %+v", j, want)
	}
	if again := h.do(env, refresh); !again.Repeated || again.Job != first.Job || h.e.Stats().Jobs != 1 {
		t.Errorf("the repetition answers %+v, %d jobs are kept", again, h.e.Stats().Jobs)
	}

	env = &Envelope{Job: &JobInfo{Type: "ALLOCATE", Items: 2}}
	refused := h.do(env, allocate("o", ModeAll, ask("1", "U", 5), ask("2", "X", 1)))
	if refused.Code != CodeUnknownRecord || refused.Job != (JobResult{First: 2, Count: 1}) {
		t.Fatalf("the refused order answers %+v", refused)
	}
	faults := []JobFault{{ItemID: "1", Code: CodeUnavailable}, {ItemID: "2", Code: CodeUnknownRecord}}
	if !h.e.Job(2, &j) || j.Code != CodeUnknownRecord || j.Field != "lines[1]" || !reflect.DeepEqual(j.Faults, faults) {
		t.Errorf("the job of a refused order is %+v", j)
	}
	if h.e.Job(0, &j) || h.e.Job(3, &j) {
		t.Error("there are jobs that nobody has begun")
	}
	if r := h.must(refresh); r.Job != (JobResult{}) {
		t.Errorf("a command without a job answers %+v", r.Job)
	}
}

// TestJobPerLocation: a redistribution has a job for each of its locations.
func TestJobPerLocation(t *testing.T) {
	h := newHost(t)
	for _, location := range []string{"M", "K", "L"} {
		h.must(&Refresh{Location: location, Items: []StockItem{units("U", 5)}})
	}
	h.must(&Refresh{Location: "L", Items: []StockItem{units("V", 5)}})
	f := func(s Scope, want string) {
		t.Helper()
		r := h.do(&Envelope{Job: &JobInfo{Type: "REFRESH", PerLocation: true}}, &Redistribute{Scope: s})
		got := ""
		for n := range r.Job.Count {
			var j Job
			h.e.Job(r.Job.First+JobID(n), &j)
			got += fmt.Sprintf("%s:%d ", j.Location, j.Items)
		}
		if got != want || (want == "") != (r.Job == JobResult{}) {
			t.Errorf("%+v has the jobs %q, want %q", s, got, want)
		}
	}
	f(Scope{All: true}, "K:1 L:2 M:1 ")
	f(Scope{UPCs: []string{"V"}}, "L:1 ")
	f(Scope{UPCs: []string{"W"}}, "")
}

func TestJobsAreChecked(t *testing.T) {
	h := newHost(t)
	f := func(j JobInfo, field string) {
		t.Helper()
		r := h.do(&Envelope{Job: &j}, &Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
		if r.Code != CodeInvalid || r.Field != field || r.Job != (JobResult{}) || h.e.Stats().Records != 0 {
			t.Errorf("%+v answers %+v", j, r)
		}
	}
	f(JobInfo{}, "job.type")
	f(JobInfo{Type: strings.Repeat("x", JobTypeBytesMax+1)}, "job.type")
	f(JobInfo{Type: "X", Owner: strings.Repeat("x", JobOwnerBytesMax+1)}, "job.owner")
	f(JobInfo{Type: "X", Owner: "a\x00"}, "job.owner")
	f(JobInfo{Type: "X", Location: strings.Repeat("x", LocationBytesMax+1)}, "job.location")
	f(JobInfo{Type: "X", Items: -1}, "job.items")
	f(JobInfo{Type: "X", Items: QuantityMax + 1}, "job.items")
}

// TestJobsAreBounded: the oldest job is deleted first, by count and by age.
func TestJobsAreBounded(t *testing.T) {
	h := newHost(t)
	h.buf = AppendCommand(nil, &Envelope{Job: &JobInfo{Type: "X"}}, &Expire{})
	for range JobsMax + 2 {
		h.out = h.e.Apply(1, h.nowMS, h.buf, h.out[:0])
	}
	var j Job
	if h.e.Job(2, &j) || !h.e.Job(3, &j) || h.e.Stats().Jobs != JobsMax {
		t.Errorf("%d jobs are kept, the oldest is %+v", h.e.Stats().Jobs, j)
	}
	if newest := h.e.Jobs(0, 2, nil); len(newest) != 2 || newest[0].ID != JobsMax+2 || newest[1].ID != JobsMax+1 {
		t.Errorf("the newest are %+v", newest)
	}
	h.index, h.nowMS = 1, h.nowMS+JobAgeMS-1
	h.must(&Expire{})
	if h.e.Stats().Jobs != JobsMax {
		t.Error("jobs went too early")
	}
	h.nowMS++
	h.must(&Expire{})
	if n := h.e.Stats().Jobs; n != 0 {
		t.Errorf("%d jobs are left after a week", n)
	}
}

// TestOlderStateHasNoJobs: a state from before jobs loads.
func TestOlderStateHasNoJobs(t *testing.T) {
	h := newHost(t)
	h.must(&Refresh{Location: "L", Items: []StockItem{units("U", 5)}})
	older := new(Rows)
	rowsOf(h.e).Each(func(op RowOp, key, value []byte) error {
		if key[0] == metaTable {
			at := len(value) - 8 // first and next job and deletion, three of changes, and the number of open counts
			value = append([]byte{3}, append(append([]byte(nil), value[1:at]...), value[at+7:]...)...)
		}
		older.add(op, key, value)
		return nil
	})
	e, err := loadRows(older)
	if err != nil || e.Hash() != h.e.Hash() {
		t.Errorf("the older state: %v", err)
	}
}
