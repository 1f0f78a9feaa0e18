package faulty

import (
	"encoding/json"
	"os"
	"time"
)

// Variable names, in the environment of a process, the file of its faults.
const Variable = "APPORTION_TEST_FAULTS"

// Faults is the content of the file. The zero value is a machine in good health.
type Faults struct {
	SyncDelayMS   int64 `json:"syncDelayMS"`   // every sync takes this much longer
	Stalled       bool  `json:"stalled"`       // no sync returns
	Full          bool  `json:"full"`          // every write fails for want of space
	ClockOffsetMS int64 `json:"clockOffsetMS"` // the wall clock is this far ahead

	// TrailingEntries is read when a process starts: with so little of the log kept, a node is soon behind it. 0: as
	// much as usual.
	TrailingEntries uint64 `json:"trailingEntries"`
}

// Write changes the faults of the processes that read the file, at once.
func (f Faults) Write(path string) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Source reads the file.
type Source struct{ path string }

// FromEnvironment returns the source that the environment names, if it names one.
func FromEnvironment() (s Source, ok bool) {
	path := os.Getenv(Variable)
	return Source{path}, path != ""
}

// Now reads the faults.
func (s Source) Now() (f Faults) {
	text, err := os.ReadFile(s.path)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil && !os.IsNotExist(err) {
		panic("BUG: the file of faults: " + err.Error())
	}
	return f
}

// Clock is the clock of the system, with the offset of the source.
type Clock struct {
	source Source
	start  time.Time
}

// Clock returns a clock with the faults.
func (s Source) Clock() *Clock { return &Clock{source: s, start: time.Now()} }

// NowMS is the wall clock, in milliseconds since 1970.
func (c *Clock) NowMS() int64 { return time.Now().UnixMilli() + c.source.Now().ClockOffsetMS }

// Monotonic is the time since the clock was made.
func (c *Clock) Monotonic() time.Duration { return time.Since(c.start) }
