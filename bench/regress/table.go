package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The columns of benchstat's CSV form with two inputs: a name, value and range of each, the change and its
// significance.
const (
	columnName = iota
	columnOld
	columnOldRange
	columnNew
	columnNewRange
	columnChange
	columnSignificance
	columns
)

// regressions finds the figures that became worse by more than a limit in percent. benchstat writes "~" for a change
// that may be chance.
func regressions(text string, percent float64) (found []string, err error) {
	unit, tables := "", 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		in := csv.NewReader(strings.NewReader(line))
		fields, err := in.Read()
		if line == "" || err != nil || len(fields) < columns {
			continue // a line about the machine, or one with a single input
		}
		if fields[columnName] == "" {
			if fields[columnChange] == "vs base" {
				unit, tables = fields[columnOld], tables+1
			}
			continue
		}
		change, ok := strings.CutSuffix(fields[columnChange], "%")
		if !ok || fields[columnName] == "geomean" {
			continue
		}
		by, err := strconv.ParseFloat(change, 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		// More is better in a unit per second.
		if worse := by > percent || strings.HasSuffix(unit, "/s") && by < -percent; worse &&
			(by < 0) == strings.HasSuffix(unit, "/s") {
			found = append(found, fmt.Sprintf("%s, %s: %s (%s)", fields[columnName], unit, fields[columnChange],
				fields[columnSignificance]))
		}
	}
	if tables == 0 {
		return nil, errors.New("it has no comparison")
	}
	return found, nil
}
