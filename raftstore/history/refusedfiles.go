package history

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"apportion/engine"
	"apportion/raftstore/durable"
)

// refusedSegment is a file of refused orders.
type refusedSegment struct {
	number uint64        // rising
	from   engine.Moment // of its first order
	bytes  int64         // written, or found
}

const refusedPrefix = "refused"

func (s *refusedSegment) name() string {
	return fmt.Sprintf("%s-%020d-%d-%d", refusedPrefix, s.number, s.from.Index, s.from.TimeMS)
}

func parseRefused(name string) (s refusedSegment, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 4 || parts[0] != refusedPrefix {
		return s, false
	}
	var faults [3]error
	s.number, faults[0] = strconv.ParseUint(parts[1], 10, 64)
	s.from.Index, faults[1] = strconv.ParseUint(parts[2], 10, 64)
	s.from.TimeMS, faults[2] = strconv.ParseInt(parts[3], 10, 64)
	return s, errors.Join(faults[:]...) == nil && s.name() == name
}

// newRefusals finds the segments of earlier runs, up to the last entry of the log. A fault costs recordings, and does
// not fail the start.
func newRefusals(c Config, m *counters, last uint64) *refusals {
	began := engine.Moment{Index: last, TimeMS: c.NowMS}
	if last <= 1 { // the bootstrap's entry: nothing can have been refused before
		began.Index = 0
	}
	r := &refusals{
		fs: c.FS, dir: c.Dir, logger: c.Logger, metrics: m,
		bytesMax:     min(refusedBytes, c.BytesMax/refusedHistoryParts),
		segmentBytes: cmp.Or(c.SegmentBytes, refusedSegmentBytes),
		began:        began, seed: maphash.MakeSeed(), early: make(chan struct{}, 1),
	}
	r.mu.frames = make([]byte, 0, refusedBufferBytes+refusedFrameBytesMax)
	r.mu.budget, r.mu.paidMS = refusedBurstBytes, r.began.TimeMS
	r.files.spare = make([]byte, 0, refusedBufferBytes+refusedFrameBytesMax)
	r.files.Lock()
	defer r.files.Unlock()
	err := r.findLocked(last)
	if n := len(r.files.segments); n > 0 {
		r.files.first = r.files.segments[n-1].number + 1
		r.lastMS.Store(r.files.segments[n-1].from.TimeMS)
	} else { // an empty segment tells since when there is a recording
		err = errors.Join(err, r.beginLocked(r.began))
	}
	r.failedLocked(err)
	return r
}

// findLocked reads the directory. It removes segments that belong to a log that is gone.
func (r *refusals) findLocked(last uint64) error {
	names, err := r.fs.List(r.dir)
	for _, name := range names {
		s, ok := parseRefused(name)
		if !ok {
			continue
		}
		path := r.fs.PathJoin(r.dir, name)
		info, statErr := r.fs.Stat(path)
		switch {
		case statErr != nil:
			err = errors.Join(err, statErr)
		case s.from.Index > last:
			err = errors.Join(err, r.fs.Remove(path))
		default:
			s.bytes = info.Size()
			r.files.segments = append(r.files.segments, s)
			r.bytes.Add(s.bytes)
		}
	}
	slices.SortFunc(r.files.segments, func(a, b refusedSegment) int { return cmp.Compare(a.number, b.number) })
	return err
}

// writeLocked appends frames to the last segment, or to a new one. After an error, none of them counts as written.
func (r *refusals) writeLocked(frames []byte) error {
	if r.files.open == nil {
		if err := r.beginLocked(firstMoment(frames)); err != nil {
			return err
		}
	}
	sealFrames(frames)
	if err := r.appendLocked(frames); err != nil {
		return err
	}
	if r.files.segments[len(r.files.segments)-1].bytes >= r.segmentBytes {
		r.endLocked()
	}
	return nil
}

// beginLocked begins a segment and syncs its name. So a crash can take its content, but the loss can be seen.
func (r *refusals) beginLocked(from engine.Moment) error {
	s := refusedSegment{number: r.files.first, from: from}
	if n := len(r.files.segments); n > 0 {
		s.number = r.files.segments[n-1].number + 1
	}
	file, err := r.fs.Create(r.fs.PathJoin(r.dir, s.name()), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	r.files.open = file
	r.files.segments = append(r.files.segments, s)
	if err := r.appendLocked([]byte{refusedVersion}); err != nil {
		return err
	}
	if err := durable.SyncDir(r.fs, r.dir); err != nil {
		return errors.Join(fmt.Errorf("begin a segment: %w", err), r.dropLocked())
	}
	for r.bytes.Load() > r.bytesMax || len(r.files.segments) > refusedSegmentsMax {
		if !r.removeFirstLocked() {
			break
		}
	}
	return nil
}

// appendLocked writes to the open segment. After an error the segment is closed without an end.
func (r *refusals) appendLocked(data []byte) error {
	_, err := r.files.open.Write(data)
	if err == nil {
		r.files.segments[len(r.files.segments)-1].bytes += int64(len(data))
		r.bytes.Add(int64(len(data)))
		return nil
	}
	return errors.Join(fmt.Errorf("write a segment: %w", err), r.dropLocked())
}

// dropLocked closes the open segment without an end, and removes it if it is empty: a full disk would cause many.
func (r *refusals) dropLocked() error {
	err := r.files.open.Close()
	r.files.open = nil
	if n := len(r.files.segments) - 1; n > 0 && r.files.segments[n].bytes <= 1 {
		err = errors.Join(err, r.fs.Remove(r.fs.PathJoin(r.dir, r.files.segments[n].name())))
		r.bytes.Add(-r.files.segments[n].bytes)
		r.files.segments = r.files.segments[:n]
	}
	return err
}

// endLocked ends the open segment. If that fails, a backtest tells a gap, perhaps where there is none.
func (r *refusals) endLocked() {
	from := r.files.segments[len(r.files.segments)-1].from
	end := appendFrame(nil, &frame{kind: frameEnd, index: from.Index, timeMS: from.TimeMS})
	sealFrames(end)
	err := r.appendLocked(end)
	if err == nil {
		err = r.files.open.Close()
		r.files.open = nil
	}
	if err != nil {
		r.metrics.errors.Inc()
		r.logger.Warn("history: a segment of refused orders could not be ended, so a backtest will report a gap",
			"error", err)
	}
}

// removeFirstLocked removes the oldest segment, unless it is the only one, and reports whether it did.
func (r *refusals) removeFirstLocked() bool {
	if len(r.files.segments) < 2 {
		return false
	}
	s := r.files.segments[0]
	if err := r.fs.Remove(r.fs.PathJoin(r.dir, s.name())); err != nil {
		r.metrics.errors.Inc()
		r.logger.Error("history: a segment of refused orders could not be removed; it is tried again after the next "+
			"start",
			"segment", s.name(), "error", err)
	}
	r.files.segments = slices.Delete(r.files.segments, 0, 1)
	r.bytes.Add(-s.bytes)
	return true
}

// release removes segments that no replay needs: those before the oldest kept checkpoint, or before a time if no
// checkpoint is kept.
func (r *refusals) release(oldest *Checkpoint, beforeMS int64) {
	r.files.Lock()
	defer r.files.Unlock()
	for len(r.files.segments) > 1 {
		next := r.files.segments[1].from // after all of the first segment
		if oldest != nil && next.Index >= oldest.Applied || oldest == nil && next.TimeMS > beforeMS {
			return
		}
		r.removeFirstLocked()
	}
}

// since returns where the recording begins.
func (r *refusals) since() engine.Moment {
	r.files.Lock()
	defer r.files.Unlock()
	if len(r.files.segments) == 0 {
		return r.began
	}
	return r.files.segments[0].from
}
