package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"apportion/httpapi/api"
)

// stock is the server's stock at the location of the replay.
type stock struct {
	segments map[SegmentKey]Figures
	onHand   map[string]int64 // the records' own totals
	pending  int64
}

// writeSchema makes the category's values the countries of the file, with their percentages.
func (r *replay) writeSchema(ctx context.Context) error {
	category := api.PutTagCategory{Rounding: "largest-remainder"}
	for i, share := range r.plan.Countries {
		percent := percent(share.BasisPoints)
		value := api.TagValue{Value: share.Country, Percent: &percent, Default: i == 0}
		category.Values = append(category.Values, value)
	}
	if _, err := r.client.PutTagCategory(ctx, r.Category, category, r.key("schema", 0)); err != nil {
		return hintInUse(err, r.Category)
	}
	return r.readDefaults(ctx)
}

// readDefaults asks for all categories: the server may have others, and a full tag set names one value of each.
func (r *replay) readDefaults(ctx context.Context) error {
	reply, err := r.client.TagCategories(ctx)
	if err != nil {
		return err
	}
	r.defaults = make(api.Tags, len(reply.Categories))
	for _, category := range reply.Categories {
		for _, value := range category.Values {
			if value.Default {
				r.defaults[category.Name] = value.Value
			}
		}
	}
	return nil
}

// writeOpening sets on hand of every UPC of the file. The server splits it over the countries.
func (r *replay) writeOpening(ctx context.Context) error {
	opening := r.plan.Opening
	for start := 0; start < len(opening); start += RefreshItemsMax {
		request := api.Refresh{Location: r.Location}
		for _, item := range opening[start:min(start+RefreshItemsMax, len(opening))] {
			request.Items = append(request.Items, api.StockItem{UPC: item.UPC, Quantity: item.Units})
		}
		if _, err := r.client.Refresh(ctx, request, r.key("opening", start)); err != nil {
			return fmt.Errorf("load the opening stock: %w", err)
		}
	}
	return nil
}

// readStock reads every UPC of the file back, segment by segment.
func (r *replay) readStock(ctx context.Context) (*stock, error) {
	s := &stock{segments: make(map[SegmentKey]Figures), onHand: make(map[string]int64)}
	opening := r.plan.Opening
	for start := 0; start < len(opening); start += QueryItemsMax {
		request := api.Query{Locations: []string{r.Location}, Type: "all-locations", Limit: QueryItemsMax}
		for _, item := range opening[start:min(start+QueryItemsMax, len(opening))] {
			request.Items = append(request.Items, api.QueryItem{UPC: item.UPC})
		}
		reply, err := r.client.Query(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("read the stock: %w", err)
		}
		if reply.Next != nil {
			return nil, fmt.Errorf("read the stock: the server cut its answer for %d UPCs", len(request.Items))
		}
		s.add(reply.Records)
	}
	return s, nil
}

func (s *stock) add(records []api.Record) {
	for i := range records {
		record := &records[i]
		s.onHand[record.UPC] = record.OnHand
		for _, segment := range record.Segments {
			s.pending += segment.Pending
			s.segments[SegmentKey{record.UPC, canonical(segment.Tags)}] = Figures{
				OnHand:    segment.OnHand,
				Allocated: segment.Allocated,
				Available: segment.Available,
			}
		}
	}
}

// percentText writes basis points as a percentage without trailing zeros: 9611 is 96.11, 8000 is 80.
func percentText(basisPoints int64) string {
	return strconv.FormatFloat(percent(basisPoints), 'f', -1, 64)
}

func percent(basisPoints int64) float64 { return float64(basisPoints) / 100 }

// canonical is the JSON object with sorted keys, which encoding/json guarantees for maps.
func canonical(tags api.Tags) string {
	text, err := json.Marshal(tags)
	if err != nil {
		panic(fmt.Sprintf("BUG: replay: tags cannot be encoded: %v", err)) // strings always can
	}
	return string(text)
}
