// Package load measures a running Apportion server over HTTP, and proves at the end that the server told the truth.
//
// It owns the workloads, the schedule of requests, the histograms, the count of what every answer promised,
// and the comparison of that count with what the server shows at the end. A run whose comparison fails has no figures.
//
// # What is measured
//
// An open loop sends each request at a moment that is fixed before the run, and counts its latency from that moment,
// sent late or not: a server that stalls for a second shows a second in every request that was due meanwhile, not in
// one (Tene's "coordinated omission"). What is still not sent some seconds after the end is counted with the time that
// it had waited by then. A closed loop has each connection send its next request when the last one was answered, and
// counts from the sending: good for the most that a server can do, blind to what its clients would have waited.
//
// A request's outcome is done, not done (a refusal that says so), or unknown: the connection broke, or the answer says
// that nobody knows. The count keeps unknown units apart, so every figure of the server must lie between what is
// certain and what is possible.
//
// # What it does not do
//
// It never sends a request twice, and keeps no stock but its own: a location of a new name on every run. It does not
// take that stock away again, but says how to.
//
// # Reading order
//
//   - options.go, bench.go: the run; result.go: what it found
//   - workload.go, session.go, orders.go, refresh.go, file.go: the requests; stock.go: what is loaded before
//   - schedule.go, worker.go, wait.go, wait_linux.go: when and how they are sent
//   - ledger.go: the count of the answers; check.go: the comparison with it
//   - record.go: latencies; print.go and plot.go: how results are shown
package load
