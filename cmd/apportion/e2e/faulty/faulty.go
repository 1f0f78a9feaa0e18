package faulty

import (
	"encoding/json"
	"os"
	"time"
)

// Variable is the environment variable of a process with the path of its faults.
const Variable = "APPORTION_TEST_FAULTS"

// Faults is the content of the file. The zero value is a machine without faults.
type Faults struct {
	SyncDelayMS   int64 `json:"syncDelayMS"`   // added to the time of each sync
	Stalled       bool  `json:"stalled"`       // no sync returns
	Full          bool  `json:"full"`          // each write fails: no space
	ClockOffsetMS int64 `json:"clockOffsetMS"` // added to the wall clock

	// TrailingEntries is read at the start of a process. With a short kept log, a node soon needs a checkpoint. 0 is
	// the default.
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
