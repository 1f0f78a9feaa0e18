package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"apportion/bench/replay"
)

// benchCategory tells several segments of a record apart. It is the only change that a run makes to the server's
// schema: all other stock gets the category's first value.
const benchCategory = "BenchSegment"

type tagValue struct {
	Value   string `json:"value"`
	Default bool   `json:"default"`
}

type tagCategory struct {
	Name   string     `json:"name,omitempty"`
	Values []tagValue `json:"values"`
}

// load writes the schema, the stock, and the workload's rule.
func (b *Bench) load(ctx context.Context) error {
	if err := b.refuseUsed(ctx); err != nil {
		return err
	}
	if err := b.loadTags(ctx); err != nil {
		return fmt.Errorf("prepare the tag categories: %w", err)
	}
	started := time.Now()
	cells := b.o.Records * b.o.Segments
	units := int64(stockUnits)
	if b.workload.loadedUnits != nil {
		units = b.workload.loadedUnits(&b.o)
	}
	var body []byte
	for from := 0; from < cells; from += replay.RefreshItemsMax {
		to := min(from+replay.RefreshItemsMax, cells)
		body = b.appendRefresh(body[:0], from, to, units)
		key := b.o.Run + "-load-" + strconv.Itoa(from)
		if err := b.client.Call(ctx, "POST", "/v1/inventory/refresh", key, json.RawMessage(body), nil); err != nil {
			return fmt.Errorf("load the stock: %w", err)
		}
		for cell := from; cell < to; cell++ {
			b.ledger.set(cell, units, done)
		}
		b.tell(fmt.Sprintf("stock: %d of %d segments", to, cells), time.Since(started), 0, Point{})
	}
	if b.workload.rule {
		return b.loadRule(ctx)
	}
	return nil
}

// refuseUsed refuses a location with stock: the sums would be those of two runs.
func (b *Bench) refuseUsed(ctx context.Context) error {
	var reply queryReply
	request := queryRequest{Locations: []string{b.location}, Type: "all-locations", Limit: 1}
	if err := b.client.Call(ctx, "POST", "/v1/inventory/query", "", &request, &reply); err != nil {
		return err
	}
	if len(reply.Records) > 0 {
		return fmt.Errorf("the location %s has stock already: choose another name for the run", b.location)
	}
	return nil
}

// loadTags finds the tags of the segments. Loading names the tags of all the server's categories, since a category with
// percents would split the stock.
func (b *Bench) loadTags(ctx context.Context) error {
	if b.o.Segments > 1 {
		if err := b.writeCategory(ctx); err != nil {
			return err
		}
	}
	var schema struct {
		Categories []tagCategory `json:"categories"`
	}
	if err := b.client.Call(ctx, "GET", "/v1/tag-categories", "", nil, &schema); err != nil {
		return err
	}
	full := map[string]string{}
	for _, category := range schema.Categories {
		for _, value := range category.Values {
			if value.Default {
				full[category.Name] = value.Value
			}
		}
	}
	for segment := range b.o.Segments {
		own := map[string]string{}
		if b.o.Segments > 1 {
			own[benchCategory] = segmentValue(segment)
			full[benchCategory] = segmentValue(segment)
		}
		b.fullTags[segment], b.lineTags[segment] = tagsText(full), tagsText(own)
	}
	return nil
}

func segmentValue(segment int) string { return "s" + strconv.Itoa(segment) }

// tagsText is a member of a JSON object with the comma before it, or nothing without tags.
func tagsText(tags map[string]string) string {
	if len(tags) == 0 {
		return ""
	}
	text, err := json.Marshal(tags)
	if err != nil {
		panic(fmt.Sprintf("BUG: bench/load: tags cannot be encoded: %v", err)) // strings always can be
	}
	return `,"tags":` + string(text)
}

// writeCategory makes sure that the category has enough values. It removes none.
func (b *Bench) writeCategory(ctx context.Context) error {
	var have tagCategory
	err := b.client.Call(ctx, "GET", "/v1/tag-categories/"+benchCategory, "", nil, &have)
	if problem := (*replay.Problem)(nil); errors.As(err, &problem) && problem.Status == 404 {
		err = nil
	}
	if err != nil || len(have.Values) >= b.o.Segments {
		return err
	}
	var want tagCategory
	for segment := range b.o.Segments {
		want.Values = append(want.Values, tagValue{segmentValue(segment), segment == 0})
	}
	return b.client.Call(ctx, "PUT", "/v1/tag-categories/"+benchCategory, b.o.Run+"-category", &want, nil)
}

// benchRule fills a line from its own segment, with a second candidate that adds nothing. So it makes a plan of two
// candidates from the record's figures, like a real rule.
const benchRule = `
function select(item, record)
  if record.available < item.quantity then
    return nil, "not enough anywhere"
  end
  return { { tags = item.tags }, { tags = item.tags, keep = 5 } }
end
`

// loadRule activates a rule for this run's location.
func (b *Bench) loadRule(ctx context.Context) error {
	name := "bench-" + b.o.Run
	if err := b.client.Upload(ctx, b.rulePath(name, ""), "text/x-lua", []byte(benchRule)); err != nil {
		return fmt.Errorf("load the rule: %w", err)
	}
	activation := map[string]any{"scope": map[string]any{"locations": []string{b.location}}}
	if err := b.client.Call(ctx, "POST", b.rulePath(name, "/activate"), b.o.Run+"-activate", activation,
		nil); err != nil {
		return fmt.Errorf("activate the rule: %w", err)
	}
	b.ruleName = name
	return nil
}

func (b *Bench) rulePath(name, action string) string {
	return "/v1/rules/" + url.PathEscape(name) + action
}

// removeTimeout bounds the cleaning up after a run, also after an interrupted one.
const removeTimeout = 10 * time.Second

// removeRule deactivates and deletes the rule.
func (b *Bench) removeRule() error {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	name := b.ruleName
	b.ruleName = ""
	err := b.client.Call(ctx, "POST", b.rulePath(name, "/deactivate"), b.o.Run+"-deactivate", struct{}{}, nil)
	if err == nil {
		err = b.client.Call(ctx, "DELETE", b.rulePath(name, ""), b.o.Run+"-delete", nil, nil)
	}
	if err != nil {
		return fmt.Errorf("take the rule %s away again: %w", name, err)
	}
	return nil
}
