package engine_test

import (
	"cmp"
	"slices"

	"apportion/engine"
)

// advance does what is due by nowMS: reservations end first, then deliveries arrive, then counts close, each kind in
// the order of its times.
func (m *model) advance(index uint64, nowMS int64) {
	if index == m.index && nowMS == m.nowMS {
		return // a later command of the same entry
	}
	m.index, m.nowMS = index, nowMS
	m.expire()
	m.deliver()
	for location, count := range m.counts {
		if count.endsMS <= nowMS {
			delete(m.counts, location)
		}
	}
	for len(m.jobs) > 0 && nowMS-m.jobs[0].TimeMS >= engine.JobAgeMS {
		m.jobs = m.jobs[1:]
	}
	for key, kept := range m.kept {
		if nowMS-kept.atMS >= engine.IdempotencyAgeMS {
			delete(m.kept, key)
		}
	}
}

// expire ends the reservations whose time is over.
func (m *model) expire() {
	items := m.items()
	slices.SortStableFunc(items, func(a, b *item) int { return cmp.Compare(a.expiresMS, b.expiresMS) })
	for _, it := range items {
		if it.expiresMS != 0 && it.expiresMS <= m.nowMS {
			m.release(it, engine.MovementExpired)
			m.releasePending(it.place)
		}
	}
}

// deliver adds due deliveries to on hand, as an Adjust would.
func (m *model) deliver() {
	type delivery struct {
		place place
		*future
	}
	var due []delivery
	for p, r := range m.records {
		for _, f := range r.futures {
			if f.dateMS <= m.nowMS {
				due = append(due, delivery{p, f})
			}
		}
	}
	slices.SortFunc(due, func(a, b delivery) int {
		return cmp.Or(cmp.Compare(a.dateMS, b.dateMS), cmp.Compare(a.sequence, b.sequence))
	})
	for _, d := range due {
		r, t := m.records[d.place], target{d.tags, d.split}
		r.futures = slices.DeleteFunc(r.futures, func(f *future) bool { return f == d.future })
		m.setOnHand(d.place, t, m.onHand(d.place, t)+d.quantity)
		m.releasePending(d.place)
		m.splitIfDue(d.place)
		m.releasePending(d.place)
	}
}

// nextDue is the time of the next change that needs no command.
func (m *model) nextDue() (nextMS int64, any bool) {
	var times []int64
	for _, it := range m.items() {
		if it.expiresMS != 0 && it.held() > 0 {
			times = append(times, it.expiresMS)
		}
	}
	for _, r := range m.records {
		for _, f := range r.futures {
			times = append(times, f.dateMS)
		}
	}
	for _, count := range m.counts {
		times = append(times, count.endsMS)
	}
	if len(times) == 0 {
		return 0, false
	}
	return slices.Min(times), true
}
