package main

import (
	"context"
	"fmt"
	"strconv"

	"apportion/bench/rig"
	"apportion/bench/wire"
	"apportion/httpapi/api"
	"apportion/httpapi/client"
)

// The stock: enough for all orders.
const (
	stockUPCs     = 1_000
	stockUnits    = 1_000_000_000
	stockLocation = "BENCH"
	ruleLocation  = "RULED" // the same stock with an active rule
	upcDigits     = 4
	manyLines     = 500
	manyConns     = 16
)

// plan is groups of workloads. Each group runs in turns.
type plan struct {
	groups [][]*workload

	// The workloads of the ratios.
	parseOnly, oneLine, ruled *workload
}

// oneLine is the workload that counts most.
func oneLine(name string, server *rig.Process, connections int) *workload {
	return &workload{
		name: name, process: server, connections: connections, perRequest: 1, unit: "requests",
		wantStatus: 200, request: func(dst []byte, id uint64) []byte {
			return appendAllocate(dst, id, stockLocation, 1)
		},
		syncs: &wire.Server{},
	}
}

func manyLine(server *rig.Process, connections int) *workload {
	return &workload{
		name: "allocate, 500 lines, durable", process: server, connections: min(connections, manyConns),
		perRequest: manyLines, unit: "lines",
		wantStatus: 200, request: func(dst []byte, id uint64) []byte {
			return appendAllocate(dst, id, stockLocation, manyLines)
		},
		nextWorker: 1 << 21,
	}
}

func readOne(name string, server *rig.Process, connections int) *workload {
	return &workload{
		name: name, process: server, connections: connections, perRequest: 1, unit: "requests",
		wantStatus: 200, request: appendRead,
	}
}

func newPlan(server, self *rig.Process, connections int) *plan {
	oneLine := oneLine("allocate, 1 line, durable", server, connections)
	ruled := &workload{
		name: "the same, chosen by a rule", process: server, connections: connections, perRequest: 1, unit: "requests",
		wantStatus: 200, request: func(dst []byte, id uint64) []byte {
			return appendAllocate(dst, id, ruleLocation, 1)
		},
		nextWorker: 1 << 20, // its orders are none of the others'
	}
	parseOnly := *oneLine
	parseOnly.name, parseOnly.process, parseOnly.syncs = "parse the same body, answer a constant", self, nil

	refused := &workload{
		name: "allocate, refused for want of stock", process: server, connections: connections, perRequest: 1,
		unit:       "requests",
		wantStatus: 409, request: appendRefused,
	}
	read, many := readOne("read a record", server, connections), manyLine(server, connections)
	// Writes come last: otherwise their checkpoints would count as a cost of the reads.
	return &plan{groups: [][]*workload{{refused, read}, {&parseOnly, oneLine, ruled}, {many}}, parseOnly: &parseOnly,
		oneLine: oneLine, ruled: ruled}
}

// stockRule fills a line from its own segment and from a second segment, which no record here has. It makes a plan of
// two candidates from the record's figures, as a typical rule does for every order.
const stockRule = `
function select(item, record)
  if record.available < item.quantity then
    return nil, "not enough anywhere"
  end
  return { { tags = item.tags }, { tags = item.tags, keep = 5 } }
end
`

// loadStock writes the records and the rule for half of them through the API.
func loadStock(url string) error {
	c, err := client.New(client.Config{Servers: []string{url}})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx := context.Background()
	for _, location := range []string{stockLocation, ruleLocation} {
		if _, err := c.Refresh(ctx, stockOf(location)); err != nil {
			return fmt.Errorf("load the stock: %w", err)
		}
	}
	if _, err := c.PutRule(ctx, "bench", api.PutRule{Source: stockRule}); err != nil {
		return fmt.Errorf("load the rule: %w", err)
	}
	activation := api.ActivateRule{Scope: &api.Scope{Locations: []string{ruleLocation}}}
	if _, err := c.ActivateRule(ctx, "bench", activation); err != nil {
		return fmt.Errorf("activate the rule: %w", err)
	}
	return nil
}

// stockOf is the body of a location's refresh.
func stockOf(location string) api.Refresh {
	items := []api.StockItem{{UPC: "EMPTY"}}
	for i := range uint64(stockUPCs) {
		items = append(items, api.StockItem{UPC: upc(i), Quantity: stockUnits})
	}
	return api.Refresh{Location: location, Items: items}
}

func upc(i uint64) string { return fmt.Sprintf("UPC-%04d", i) }

// spread visits the UPCs in an order that does not help a cache.
func spread(id uint64) uint64 { return (id*2654435761 + id>>32) % stockUPCs }

func appendAllocate(dst []byte, id uint64, location string, lines int) []byte {
	dst, mark := appendPost(dst, id)
	dst = append(dst, `{"lines":[`...)
	for i := range lines {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"itemId":"`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `","upc":"UPC-`...)
		dst = wire.AppendPadded(dst, spread(id+uint64(i)), upcDigits)
		dst = append(dst, `","location":"`...)
		dst = append(dst, location...)
		dst = append(dst, `","quantity":1}`...)
	}
	dst = append(dst, `]}`...)
	wire.FillLength(dst, mark)
	return dst
}

func appendRefused(dst []byte, id uint64) []byte {
	dst, mark := appendPost(dst, id)
	dst = append(dst, `{"lines":[{"itemId":"1","upc":"EMPTY","location":"`+stockLocation+`","quantity":1}]}`...)
	wire.FillLength(dst, mark)
	return dst
}

// benchTarget has only the fields that the head of a request needs.
var benchTarget = &wire.Target{Host: "bench"}

func appendPost(dst []byte, id uint64) (request []byte, mark int) {
	dst = append(dst, "POST /v1/orders/"...)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, "/allocate"...)
	return wire.AppendBodyHead(dst, benchTarget)
}

func appendRead(dst []byte, id uint64) []byte {
	dst = append(dst, "GET /v1/inventory/"+stockLocation+"/UPC-"...)
	dst = wire.AppendPadded(dst, spread(id), upcDigits)
	return wire.AppendGetEnd(dst, benchTarget)
}
