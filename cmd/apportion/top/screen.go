package top

import (
	"fmt"
	"io"
	"math"
	"strings"

	"apportion/cmd/apportion/cmdline"
	"apportion/httpapi/api"
)

// screen draws pictures. A live one takes the other screen of its terminal until it is closed.
type screen struct {
	w      io.Writer
	server string
	live   bool
}

const (
	otherScreen = "\x1b[?1049h\x1b[?25l" // and no cursor
	firstScreen = "\x1b[?25h\x1b[?1049l"
	fromTheTop  = "\x1b[H\x1b[J"
)

func (s *screen) open() {
	if s.live {
		fmt.Fprint(s.w, otherScreen)
	}
}

func (s *screen) close() {
	if s.live {
		fmt.Fprint(s.w, firstScreen)
	}
}

// routesShown bounds the routes of a picture: the others fit on no screen.
const routesShown = 15

// recordsShown bounds the records of a picture.
const recordsShown = 8

// drawHot draws the records that change most.
func (s *screen) drawHot(picture *strings.Builder, records *hot) {
	if records.err != nil {
		fmt.Fprintf(picture, "\nrecords that change most: not known: %v\n", records.err)
		return
	}
	keys := records.hottest(recordsShown)
	if len(keys) == 0 {
		return
	}
	picture.WriteString("\n")
	table := &cmdline.Table{Columns: append(cmdline.Text("upc", "location"), cmdline.Figures("changes/s",
		"available")...)}
	for _, key := range keys {
		record := records.seen[key]
		table.Add(key.upc, key.location, perSecond(record.perSecond), record.available)
	}
	table.Print(picture, s.live)
}

// draw draws what happened between two samples.
func (s *screen) draw(before, now *sample, cluster *api.Cluster, records *hot) {
	var picture strings.Builder
	if s.live {
		picture.WriteString(fromTheTop)
	}
	fmt.Fprintf(&picture, "%s  %s\n", s.server, now.at.Format("15:04:05"))
	picture.WriteString(clusterText(cluster))
	picture.WriteString(logText(before, now))
	picture.WriteString("\n")
	table := &cmdline.Table{Columns: append(cmdline.Text("route"), cmdline.Figures("requests/s", "refused/s",
		"failed/s", "p50 ms", "p99 ms")...)}
	all := routes(before, now)
	for _, r := range all[:min(len(all), routesShown)] {
		table.Add(r.name, perSecond(r.requests), perSecond(r.refused), perSecond(r.failed), milliseconds(r.median),
			milliseconds(r.slow99))
	}
	table.Print(&picture, s.live)
	s.drawHot(&picture, records)
	fmt.Fprint(s.w, picture.String())
}

// clusterText tells who leads, and how far the node is.
func clusterText(c *api.Cluster) string {
	lag := "lag not known"
	if c.LagSeconds != nil {
		lag = fmt.Sprintf("lag %.3f s", *c.LagSeconds)
	}
	ready := "ready"
	if !c.Ready {
		ready = "NOT READY"
	}
	text := fmt.Sprintf("node %s: %s, %s, log index %d, %s\n", c.Node, c.State, ready, c.AsOf, lag)
	if c.Cluster == "" {
		return text
	}
	leader := c.Leader
	if leader == "" {
		leader = "nobody"
	}
	return text + fmt.Sprintf("cluster %s: %d members, led by %s in term %d\n", c.Cluster, len(c.Members), leader,
		c.Term)
}

// logText tells what goes into the log, and what the process takes.
func logText(before, now *sample) string {
	figure := func(name string) float64 { return now.figures[name] }
	return fmt.Sprintf("log: %s commands/s in %s entries/s, sync p50 %s ms p99 %s ms, queue %.0f\n",
		perSecond(rate(before, now, "apportion_entry_commands_sum")),
		perSecond(rate(before, now, "apportion_log_sync_seconds_count")),
		milliseconds(quantile(before, now, "apportion_log_sync_seconds", "", 0.5)),
		milliseconds(quantile(before, now, "apportion_log_sync_seconds", "", 0.99)),
		figure("apportion_queue_length")) +
		fmt.Sprintf("state: %.0f records, %.0f segments, %.0f orders; %.0f connections, %.2f cores, %.0f MB\n",
			figure("apportion_records"), figure("apportion_segments"), figure("apportion_orders"),
			figure("apportion_http_open_connections"), rate(before, now, "process_cpu_seconds_total"),
			figure("process_resident_memory_bytes")/1e6)
}

// perSecond is a rate as text, with a digit behind the point where it is small.
func perSecond(rate float64) string {
	if rate > 0 && rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// milliseconds is a time in seconds as text.
func milliseconds(seconds float64) string {
	if math.IsNaN(seconds) {
		return "-"
	}
	return fmt.Sprintf("%.2f", seconds*1000)
}
