package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"apportion/bench/replay"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// benchCategory tells several segments of a record apart. It is the only change that a run makes to the server's
// schema: all other stock gets the category's first value.
const benchCategory = "BenchSegment"

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
	for from := 0; from < cells; from += replay.RefreshItemsMax {
		to := min(from+replay.RefreshItemsMax, cells)
		body := api.Refresh{Location: b.location}
		for cell := from; cell < to; cell++ {
			body.Items = append(body.Items, api.StockItem{UPC: string(b.appendUPC(nil, cell/b.o.Segments)),
				Tags: b.tags[cell%b.o.Segments], Quantity: units})
		}
		if _, err := b.client.Refresh(ctx, body, b.key("load-"+strconv.Itoa(from))); err != nil {
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

// key gives the idempotency key of one step of preparing the run.
func (b *Bench) key(step string) client.Option { return client.Key(b.o.Run + "-" + step) }

// refuseUsed refuses a location with stock: the sums would be those of two runs.
func (b *Bench) refuseUsed(ctx context.Context) error {
	reply, err := b.client.Query(ctx, api.Query{Locations: []string{b.location}, Limit: 1})
	if err != nil {
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
	schema, err := b.client.TagCategories(ctx)
	if err != nil {
		return err
	}
	full := api.Tags{}
	for _, category := range schema.Categories {
		for _, value := range category.Values {
			if value.Default {
				full[category.Name] = value.Value
			}
		}
	}
	for segment := range b.o.Segments {
		own := api.Tags{}
		if b.o.Segments > 1 {
			own[benchCategory] = segmentValue(segment)
			full[benchCategory] = segmentValue(segment)
		}
		b.tags[segment] = maps.Clone(full)
		b.fullTags[segment], b.lineTags[segment] = tagsText(full), tagsText(own)
	}
	return nil
}

func segmentValue(segment int) string { return "s" + strconv.Itoa(segment) }

// tagsText is a member of a JSON object with the comma before it, or nothing without tags.
func tagsText(tags api.Tags) string {
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
	have, err := b.client.TagCategory(ctx, benchCategory)
	if err != nil && !isUnknown(err) || err == nil && len(have.Values) >= b.o.Segments {
		return err
	}
	var want api.PutTagCategory
	for segment := range b.o.Segments {
		want.Values = append(want.Values, api.TagValue{Value: segmentValue(segment), Default: segment == 0})
	}
	_, err = b.client.PutTagCategory(ctx, benchCategory, want, b.key("category"))
	return err
}

// isUnknown reports whether the server does not know what was asked for.
func isUnknown(err error) bool {
	problem, refused := errors.AsType[*api.Problem](err)
	return refused && problem.Status == http.StatusNotFound
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
	if _, err := b.client.PutRule(ctx, name, api.PutRule{Source: benchRule}, b.key("rule")); err != nil {
		return fmt.Errorf("load the rule: %w", err)
	}
	activation := api.ActivateRule{Scope: &api.Scope{Locations: []string{b.location}}}
	if _, err := b.client.ActivateRule(ctx, name, activation, b.key("activate")); err != nil {
		return fmt.Errorf("activate the rule: %w", err)
	}
	b.ruleName = name
	return nil
}

// removeTimeout bounds the cleaning up after a run, also after an interrupted one.
const removeTimeout = 10 * time.Second

// removeRule deactivates and deletes the rule.
func (b *Bench) removeRule() error {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	name := b.ruleName
	b.ruleName = ""
	_, err := b.client.DeactivateRule(ctx, name, api.DeactivateRule{}, b.key("deactivate"))
	if err == nil {
		_, err = b.client.DeleteRule(ctx, name, b.key("delete"))
	}
	if err != nil {
		return fmt.Errorf("take the rule %s away again: %w", name, err)
	}
	return nil
}
