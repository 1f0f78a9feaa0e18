package engine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// JobInfo describes the call that a command stands for, to those who ask for the job later. The engine does not
// interpret its texts. Like plans it is no part of what an idempotency key stands for: a repetition answers the job of
// the first.
type JobInfo struct {
	Type     string // in the words of its readers
	Owner    string // may be empty
	Location string // may be empty
	Items    int64  // of the call

	// PerLocation has a Redistribute that is carried out give a job for each location with records in its scope. Their
	// Location is that one, their Items the records there.
	PerLocation bool
}

// JobID is the number of a job; they rise by one.
type JobID uint64

// Job is the outcome of a call, kept for those who ask later. The call was carried out, or refused, before it got its
// number: a job never waits.
type Job struct {
	ID     JobID
	Kind   Kind   // of the command
	Index  uint64 // log index
	TimeMS int64  // the entry's time, Unix milliseconds

	Type, Owner, Location string

	Items int64

	// Code, Field and Value are the result's. Faults are the refused lines of an order command, at most JobFaultsMax.
	Code   Code
	Field  string
	Value  string
	Faults []JobFault
}

// JobFault is a line that was refused. Reason and Available are the line's, of changes of orders only.
type JobFault struct {
	ItemID    string
	Code      Code
	Reason    string
	Available int64
}

// checkJob checks the description of a job.
func checkJob(j *JobInfo) *Fault {
	switch {
	case !IsText(j.Type, JobTypeBytesMax):
		return textFault("job.type", j.Type, JobTypeBytesMax)
	case !isOptionalText(j.Owner, JobOwnerBytesMax):
		return textFault("job.owner", j.Owner, JobOwnerBytesMax)
	case !isOptionalText(j.Location, LocationBytesMax):
		return textFault("job.location", j.Location, LocationBytesMax)
	case j.Items < 0 || j.Items > QuantityMax:
		return numberFault("job.items", j.Items, 0, QuantityMax)
	}
	return nil
}

const jobPerLocation = 1 << 0

// appendJobInfo: flags, type, owner, location, items.
func appendJobInfo(dst []byte, j *JobInfo) []byte {
	dst = append(dst, flagBit(j.PerLocation, jobPerLocation))
	dst = appendText(dst, j.Type)
	dst = appendText(dst, j.Owner)
	dst = appendText(dst, j.Location)
	return binary.AppendVarint(dst, j.Items)
}

func readJobInfo(r *reader) JobInfo {
	flags := r.flags(jobPerLocation)
	return JobInfo{PerLocation: flags != 0, Type: r.text(), Owner: r.text(), Location: r.text(), Items: r.varint()}
}

// keepJob keeps the outcome of a command under the next number, or under several.
func (e *Engine) keepJob(c Command, info *JobInfo, r *Result) {
	r.Job.First = JobID(e.logs[jobLog].Next())
	job := Job{Kind: c.Kind(), Type: info.Type, Owner: info.Owner, Location: info.Location, Items: info.Items,
		Code: r.Code, Field: r.Field, Value: r.Value}
	_, explained := c.(*OrderChange)
	explained = explained && e.scratch.strict // programs of before kept no reasons
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Code != CodeOK && len(job.Faults) < JobFaultsMax {
			job.Faults = append(job.Faults, JobFault{ItemID: l.ItemID, Code: l.Code})
			if explained {
				f := &job.Faults[len(job.Faults)-1]
				f.Reason, f.Available = l.Reason, l.Available
			}
		}
	}
	if all, ok := c.(*Redistribute); ok && info.PerLocation && r.Code == CodeOK {
		for _, at := range e.countByLocation(&all.Scope) {
			job.Location, job.Items = at.location, at.records
			e.addJob(&job, r)
		}
	} else {
		e.addJob(&job, r)
	}
	if r.Job.Count == 0 {
		r.Job = JobResult{}
	}
}

// locationCount is how many records a location has.
type locationCount struct {
	location string
	records  int64
}

// countByLocation counts the records in a scope, locations in order. There is room for JobsMax: more jobs would drop
// those that the same command has just kept.
func (e *Engine) countByLocation(scope *Scope) []locationCount {
	counts := map[uint32]int64{}
	for _, row := range e.inScope(scope) {
		counts[e.records.At(row).location]++
	}
	list := make([]locationCount, 0, len(counts))
	for row, records := range counts {
		list = append(list, locationCount{e.text(row), records})
	}
	slices.SortFunc(list, func(a, b locationCount) int { return cmp.Compare(a.location, b.location) })
	return list[:min(len(list), JobsMax)]
}

func (e *Engine) addJob(j *Job, r *Result) {
	j.Index, j.TimeMS = e.appliedIndex.Load(), e.nowMS.Load()
	e.scratch.entry = appendJob(e.scratch.entry[:0], j)
	e.keep(jobLog, e.scratch.entry)
	r.Job.Count++
}

func appendJob(b []byte, j *Job) []byte {
	b = binary.AppendVarint(b, j.TimeMS)
	b = binary.AppendUvarint(b, j.Index)
	b = append(b, byte(j.Kind), byte(j.Code))
	b = appendText(b, j.Type)
	b = appendText(b, j.Owner)
	b = appendText(b, j.Location)
	b = appendUnits(b, j.Items)
	b = appendText(b, j.Field)
	b = appendText(b, j.Value)
	b = binary.AppendUvarint(b, uint64(len(j.Faults)))
	for i := range j.Faults {
		b = append(appendText(b, j.Faults[i].ItemID), byte(j.Faults[i].Code))
	}
	if !slices.ContainsFunc(j.Faults, func(f JobFault) bool { return f.Reason != "" || f.Available != 0 }) {
		return b
	}
	for i := range j.Faults {
		b = appendUnits(appendText(b, j.Faults[i].Reason), j.Faults[i].Available)
	}
	return b
}

// jobFaultBytesMin is what a refused line of a job takes at least.
const jobFaultBytesMin = textBytesMin + 1

// readJob reads what appendJob wrote, but for the number. The texts alias b.
func readJob(b []byte, j *Job) error {
	in := reader{b: b}
	*j = Job{TimeMS: in.varint(), Index: in.uvarint(), Kind: Kind(in.byte()), Code: Code(in.byte()),
		Type: in.text(), Owner: in.text(), Location: in.text(), Items: in.units(), Field: in.text(), Value: in.text()}
	for range in.count(jobFaultBytesMin) {
		j.Faults = append(j.Faults, JobFault{ItemID: in.text(), Code: Code(in.byte())})
	}
	if in.left() > 0 { // rows of before end here
		for i := range j.Faults {
			j.Faults[i].Reason, j.Faults[i].Available = in.text(), in.units()
		}
	}
	return in.end(ErrCorrupt)
}

func checkStoredJob(entry []byte) error { return readJob(entry, new(Job)) }

// Job copies a kept job. The caller holds the mutex under which Apply is called.
func (e *Engine) Job(id JobID, j *Job) bool {
	kept := &e.logs[jobLog]
	if uint64(id) < kept.First() || uint64(id) >= kept.Next() {
		return false
	}
	err := readJob(append([]byte(nil), kept.Get(uint64(id))...), j)
	assert(err == nil, "a kept job cannot be read")
	j.ID = id
	return true
}

// Jobs appends up to limit kept jobs with numbers below one (0: the newest ones), newest first. The caller holds the
// mutex under which Apply is called. The jobs' texts are copies.
func (e *Engine) Jobs(before JobID, limit int, dst []Job) []Job {
	kept := &e.logs[jobLog]
	number := kept.Next()
	if before != 0 {
		number = min(number, uint64(before))
	}
	for ; number > kept.First() && limit > 0; limit-- {
		number--
		var j Job
		e.Job(JobID(number), &j)
		dst = append(dst, j)
	}
	return dst
}

// verifyJobs checks that all kept jobs can be read, and that their indexes and times do not fall.
func (e *Engine) verifyJobs(report func(problem string)) {
	var last, j Job
	kept := &e.logs[jobLog]
	for number := kept.First(); number < kept.Next(); number++ {
		if err := readJob(kept.Get(number), &j); err != nil {
			report(fmt.Sprintf("job %d: %v", number, err))
		}
		if j.Index < last.Index || j.TimeMS < last.TimeMS || j.Index > e.appliedIndex.Load() {
			report(fmt.Sprintf("job %d is of index %d and time %d, the one before of %d and %d", number, j.Index,
				j.TimeMS, last.Index, last.TimeMS))
		}
		last = j
	}
	if n := e.stats.kept[jobLog].Load(); n != int64(kept.Len()) {
		report(fmt.Sprintf("%d jobs are kept, counted %d", kept.Len(), n))
	}
}
