package replay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// Options are the settings of a replay.
type Options struct {
	Target   string // URL of the server
	Token    string // secret of one of its tokens; empty if it has none
	Location string // of all stock
	Category string // tag category that stands for the country

	// OpeningPercent is the opening stock in percent of the units that the file orders, per UPC, rounded up.
	OpeningPercent int

	// Run prefixes order ids and idempotency keys, so that runs on one server do not meet. Empty: a new one.
	Run string

	// Progress, if not nil, gets the number of rows that are done.
	Progress func(rows int)
}

// Validate reports everything that is wrong with the options.
func (o *Options) Validate() error {
	var faults []error
	if _, err := o.newClient(); err != nil {
		faults = append(faults, err)
	}
	if !soundName(o.Location) {
		faults = append(faults, fmt.Errorf("location %q: expected 1-%d bytes without control characters", o.Location,
			nameBytesMax))
	}
	if !soundName(o.Category) {
		faults = append(faults, fmt.Errorf("category %q: expected 1-%d bytes without control characters", o.Category,
			nameBytesMax))
	}
	if o.OpeningPercent < 0 || o.OpeningPercent > openingPercentMax {
		faults = append(faults, fmt.Errorf("opening %d: expected 0-%d percent", o.OpeningPercent, openingPercentMax))
	}
	if len(o.Run) > runBytesMax || strings.ContainsFunc(o.Run, func(r rune) bool { return r <= ' ' || r > '~' }) {
		faults = append(faults, fmt.Errorf("run %q: expected at most %d visible ASCII characters", o.Run, runBytesMax))
	}
	return errors.Join(faults...)
}

func (o *Options) newClient() (*client.Client, error) {
	return client.New(client.Config{Servers: []string{o.Target}, Token: o.Token, MustListen: true})
}

// replay is one run.
type replay struct {
	Options
	client   *client.Client
	plan     *Plan
	defaults api.Tags // default value of each category
	summary  *Summary

	// sold has the shipped parcels that may come back, by customer and UPC, oldest first.
	sold map[soldKey][]*soldLine
}

type soldKey struct{ customer, upc string }

type soldLine struct {
	orderID string
	itemID  string
	left    int64 // units not returned yet
}

// Run drives the server with the rows of an order file: it writes schema and opening stock, allocates and fulfils each
// invoice, returns each cancellation, and compares the stock at the end with an independent count. Differences are
// listed in the summary; an error means that the run could not be finished.
func Run(ctx context.Context, rows []Row, options Options) (*Summary, error) {
	r, err := newReplay(rows, options)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	if err := r.writeSchema(ctx); err != nil {
		return nil, err
	}
	if err := r.writeOpening(ctx); err != nil {
		return nil, err
	}
	opening, err := r.readStock(ctx)
	if err != nil {
		return nil, err
	}
	if err := refusePending(opening, options.Location); err != nil {
		return nil, err
	}
	r.summary.LoadTime = time.Since(started)

	started = time.Now()
	if err := r.drive(ctx, rows); err != nil {
		return nil, err
	}
	r.summary.DriveTime = time.Since(started)

	final, err := r.readStock(ctx)
	if err != nil {
		return nil, err
	}
	r.check(rows, opening, final)
	return r.summary, nil
}

func newReplay(rows []Row, options Options) (*replay, error) {
	if err := options.Validate(); err != nil {
		return nil, err
	}
	plan, err := NewPlan(rows, options.OpeningPercent)
	if err != nil {
		return nil, err
	}
	client, err := options.newClient()
	if err != nil {
		return nil, err
	}
	if options.Run == "" {
		options.Run = newRunID()
	}
	return &replay{
		Options: options,
		client:  client,
		plan:    plan,
		summary: newSummary(plan, &options),
		sold:    make(map[soldKey][]*soldLine),
	}, nil
}

func newRunID() string {
	var id [5]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return "run" + hex.EncodeToString(id[:])
}

// key gives the idempotency key of one step of the run.
func (r *replay) key(step string, number int) client.Option {
	return client.Key(r.Run + "-" + step + strconv.Itoa(number))
}

func (r *replay) orderID(invoice string) string { return r.Run + "-" + invoice }

// tags names the segment that serves the orders of a country.
func (r *replay) tags(country string) api.Tags {
	tags := make(api.Tags, len(r.defaults))
	maps.Copy(tags, r.defaults)
	tags[r.Category] = country
	return tags
}

// drive sends the rows in the file's sequence: consecutive sales of one invoice as one order, each return by itself.
func (r *replay) drive(ctx context.Context, rows []Row) error {
	for start := 0; start < len(rows); {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := start + 1
		var err error
		switch kind, _ := kindOf(&rows[start]); kind {
		case rowSale:
			sales := []*Row{&rows[start]}
			sales, end = sameInvoice(rows, sales, end)
			err = r.sell(ctx, sales)
		case rowReturn:
			err = r.takeBack(ctx, &rows[start])
		}
		if err != nil {
			return fmt.Errorf("line %d of the file: %w", rows[start].Line, err)
		}
		if r.Progress != nil {
			r.Progress(end - start)
		}
		start = end
	}
	return nil
}

// sameInvoice adds the next sales of the same invoice, over skipped rows, and returns the invoice's end.
func sameInvoice(rows []Row, sales []*Row, end int) ([]*Row, int) {
	for ; end < len(rows) && rows[end].Invoice == sales[0].Invoice; end++ {
		if kind, _ := kindOf(&rows[end]); kind == rowSale {
			sales = append(sales, &rows[end])
		}
	}
	return sales, end
}

// sell allocates an invoice, each line in full or not at all, and ships the allocated units.
func (r *replay) sell(ctx context.Context, sales []*Row) error {
	orderID := r.orderID(sales[0].Invoice)
	r.summary.OrdersCount++
	filled := false
	for start := 0; start < len(sales); start += OrderLinesMax {
		some, err := r.allocate(ctx, orderID, sales[start:min(start+OrderLinesMax, len(sales))])
		if err != nil {
			return err
		}
		filled = filled || some
	}
	if !filled {
		r.summary.OrdersEmpty++
		return nil
	}
	return r.fulfill(ctx, orderID, sales)
}

func (r *replay) allocate(ctx context.Context, orderID string, sales []*Row) (filled bool, err error) {
	request := api.Allocate{Mode: "line"}
	for _, row := range sales {
		request.Lines = append(request.Lines, api.AllocateLine{
			ItemID:   strconv.Itoa(row.Line),
			UPC:      row.StockCode,
			Location: r.Location,
			Quantity: row.Quantity,
			Tags:     api.Tags{r.Category: row.Country},
		})
	}
	reply, err := r.client.Allocate(ctx, orderID, request, r.key("allocate", sales[0].Line))
	if err != nil {
		return false, err
	}
	if len(reply.Lines) != len(sales) {
		return false, fmt.Errorf("allocate %s: %d lines answered for %d", orderID, len(reply.Lines), len(sales))
	}
	for i, row := range sales {
		line := &reply.Lines[i]
		if line.Outcome != "allocated" {
			r.summary.refuse(row, line)
			continue
		}
		filled = true
		r.summary.LinesFilled++
		key := soldKey{row.Customer, row.StockCode}
		r.sold[key] = append(r.sold[key], &soldLine{orderID, line.ItemID, line.Allocated})
	}
	return filled, nil
}

func (r *replay) fulfill(ctx context.Context, orderID string, sales []*Row) error {
	reply, err := r.client.Fulfill(ctx, orderID, api.ChangeOrder{}, r.key("fulfill", sales[0].Line))
	if err != nil {
		return err
	}
	upcs := make(map[string]string, len(sales))
	for _, row := range sales {
		upcs[strconv.Itoa(row.Line)] = row.StockCode
	}
	for i := range reply.Lines {
		line := &reply.Lines[i]
		r.summary.shipped[upcs[line.ItemID]] += line.Quantity
		r.summary.UnitsShipped += line.Quantity
	}
	return nil
}

// takeBack returns a cancellation to the order items of the same customer and goods, the latest first, as far as they
// have units left. The rest is a return without an order.
func (r *replay) takeBack(ctx context.Context, row *Row) error {
	r.summary.ReturnsKnown++
	units := -row.Quantity
	part := 0
	send := func(orderID string, line api.ReturnLine) error {
		key := r.key(fmt.Sprintf("return%d-", row.Line), part)
		part++
		reply, err := r.client.Return(ctx, orderID, api.ReturnOrder{Lines: []api.ReturnLine{line}}, key)
		if err != nil {
			return err
		}
		for i := range reply.Lines {
			r.summary.returned[row.StockCode] += reply.Lines[i].Quantity
			r.summary.UnitsReturned += reply.Lines[i].Quantity
		}
		return nil
	}
	var sold []*soldLine
	if row.Customer != "" {
		sold = r.sold[soldKey{row.Customer, row.StockCode}]
	}
	for i := len(sold) - 1; i >= 0 && units > 0; i-- {
		back := min(units, sold[i].left)
		if back == 0 {
			continue
		}
		if err := send(sold[i].orderID, api.ReturnLine{ItemID: sold[i].itemID, Quantity: back}); err != nil {
			return err
		}
		sold[i].left -= back
		units -= back
	}
	if units == 0 {
		return nil
	}
	r.summary.ReturnsKnown--
	r.summary.ReturnsUnknown++
	return send(r.orderID(row.Invoice), api.ReturnLine{
		ItemID: strconv.Itoa(row.Line), Quantity: units, UPC: row.StockCode, Location: r.Location,
	})
}

// refusePending stops a run whose location has orders waiting for stock: returns would feed them, which the independent
// count cannot know.
func refusePending(opening *stock, location string) error {
	if opening.pending > 0 {
		return fmt.Errorf("%d units of other orders are pending at %s: choose another --location", opening.pending,
			location)
	}
	return nil
}

// hintInUse explains the one refusal of the schema that users are likely to see.
func hintInUse(err error, category string) error {
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Code == "in-use" {
		return fmt.Errorf("%w\nThe server's tag category %s has stock under other values than this file's countries. "+
			"Choose another one (--category Country), or a server with an empty data directory", err, category)
	}
	return err
}
