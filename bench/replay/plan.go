package replay

import (
	"cmp"
	"errors"
	"slices"
)

// percentTotal is 100 % in basis points.
const percentTotal = 10_000

// Plan is schema and stock that a replay derives from a file before it sends anything.
type Plan struct {
	// Countries have their share of the units ordered, the largest first; the shares sum to exactly 100 %.
	Countries []CountryShare

	// Opening has the opening stock of each UPC, in the order of the file.
	Opening []OpeningStock

	// Skipped has the rows that move no stock, by reason and stock code.
	Skipped []SkippedRows

	RowsCount    int
	SalesCount   int
	ReturnsCount int
}

// CountryShare is a country's part of all units ordered.
type CountryShare struct {
	Country     string
	Units       int64
	BasisPoints int64
}

// OpeningStock is what lies on the shelf before the first order.
type OpeningStock struct {
	UPC   string
	Units int64
}

// SkippedRows counts rows with one stock code that were skipped for one reason.
type SkippedRows struct {
	Why       string
	StockCode string
	Count     int
	FirstLine int
}

// errNoSales means that the file has nothing to replay.
var errNoSales = errors.New("the order file has no sale of goods: nothing to replay")

// NewPlan reads schema and stock out of the file's own distribution. openingPercent is the opening stock in percent of
// the units that the file orders, per UPC, rounded up.
func NewPlan(rows []Row, openingPercent int) (*Plan, error) {
	p := &Plan{RowsCount: len(rows)}
	demand := make(map[string]int64)
	byCountry := make(map[string]int64)
	var upcs []string
	for i := range rows {
		row := &rows[i]
		kind, why := kindOf(row)
		if kind == rowSkipped {
			p.skip(row, why)
			continue
		}
		if _, known := demand[row.StockCode]; !known {
			upcs = append(upcs, row.StockCode)
		}
		// A return is no demand, but its UPC needs a record at the location all the same.
		units := int64(0)
		if kind == rowSale {
			units = row.Quantity
			p.SalesCount++
		} else {
			p.ReturnsCount++
		}
		demand[row.StockCode] += units
		byCountry[row.Country] += units
	}
	if p.SalesCount == 0 {
		return nil, errNoSales
	}
	for _, upc := range upcs {
		p.Opening = append(p.Opening, OpeningStock{upc, percentUp(demand[upc], int64(openingPercent))})
	}
	p.Countries = shares(byCountry)
	return p, nil
}

// percentUp is percent of units, rounded up.
func percentUp(units, percent int64) int64 { return (units*percent + 99) / 100 }

func (p *Plan) skip(row *Row, why string) {
	for i := range p.Skipped {
		if s := &p.Skipped[i]; s.Why == why && s.StockCode == row.StockCode {
			s.Count++
			return
		}
	}
	p.Skipped = append(p.Skipped, SkippedRows{why, row.StockCode, 1, row.Line})
}

// shares gives each country its basis points of all units, by largest remainder, so that they sum to 100 % exactly.
// Ties go to the country with more units, then by name.
func shares(byCountry map[string]int64) []CountryShare {
	list := make([]CountryShare, 0, len(byCountry))
	total := int64(0)
	for country, units := range byCountry {
		list = append(list, CountryShare{Country: country, Units: units})
		total += units
	}
	slices.SortFunc(list, func(a, b CountryShare) int {
		return cmp.Or(cmp.Compare(b.Units, a.Units), cmp.Compare(a.Country, b.Country))
	})
	remainder := func(i int) int64 { return list[i].Units * percentTotal % total }
	left := int64(percentTotal)
	byRemainder := make([]int, len(list))
	for i := range list {
		list[i].BasisPoints = list[i].Units * percentTotal / total
		left -= list[i].BasisPoints
		byRemainder[i] = i
	}
	slices.SortStableFunc(byRemainder, func(a, b int) int { return cmp.Compare(remainder(b), remainder(a)) })
	for _, i := range byRemainder[:left] {
		list[i].BasisPoints++
	}
	return list
}
