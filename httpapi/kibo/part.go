package kibo

import (
	"math"
	"strconv"
)

// part is the range of results that a reply shows: from number from on, before number to.
type part struct{ from, to int }

// part gives the part that a call asks for: page pageNum of pageSize results each, of all results or of the first
// limit. Without a pageSize a page has usualResults.
func (b *base) part(limit integer, usual int) (part, error) {
	for _, f := range []struct {
		name string
		integer
		max int64
	}{{"limit", limit, resultsMax}, {"pageSize", b.PageSize, resultsMax}, {"pageNum", b.PageNum, pagesMax}} {
		if f.given && (f.n < 1 || f.n > f.max) {
			return part{}, badRequest(f.name, strconv.FormatInt(f.n, 10), "%s is %d, and may be from 1 to %d; more "+
				"results come page by page, with pageSize and pageNum",
				f.name, f.n, f.max)
		}
	}
	size, end := int64(usual), int64(math.MaxInt)
	if limit.given {
		size, end = limit.n, limit.n
	}
	if b.PageSize.given {
		size = b.PageSize.n
	}
	from := (max(b.PageNum.n, 1) - 1) * size
	return part{int(min(from, end)), int(min(from+size, end))}, nil
}

// cut gives a part of a list, or as much of it as the list has.
func cut[E any](p part, list []E) []E {
	return list[min(p.from, len(list)):min(p.to, len(list))]
}

// usualResults is how many results a reply has if the query does not limit them.
func (q *queryBody) usualResults() int {
	return min(resultsPerItem*max(len(q.Items), 1), resultsMax)
}

// fits refuses a query that does not limit its results and has more than fit into a reply.
func (q *queryBody) fits(found int) error {
	if q.Limit.given || q.PageSize.given || q.PageNum.given || resultsPerItem*len(q.Items) <= resultsMax ||
		found <= resultsMax {
		return nil
	}
	return badRequest("limit", "", "the query has more results than the %d that fit into a reply: take them page by "+
		"page, with pageSize and pageNum, or give a limit", resultsMax)
}
