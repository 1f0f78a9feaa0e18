// Package load measures a running Apportion server over HTTP, and checks at the end that the server did what it
// answered.
//
// It owns the workloads, the schedule of requests, the histograms, and the ledger: the count of the units that the
// answers promised. At the end it compares the ledger with the server's stock. A run with a difference has no figures.
//
// # What is measured
//
// An open loop fixes the moment of each request before the run. Latency counts from that moment, even if the client
// sends late. So if the server stalls for a second, all requests of that second show it, not only one (Tene's
// "coordinated omission"). Requests that are not sent some seconds after the end count with their waiting time until
// then.
//
// In a closed loop each connection sends its next request after the answer to the last one, and latency counts from the
// sending. It shows the highest rate of a server, but hides the waiting time of clients.
//
// The outcome of a request is done, not done (a refusal), or unknown: the connection broke, or the server itself does
// not know. The ledger counts unknown units separately. Every figure of the server must lie between the certain and the
// possible units.
//
// # What it does not do
//
// It never sends a request twice. It uses no stock but its own, at a location with a new name on every run. It does not
// delete that stock, but prints how to.
//
// # Reading order
//
//   - options.go, bench.go: the run; result.go: its result
//   - workload.go, session.go, orders.go, refresh.go, file.go: the requests; stock.go: the stock before them
//   - schedule.go, worker.go, wait.go, wait_linux.go: the sending
//   - ledger.go: the promised units; check.go: their comparison with the server's stock
//   - record.go: latencies; print.go and plot.go: results as text and as a picture
package load
