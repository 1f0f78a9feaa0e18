package stockfile

import "strings"

// Format is the form of a file.
type Format uint8

// The formats.
const (
	CSV Format = iota
	NDJSON
)

// String gives the name of the format.
func (f Format) String() string {
	if f == NDJSON {
		return "ndjson"
	}
	return "csv"
}

// MediaType is the media type of files in the format.
func (f Format) MediaType() string {
	if f == NDJSON {
		return "application/x-ndjson"
	}
	return "text/csv"
}

// FormatOf gives the format by its name: also the end of a file's name, such as .csv or .jsonl.
func FormatOf(name string) (f Format, ok bool) {
	switch strings.ToLower(strings.TrimPrefix(name, ".")) {
	case "csv", "tsv", "txt":
		return CSV, true
	case "ndjson", "jsonl":
		return NDJSON, true
	}
	return CSV, false
}
