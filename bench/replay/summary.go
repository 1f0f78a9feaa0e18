package replay

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"apportion/httpapi/api"
)

// Summary is the outcome of a replay.
type Summary struct {
	Plan *Plan
	Run  string

	OrdersCount int
	OrdersEmpty int // not a single line filled
	LinesFilled int

	ReturnsKnown   int // back into the segments that the units came from
	ReturnsUnknown int // wholly or partly without an order in the file

	UnitsOpening  int64
	UnitsShipped  int64
	UnitsReturned int64
	UnitsFinal    int64

	LoadTime  time.Duration
	DriveTime time.Duration

	// SegmentsChecked and Differences are the outcome of the comparison with the independent count.
	SegmentsChecked int
	Differences     []string

	target       string
	location     string
	category     string
	shipped      map[string]int64 // units per UPC, as the replies say
	returned     map[string]int64
	refusedLines map[int]string // line of the file: code
	refusals     []string       // the first few, for people
}

func newSummary(plan *Plan, options *Options) *Summary {
	return &Summary{
		Plan:         plan,
		Run:          options.Run,
		target:       options.Target,
		location:     options.Location,
		category:     options.Category,
		shipped:      make(map[string]int64),
		returned:     make(map[string]int64),
		refusedLines: make(map[int]string),
	}
}

// Refused is the number of refused lines.
func (s *Summary) Refused() int { return len(s.refusedLines) }

// OK reports whether server and independent count agree.
func (s *Summary) OK() bool { return len(s.Differences) == 0 }

func (s *Summary) refuse(row *Row, line *api.AllocatedLine) {
	s.refusedLines[row.Line] = line.Code
	available := int64(0)
	if line.Available != nil {
		available = *line.Available
	}
	if len(s.refusals) < problemsListed {
		s.refusals = append(s.refusals, fmt.Sprintf("line %d: %s for %s, %d asked, %d available: %s",
			row.Line, row.StockCode, row.Country, row.Quantity, available, line.Code))
	}
}

// Print writes the summary for people.
func (s *Summary) Print(w io.Writer) {
	p := s.Plan
	total := s.LoadTime + s.DriveTime
	fmt.Fprintf(w, "run %s on %s, location %s\n\n", s.Run, s.target, s.location)
	fmt.Fprintf(w, "  file       %d rows: %d sold, %d returned, %d skipped\n", p.RowsCount, p.SalesCount,
		p.ReturnsCount,
		p.RowsCount-p.SalesCount-p.ReturnsCount)
	fmt.Fprintf(w, "  stock      %d UPCs, %d units, split by %s: %s\n", len(p.Opening), s.UnitsOpening, s.category,
		s.countries())
	fmt.Fprintf(w, "  orders     %d, %d without any units\n", s.OrdersCount, s.OrdersEmpty)
	fmt.Fprintf(w, "  lines      %d filled, %d refused%s\n", s.LinesFilled, s.Refused(), s.refusalReasons())
	fmt.Fprintf(w, "  returns    %d to the segment they came from, %d with goods of an unknown order\n", s.ReturnsKnown,
		s.ReturnsUnknown)
	fmt.Fprintf(w, "  units      %d opening - %d shipped + %d returned = %d on hand\n",
		s.UnitsOpening, s.UnitsShipped, s.UnitsReturned, s.UnitsFinal)
	fmt.Fprintf(w, "  time       %s (stock %s, orders %s)\n", round(total), round(s.LoadTime), round(s.DriveTime))
	s.printSkipped(w)
	printList(w, "first refusals:", s.refusals, s.Refused())
	s.printVerdict(w)
}

func (s *Summary) printVerdict(w io.Writer) {
	if s.OK() {
		fmt.Fprintf(w, "\nagrees with the independent count of the file: %d UPCs, %d segments, %d refusals\n",
			len(s.Plan.Opening), s.SegmentsChecked, s.Refused())
		return
	}
	slices.Sort(s.Differences) // they were found in the order of a map
	printList(w, "DIFFERS from the independent count of the file:", s.Differences, len(s.Differences))
}

func (s *Summary) printSkipped(w io.Writer) {
	lines := make([]string, 0, len(s.Plan.Skipped))
	for _, skipped := range s.Plan.Skipped {
		lines = append(lines, fmt.Sprintf("%s: %d x %q, first in line %d", skipped.Why, skipped.Count,
			skipped.StockCode, skipped.FirstLine))
	}
	printList(w, "skipped:", lines, len(lines))
}

func (s *Summary) countries() string {
	const shown = 4
	parts := make([]string, 0, shown+1)
	for i, share := range s.Plan.Countries {
		if i == shown {
			parts = append(parts, fmt.Sprintf("and %d more", len(s.Plan.Countries)-shown))
			break
		}
		parts = append(parts, share.Country+" "+percentText(share.BasisPoints)+" %")
	}
	return strings.Join(parts, ", ")
}

func (s *Summary) refusalReasons() string {
	counts := make(map[string]int)
	for _, code := range s.refusedLines {
		counts[code]++
	}
	parts := make([]string, 0, len(counts))
	for _, code := range sorted(counts) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[code], code))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// printList writes a headed list, cut to the listed maximum; count is the true length.
func printList(w io.Writer, head string, lines []string, count int) {
	if count == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", head)
	for _, line := range lines[:min(len(lines), problemsListed)] {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if more := count - min(len(lines), problemsListed); more > 0 {
		fmt.Fprintf(w, "  ... and %d more\n", more)
	}
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
