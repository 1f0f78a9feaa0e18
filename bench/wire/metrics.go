package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Metrics is a page in the Prometheus text format.
type Metrics []byte

// Value finds a figure without labels. It is 0 for a histogram that was never updated, since the page omits it.
func (m Metrics) Value(name string) (float64, error) {
	for line := range bytes.Lines(m) {
		if value, ok := bytes.CutPrefix(line, []byte(name+" ")); ok {
			return strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
		}
	}
	return 0, nil
}

// Server has the server's own figures for the cost of a measurement. All but the last two only grow.
type Server struct {
	Commands float64 // commands in the log
	Syncs    float64 // synced writes of the log
	LogBytes float64 // bytes of those

	CPUSeconds float64

	ResidentBytes     float64
	ResidentPeakBytes float64
}

// ReadServer picks the figures out of a page.
func (m Metrics) ReadServer() (s Server, err error) {
	for _, field := range []struct {
		name string
		to   *float64
	}{
		{"apportion_entry_commands_sum", &s.Commands},
		{"apportion_log_sync_seconds_count", &s.Syncs},
		{"apportion_log_bytes_total", &s.LogBytes},
		{"process_cpu_seconds_total", &s.CPUSeconds},
		{"process_resident_memory_bytes", &s.ResidentBytes},
		{"process_resident_memory_peak_bytes", &s.ResidentPeakBytes},
	} {
		if *field.to, err = m.Value(field.name); err != nil {
			return s, fmt.Errorf("the server's /metrics: %s: %w", field.name, err)
		}
	}
	return s, nil
}

// Since is the use after an earlier reading; memory is that of the later reading.
func (s Server) Since(before Server) Server {
	s.Commands -= before.Commands
	s.Syncs -= before.Syncs
	s.LogBytes -= before.LogBytes
	s.CPUSeconds -= before.CPUSeconds
	return s
}

// Add sums the use of two stretches; memory is that of the later one.
func (s Server) Add(later Server) Server {
	later.Commands += s.Commands
	later.Syncs += s.Syncs
	later.LogBytes += s.LogBytes
	later.CPUSeconds += s.CPUSeconds
	return later
}

// pageTimeout bounds the reading of one page.
const pageTimeout = 30 * time.Second

// Scrape reads the server's figures.
func Scrape(ctx context.Context, t Target) (Server, error) {
	text, err := Get(ctx, t.URL()+"/metrics")
	if err != nil {
		return Server{}, err
	}
	return Metrics(text).ReadServer()
}

// Get reads a page.
func Get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}
