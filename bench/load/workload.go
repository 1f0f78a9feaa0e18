package load

import "apportion/bench/replay"

// workload is a kind of traffic.
type workload struct {
	name  string
	about string
	unit  string // of work in a request

	connections, records, lines int // defaults
	linesMax                    int
	fixed                       bool // the workload sets the records, not the user

	newSession func(b *Bench, number int) session

	loadedUnits func(o *Options) int64 // of each segment; nil: more than the run takes
	refusals    bool                   // the answer insufficient is expected
	setsStock   bool                   // the sessions set on hand
	rule        bool                   // a select rule decides
	perRecord   bool                   // the segments of a line are not known beforehand
}

// workloads in the order in which they are listed.
var workloads = []*workload{
	{
		name: "allocate", about: "durable orders of --lines lines (1), of one unit each, over all records",
		unit:        "lines",
		connections: 64, records: 1_000, lines: 1, linesMax: replay.OrderLinesMax, newSession: newAllocateSession,
	},
	{
		name: "flash-sale", about: "everybody wants the one product that is sold out: 99 in 100 are refused",
		unit:        "orders",
		connections: 64, records: 1, lines: 1, linesMax: 1, fixed: true, newSession: newSaleSession, refusals: true,
		loadedUnits: func(o *Options) int64 { return int64(o.Connections) },
	},
	{
		name: "lifecycle", about: "orders are allocated, shipped, and one in ten comes back", unit: "lines",
		connections: 64, records: 1_000, lines: 1, linesMax: replay.OrderLinesMax, newSession: newLifecycleSession,
	},
	{
		name: "mixed", about: "nine in ten requests read a record, one allocates", unit: "requests",
		connections: 64, records: 1_000, lines: 1, linesMax: replay.OrderLinesMax, newSession: newMixedSession,
	},
	{
		name: "reads", about: "every request reads a record", unit: "requests",
		connections: 64, records: 1_000, lines: 1, linesMax: replay.OrderLinesMax, newSession: newReadSession,
	},
	{
		name: "refresh", about: "stock is set, --lines records (12,000) a request", unit: "records",
		connections: 4, records: 4 * replay.RefreshItemsMax, lines: replay.RefreshItemsMax,
		linesMax:   replay.RefreshItemsMax,
		newSession: newRefreshSession, setsStock: true,
	},
	{
		name: "batch", about: "orders of --lines lines (500)", unit: "lines",
		connections: 16, records: 1_000, lines: 500, linesMax: replay.OrderLinesMax, newSession: newAllocateSession,
	},
	{
		name: "rules", about: "as allocate, with a Lua rule that decides about each line", unit: "lines",
		connections: 64, records: 1_000, lines: 1, linesMax: replay.OrderLinesMax, newSession: newAllocateSession,
		rule:      true,
		perRecord: true,
	},
	{
		name: "orders", about: "the orders, shipments and returns of a CSV file (--orders), again and again",
		unit:        "lines",
		connections: 64, records: 1, lines: 1, linesMax: 1, fixed: true, newSession: newFileSession,
	},
}

func workloadOf(name string) *workload {
	for _, w := range workloads {
		if w.name == name {
			return w
		}
	}
	return nil
}

// WorkloadNames are the names of all workloads.
func WorkloadNames() (names []string) {
	for _, w := range workloads {
		names = append(names, w.name)
	}
	return names
}

// Workloads gives each workload's name and what it does, for the help of a command.
func Workloads() (list [][2]string) {
	for _, w := range workloads {
		list = append(list, [2]string{w.name, w.about})
	}
	return list
}
