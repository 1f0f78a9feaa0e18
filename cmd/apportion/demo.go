package main

import (
	"fmt"
	"log/slog"
	"time"

	"apportion/engine"
	"apportion/raftstore"
)

// The demo catalogue: one product with the five segments that the documentation shows, two orders that hold some of its
// units, and 300 records whose stock is split by percentages. Categories, values and quantities are those of
// the example on Kibo's public page about inventory segmentation.
const (
	demoUPC      = "BC76845"
	demoLocation = "Retailer2"

	// demoGenerated is the number of made-up UPCs. Each has a record at every location of demoLocations.
	demoGenerated = 100

	// demoTimeout bounds the one write that loads everything.
	demoTimeout = 30 * time.Second
)

var demoLocations = [...]string{"Retailer1", demoLocation, "Warehouse1"}

// loadDemo fills an empty store. All commands are in one log entry, so there is never half a catalogue. They carry
// idempotency keys, as those of any client do.
func loadDemo(store *raftstore.Store, logger *slog.Logger) error {
	if records := store.Reader().Stats().Records; records > 0 {
		logger.Info("demo catalogue not loaded: the data directory is not empty", "records", records)
		return nil
	}
	if categories := len(store.Reader().Schema().Categories()); categories > 0 {
		logger.Info("demo catalogue not loaded: the data directory has tag categories of its own", "categories",
			categories)
		return nil
	}
	commands := demoCommands()
	batch := store.NewBatch()
	batch.Reset()
	for i, command := range commands {
		batch.Append(&engine.Envelope{Key: fmt.Sprintf("demo-catalogue-2-%d", i)}, command)
	}
	if err := store.Do(time.Now().Add(demoTimeout), batch); err != nil {
		return fmt.Errorf("load the demo catalogue: %w", err)
	}
	repeated := 0
	for i := range commands {
		var result engine.Result
		if err := engine.DecodeResult(batch.Result(i), &result); err != nil {
			return fmt.Errorf("load the demo catalogue: %w", err)
		}
		if result.Code != engine.CodeOK {
			return fmt.Errorf("load the demo catalogue: command %d was refused: %s, %s %q", i, result.Code,
				result.Field, result.Value)
		}
		if result.Repeated {
			repeated++
		}
	}
	// The keys keep a restart from loading a catalogue that was loaded and deleted.
	if repeated > 0 {
		logger.Warn("demo catalogue not loaded: it was loaded into this directory before and deleted; its "+
			"idempotency keys are kept for 24 hours, after that it can be loaded again", "repeated", repeated,
			"commands", len(commands))
		return nil
	}
	logger.Info("demo catalogue loaded", "records", store.Reader().Stats().Records)
	return nil
}

func demoCommands() []engine.Command {
	const noMax = engine.NoMax
	commands := []engine.Command{
		&engine.PutTagCategory{Name: "Channel", Values: []engine.Value{
			{Name: "Amazon", Percent: 20_00, Max: noMax},
			{Name: "Kibo", Percent: 60_00, Default: true, Max: noMax},
			{Name: "eBay", Percent: 10_00, Max: noMax},
			{Name: "Walmart", Percent: 10_00, Max: noMax},
		}},
		&engine.PutTagCategory{Name: "OrderType", Values: []engine.Value{
			{Name: "STH", Percent: engine.NoPercent, Default: true, Max: noMax}, // ship to home
			{Name: "BOPIS", Percent: engine.NoPercent, Max: noMax},              // buy online, pick up in store
		}},
		&engine.PutTagCategory{Name: "Defective", Values: []engine.Value{
			{Name: "NO", Percent: engine.NoPercent, Default: true, Max: noMax},
			{Name: "YES", Percent: engine.NoPercent, Max: noMax},
		}},
		demoProduct(),
		demoOrder("demo-1", demoLine("1", 2, engine.Tag{Category: "Channel", Value: "Amazon"})),
		demoOrder("demo-2", demoLine("1", 4, engine.Tag{Category: "OrderType", Value: "BOPIS"}),
			demoLine("2", 3, engine.Tag{Category: "Channel", Value: "eBay"})),
	}
	for i, location := range demoLocations {
		commands = append(commands, demoStock(i, location))
	}
	return commands
}

// demoProduct names its segments one by one. Each item has a Channel, so none of them is split.
func demoProduct() engine.Command {
	item := func(channel, orderType, defective string, quantity int64) engine.StockItem {
		return engine.StockItem{UPC: demoUPC, Quantity: quantity, Tags: []engine.Tag{
			{Category: "Channel", Value: channel},
			{Category: "OrderType", Value: orderType},
			{Category: "Defective", Value: defective},
		}}
	}
	return &engine.Refresh{Location: demoLocation, Items: []engine.StockItem{
		item("Amazon", "STH", "NO", 20),
		item("Kibo", "STH", "NO", 20),
		item("Kibo", "BOPIS", "NO", 15),
		item("eBay", "STH", "NO", 15),
		item("Walmart", "STH", "YES", 5),
	}}
}

// demoOrder holds units of the demo product, so that its allocated and available figures differ from on hand.
func demoOrder(orderID string, lines ...engine.AllocateLine) engine.Command {
	return &engine.Allocate{OrderID: orderID, Lines: lines}
}

func demoLine(itemID string, quantity int64, tag engine.Tag) engine.AllocateLine {
	return engine.AllocateLine{ItemID: itemID, UPC: demoUPC, Location: demoLocation, Quantity: quantity,
		Tags: []engine.Tag{tag}}
}

// demoStock gives a location totals without a Channel, which the percentages split.
func demoStock(locationIndex int, location string) engine.Command {
	refresh := &engine.Refresh{Location: location}
	for i := range demoGenerated {
		refresh.Items = append(refresh.Items, engine.StockItem{
			UPC: fmt.Sprintf("DEMO-%04d", i+1),
			// Any distribution does that is the same each time. Some records are empty, some have fewer than ten units.
			Quantity: int64((i*37 + locationIndex*61) % 150),
		})
	}
	return refresh
}
