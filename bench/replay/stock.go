package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// stock is the server's stock at the location of the replay.
type stock struct {
	segments map[SegmentKey]Figures
	onHand   map[string]int64 // the records' own totals
	pending  int64
}

// writeSchema makes the category's values the countries of the file, with their percentages.
func (r *replay) writeSchema(ctx context.Context) error {
	category := tagCategory{Rounding: "largest-remainder"}
	for i, share := range r.plan.Countries {
		category.Values = append(category.Values, tagValue{
			Value:   share.Country,
			Percent: json.Number(percentText(share.BasisPoints)),
			Default: i == 0,
		})
	}
	path := "/v1/tag-categories/" + url.PathEscape(r.Category)
	if err := r.client.Call(ctx, "PUT", path, r.key("schema", 0), &category, nil); err != nil {
		return hintInUse(err, r.Category)
	}
	return r.readDefaults(ctx)
}

// readDefaults asks for all categories: the server may have others, and a full tag set names one value of each.
func (r *replay) readDefaults(ctx context.Context) error {
	var reply schemaReply
	if err := r.client.Call(ctx, "GET", "/v1/tag-categories", "", nil, &reply); err != nil {
		return err
	}
	r.defaults = make(tagMap, len(reply.Categories))
	for _, category := range reply.Categories {
		for _, value := range category.Values {
			if value.Default {
				r.defaults[category.Name] = value.Value
			}
		}
	}
	return nil
}

// percentText writes basis points as a percentage without trailing zeros: 9611 is 96.11, 8000 is 80.
func percentText(basisPoints int64) string {
	text := fmt.Sprintf("%d.%02d", basisPoints/100, basisPoints%100)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// writeOpening sets on hand of every UPC of the file. The server splits it over the countries.
func (r *replay) writeOpening(ctx context.Context) error {
	opening := r.plan.Opening
	for start := 0; start < len(opening); start += RefreshItemsMax {
		request := refreshRequest{Location: r.Location}
		for _, item := range opening[start:min(start+RefreshItemsMax, len(opening))] {
			request.Items = append(request.Items, stockItem{UPC: item.UPC, Quantity: item.Units})
		}
		if err := r.client.Call(ctx, "POST", "/v1/inventory/refresh", r.key("opening", start), &request,
			nil); err != nil {
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
		request := queryRequest{Locations: []string{r.Location}, Type: "all-locations", Limit: QueryItemsMax}
		for _, item := range opening[start:min(start+QueryItemsMax, len(opening))] {
			request.Items = append(request.Items, queryItem{UPC: item.UPC})
		}
		var reply queryReply
		if err := r.client.Call(ctx, "POST", "/v1/inventory/query", "", &request, &reply); err != nil {
			return nil, fmt.Errorf("read the stock: %w", err)
		}
		if reply.Next != nil {
			return nil, fmt.Errorf("read the stock: the server cut its answer for %d UPCs", len(request.Items))
		}
		s.add(&reply)
	}
	return s, nil
}

func (s *stock) add(reply *queryReply) {
	for i := range reply.Records {
		record := &reply.Records[i]
		s.onHand[record.UPC] = record.OnHand
		for _, segment := range record.Segments {
			s.pending += segment.Pending
			s.segments[SegmentKey{record.UPC, segment.Tags.canonical()}] = Figures{
				OnHand:    segment.OnHand,
				Allocated: segment.Allocated,
				Available: segment.Available,
			}
		}
	}
}
