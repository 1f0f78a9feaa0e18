package datafile

import (
	"path/filepath"
	"strings"
)

// Standard names the standard input or output.
const Standard = "-"

// compression is how a file is compressed.
type compression uint8

const (
	none compression = iota
	gzipped
	zstandard
)

// compressions are found by the end of a file's name.
var compressions = map[string]compression{".gz": gzipped, ".gzip": gzipped, ".zst": zstandard, ".zstd": zstandard}

// compressionOf finds how a file is compressed, and its name without that.
func compressionOf(name string) (how compression, rest string) {
	end := filepath.Ext(name)
	if how = compressions[strings.ToLower(end)]; how != none {
		name = strings.TrimSuffix(name, end)
	}
	return how, name
}

// Ext is the end of a file's name without that of its compression: .csv for stock.csv.gz. It is empty for Standard.
func Ext(name string) string {
	_, rest := compressionOf(name)
	return strings.ToLower(filepath.Ext(rest))
}
